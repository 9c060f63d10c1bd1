from pathlib import Path

from cgn.io.files import leave_out, why_left_out


def test_a_folder_says_why_it_is_empty(tmp_path: Path) -> None:
    folder = tmp_path / "sin"
    assert why_left_out(folder) is None
    folder.mkdir()
    (folder / "weights").write_text("of an earlier run")
    assert why_left_out(folder) is None
    leave_out(folder, "no masks here")
    assert why_left_out(folder) == "no masks here"
    assert not (folder / "weights").exists()
