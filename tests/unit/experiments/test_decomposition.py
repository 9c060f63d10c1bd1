"""The table that says where the distance to the oracle comes from."""

from pathlib import Path

import pytest

from cgn.io.files import write_json
from experiments import decomposition


def test_what_the_paper_run_did_itself_stands_beside_what_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    of_runs = {"cgn_only": 86.5, "cgn_abduction": 95.7, "oracle": 96.9}
    for variant in ("colored_mnist", "wildlife_mnist"):
        for method, accuracy in of_runs.items():
            updates = {"budgets.train_classifiers.updates": 18750}
            write_json(decomposition.PAPER / "results" / variant / method / "parameters.json", updates)
            for seed in (3, 4):  # the other seed's are not shown
                scores = {"train_accuracy": 99.0, "test_accuracy": accuracy + (seed == 4)}
                write_json(decomposition.PAPER / "results" / variant / method / f"seed_{seed}.json", scores)
    measured = {"cgn_masks": 91.25, "cgn_textures": 95.5, "generated": 95.0}
    write_json(decomposition.FOLDER / "wildlife_mnist" / "seed_3.json", measured)

    decomposition.collect(3)
    lines = (tmp_path / "reports/paper/decomposition.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    assert rows[0] == ["masks", "textures", "Colored MNIST", "Double-colored MNIST", "Wildlife MNIST"]
    assert [row[2] for row in rows[1:]] == ["86.5", "–", "–", "–", "–", "96.9"]
    assert [row[4] for row in rows[1:]] == ["86.5", "91.2", "95.5", "95.0", "95.7", "96.9"]
