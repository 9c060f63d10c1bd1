"""Writes the results of `make photos`: metrics.json, scores.csv, and a page with one sheet of photos."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from cgn.generators.photos.factors import Factors
from cgn.io.files import write_json
from cgn.io.shards import iterate, shard_paths
from cgn.report.template import page_environment
from cgn.seeding import generator

# The rows, by their names in scores -> their names in metrics.json and on the page.
ROWS = {
    "in": ("plain", "plain"),
    "mixed_abducted": ("mixed_rand", "objects on others’ backgrounds"),
    "ensemble_abducted": ("ensemble", "ensemble on counterfactuals"),
    "shape_abducted": ("shape", "its shape head"),
    "texture_abducted": ("texture", "its texture head"),
    "background_abducted": ("background", "its background head"),
}
COLUMNS = {
    "top1": "all photos, %",
    "mixed_same": "Mixed-Same, %",
    "mixed_rand": "Mixed-Rand, %",
    "bg_gap": "BG-Gap, points",
    "only_bg_b": "background alone, %",
    "shape_bias": "shape bias, %",
}
SHOWN = 40  # photos with a usable object on the sheet
UNUSABLE = 12
_TILE = 64  # pixels
_PER_ROW = 4

Scores = Mapping[str, Any]  # of one seed: the file of the stage `score_photos`


def metrics(seeds: Sequence[Scores], factors: Mapping[str, Any]) -> dict[str, Any]:
    """The means over seeds of every row, with standard deviations under `<key>_std` (0 for one seed).

    Accuracies and biases are in percent, gaps in points. `usable_objects` is in percent of `photos`, which
    are those of all splits in `factors`, the file of the stage `imagenet_factors`.
    """
    photos, usable = (sum(split[key] for split in factors.values()) for key in ("photos", "usable_objects"))
    found: dict[str, Any] = {
        "seeds": len(seeds),
        "photos": photos,
        "usable_objects": round(100 * usable / photos, 2),
        "usable_photos": usable,
    }
    for name, (key, _) in ROWS.items():
        row = found[key] = {}
        for column in COLUMNS:
            values = [value for scores in seeds if (value := _value(scores[name], column)) is not None]
            row[column] = round(mean(values), 2) if values else None
            row[f"{column}_std"] = round(stdev(values), 2) if len(values) > 1 else 0.0
    return found


def _value(scores: Scores, column: str) -> float | None:
    if column == "top1":
        value = scores["top1"]["overall"]["value"]
    elif column == "shape_bias":
        value = scores["cue_conflict"]["overall"]["shape_bias"]["value"]
    else:
        value = scores["in9"]["overall"].get(column, {"value": None})["value"]
    return None if value is None else float(value)


def gaps_by_class(seeds: Sequence[Scores]) -> pd.DataFrame:
    """The background gap of each class and row, in points, means over seeds; the largest of plain first."""
    classes = seeds[0]["in"]["in9"]["by_class"]
    table = pd.DataFrame(
        {
            key: {
                label: mean(scores[name]["in9"]["by_class"][label]["bg_gap"]["value"] for scores in seeds)
                for label in classes
            }
            for name, (key, _) in ROWS.items()
        }
    )
    return table.sort_values(["plain"], ascending=False)


def write_photo_report(
    folder: Path,
    seeds: Sequence[Scores],
    factor_scores: Mapping[str, Any],
    factors: Factors,  # of the training photos
    shards: Path,  # of counterfactuals
    how: Mapping[str, Any],  # for readers: `source` of the photos, `minutes`, and `command`
) -> None:
    """Writes the page, its sheet, metrics.json and scores.csv to `folder`."""
    found, by_class = metrics(seeds, factor_scores), gaps_by_class(seeds)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "metrics.json", found)
    rows = [{"classifier": key} | found[key] for key, _ in ROWS.values()]
    pd.DataFrame(rows).to_csv(folder / "scores.csv", index=False, lineterminator="\n")
    Image.fromarray(sheet(factors, shards)).save(folder / "sheet.webp", quality=80, method=6)
    environment = page_environment()
    page = environment.get_template("photos.html.j2").render(
        metrics=found,
        columns=COLUMNS,
        rows=[(title, found[key]) for key, title in ROWS.values()],
        by_class=[(str(name), row) for name, row in by_class.to_dict("index").items()],
        shown=[key for key, _ in ROWS.values()],
        how=how,
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def sheet(factors: Factors, shards: Path) -> NDArray[np.uint8]:
    """Random photos at 64 pixels, four to a row, each with mask, background and a counterfactual.

    Below them are photos without a usable object, with their masks and backgrounds.
    """
    random = generator(0, "photos", "sheet")
    lent: dict[str, NDArray[np.uint8]] = {}
    for sample in iterate(shard_paths(shards)):
        lent.setdefault(sample.metadata["photos"]["shape"], sample.image)
    usable = [row for row in np.flatnonzero(factors.usable) if factors.names[row] in lent]
    unusable = np.flatnonzero(~factors.usable)
    chosen = random.permutation(len(usable))[:SHOWN]
    others = random.permutation(len(unusable))[:UNUSABLE]
    tiles = [_tiles(factors, usable[place], lent[factors.names[usable[place]]]) for place in chosen]
    below = [_tiles(factors, int(unusable[place]), None) for place in others]
    parts = [_rows(part) for part in (tiles, below) if part]
    line = np.zeros((_TILE // 4, parts[0].shape[1], 3), np.uint8)
    return np.concatenate([parts[0], *(array for part in parts[1:] for array in (line, part))])


def _tiles(factors: Factors, row: int, composite: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Photo, mask, background and composite of one photo, side by side, with a margin at the right."""
    mask = np.repeat(factors.masks[row][..., None], 3, axis=2)
    blank = np.full_like(factors.images[row], 127)
    images = [factors.images[row], mask, factors.backgrounds[row], blank if composite is None else composite]
    small = [np.asarray(Image.fromarray(image).resize((_TILE, _TILE))) for image in images]
    return np.concatenate([*small, np.full((_TILE, 8, 3), 127, np.uint8)], axis=1)


def _rows(tiles: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    empty = np.full_like(tiles[0], 127)
    padded = [*tiles, *[empty] * (-len(tiles) % _PER_ROW)]
    starts = range(0, len(padded), _PER_ROW)
    return np.concatenate([np.concatenate(padded[at : at + _PER_ROW], axis=1) for at in starts])
