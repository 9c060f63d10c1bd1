"""The frame of all stage commands: validated parameters, one-line errors, logging, threads and timing."""

import errno
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import typer

from cgn import ranks
from cgn.errors import UserError
from cgn.io.files import located, printable, write_json
from cgn.params.reading import read
from cgn.params.schema import Params

# The folder of checkpoints and timings. It is no output of DVC, and may be outside of the clone.
SCRATCH = Path(os.environ.get("CGN_SCRATCH", ".scratch")).expanduser()
# Errors of the machine, not of the code -> what the user can do.
MACHINE = {
    errno.EACCES: "change its rights, or run elsewhere",
    errno.EPERM: "change its rights, or run elsewhere",
    errno.EROFS: "run where files can be written",
    errno.ENOSPC: "make room on the disk, then run it again",
    errno.EDQUOT: "make room in your quota, then run it again",
    errno.EFBIG: "the limit on file sizes (ulimit -f) is too low",
    errno.EMFILE: "the limit on open files (ulimit -n) is too low",
    errno.ENOMEM: "make memory free, or lower a batch or the threads",
}
INTERRUPTED = 130  # the status of a command that the user interrupts
FAILED = "CGN_FAILED"  # set in processes that stages/launch.py starts: the file that the first to fail makes
# What torch, numpy, OpenCV and the loader of libraries say when there is no memory.
NO_MEMORY = re.compile(
    "allocate memory|out of memory|Insufficient memory|bad_alloc|map segment|start new thread", re.I
)
log = logging.getLogger("stages")


# Where parameters are read, and their profile: in the repository's root, of the profile that params.yaml
# names; or those that an installed package brings (links to the root's), of the profile for photos.
_HERE, _PACKAGED = (Path(), None), (Path(__file__).parent / "packaged", "photos")
_parameters: tuple[Path, str | None] = _HERE


@cache
def _params(folder: Path, profile: str | None) -> Params:
    return read(folder, profile)


def section(key: str) -> Any:
    """The validated value or section at a dotted key. All parameters are validated first.

    `budgets.X` is X in the profile's file, and `assets.X` is X in assets.yaml. Other keys are those of
    params.yaml, completed by the profile's file. A section that may differ between variants is a `ByVariant`:
    `section("methods.irm").of(variant)`. Stages read parameters only by this function; a test compares the
    keys with dvc.yaml. Raises UserError for an unknown key or a bad value.
    """
    value: Any = _params(*_parameters)
    for part in key.split("."):
        fields = getattr(type(value), "model_fields", {})
        if part not in fields:
            raise UserError(f"no parameter {key}: '{part}' is not one of {', '.join(fields) or 'any'}")
        value = getattr(value, part)
    return value


def run(main: Callable[..., None], in_ranks: bool = False) -> None:
    """Runs a stage's `main` as a Typer command. A UserError ends it with one line and status 1.

    With `in_ranks` the stage runs in as many processes as `launch` of params.yaml says (see cgn/ranks.py).
    """
    stage = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    started = time.monotonic()
    is_rank = FAILED in os.environ and "RANK" in os.environ
    with one_line_errors(stage):
        threads = str(section("threads"))
        os.environ["OMP_NUM_THREADS"] = threads  # read by torch when it is imported
        os.environ["MKL_NUM_THREADS"] = threads
        launch = section("launch")
        if is_rank:
            _run_as_rank(stage, main)
        elif in_ranks and launch.processes > 1:
            from stages.launch import start_ranks

            start_ranks(stage, launch, section("device"))
        else:
            run_command(stage, {"": main})
        # Set by DVC; a command that a user runs is not timed. Ranks, and the agents of several machines, are
        # timed by the command that started them, so that one process alone writes the file.
        if "DVC_STAGE" in os.environ and FAILED not in os.environ:
            name = os.environ["DVC_STAGE"].rpartition(":")[2]  # without the path of dvc.yaml
            _record_time(name.replace("@", "-"), time.monotonic() - started)


def _run_as_rank(stage: str, main: Callable[..., None]) -> None:
    if os.environ["RANK"] != "0":  # the first one tells what all do
        os.environ["TQDM_DISABLE"] = "1"
        logging.getLogger().setLevel(logging.ERROR)
    ranks.start(section("device"))
    run_command(stage, {"": main})
    ranks.end()


def run_anywhere(name: str, mains: Mapping[str, Callable[..., None]]) -> None:
    """Runs one of `mains`, by its sub-command if there are several, as the command `name`, from any folder.

    Parameters are those that the package brings, even if the folder has a params.yaml, and torch takes as
    many threads as it likes.
    """
    global _parameters
    _parameters = _PACKAGED
    run_command(name, mains)


def run_command(name: str, mains: Mapping[str, Callable[..., None]]) -> None:
    """Runs one of `mains`, by its sub-command if there are several, with parameters of the folder it is in.

    In the words of the command line, `~/` is the home folder also where shells leave it as it is: in quotes
    and behind `=` or `:`.
    """
    app = typer.Typer(name=name, add_completion=False, pretty_exceptions_enable=False)
    for command, main in mains.items():
        app.command(command or None)(main)
    with one_line_errors(name):
        words = [re.sub(r"(?<![^=:])~(?=/)", lambda _: str(located("~")), word) for word in sys.argv[1:]]
        if status := app(words, standalone_mode=False):  # Typer returns it: 130 for an interruption
            if FAILED not in os.environ:  # else who started it says so
                log.error("%s: interrupted; the same command goes on", name)
            sys.exit(status)


@contextmanager
def one_line_errors(command: str) -> Iterator[None]:
    """Logs to standard error, and ends the process with one line for what the user can mend."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        yield
    except Exception:
        if not _is_first_to_fail():
            sys.exit(1)
        with _told(command):
            raise


def _is_first_to_fail() -> bool:
    """Whether no other rank of the stage has failed before; those that wait for one fail after it."""
    if FAILED not in os.environ:
        return True
    first, own = Path(os.environ[FAILED]), str(os.getpid())
    try:
        with first.open("x", encoding="utf-8") as stream:
            stream.write(own)
    except FileExistsError:
        return first.read_text(encoding="utf-8") == own
    except FileNotFoundError:  # its folder is gone with the command that started the ranks
        return False
    return True


@contextmanager
def _told(command: str) -> Iterator[None]:
    """Turns an error that the user can mend into one line."""
    try:
        yield
    except UserError as error:
        log.error("%s: error: %s", command, error)
        sys.exit(1)
    except OSError as error:
        if error.errno is None or (error.filename is None and error.errno not in MACHINE):
            raise
        where = "output" if error.filename is None else printable(Path(os.fsdecode(error.filename)))
        hint = MACHINE.get(error.errno, "look whether it is there, and what it is")
        log.error("%s: error: %s: %s; %s", command, where, error.strerror, hint)
        sys.exit(1)
    except Exception as error:
        if hasattr(error, "format_message"):  # wrong use of the command line
            log.error("%s: error: %s (see --help)", command, error.format_message())
            sys.exit(2)
        if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
            log.error(
                "%s: error: out of memory; %s, in params.yaml or budgets/", command, MACHINE[errno.ENOMEM]
            )
            sys.exit(1)
        raise


def _record_time(stage: str, seconds: float) -> None:
    write_json(SCRATCH / "timings" / f"{stage}.json", {"seconds": round(seconds, 2)})
