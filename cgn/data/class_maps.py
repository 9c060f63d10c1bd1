"""Maps ImageNet's 1000 outputs to the nine classes of IN-9 and to the 16 classes of cue conflict.

Outputs are counted from 0, in the order of the WordNet ids; "7-24 87" means outputs 7 to 24 and 87.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IMAGENET_CLASSES = 1000
_WORDNET_ID = re.compile(r"n\d{8}")

# Xiao et al. (2021), "Noise or Signal": the nine classes in the order of their labels. They have 370 outputs;
# the other 630 belong to no class.
_IN9 = {
    "dog": "151-170 173-268",
    "bird": "7-24 87-100 127-146",
    "wheeled_vehicle": (
        "407-408 428 436 444 468 511 547 555 561 565 569 573 586 603 609 612 627 656 661 665 670-671 675 690"
        " 705 717 734 751 757 791 802-803 817 820 829 847 864 866-867 870 880"
    ),
    "reptile": "33-68",
    "carnivore": "269-280 286-299 356-362 387-388",
    "insect": "300-326",
    "musical_instrument": (
        "401-402 420 432 486 494 513 541 546 558 566 577 579 593-594 641-642 683-684 687 699 776 822 875 881"
        " 889"
    ),
    "primate": "365-384",
    "fish": "0-6 389-397",
}

# Geirhos et al. (2019), "ImageNet-trained CNNs are biased towards texture": 207 outputs.
_CUE_CONFLICT = {
    "airplane": "404",
    "bear": "294-297",
    "bicycle": "444 671",
    "bird": "8 10-16 18-20 22-24 80-83 87-96 98-100 127-133 135-145",
    "boat": "472 554 625 814 914",
    "bottle": "440 720 737 898-899 901 907",
    "car": "436 511 817",
    "cat": "281-286",
    "chair": "423 559 765 857",
    "clock": "409 530 892",
    "dog": "152-191 193-203 205-226 228-241 243-250 252-257 259 261-263 265-268",
    "elephant": "385-386",
    "keyboard": "508 878",
    "knife": "499",
    "oven": "766",
    "truck": "555 569 656 675 717 734 864 867",
}

IN9_CLASSES = tuple(_IN9)
# The versions of each image (Xiao et al. 2021), which differ in foreground and background.
IN9_VARIANTS = (
    "original",
    "mixed_same",
    "mixed_rand",
    "mixed_next",
    "only_bg_b",
    "only_bg_t",
    "no_fg",
    "only_fg",
)


def is_imagenet(names: Sequence[str]) -> bool:
    """Whether `names` are ILSVRC's 1,000 WordNet ids in sorted order, the order of ImageNet's outputs."""
    of_wordnet = all(_WORDNET_ID.fullmatch(name) for name in names)
    return len(names) == IMAGENET_CLASSES and of_wordnet and list(names) == sorted(names)


def in9_classes_of_names(names: Sequence[str]) -> NDArray[np.int64]:
    """The IN-9 class, 0 to 8, of each of `names`, or -1 for none: int64 (n,).

    The spellings of the published folders count too, e.g. "wheeled vehicle" and "02_wheeled vehicle".
    """
    plain = [re.sub(r"^\d+_", "", name.lower().replace(" ", "_")) for name in names]
    labels = {name: label for label, name in enumerate(IN9_CLASSES)}
    return np.array([labels.get(name, -1) for name in plain], dtype=np.int64)


def in9_classes_of_imagenet() -> NDArray[np.int64]:
    """The IN-9 class, 0 to 8, of each of ImageNet's outputs, or -1 for none: int64 (1000,)."""
    classes = np.full(IMAGENET_CLASSES, -1, dtype=np.int64)
    for label, ranges in enumerate(_IN9.values()):
        classes[_outputs(ranges)] = label
    return classes


def cue_conflict_outputs_of_imagenet() -> dict[str, list[int]]:
    """The ImageNet outputs that belong to each of the 16 cue-conflict classes."""
    return {name: _outputs(ranges) for name, ranges in _CUE_CONFLICT.items()}


def _outputs(ranges: str) -> list[int]:
    outputs: list[int] = []
    for word in ranges.split():
        first, _, last = word.partition("-")
        outputs += range(int(first), int(last or first) + 1)
    return outputs
