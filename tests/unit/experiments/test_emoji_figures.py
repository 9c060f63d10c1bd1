"""Figure 1: the map of a head is bright where what it answers by stands."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from cgn.errors import UserError
from cgn.io.files import write_json
from cgn.networks.classifier import Signature
from cgn.networks.ensemble import HEADS, EnsembleNetwork
from cgn.params.reading import ASSETS, BUDGETS, PARAMS
from cgn.report.ablation import ABLATIONS
from cgn.report.imagenet_figures import PANELS
from experiments import emoji_figures

SIZE = 48


class Corners(EnsembleNetwork):
    """The shape head answers by the upper left quarter, the texture head by the lower right one."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def head_logits(self, images: Tensor) -> Tensor:
        half = SIZE // 2
        quarters = (images[:, :, :half, :half], images[:, :, half:, half:])
        seen = torch.stack([quarter.amax(dim=(1, 2, 3)) for quarter in quarters], dim=1)
        seen = torch.cat([seen, torch.ones(len(images), 1)], dim=1)
        return torch.stack([seen * 5, torch.zeros_like(seen)], dim=2)


def test_places_that_an_answer_depends_on_are_bright() -> None:
    image = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
    image[10:13, 10:13] = image[36:39, 36:39] = 255
    found = emoji_figures.looks(Corners(), image)
    assert list(found) == list(HEADS)
    assert all(look.answer == 0 for look in found.values())
    assert found["shape"].probability == pytest.approx(torch.tensor([5.0, 0.0]).softmax(0)[0].item())
    for name, place, other in (("shape", (11, 11), (37, 37)), ("texture", (37, 37), (11, 11))):
        assert found[name].places[place] > 0.8
        assert found[name].places[other] == 0
        assert found[name].places.max() == 1
    assert found["background"].places.max() == 0  # hiding changes nothing


def test_a_row_for_each_image() -> None:
    images = [np.full((SIZE, SIZE, 3), grey, dtype=np.uint8) for grey in (50, 200)]
    drawn = [
        emoji_figures.figure_1(Corners(), images[:count], ["a", "b"][:count], ["dog", "fish"])
        for count in (1, 2)
    ]
    assert drawn[0].shape[1] == drawn[1].shape[1]
    assert drawn[1].shape[0] - drawn[0].shape[0] >= 4 * SIZE


def test_images_of_conflicting_classes_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="mixed_rand/val: not found; dvc repro makes it"):
        emoji_figures.shown_images(emoji_figures.WORLD)
    image = Image.new("RGB", (SIZE, SIZE))
    for name in (
        "in9/mixed_rand/val/00_dog/0000",
        *(f"cue_conflict/dog/dog1-{other}" for other in ("dog1", "musical_instrument1", "fish1")),
    ):
        path = emoji_figures.WORLD / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    images, names = emoji_figures.shown_images(emoji_figures.WORLD)
    assert names == ["dog", "dog / fish"]
    assert [one.shape for one in images] == [(SIZE, SIZE, 3)] * 2


def test_a_seed_is_drawn_from_its_experiment(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = tmp_path / "run", []
    shutil.copytree(root / BUDGETS, run / BUDGETS)
    shutil.copy(root / ASSETS, run)
    params = (root / PARAMS).read_text(encoding="utf-8")
    (run / PARAMS).write_text(params.replace("\nseed: 0 ", "\nseed: 3 "), encoding="utf-8")
    for name in ("in9/mixed_rand/val/00_dog/0000", "cue_conflict/dog/dog1-fish1"):
        path = run / emoji_figures.WORLD / f"{name}.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (SIZE, SIZE)).save(path)

    @contextmanager
    def files_of(experiment: str, paths: list[str]) -> Iterator[Path]:
        asked.append((experiment, paths))
        yield run

    outputs = {name: np.zeros((2, 2, SIZE, SIZE, 3), dtype=np.uint8) for name in PANELS}
    monkeypatch.setattr(emoji_figures, "files_of", files_of)
    monkeypatch.setattr(emoji_figures, "load_ensemble", lambda _: Corners())
    monkeypatch.setattr(emoji_figures, "read_signature", lambda _: Signature(["00_dog", "01_fish"], SIZE))
    monkeypatch.setattr(emoji_figures, "read_arrays", lambda _: outputs | {"step": np.arange(2)})
    monkeypatch.chdir(tmp_path)
    write_json(emoji_figures.seed_path(3), {"run": {"commit": "c0ffee"}})
    emoji_figures.main(3)
    assert [experiment for experiment, _ in asked] == ["emoji-3"]
    page = (emoji_figures.FOLDER / "figures.md").read_text(encoding="utf-8")
    assert "`python -m experiments.emoji_figures 3`, profile laptop, seed 3, commit c0ffee" in page
    drawn = {path.stem for path in emoji_figures.FOLDER.glob("*.png")}
    assert drawn == {"figure_1", *(f"over_training_{ablation}" for ablation in ABLATIONS)}


def test_the_outputs_over_training_have_a_column_for_each_step() -> None:
    def sheet(steps: int) -> np.ndarray:
        shown = {name: np.zeros((steps, 3, SIZE, SIZE, 3), dtype=np.uint8) for name in PANELS}
        return emoji_figures.over_training(
            shown | {"step": np.arange(steps)}, ["00_dog", "01_bird", "02_fish"]
        )

    few, many = sheet(6), sheet(8)
    assert few.shape[0] == many.shape[0]
    assert many.shape[1] - few.shape[1] == 2 * (2 * SIZE + 2)
