"""Textures: painted, from a folder, or from the archive of the DTD, all behind one function."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cgn.data.mnist import textures as module
from cgn.data.mnist.textures import DTD_IMAGES, Textures, load_textures
from cgn.data.params import TexturesBudget
from cgn.errors import UserError
from cgn.io.image_folders import Skipped

PROCEDURAL = TexturesBudget(source="procedural", folder=None)


def folder_source(folder: Path) -> TexturesBudget:
    return TexturesBudget(source="folder", folder=str(folder))


def plain(color: tuple[int, int, int], size: int = 40) -> Image.Image:
    return Image.new("RGB", (size, size), color)


# --- procedural -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def painted() -> Textures:
    return load_textures(PROCEDURAL, size=150, seed=0, skipped=Skipped())


def crops(texture: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.uint8]:
    corners = np.random.default_rng(seed).integers(texture.shape[0] - 31, size=(count, 2))
    return np.stack([texture[row : row + 32, column : column + 32] for row, column in corners])


def histogram(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of each of 4x4x4 colours, (n, 64)."""
    bins = images.astype(np.int64) // 64 @ np.array([16, 4, 1])
    return np.stack([np.bincount(image.ravel(), minlength=64) / image.size for image in bins])


def test_painted_textures_have_the_promised_form(painted: Textures) -> None:
    assert painted.keys() == {"foreground", "background"}
    for textures in painted.values():
        assert textures.shape == (10, 150, 150, 3)
        assert textures.dtype == np.uint8
    small = load_textures(PROCEDURAL, size=32, seed=0, skipped=Skipped())
    assert small["foreground"].shape == (10, 32, 32, 3)


def test_painted_textures_follow_from_the_seed(painted: Textures) -> None:
    again, other = load_textures(PROCEDURAL, 150, 0, Skipped()), load_textures(PROCEDURAL, 150, 1, Skipped())
    for cue in painted:
        np.testing.assert_array_equal(painted[cue], again[cue])
        for index in range(10):
            assert not np.array_equal(painted[cue][index], other[cue][index])


@pytest.mark.parametrize("cue", ["foreground", "background"])
def test_the_class_can_be_told_from_any_crop(cue: str, painted: Textures) -> None:
    """Nearest class by colour histogram: the shortcut is really there."""
    means = np.stack([histogram(crops(texture, 60, seed=0)).mean(axis=0) for texture in painted[cue]])
    for index, texture in enumerate(painted[cue]):
        distances = np.abs(histogram(crops(texture, 60, seed=1))[:, None] - means).sum(axis=2)
        assert np.mean(distances.argmin(axis=1) == index) >= 0.9


@pytest.mark.parametrize("cue", ["foreground", "background"])
def test_two_crops_of_a_class_look_different(cue: str, painted: Textures) -> None:
    for texture in painted[cue]:
        first, second = crops(texture, 60, seed=0), crops(texture, 60, seed=1)
        assert np.abs(first.astype(np.int16) - second).mean() > 8


# --- folder ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty plain images; the red channel is the class, the green one tells the two kinds apart."""
    for kind, green in (("object", 0), ("background", 200)):
        (tmp_path / kind).mkdir()
        for index in reversed(range(10)):
            plain((index, green, 0)).save(tmp_path / kind / f"{index}.png")
    return tmp_path


def test_classes_follow_the_file_names(folder: Path) -> None:
    textures = load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())
    for cue, green in (("foreground", 0), ("background", 200)):
        assert textures[cue].shape == (10, 32, 32, 3)
        for index, texture in enumerate(textures[cue]):
            assert np.unique(texture.reshape(-1, 3), axis=0).tolist() == [[index, green, 0]]


def test_the_folder_may_be_called_foreground(folder: Path) -> None:
    expected = load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())
    (folder / "object").rename(folder / "foreground")
    renamed = load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())
    np.testing.assert_array_equal(renamed["foreground"], expected["foreground"])


def test_any_image_mode_is_read_and_other_files_are_ignored(folder: Path) -> None:
    plain((7, 7, 7)).convert("L").save(folder / "object" / "0.png")
    plain((9, 8, 7)).convert("RGBA").save(folder / "object" / "1.png")
    plain((30, 20, 10)).convert("P", palette=Image.Palette.ADAPTIVE).save(folder / "object" / "2.png")
    (folder / "object" / "0_notes.txt").write_text("not an image")
    foreground = load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())["foreground"]
    assert foreground[:3, 0, 0].tolist() == [[7, 7, 7], [9, 8, 7], [30, 20, 10]]


def test_resizing_picks_nearest_pixels(folder: Path) -> None:
    halves = np.zeros((100, 100, 3), dtype=np.uint8)
    halves[:, 50:] = 255
    Image.fromarray(halves).save(folder / "object" / "0.png")
    texture = load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())["foreground"][0]
    assert np.unique(texture).tolist() == [0, 255]  # no value in between
    assert texture[:, :16].max() == 0
    assert texture[:, 16:].min() == 255


def test_more_than_ten_images_use_the_first_ten(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    plain((99, 99, 99)).save(folder / "object" / "z.png")
    assert (
        load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())["foreground"][9, 0, 0, 0]
        == 9
    )
    assert "11 images, the first ten by name are used" in caplog.text


