"""Folders as people have them: one rule for what is an image, and all else is counted by its reason."""

import csv
import logging
import os
from pathlib import Path
from unicodedata import normalize

import pytest

from cgn.errors import UserError
from cgn.io import image_folders
from cgn.io.image_folders import SUFFIXES, Skipped, class_folders, image_files, is_image_name, why_skipped


def touch(root: Path, *paths: str | bytes) -> None:
    for path in paths:
        file = root / os.fsdecode(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def found_in(root: Path, skipped: Skipped) -> list[str]:
    return [file.relative_to(root).as_posix() for file in image_files(root, skipped)]


@pytest.fixture(autouse=True)
def _with_heic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folders, "reads_heic", lambda: True)


def test_all_endings_at_any_depth_in_order(tmp_path: Path) -> None:
    names = [f"{number:02d}{suffix}" for number, suffix in enumerate(SUFFIXES)]
    touch(tmp_path, *reversed(names), "20/10/b.JPEG", "20/a.Png", "20/10/a.HEIC", "99.jpg")
    skipped = Skipped()
    assert found_in(tmp_path, skipped) == [*names, "20/10/a.HEIC", "20/10/b.JPEG", "20/a.Png", "99.jpg"]
    assert skipped.summary() == "nothing"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("._a.jpg", "hidden"),
        (".DS_Store", "hidden"),
        ("Thumbs.db", "hidden"),
        ("desktop.ini", "hidden"),
        ("@eaDir/a.jpg/thumb.jpg", "hidden"),
        ("__MACOSX/._a.jpg", "hidden"),
        ("notes.txt", "no images by their ending"),
        ("jpg", "no images by their ending"),
        ("a_mask.png", "masks"),
        ("a_MASK.PNG", "masks"),
        (b"caf\xe9.jpg", "names that are no UTF-8"),
        (b"caf\xe9/a.jpg", "names that are no UTF-8"),
    ],
)
def test_what_is_skipped_has_a_reason(tmp_path: Path, name: str | bytes, reason: str) -> None:
    touch(tmp_path, "deep/a.jpg", os.fsencode("deep/") + os.fsencode(name))
    skipped = Skipped()
    assert found_in(tmp_path, skipped) == ["deep/a.jpg"]
    assert skipped.summary() == f"1 {reason}"
    assert not is_image_name(Path(os.fsdecode(name)).parts[0]) or reason == "names that are no UTF-8"


def test_links_pipes_and_circles(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "elsewhere/2.jpg")
    (tmp_path / "a/gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "a/itself.jpg").symlink_to("itself.jpg")
    (tmp_path / "a/good.jpg").symlink_to("1.jpg")
    (tmp_path / "a/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a/up").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "a/pipe.jpg")  # to open it would wait for ever
    skipped = Skipped()
    assert found_in(tmp_path / "a", skipped) == ["1.jpg", "good.jpg", "more/2.jpg"]
    assert skipped.summary() == "1 links in a circle, 2 links to nothing, 1 no regular files"


def test_a_folder_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/1.jpg", "locked/2.jpg")
    list_it = Path.iterdir

    def refuse(folder: Path) -> object:  # root may open all, so no test can lock a folder
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied")
        return list_it(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    skipped = Skipped()
    assert found_in(tmp_path, skipped) == ["a/1.jpg"]
    assert skipped.summary() == "1 folders that cannot be opened"


def test_heic_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folders, "reads_heic", lambda: False)
    touch(tmp_path, "a.heic", "b.HEIF", "c.jpg")
    skipped = Skipped()
    assert found_in(tmp_path, skipped) == ["c.jpg"]
    assert skipped.summary() == "2 HEIC, which needs the package pillow-heif"


def test_one_file(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a_mask.png")
    assert why_skipped(tmp_path / "a.jpg") is None
    assert why_skipped(tmp_path / "a_mask.png") == "masks"
    assert why_skipped(tmp_path / "b.jpg") == "not found"


def test_the_account_is_one_line_and_a_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "a,b.txt", "c.txt", b"caf\xe9.jpg", ".hidden")
    skipped, table = Skipped(), tmp_path.parent / f"{tmp_path.name}.csv"
    image_files(tmp_path, skipped)
    image_files(tmp_path, skipped)  # a second look counts nothing twice
    skipped.add(Path("/elsewhere/x.jpg"), "not readable", "cut")
    with caplog.at_level(logging.WARNING):
        skipped.report(tmp_path, table)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{tmp_path}: skipped: 1 hidden, 1 names that are no UTF-8, 2 no images by their ending,"
        f" 1 not readable; listed in {table}"
    )
    with table.open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [
            ["path", "reason", "detail"],
            [".hidden", "hidden", ""],
            ["a,b.txt", "no images by their ending", ""],
            ["c.txt", "no images by their ending", ""],
            ["caf\\xe9.jpg", "names that are no UTF-8", ""],
            ["/elsewhere/x.jpg", "not readable", "cut"],
        ]
    caplog.clear()
    Skipped().report(tmp_path, table)
    assert not caplog.records
    assert not table.exists()


def test_a_class_in_two_normal_forms_is_one(tmp_path: Path) -> None:
    forms = [normalize(form, "Äpfel & Birnen #1 100%") for form in ("NFC", "NFD")]
    touch(
        tmp_path,
        f"{forms[0]}/a.jpg",
        f"{forms[1]}/b.jpg",
        "Zebra <b>/c.jpg",
        ".git/d.jpg",
        "loose.jpg",
        "README",
    )
    skipped = Skipped()
    classes = class_folders(tmp_path, skipped)
    assert list(classes) == ["Zebra <b>", forms[0]]
    assert set(classes[forms[0]]) == {tmp_path / form for form in forms}
    assert skipped.summary() == "1 hidden, 1 images outside of a class folder, 1 no images by their ending"


def test_a_class_whose_name_is_no_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    with pytest.raises(UserError, match=r"caf\\xe9: the name is no UTF-8; rename the folder"):
        class_folders(tmp_path, Skipped())
