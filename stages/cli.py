"""The command `cgn` of the installed package, from any folder: scores of any classifier, and a drawing."""

from stages import audit, cue_conflict, draw, in9
from stages.command import run_anywhere


def main() -> None:
    """Run `cgn audit`, `cgn in9`, `cgn cue-conflict` or `cgn draw`."""
    run_anywhere(
        "cgn",
        {"audit": audit.main, "in9": in9.main, "cue-conflict": cue_conflict.main, "draw": draw.main},
    )


if __name__ == "__main__":
    main()
