"""Shards and archives of images."""

import io
import json
import tarfile
from typing import Any

import numpy as np

from cgn.data.photos.photos import unpack_set
from cgn.io.shards import read_images
from tests.unit.bad_input.case import HTML, NOISE, Act, Case, bomb, file, png


def tar(*members: tuple[str, bytes] | tarfile.TarInfo, form: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=form) as archive:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                header = tarfile.TarInfo(member[0])
                header.size = len(member[1])
                archive.addfile(header, io.BytesIO(member[1]))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header


def shard(content: bytes) -> Act:
    return file("000000.tar", content, lambda path: read_images([path]))


def archive(content: bytes) -> Act:
    return file("set.tar.gz", content, lambda path: unpack_set(path, path.parent / "out", 32))


def sample(key: str, metadata: Any = None, size: int = 4) -> list[tuple[str, bytes]]:
    values = {"index": 0, "labels": {"shape": 3}} if metadata is None else metadata
    content = values if isinstance(values, bytes) else json.dumps(values).encode()
    return [(f"{key}.png", png(np.zeros((size, size, 3)))), (f"{key}.json", content)]


BROKEN = r"000000\.tar: damaged \(.*{}.*\); delete its folder and run dvc repro"
NO_SET = r"set\.tar\.gz: not the archive it should be \(.*{}.*\); fetch it again"

TARS = [
    Case("shard cut", shard(tar(*sample("0"))[:700]), BROKEN.format("")),
    Case("shard empty file", shard(b""), BROKEN.format("")),
    Case("shard is HTML", shard(HTML), BROKEN.format("")),
    Case("shard without samples", shard(tar()), r"no samples in its shards; delete them and run dvc repro"),
    Case(
        "shard with a doublet", shard(tar(*sample("0"), *sample("1"), *sample("0"))), BROKEN.format("twice")
    ),
    Case(
        "shard without a label file",
        shard(tar(*sample("0"), sample("1")[0])),
        BROKEN.format(r"1: \.png where"),
    ),
    Case("shard pairs that miss", shard(tar(sample("0")[0], *sample("1"))), BROKEN.format(r"0: \.png where")),
    Case(
        "shard with a third", shard(tar(*sample("0"), ("0.txt", b""))), BROKEN.format("should stand together")
    ),
    Case(
        "shard with a link",
        shard(tar(link("0.png", "/etc/passwd"), sample("0")[1])),
        BROKEN.format(r"\.json where"),
    ),
    Case(
        "shard with a damaged image",
        shard(tar(("0.png", HTML), sample("0")[1])),
        BROKEN.format(r"0\.png: not a"),
    ),
    Case(
        "shard with a bomb",
        shard(tar(("0.png", bomb(99999, 99999)), sample("0")[1])),
        BROKEN.format("Image size"),
    ),
    Case("shard label no JSON", shard(tar(*sample("0", b"{"))), BROKEN.format(r"0\.json: no JSON with")),
    Case("shard label no UTF-8", shard(tar(*sample("0", b"\xff"))), BROKEN.format(r"0\.json: no JSON with")),
    Case("shard label a list", shard(tar(*sample("0", [1]))), BROKEN.format(r"0\.json: no JSON with")),
    Case(
        "shard label without labels", shard(tar(*sample("0", {"a": 1}))), BROKEN.format(r"0\.json: no JSON")
    ),
    Case(
        "shard label of text",
        shard(tar(*sample("0", {"labels": {"shape": "3"}}))),
        BROKEN.format(r"0\.json: no"),
    ),
    Case("shard of two sizes", shard(tar(*sample("0"), *sample("1", size=8))), r"samples of different sizes"),
    Case(
        "shard of two kinds",
        shard(tar(*sample("0"), *sample("1", {"labels": {"texture": 3}}))),
        r"samples of different sizes or mechanisms; delete it and run dvc repro",
    ),
    Case("shard absent", lambda folder: read_images([folder / "0.tar"]), r"0\.tar: damaged \(.*No such file"),
    Case(
        "set cut",
        archive(tar(("s/a.png", png(NOISE)), form="w:gz")[:300]),
        r"set\.tar\.gz: .*; (replace|fetch)",
    ),
    Case("set is HTML", archive(HTML), NO_SET.format("")),
    Case("set without images", archive(tar(("s/README", b"x"))), NO_SET.format("no images in it")),
    Case("set that climbs", archive(tar(("s/../../evil.png", png(NOISE)))), NO_SET.format("no images in it")),
    Case("set of links", archive(tar(link("s/a.png", "/etc/passwd"))), NO_SET.format("no images in it")),
    Case(
        "set of hard links", archive(tar(link("s/a.png", "x", tarfile.LNKTYPE))), NO_SET.format("no images")
    ),
    Case("set of pipes", archive(tar(link("s/a.png", "", tarfile.FIFOTYPE))), NO_SET.format("no images")),
    Case(
        "set with a doublet",
        archive(tar(("s/a.png", png(NOISE)), ("s/a.jpg", png(NOISE)))),
        NO_SET.format(r"s/a\.jpg: stands there twice"),
    ),
    Case(
        "set with a damaged image", archive(tar(("s/a.png", HTML))), r"set\.tar\.gz: s/a\.png: not a readable"
    ),
]
