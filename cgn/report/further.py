"""What the report shows of the paper's appendices on the MNIST variants: Table 5 and Figure 6."""

from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from cgn.io.arrays import read_arrays
from cgn.io.files import read_json
from cgn.report.contact_sheets import write_png
from cgn.report.imagenet import Table
from cgn.report.latents import (
    LatentScore,
    latents_table,
    parse_latents,
    parse_readers,
    plane_chart,
    traversal_sheet,
)
from cgn.report.latents import metrics as latents_metrics
from cgn.report.names import VARIANT_TITLES
from cgn.report.signals import SignalScores, parse_signals, signals_chart, signals_table, verdict
from cgn.report.signals import metrics as signals_metrics

LATENTS_OF = "colored_mnist"
FIGURES = ("table_5.svg", "figure_6.png", "figure_6_plane.svg")


class Further(NamedTuple):
    """The scores and pictures of these sections."""

    signals: dict[str, SignalScores]  # by variant
    latents: dict[str, LatentScore]  # by model
    readers: dict[str, float]  # accuracy in percent by factor
    pictures: dict[str, NDArray[Any]]

    def tables(self) -> list[Table]:
        """Table 5, and the numbers behind Figure 6."""
        return [signals_table(self.signals), latents_table(self.latents, self.readers)]

    def verdicts(self) -> dict[str, str]:
        """The verdict on each variant in words, by the variant's title."""
        return {VARIANT_TITLES[variant]: verdict(score) for variant, score in self.signals.items()}

    def write_figures(self, folder: Path) -> None:
        """Writes `FIGURES` to `folder`."""
        (folder / "table_5.svg").write_text(signals_chart(self.signals), encoding="utf-8")
        (folder / "figure_6_plane.svg").write_text(plane_chart(self.pictures), encoding="utf-8")
        write_png(folder / "figure_6.png", traversal_sheet(self.pictures))

    def add_metrics(self, mnist: dict[str, Any]) -> None:
        """Adds the scores to the entry `mnist` of reports/metrics.json."""
        for variant, score in self.signals.items():
            mnist[variant] |= signals_metrics(score)
        mnist[LATENTS_OF]["latents"] = latents_metrics(self.latents)


def read_further(scores: Path) -> Further:
    """Reads the scores below `scores`. Raises UserError when a file is missing or wrong."""
    signals = {}
    for variant in VARIANT_TITLES:
        path = scores / variant / "signals.json"
        signals[variant] = parse_signals(read_json(path), str(path))
    path = scores / LATENTS_OF / "latents.json"
    found = read_json(path)
    pictures = read_arrays(path.with_suffix(".safetensors"))
    return Further(signals, parse_latents(found, str(path)), parse_readers(found, str(path)), pictures)
