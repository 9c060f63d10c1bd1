"""The documentation site: built strictly, complete, and without requests to other hosts."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import sync_playwright
from ruamel.yaml import YAML

from cgn.report.names import VARIANT_TITLES
from docs.build import graph, parameters

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class _Page(HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str | None] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        self.anchors.add(found.get("id"))
        targets = [found[name] for name in ("href", "src") if found.get(name)]
        (self.links if tag == "a" else self.loaded).extend(targets)


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    found = site.rglob("*.html")
    return {path: _Page(path) for path in found if path.name != "404.html"}  # whose links begin with /


def test_every_link_leads_somewhere(pages: dict[Path, _Page]) -> None:
    lost = []
    for path, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = parts.scheme or target.is_file()
            if not known or (target in pages and unquote(parts.fragment) not in pages[target].anchors):
                lost.append(f"{path.name}: {link}")
    assert not lost


def test_nothing_is_loaded_from_other_hosts(site: Path, pages: dict[Path, _Page]) -> None:
    loaded = [target for page in pages.values() for target in page.loaded]
    assert not [target for target in loaded if urlsplit(target).netloc]
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8"))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_search_finds_a_parameter(site: Path, serve: Callable[[Path], str]) -> None:
    address, asked = serve(site), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/index.html?q=mask_start_radius")  # typed too early, a word is not searched
        page.wait_for_selector(
            ".md-search-result__item a[href*='reference/parameters.html']", timeout=60_000, state="attached"
        )
        browser.close()
    assert not [url for url in asked if not url.startswith(address)]


@pytest.fixture(scope="module")
def found(root: Path) -> graph.Graph:
    return graph.read_graph(root)


def leaves(values: dict[str, Any], above: str = "") -> list[str]:
    """The dotted keys of all values; a map of the variants that differ is one."""
    keys = []
    for name, value in values.items():
        section = isinstance(value, dict) and value and "default" not in value
        keys += leaves(value, f"{above}{name}.") if section else [above + name]
    return keys


def rows(text: str, file: str) -> dict[str, list[str]]:
    """The cells behind each dotted key in the part of the page on a file."""
    part = re.split(r"^## .*$", text, flags=re.M)[1 if file == "params.yaml" else 2]
    cells: dict[str, list[str]] = {}
    section = ""
    for line in part.splitlines():
        if title := re.match(r"### (\S+)", line):
            section = f"{title[1]}."
        elif line.startswith("| `"):
            key, *others = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            cells[section + key.strip("`")] = others
    return cells


@pytest.mark.parametrize("file", ["params.yaml", "budgets/laptop.yaml"])
def test_every_parameter_has_its_row(file: str, root: Path, found: graph.Graph) -> None:
    values = YAML(typ="safe").load((root / file).read_text(encoding="utf-8"))
    keys = {key for key in leaves(values) if key != "methods.original"}  # it has no parameters
    cells = rows(parameters.page(root, found), file)
    assert set(cells) == keys
    assert all(of_key[-3] and of_key[-1] for of_key in cells.values())  # range, and what runs again


def test_what_the_rows_say(root: Path, found: graph.Graph) -> None:
    text = parameters.page(root, found)
    params, laptop = rows(text, "params.yaml"), rows(text, "budgets/laptop.yaml")
    assert params["mnist.cgn.lambda_mask"][:2] == ["`50.0`", "≥ 0"]
    assert params["mnist.cgn.binary_warmup"][:3] == ["`0.33`", "0 to 1", "see `lambda_binary`"]
    assert params["mnist.cgn.lambda_mask"][-1] == "[train_cgn](stages.md#train_cgn)"
    assert params["mnist.cgn.texture_shuffle"][1] == "`permute`, `shift`, `none`"
    assert params["imagenet.folder.masks"][:2] == ["empty", "text or empty"]
    assert params["imagenet.emoji.resolution"][1] == "an integer, 32 to 64, a multiple of 16"
    assert params["mnist.adversarial.discriminator.translation"][0] == "`2`"
    assert "#dc143c" in params["mnist.variants.colored_mnist.colors"][0]
    assert laptop["methods.irm.penalty"][-1] == "[train_on_environments](stages.md#train_on_environments)"
    assert laptop["train_cgn.steps"][:3] == ["`2400`", "`4000`", "an integer, ≥ 1"]
    assert "`trained`" in laptop["pretrained_networks.source"][2]


def test_stages(root: Path, found: graph.Graph) -> None:
    text = graph.page(root, found)
    names = [
        name
        for file in graph.FILES
        for name in YAML(typ="safe").load((root / file).read_text("utf-8"))["stages"]
    ]
    assert re.findall(r"^## (\w+) ", text, re.M) == names
    part = text.partition("## train_cgn ")[2].partition("\n## ")[0]
    assert "python -m stages.train_cgn <variant>" in part
    assert f"**Instances**: {', '.join(f'`{name}`' for name in VARIANT_TITLES)}" in part
    assert "**Writes**: `models/mnist/cgn/<variant>`" in part
    # As tests/pipeline/test_dvc.py sees them run again after a change of a lambda.
    assert "train_on_counterfactuals" in found.follows["train_cgn"]
    assert not {"synthesize", "train_gan", "train_on_biased"} & set(found.follows["train_cgn"])
