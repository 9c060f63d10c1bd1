"""Folders as people have them: layouts of classes and splits, each with the photos that are found in it."""

from pathlib import Path
from unicodedata import normalize

import pytest

from cgn.data.photos.layouts import find_photos, photo_root
from cgn.errors import UserError
from cgn.io.image_folders import Skipped


def made(root: Path, paths: list[str]) -> Path:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root


LAYOUTS = {
    "classes": (
        ["cat/a.jpg", "cat/b.png", "dog/a.jpg"],
        [("cat/a.jpg", "cat", None), ("cat/b.png", "cat", None), ("dog/a.jpg", "dog", None)],
        "nothing",
    ),
    "sub-folders, masks and loose files": (
        ["cat/2024/may/a.jpg", "cat/a.jpg", "cat/a_mask.png", "dog/a.jpg", "x.jpg", "list.csv", ".git/a.jpg"],
        [("cat/2024/may/a.jpg", "cat", None), ("cat/a.jpg", "cat", None), ("dog/a.jpg", "dog", None)],
        "1 hidden, 1 images outside of a class folder, 1 masks, 1 no images by their ending",
    ),
    "ready-made": (
        ["train/cat/a.jpg", "val/cat/b.jpg", "test/cat/c.jpg", "train/dog/a.jpg", "train/x.jpg", "y.jpg"],
        [
            ("test/cat/c.jpg", "cat", "test_images"),
            ("train/cat/a.jpg", "cat", "train"),
            ("val/cat/b.jpg", "cat", "validation"),
            ("train/dog/a.jpg", "dog", "train"),
        ],
        "2 images outside of a class folder",
    ),
    "ready-made, other names": (
        ["Training/cat/a.jpg", "Valid/cat/b.jpg", "Testing/cat/c.jpg", "Testing/emu/c.jpg", ".cache/a"],
        [
            ("Testing/cat/c.jpg", "cat", "test_images"),
            ("Training/cat/a.jpg", "cat", "train"),
            ("Valid/cat/b.jpg", "cat", "validation"),
        ],
        "1 hidden, 1 of classes without training photos",
    ),
    "a class called train": (
        ["train/a.jpg", "car/a.jpg"],
        [("car/a.jpg", "car", None), ("train/a.jpg", "train", None)],
        "nothing",
    ),
    "splits below classes": (
        ["cat/train/a.jpg", "cat/test/a.jpg", "dog/train/a.jpg"],
        [("cat/test/a.jpg", "cat", None), ("cat/train/a.jpg", "cat", None), ("dog/train/a.jpg", "dog", None)],
        "nothing",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, tmp_path: Path) -> None:
    paths, expected, account = LAYOUTS[layout]
    skipped = Skipped()
    found = find_photos(made(tmp_path, paths), skipped)
    assert [(p.file.relative_to(tmp_path).as_posix(), p.class_name, p.split) for p in found] == expected
    assert skipped.summary() == account


def test_tiny_imagenet(tmp_path: Path) -> None:
    made(tmp_path, ["wnids.txt", "words.txt", "train/n01/n01_boxes.txt", "train/n01/images/n01_0.JPEG"])
    made(tmp_path, ["train/n02/images/n02_0.JPEG", "val/images/val_0.JPEG", "val/images/val_1.JPEG"])
    made(tmp_path, ["val/images/val_2.JPEG", "test/images/test_0.JPEG"])
    (tmp_path / "val/val_annotations.txt").write_text(
        "val_0.JPEG\tn02\t0\t32\t44\t62\nval_1.JPEG\tn01\t5\t3\t4\t6\n"
    )
    skipped = Skipped()
    assert [(photo.file.name, photo.class_name, photo.split) for photo in find_photos(tmp_path, skipped)] == [
        ("n01_0.JPEG", "n01", "train"),
        ("val_1.JPEG", "n01", "validation"),
        ("n02_0.JPEG", "n02", "train"),
        ("val_0.JPEG", "n02", "validation"),
    ]
    # test/images has no classes; the list of val/ is read and is no loss
    assert skipped.summary() == (
        "3 no images by their ending, 1 not in val_annotations.txt, 1 of classes without training photos"
    )


TABLES = {
    "comma": "file,class\ncat 1.jpg,cat\nsub/ä.png,dog\n",
    "semicolon, mark, other names": "\ufeffLabel;Filename;note\ncat;cat 1.jpg;x\ndog;sub/ä.png;y\n",
    "tabs, blanks, DOS lines": "path\tclass\r\ncat 1.jpg \t cat\r\n./sub/ä.png\tdog\r\n",
    "quotes": 'image,class_name\n"cat 1.jpg","cat"\n"sub/ä.png","dog"\n',
}


@pytest.mark.parametrize("table", TABLES)
def test_tables(table: str, tmp_path: Path) -> None:
    made(tmp_path, ["cat 1.jpg", "sub/ä.png"])
    (tmp_path / "photos.csv").write_bytes(TABLES[table].encode())
    skipped = Skipped()
    assert find_photos(tmp_path / "photos.csv", skipped) == [
        (tmp_path / "cat 1.jpg", "cat", None),
        (tmp_path / "sub/ä.png", "dog", None),
    ]
    assert skipped.summary() == "nothing"
    assert photo_root(tmp_path / "photos.csv") == photo_root(tmp_path) == tmp_path


def test_a_table_with_splits_and_lines_that_are_skipped(tmp_path: Path) -> None:
    made(tmp_path, ["a.jpg", "b.jpg", "c.jpg", "d_mask.png"])
    rows = ["file,class,split", "a.jpg,cat,Train", "b.jpg,cat,", "c.jpg,cat,test", "a.jpg,dog,train"]
    rows += ["gone.jpg,cat,train", "d_mask.png,cat,train", f"{tmp_path}/b.jpg,dog,val"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    skipped = Skipped()
    found = find_photos(tmp_path / "t.csv", skipped)
    assert [(photo.file.name, photo.split) for photo in found] == [
        ("a.jpg", "train"),
        ("b.jpg", None),
        ("c.jpg", "test_images"),
    ]
    assert skipped.summary() == "2 listed twice, 1 masks, 1 not found"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"no,names\n\na.jpg,cat", "columns no, names; it needs file and class"),
        ("t.csv", b"a.jpg,cat\nb.jpg,dog\n", r"columns a\.jpg, cat; it needs file and class"),
        ("t.csv", b"file,class\na.jpg,\n", "class '': not a name"),
        ("t.csv", b"file,class\na.jpg,../cat\n", r"class '\.\./cat': not a name"),
        ("t.csv", b"file,class\na.jpg,c\x07t\n", r"class 'c\\x07t': not a name"),
        ("t.csv", b"file,class\na.jpg,..\n", r"class '\.\.': not a name"),
        ("t.csv", b"file,class\na.jpg," + b"x" * 101, "class 'x+': longer than 100 bytes; shorten it"),
        ("t.csv", b"file,class,split\na.jpg,cat,half\n", "line 2: split 'half': not one of train, "),
        ("t.csv", b"file,class\na.jpg,caf\xe9\n", "not UTF-8 at byte 20; save it as UTF-8"),
        ("t.csv", b'file,class\n"' + b"x" * 200_000 + b'",cat\n', r"line 2: not CSV \(field larger"),
        ("t.zip", b"PK", r"neither a folder nor a \.csv file .* unpack an archive"),
    ],
)
def test_mistakes_in_a_table_are_one_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    made(tmp_path, ["a.jpg"])
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: {message}") as caught:
        find_photos(tmp_path / name, Skipped())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["می\u200cخواهم", "👩\u200d🚀 & Co", "<img onerror=alert(1)>", "50% #1"])
def test_names_of_any_script(name: str, tmp_path: Path) -> None:
    made(tmp_path, [f"{name}/a.jpg"])
    assert [photo.class_name for photo in find_photos(tmp_path, Skipped())] == [name]


def test_two_normal_forms_are_one_class(tmp_path: Path) -> None:
    forms = [normalize(form, "Bär") for form in ("NFC", "NFD")]
    made(tmp_path, [f"{forms[0]}/a.jpg", f"{forms[1]}/b.jpg", "Öl/c.jpg"])
    names = [photo.class_name for photo in find_photos(tmp_path, Skipped())]
    assert names == [forms[0], forms[0], normalize("NFC", "Öl")]
