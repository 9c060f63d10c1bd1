"""What a world does not have: its folder, which the graph expects, is there and says why it is empty."""

from pathlib import Path

from cgn.io.files import atomic_folder

NOTE = "left_out.txt"


def leave_out(folder: Path, reason: str) -> None:
    """Make `folder` anew with nothing but `reason`, one line, in it."""
    with atomic_folder(folder) as temporary:
        (temporary / NOTE).write_text(reason + "\n", encoding="utf-8")


def why_left_out(folder: Path) -> str | None:
    """The reason that `leave_out` left in `folder`; None when the folder is what it should be."""
    note = Path(folder) / NOTE
    return note.read_text(encoding="utf-8").strip() if note.is_file() else None
