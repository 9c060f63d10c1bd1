"""How cost grows: seconds or memory at four sizes, on log axes, with the exponent fitted.

`python -m benchmarks.growth` measures, prints the exponents and writes growth.json and docs/growth.svg; with
`--draw` it draws the figure of an earlier run. An exponent of 1 is linear growth, 0 is none. Seconds are
those of the processors, of all threads and workers, which other programs on the machine change little; the
file also has those of the clock.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.growth_curves import Curve, in_memory, in_time
from benchmarks.peak import peak_bytes
from benchmarks.timing import in_turn, machine
from cgn.io.files import atomic_path, read_json, write_json
from cgn.report.chart_style import STYLE, svg

RESULTS, FIGURE = Path("benchmarks/growth.json"), Path("docs/growth.svg")
COLUMNS = 4
ROUNDS = 2  # of which the least time counts


def main(
    draw: Annotated[bool, typer.Option(help="only draw the figure of the results that are there")] = False,
) -> None:
    """Measure all curves, print their exponents and draw them."""
    if not draw:
        with TemporaryDirectory() as folder:
            write_json(RESULTS, measured(in_memory(Path(folder)), in_time(Path(folder))))
    results = read_json(RESULTS)
    print(table(results).to_markdown(index=False, floatfmt=".2f"))
    with atomic_path(FIGURE) as temporary:
        temporary.write_text(chart(results), encoding="utf-8")


def measured(memory: list[Curve], time: list[Curve], rounds: int = ROUNDS) -> dict[str, Any]:
    """The facts of a run, and a row for each curve. Memory comes first: it is that of forked processes."""
    rows = []
    for curve in memory:
        peaks = [peak_bytes(curve.make(size)) for size in curve.sizes]
        rows.append(_row(curve) | {"mebibytes": [peak / 2**20 for peak in peaks]})
    for curve in time:
        times = in_turn({size: curve.make(size) for size in curve.sizes}, rounds)
        cpu, wall = ([getattr(times[size], clock) for size in curve.sizes] for clock in ("cpu", "wall"))
        rows.append(_row(curve) | {"cpu_seconds": cpu, "seconds": wall})
        print(f"{curve.name}: {dict(zip(curve.sizes, cpu, strict=True))}", flush=True)
    return {"machine": machine(), "curves": rows}


def _row(curve: Curve) -> dict[str, Any]:
    return {"name": curve.name, "unit": curve.unit, "sizes": list(curve.sizes)}


def exponent(sizes: list[int], costs: list[float]) -> float:
    """The slope of the line through log(cost) over log(size), by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def table(results: dict[str, Any]) -> pd.DataFrame:
    """A line for each curve: its sizes, the costs at the ends, and the exponent."""
    lines = []
    for row in results["curves"]:
        key, what = _cost(row)
        lines.append(
            {
                "what": row["name"],
                "sizes": f"{row['sizes'][0]:,} to {row['sizes'][-1]:,} {row['unit']}",
                "cost": what,
                "at the least": row[key][0],
                "at the most": row[key][-1],
                "exponent": exponent(row["sizes"], row[key]),
            }
        )
    return pd.DataFrame(lines)


def _cost(row: dict[str, Any]) -> tuple[str, str]:
    return ("mebibytes", "MiB at most") if "mebibytes" in row else ("cpu_seconds", "CPU seconds")


def chart(results: dict[str, Any]) -> str:
    """The figure as SVG: a panel for each curve, with the line of linear growth through its first point."""
    curves = results["curves"]
    lines = -(-len(curves) // COLUMNS)
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 2.6 * lines), layout="constrained")
        axes: Any = figure.subplots(lines, COLUMNS, squeeze=False).flatten()
        for axis, row in zip(axes, curves, strict=False):
            sizes, (key, what) = row["sizes"], _cost(row)
            costs = row[key]
            linear = [costs[0] * size / sizes[0] for size in sizes]
            axis.loglog(sizes, linear, color="#777777", linewidth=1, linestyle=(0, (3, 2)))
            axis.loglog(sizes, costs, color="#2474b5", linewidth=1.4, marker="o", markersize=4)
            axis.set_title(f"{row['name']}: {exponent(sizes, costs):.2f}", fontsize=8.5)
            axis.set(xlabel=row["unit"], ylabel=what)
            axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axis.minorticks_off()
            axis.grid(visible=True)
        for axis in axes[len(curves) :]:
            axis.remove()
        return svg(figure)


if __name__ == "__main__":
    typer.run(main)
