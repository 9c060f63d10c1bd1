"""Hooks of MkDocs: pages that are made, and files outside of docs/ that the texts link to.

Links are written for the repository, where docs/ is a folder. On the site the README is the home page, the
texts of docs/ stand beside it, and other files keep their places.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.build import graph, parameters

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = "README.md"
OUTSIDE = (HOME, "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
LINK = re.compile(
    r"(\]\(|\b(?:href|src)=\")([^)\s\"#:]+)(?=[)\"#])"
)  # the place of a link, without its anchor


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the made pages, the texts of the root, and what these and those of docs/ link to."""
    found = graph.read_graph(ROOT)
    made = {"stages": graph.page(ROOT, found), "parameters": parameters.page(ROOT, found), **_library()}
    for name, text in made.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    seen, todo = set(), [*OUTSIDE, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    while todo:
        name = todo.pop()
        path = ROOT / name
        if name in seen or not path.is_file():
            continue
        seen.add(name)
        if not name.startswith("docs/"):
            files.append(_outside(name, config))
        if path.suffix in (".md", ".html"):
            todo += _linked(name, path.read_text(encoding="utf-8"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links lead to where files are on the site; a link to a folder is text."""
    name = _name(page.file.src_uri)
    without_folders = re.sub(
        r"\[([^\]]+)\]\(([^)\s#:]+)\)",
        lambda link: link[1] if (ROOT / _target(name, link[2])).is_dir() else link[0],
        markdown,
    )
    return _relinked(name, without_folders)


def _library() -> dict[str, str]:
    """A page on each room of cgn/, and one on the modules beside them, for mkdocstrings to fill."""
    pages: dict[str, str] = {}
    for path in sorted((ROOT / "cgn").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        title = ".".join(parts[:2] if len(parts) > 2 else parts[:1])
        pages[title] = f"{pages.get(title, f'# {title}')}\n\n::: {'.'.join(parts)}"
    return pages


def _outside(name: str, config: MkDocsConfig) -> File:
    if name.endswith(".html"):
        text = (ROOT / name).read_text(encoding="utf-8")
        return File.generated(
            config, _place(name), content=re.sub(r"\.md(?=\")", ".html", _relinked(name, text))
        )
    return File.generated(config, _place(name), abs_src_path=str(ROOT / name))


def _linked(name: str, text: str) -> Iterator[str]:
    return (_target(name, match[2]) for match in LINK.finditer(text))


def _relinked(name: str, text: str) -> str:
    folder = posixpath.dirname(_place(name)) or "."
    return LINK.sub(lambda match: match[1] + posixpath.relpath(_place(_target(name, match[2])), folder), text)


def _target(name: str, link: str) -> str:
    """The place in the repository of a link in the file `name`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def _place(name: str) -> str:
    """The place on the site of a file of the repository."""
    return "index.md" if name == HOME else name.removeprefix("docs/")


def _name(place: str) -> str:
    """The file of the repository at a place on the site; a made page has a name in docs/."""
    if place == "index.md":
        return HOME
    return place if (ROOT / place).is_file() else f"docs/{place}"
