"""Finds which outputs of a classifier mean which class of a set: by name or by a table, never by position."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgn.data.class_maps import IN9_CLASSES, in9_classes_of_names
from cgn.errors import UserError
from cgn.io.image_folders import class_name
from cgn.networks.image_classifier import ImageClassifier

COLUMNS = ["output", "class"]


def read_class_map(path: Path) -> dict[str, str]:
    """Reads a CSV file with the columns `output` and `class`: the class by output.

    An output is given by its name, or by its number from 0. Several outputs may have one class, and outputs
    that mean none of the classes are left out. Raises UserError when the file is missing, has other columns,
    or has an output twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            header, *rows = list(csv.reader(stream)) or [[]]
        pairs = [(_text(output), _text(name)) for output, name in (row for row in rows if row)]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, csv.Error):
        raise UserError(f"{path}: not a table of two columns in UTF-8; expected output,class") from None
    if [word.strip() for word in header] != COLUMNS:
        raise UserError(f"{path}: its first line is {','.join(header)!r}; expected output,class")
    found = dict(pairs)
    if len(found) < len(pairs):
        outputs = [output for output, _ in pairs]
        twice = next(output for output in outputs if outputs.count(output) > 1)
        raise UserError(f"{path}: output {twice} stands there twice; keep one line")
    return found


def labels_of_outputs(
    classifier: ImageClassifier, classes: Sequence[str], mapped: Mapping[str, str] | None = None
) -> NDArray[np.int64]:
    """The position in `classes` of each output, or -1 for none: int64 (outputs,).

    `mapped` is from `read_class_map`. Without it, classes that are all IN-9's, or all of the published cue
    conflict, are found by the published maps, and others by name, whatever the case and with spaces, hyphens
    and underscores alike. Raises UserError when the outputs have no names, and when `mapped` names an unknown
    output or class.
    """
    if mapped is not None:
        return _by_table(classifier, classes, mapped)
    places = {_text(name): place for place, name in enumerate(classes)}
    in9 = in9_classes_of_names(classes)
    if (in9 >= 0).all() and len(set(in9)) == len(classes):
        place_of = {int(label): place for place, label in enumerate(in9)}
        by_in9 = np.array([place_of.get(int(label), -1) for label in classifier.in9_classes], dtype=np.int64)
        if (by_in9 >= 0).any():
            return by_in9
    labels = np.full(len(classifier.in9_classes), -1, dtype=np.int64)
    if set(classes) <= classifier.cue_conflict_outputs.keys():
        for name in classes:
            labels[classifier.cue_conflict_outputs[name]] = places[_text(name)]
        return labels
    if not classifier.names:
        raise UserError(
            f"--model: nobody knows the names of its {len(labels)} outputs; give them in the facts beside the"
            " model, or a table with --classes"
        )
    if len({_plain(name) for name in classes}) == len(classes):
        places |= {_plain(name): place for name, place in places.items()}
    for output, name in enumerate(classifier.names):
        labels[output] = places.get(_text(name), places.get(_plain(name), -1))
    return labels


def _by_table(
    classifier: ImageClassifier, classes: Sequence[str], mapped: Mapping[str, str]
) -> NDArray[np.int64]:
    labels = np.full(len(classifier.in9_classes), -1, dtype=np.int64)
    places = {_text(name): place for place, name in enumerate(classes)}
    outputs: dict[str, list[int]] = {}
    for output, name in enumerate(classifier.names):
        outputs.setdefault(_text(name), []).append(output)
    for key, name in mapped.items():
        if name not in places:
            raise UserError(f"--classes: {name}: not one of the photos' classes: {listed(classes)}")
        found = outputs.get(key)
        if found is None and re.fullmatch(r"\d+", key) and int(key) < len(labels):
            found = [int(key)]
        if found is None:
            raise UserError(f"--classes: {key}: neither name nor number of one of the model's outputs")
        labels[found] = places[name]
    return labels


def require_all(classifier: ImageClassifier, classes: Sequence[str], labels: NDArray[np.int64]) -> None:
    """Raises UserError when a class has no output."""
    if missing := [name for place, name in enumerate(classes) if place not in labels]:
        known = listed(classifier.names or [f"{len(labels)} outputs without names"])
        raise UserError(
            f"--model: no output for {listed(missing)}; its classes are {known}; give a table with --classes,"
            " or leave these photos out"
        )


def listed(names: Sequence[str], most: int = len(IN9_CLASSES)) -> str:
    """The names, separated by commas; of many only the first."""
    return ", ".join(names[:most]) + ", ..." * (len(names) > most)


def _text(name: str) -> str:
    """The name without outer blanks, in the normal form in which equal names are equal texts."""
    return class_name(name).strip()


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", _text(name).lower())