def test_faults_of_a_folder_are_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"textures\.folder: not set"):
        load_textures(TexturesBudget(source="folder", folder=None), size=32, seed=0, skipped=Skipped())
    with pytest.raises(UserError, match="nowhere: no such folder"):
        load_textures(folder_source(folder / "nowhere"), size=32, seed=0, skipped=Skipped())
    (folder / "object" / "4.png").write_bytes(b"not an image")
    with pytest.raises(UserError, match=r"object/4\.png: not a readable image \(unknown format\)"):
        load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())
    (folder / "object" / "4.png").unlink()
    with pytest.raises(UserError, match="object: 9 images, expected ten"):
        load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())


def test_a_truncated_image_is_named(folder: Path) -> None:
    path = folder / "background" / "3.png"
    noise = np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match=r"background/3\.png: not a readable image \(.*truncated") as failure:
        load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())
    assert "\n" not in str(failure.value)


def test_a_missing_half_is_named(folder: Path) -> None:
    (folder / "background").rename(folder / "ground")
    with pytest.raises(UserError, match="background: no such folder"):
        load_textures(folder_source(folder), size=32, seed=0, skipped=Skipped())


def test_the_papers_textures(shared_data: Path) -> None:
    textures = load_textures(folder_source(shared_data / "textures"), size=150, seed=0, skipped=Skipped())
    zebra, blue_leaf = textures["foreground"][5], textures["background"][8]
    assert np.ptp(zebra.mean(axis=(0, 1))) < 15  # black and white
    assert blue_leaf[..., 2].mean() > blue_leaf[..., 0].mean() + 60


# --- the archive of the DTD -----------------------------------------------------------------------


def write_archive(path: Path, images: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in images.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def png(color: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    plain(color).save(buffer, "PNG")
    return buffer.getvalue()


def plain_dtd() -> dict[str, bytes]:
    """The paper's twenty, plain: the red channel is the class, the green one tells the two kinds apart."""
    return {name: png((i, 0 if cue == "foreground" else 200, 0)) for name, (cue, i) in DTD_IMAGES.items()}


@pytest.fixture
def publish(
    serve: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[dict[str, bytes]], TexturesBudget]:
    """Serve an archive in the place of the DTD; gives the budget that downloads it to tmp_path/local."""

    def start(images: dict[str, bytes]) -> TexturesBudget:
        (tmp_path / "remote").mkdir()
        archive = tmp_path / "remote" / "dtd-r1.0.1.tar.gz"
        write_archive(archive, images)
        sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
        served = module.DTD.model_copy(
            update={"url": f"{serve(archive.parent)}/{archive.name}", "sha256": sha256}
        )
        monkeypatch.setattr(module, "DTD", served)
        return TexturesBudget(source="dtd", folder=str(tmp_path / "local"))

    return start


def test_the_archive_is_fetched_and_read(publish: Callable[[dict[str, bytes]], TexturesBudget]) -> None:
    others = {"dtd/images/striped/striped_0002.jpg": b"never looked at", "dtd/labels/test1.txt": b""}
    textures = load_textures(publish(others | plain_dtd()), size=32, seed=0, skipped=Skipped())
    for cue, green in (("foreground", 0), ("background", 200)):
        assert textures[cue][:, 5, 5].tolist() == [[index, green, 0] for index in range(10)]


def test_the_archive_cannot_write_outside_its_folder(
    publish: Callable[[dict[str, bytes]], TexturesBudget], tmp_path: Path
) -> None:
    escape = {"../escaped.jpg": b"x", str(tmp_path / "absolute.jpg"): b"x"}
    load_textures(publish(escape | plain_dtd()), size=32, seed=0, skipped=Skipped())
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["local/dtd-r1.0.1.tar.gz", "remote/dtd-r1.0.1.tar.gz"]
    assert not (tmp_path.parent / "escaped.jpg").exists()


def test_an_archive_without_an_image_is_named(
    publish: Callable[[dict[str, bytes]], TexturesBudget],
) -> None:
    images = plain_dtd()
    del images["dtd/images/veined/veined_0131.jpg"]
    with pytest.raises(UserError, match=r"1 of 20 images are missing, dtd/images/veined/veined_0131\.jpg"):
        load_textures(publish(images), size=32, seed=0, skipped=Skipped())


def test_a_truncated_archive_is_named(
    publish: Callable[[dict[str, bytes]], TexturesBudget], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    budget = publish(plain_dtd())
    archive = tmp_path / "remote" / "dtd-r1.0.1.tar.gz"
    archive.write_bytes(archive.read_bytes()[:400])
    truncated = module.DTD.model_copy(update={"sha256": hashlib.sha256(archive.read_bytes()).hexdigest()})
    monkeypatch.setattr(module, "DTD", truncated)
    with pytest.raises(UserError, match=r"dtd-r1\.0\.1\.tar\.gz: not a readable archive"):
        load_textures(budget, size=32, seed=0, skipped=Skipped())


def test_the_archive_and_the_folder_give_the_same(
    publish: Callable[[dict[str, bytes]], TexturesBudget], shared_data: Path
) -> None:
    images: dict[str, bytes] = {}
    for name, (cue, index) in DTD_IMAGES.items():
        kind = "object" if cue == "foreground" else "background"
        path = shared_data / "textures" / kind / f"{index}_{name.rsplit('/', 1)[-1]}"
        images[name] = path.read_bytes()
    unpacked = load_textures(folder_source(shared_data / "textures"), size=150, seed=0, skipped=Skipped())
    archived = load_textures(publish(images), size=150, seed=0, skipped=Skipped())
    for cue in unpacked:
        np.testing.assert_array_equal(archived[cue], unpacked[cue])
