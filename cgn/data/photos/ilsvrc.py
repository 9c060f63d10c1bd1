"""The `imagenet` world: ILSVRC2012 (Russakovsky et al. 2015) where it lies on the disk.

It is `train/<WordNet id>/*.JPEG` and `val/<WordNet id>/*.JPEG`, as torchvision unpacks it. Its validation set
is the test set here, as everywhere; a share of the training set is the validation set.
"""

from collections import Counter
from pathlib import Path

from tqdm import tqdm

from cgn.data.photos.folder import entry, name_hash
from cgn.data.photos.index import TEST, Entry, arranged
from cgn.errors import UserError
from cgn.io.images import class_folders, image_files, log_skipped


def index_ilsvrc(root: Path, validation: float) -> list[Entry]:
    """All images; of each class the share `validation` of the training images (at least one) is held out.

    Raises UserError when a folder is missing or empty, or when train and val have other classes.
    """
    root = Path(root)
    folders = {part: _class_folders(root / part) for part in ("train", "val")}
    if odd := sorted(set(folders["train"]) ^ set(folders["val"])):
        raise UserError(f"{root}: train and val have different classes, first {odd[0]}; unpack both again")
    by_class, skipped = [], Counter[str]()
    for name in tqdm(sorted(folders["train"]), desc="ImageNet", unit="class"):
        training, test = (
            sorted(image_files(folders[part][name], skipped), key=lambda file: name_hash(file, root))
            for part in ("train", "val")
        )
        held_out = max(1, round(validation * len(training)))
        if len(training) <= held_out or not test:
            raise UserError(f"{root}: too few images of {name} in train or val; unpack them again")
        entries = [entry(file, root, "validation") for file in training[:held_out]]
        entries += [entry(file, root, "train") for file in training[held_out:]]
        by_class.append(entries + [entry(file, root, TEST) for file in test])
    log_skipped(root, skipped)
    return arranged(by_class)


def _class_folders(folder: Path) -> dict[str, Path]:
    found = {path.name: path for path in class_folders(folder)} if folder.is_dir() else {}
    if not found:
        raise UserError(f"{folder}: no classes; imagenet.ilsvrc.path holds {folder.name}/<WordNet id>/*.JPEG")
    return found
