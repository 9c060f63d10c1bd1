"""The command `cgn` of the installed package: the scores of any classifier, from any folder."""

from stages import audit, cue_conflict, in9
from stages.command import run_anywhere


def main() -> None:
    """Run `cgn audit`, `cgn in9` or `cgn cue-conflict`."""
    run_anywhere("cgn", {"audit": audit.main, "in9": in9.main, "cue-conflict": cue_conflict.main})


if __name__ == "__main__":
    main()
