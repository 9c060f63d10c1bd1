"""Table 1 and what it says of each loss."""

from typing import Any

import numpy as np
import pytest

from cgn.errors import UserError
from cgn.report.ablation import table_1, table_1_legend, table_1_side_by_side, verdicts
from cgn.report.imagenet_scores import ImageNetScores, parse_scores


def test_ours_stand_beside_the_papers(imagenet: ImageNetScores) -> None:
    table = table_1(imagenet.cgn.ablation).set_index("off")
    assert list(table.loc["no_text", ["mask_mean", "paper_mask_mean", "paper_inception_score"]]) == [
        *(0.9, 0.9, 198.4)
    ]
    assert np.isnan(table.loc["biggan", "mask_mean"])
    cells = table_1_side_by_side(table.reset_index()).set_index("loss switched off")
    assert cells.loc["L_text", "mean mask"] == "0.900 (0.9)"
    assert cells.loc["none", "Inception Score"] == "6.0 (130.2)"
    assert list(cells.loc["BigGAN itself (upper bound)"]) == ["7.5 (202.9)", *["\u2013"] * 4]


def test_what_a_loss_changes_is_set_against_the_paper(imagenet: ImageNetScores) -> None:
    by_shape, by_text, by_background, by_reconstruction = verdicts(imagenet.cgn.ablation)
    assert by_shape.startswith("Without L_shape: mask entropy (bits) 0.100 to 0.100; not as in the paper")
    assert by_text.startswith("Without L_text: mean mask 0.300 to 0.900; as in the paper")
    assert by_background.startswith("Without L_bg: mean mask 0.300 to 0.200; less than in the paper, where")
    assert by_reconstruction.startswith("Without L_rec: Inception Score 6.0 to 6.0; not as in the paper")


def test_the_legend_says_how_the_score_was_taken(imagenet: ImageNetScores) -> None:
    legend = table_1_legend(imagenet.cgn.cgn)
    assert '"oracle" of this world, 600 images, 2 splits, truncation 1;' in legend
    assert "mask IoU 0.80, background residue 2.5 %" in legend


def test_without_a_segmenter_masks_are_not_judged(imagenet_json: dict[str, Any]) -> None:
    def unjudged(row: dict[str, Any]) -> dict[str, Any]:
        return {name: v for name, v in row.items() if name not in ("mask_iou", "background_residue")}

    cgn = imagenet_json["cgn"]
    rows = {name: unjudged(row) for name, row in cgn["ablation"].items()}
    without = {"cgn": unjudged(cgn["cgn"]), "ablation": rows}
    scores = parse_scores(imagenet_json | {"cgn": without}, "scores/imagenet").cgn
    cells = table_1_side_by_side(table_1(scores.ablation)).set_index("loss switched off")
    assert list(cells.loc["none", ["mask IoU", "background residue (%)"]]) == ["\u2013"] * 2
    legend = table_1_legend(scores.cgn)
    assert "No segmenter judges masks." in legend
    assert legend.endswith("Inception Score 6.0, mean mask 0.30.")
    assert scores.cgn.mask_iou is None


def test_metrics_have_the_cgn_and_its_ablations(imagenet: ImageNetScores) -> None:
    metrics = imagenet.metrics()
    assert metrics["cgn"]["mask_iou"] == 0.8
    assert metrics["ablation"]["no_bg"]["mask_mean"] == 0.2
    assert metrics["ablation"]["biggan"]["inception_score"] == 7.5
    assert metrics["ablation"]["biggan"]["mask_mean"] is None


def test_a_row_that_is_missing_is_named(imagenet_json: dict[str, Any]) -> None:
    rows = {name: row for name, row in imagenet_json["cgn"]["ablation"].items() if name != "no_bg"}
    broken = imagenet_json | {"cgn": imagenet_json["cgn"] | {"ablation": rows}}
    with pytest.raises(UserError, match=r"^scores/imagenet/cgn.json: no scores for no_bg; run dvc repro$"):
        parse_scores(broken, "scores/imagenet")
