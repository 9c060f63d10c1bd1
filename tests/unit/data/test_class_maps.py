"""The class maps agree with the published ones."""

import json
from pathlib import Path

import numpy as np

from cgn.data.class_maps import (
    IN9_CLASSES,
    cue_conflict_outputs_of_imagenet,
    in9_classes_of_imagenet,
    in9_classes_of_names,
    is_imagenet,
)


def test_in9_agrees_with_the_published_map(shared_data: Path) -> None:
    published = json.loads((shared_data / "in_to_in9.json").read_text())
    assert in9_classes_of_imagenet().tolist() == [published[str(output)] for output in range(1000)]


def test_in9_has_370_outputs_of_nine_classes() -> None:
    classes = in9_classes_of_imagenet()
    assert np.bincount(classes + 1).tolist() == [630, 116, 52, 42, 36, 35, 27, 26, 20, 16]
    assert len(IN9_CLASSES) == 9


def test_cue_conflict_has_207_outputs_of_sixteen_classes() -> None:
    outputs = cue_conflict_outputs_of_imagenet()
    assert len(outputs) == 16
    assert list(outputs) == sorted(outputs)
    assert len({output for members in outputs.values() for output in members}) == 207
    assert sum(map(len, outputs.values())) == 207


def test_cue_conflict_outputs_are_what_torchvision_calls_them() -> None:
    from torchvision.models import ResNet50_Weights

    names = ResNet50_Weights.IMAGENET1K_V1.meta["categories"]
    outputs = cue_conflict_outputs_of_imagenet()
    expected = {
        "airplane": {"airliner"},
        "bear": {"brown bear", "American black bear", "ice bear", "sloth bear"},
        "bicycle": {"bicycle-built-for-two", "mountain bike"},
        "boat": {"canoe", "fireboat", "lifeboat", "speedboat", "yawl"},
        "bottle": {"beer bottle", "pill bottle", "pop bottle", "water bottle", "water jug", "whiskey jug"}
        | {"wine bottle"},
        "car": {"beach wagon", "convertible", "sports car"},
        "cat": {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat", "cougar"},
        "chair": {"barber chair", "folding chair", "rocking chair", "throne"},
        "clock": {"analog clock", "digital clock", "wall clock"},
        "elephant": {"Indian elephant", "African elephant"},
        "keyboard": {"computer keyboard", "typewriter keyboard"},
        "knife": {"cleaver"},
        "oven": {"rotisserie"},
        "truck": {"fire engine", "garbage truck", "minivan", "moving van", "pickup", "police van"}
        | {"tow truck", "trailer truck"},
    }
    assert {name: {names[output] for output in outputs[name]} for name in expected} == expected


def test_cue_conflict_birds_and_dogs_are_birds_and_dogs_of_in9() -> None:
    in9 = in9_classes_of_imagenet()
    outputs = cue_conflict_outputs_of_imagenet()
    # 80-83 (grouse), 151 (Chihuahua) and 171-172 (greyhounds) are in one map only.
    assert {output for output in outputs["bird"] if IN9_CLASSES[in9[output]] != "bird"} == {80, 81, 82, 83}
    assert {output for output in outputs["dog"] if IN9_CLASSES[in9[output]] != "dog"} == {171, 172}


def test_in9_classes_are_known_by_their_names_in_any_order() -> None:
    names = ["08_fish", "rose", "Wheeled vehicle", "dog"]
    assert in9_classes_of_names(names).tolist() == [8, -1, 2, 0]


def test_imagenet_is_known_by_its_wordnet_ids() -> None:
    ids = [f"n{number:08d}" for number in range(1000)]
    assert is_imagenet(ids)
    assert not is_imagenet(ids[::-1])
    assert not is_imagenet(ids[:999])
    assert not is_imagenet([*ids[:999], "tulip"])
