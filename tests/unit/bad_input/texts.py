"""JSON files, histories and signatures."""

import json
from typing import Any

from cgn.io.files import read_json
from cgn.io.histories import read_history
from cgn.networks.classifier import PREPROCESSING, read_signature
from cgn.report.scores import parse_classifiers, parse_mechanisms
from tests.unit.bad_input.case import HTML, Act, Case, file


def score(**changed: Any) -> Act:
    whole: dict[str, Any] = {
        "train_accuracy": 1, "validation_accuracy": 1, "test_accuracy": 1, "confusion": [[1] * 10] * 10
    }  # fmt: skip
    content = json.dumps({"original": whole | changed}).encode()
    return file("s.json", content, lambda path: parse_classifiers(read_json(path), str(path)))


def signature(content: bytes) -> Act:
    return file("signature.json", content, lambda path: read_signature(path.parent))


def history(content: bytes) -> Act:
    return file("history.csv", content, lambda path: read_history(path, ["loss"]))


TEXTS = [
    Case(
        "JSON absent", lambda folder: read_json(folder / "s.json"), r"s\.json: not found; run the stage that"
    ),
    Case("JSON empty", file("s.json", b"", read_json), r"s\.json: not valid JSON \("),
    Case("JSON is HTML", file("s.json", HTML, read_json), r"s\.json: not valid JSON \("),
    Case("JSON not UTF-8", file("s.json", b'"\xff"', read_json), r"s\.json: not valid JSON \("),
    Case("JSON too deep", file("s.json", b"[" * 100_000, read_json), r"s\.json: not valid JSON \("),
    Case("JSON a folder", lambda folder: read_json(folder), r": Is a directory; look whether"),
    Case(
        "scores a list",
        file("s.json", b"[]", lambda p: parse_classifiers(read_json(p), str(p))),
        r"s\.json: : Input",
    ),
    Case(
        "scores above 100",
        score(test_accuracy=101),
        r"s\.json: original\.test_accuracy: .*; delete the file and",
    ),
    Case(
        "scores negative",
        score(test_accuracy=-1),
        r"s\.json: original\.test_accuracy: .*; delete the file and",
    ),
    Case(
        "scores of NaN",
        score(test_accuracy=float("nan")),
        r"s\.json: original\.test_accuracy: .*; delete the",
    ),
    Case(
        "scores of text",
        score(test_accuracy="high"),
        r"s\.json: original\.test_accuracy: .*; delete the file",
    ),
    Case("scores without counts", score(confusion=[]), r"s\.json: original\.confusion: .*; delete the file"),
    Case("scores without methods", score(), r"s\.json: no scores for .*irm_2.*; run dvc repro"),
    Case(
        "mechanisms of nothing",
        lambda folder: parse_mechanisms({}, "m.json"),
        r"m\.json: mask_mean: .*; delete",
    ),
    Case(
        "history absent",
        lambda folder: read_history(folder / "h.csv", []),
        r"h\.csv: not found; run the stage",
    ),
    Case("history empty", history(b""), r"history\.csv: not a CSV file \(.*\); delete it and run dvc repro"),
    Case(
        "history without rows", history(b"step,loss\n"), r"history\.csv: no rows; delete it and run dvc repro"
    ),
    Case("history without column", history(b"step\n1\n"), r"history\.csv: no column loss; delete it and run"),
    Case(
        "history not UTF-8",
        history(b"step,loss\n1,\xff\n"),
        r"history\.csv: not a CSV file \(.*\); delete it",
    ),
    Case(
        "history of text",
        history(b"step,loss\n1,low\n"),
        r"history\.csv: .*loss.*; delete it and run dvc repro",
    ),
    Case(
        "signature a list",
        signature(b"[]"),
        r"signature\.json: no classes, resolution and preprocessing; train",
    ),
    Case("signature without classes", signature(b"{}"), r"signature\.json: no classes, .*; train it again"),
    Case(
        "signature of another preprocessing",
        signature(b'{"classes": ["a"], "resolution": 8, "preprocessing": "x"}'),
        r"signature\.json: preprocessing: x; known is only",
    ),
    Case(
        "signature of a negative size",
        signature(json.dumps({"classes": ["a"], "resolution": -8, "preprocessing": PREPROCESSING}).encode()),
        r"signature\.json: no classes, .*; train it again",
    ),
]
