"""Folders of images and tables that list them."""

from pathlib import Path

import numpy as np

from cgn.data.mnist.textures import load_textures
from cgn.data.params import TexturesBudget
from cgn.data.photos.entries import read_entries
from cgn.data.photos.index import index_folder
from cgn.evaluation.class_matching import read_class_map
from cgn.evaluation.shape_bias import find_stimuli
from cgn.io.image_folders import Skipped
from tests.unit.bad_input.case import HTML, NOISE, Act, Case, file, png


def photos(*paths: str, content: bytes | None = None, table: str | None = None, shares: float = 0.2) -> Act:
    def act(folder: Path) -> object:
        place = folder / "photos"
        place.mkdir()
        for number, path in enumerate(paths):
            target = place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            varied = np.random.default_rng(number).integers(256, size=(16, 16, 3), dtype=np.uint8)
            target.write_bytes(png(varied) if content is None else content)
        if table is not None:
            place /= "photos.csv"
            place.write_bytes(table.encode("latin-1"))
        return index_folder(place, shares, shares, Skipped())

    return act


def textures(*paths: str, content: bytes | None = None) -> Act:
    def act(folder: Path) -> object:
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(png(NOISE) if content is None else content)
        budget = TexturesBudget(source="folder", folder=str(folder))
        return load_textures(budget, 32, 0, Skipped())

    return act


CATS = [f"cat/{number}.png" for number in range(4)]
TWENTY = [f"{kind}/{number}.png" for kind in ("object", "background") for number in range(10)]

FOLDERS = [
    Case(
        "photos absent",
        lambda folder: index_folder(folder / "x", 0.1, 0.1, Skipped()),
        r"x: no such folder; ",
    ),
    Case("photos empty", photos(), r"photos: 0 classes; a world needs two sub-folders .*skipped: nothing"),
    Case("photos of one class", photos(*CATS), r"photos: 1 classes; a world needs two sub-folders"),
    Case("photos loose", photos("a.png", "b.png"), r"0 classes; .* 2 images outside of a class folder"),
    Case("photos all broken", photos(*CATS, content=HTML), r"0 classes; .*skipped: 4 not readable"),
    Case("too few of a class", photos(*CATS, "dog/1.png"), r"class dog: 1 images; a class needs 3 at least"),
    Case(
        "copies only", photos(*CATS, "dog/1.png", "dog/2.png", "dog/3.png", content=png(NOISE)), r"different"
    ),
    Case(
        "a class with a line break", photos(*CATS, "a\nb/1.png"), r"class 'a\\nb': not a name .*; rename it"
    ),
    Case("a class too long", photos(*CATS, "x" * 101 + "/1.png"), r"longer than 100 bytes; shorten it"),
    Case(
        "table of other columns", photos(table="a,b\n1,2\n"), r"photos\.csv: columns a, b; it needs file and"
    ),
    Case("table not UTF-8", photos(table="file,class\nä.png,x\n"), r"csv: not UTF-8 at byte 11; save it as"),
    Case("table of no photos", photos(table="file,class\nx.png,cat\n"), r"0 classes; .*skipped: 1 not found"),
    Case(
        "table of an odd split",
        photos(table="file,class,split\nx.png,a,b\n"),
        r"line 2: split 'b': not one of",
    ),
    Case(
        "table with a huge field", photos(table="file,class\n" + "x" * 200_000), r"csv: line \d: not CSV \("
    ),
    Case(
        "an archive for a folder",
        file("p.zip", b"PK", lambda p: index_folder(p, 0.1, 0.1, Skipped())),
        r"unpack",
    ),
    Case(
        "index damaged", file("index.csv", HTML, read_entries), r"index\.csv: not an index \(.*\); delete it"
    ),
    Case("index empty", file("index.csv", b"", read_entries), r"index\.csv: not an index \(.*\); delete it"),
    Case("textures without folder", textures(), r"background: no such folder|object: no such folder"),
    Case("nine textures", textures(*TWENTY[1:]), r"object: 9 images, expected ten, one a class"),
    Case("a texture is damaged", textures(*TWENTY, content=HTML), r"object/0\.png: not a readable image"),
    Case(
        "no stimuli",
        lambda folder: find_stimuli(folder, ["cat"], Skipped()),
        r": no cue-conflict stimuli; exp",
    ),
    Case(
        "class map of other columns",
        file("m.csv", b"a,b\n", read_class_map),
        r"m\.csv: its first line is 'a,b'",
    ),
    Case(
        "class map with a doublet",
        file("m.csv", b"output,class\n1,a\n1,b\n", read_class_map),
        r"1 stands there twice",
    ),
    Case(
        "class map binary",
        file("m.csv", b"\xff\xfe\x00", read_class_map),
        r"m\.csv: not a table of two columns",
    ),
    Case(
        "class map absent",
        lambda folder: read_class_map(folder / "m.csv"),
        r"m\.csv: cannot be read \(No such",
    ),
]
