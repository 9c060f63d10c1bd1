"""Figures with the emoji world's outputs: `python -m experiments.emoji_figures`, after `dvc repro`.

`… emoji_figures 3` draws them of the run that `experiments.emoji seed 3` has left.

figure_1.png: what each head of the ensemble looks at, in images whose factors are of different classes. A map
is by occlusion (Zeiler and Fergus 2014). over_training_<ablation>.png: the mechanisms' outputs during the
training of each row of Table 1 (appendix G). Both stand in reports/emoji, with figures.md for their legends.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image

from cgn.errors import UserError
from cgn.io.arrays import read_arrays
from cgn.io.files import atomic_path, read_json
from cgn.io.pixels import from_bytes
from cgn.networks.classifier import read_signature
from cgn.networks.ensemble import HEADS, EnsembleNetwork, load_ensemble
from cgn.params.reading import ASSETS, BUDGETS, PARAMS, read
from cgn.report.ablation import ABLATIONS
from cgn.report.contact_sheets import arrange, contact_sheet, write_png
from cgn.report.imagenet_figures import PANELS, title_of
from experiments.emoji import FOLDER, seed_path
from experiments.experiment import files_of, starting_commit
from stages.command import run_command

COMMAND = "python -m experiments.emoji_figures"
WORLD = Path("data/imagenet/world")
ENSEMBLE = Path("models/imagenet/classifiers/ensemble")
SHOWN = 3  # images of each kind
SHEETS = 2  # classes whose outputs over the training are shown
PATCH, STRIDE = 12, 3  # pixels: the square that is hidden, and the distance of its places
_DIM = 0.2  # brightness of what a head does not look at


class Look(NamedTuple):
    """What one head answers to an image, and where it looks."""

    answer: int
    probability: float
    places: NDArray[np.float32]  # (r, r) in [0, 1]: by how much hiding a place lowers it, 1 at most


def looks(ensemble: EnsembleNetwork, image: NDArray[np.uint8]) -> dict[str, Look]:
    """What each head answers to `image` uint8 (r, r, 3), and by occlusion where it looks.

    A square of `PATCH` pixels in the image's mean colour hides each place in turn. A pixel's value is the
    mean fall of the answer's probability over the squares that hide it, if it falls.
    """
    size = len(image)
    corners = [
        (top, left)
        for top in range(0, size - PATCH + 1, STRIDE)
        for left in range(0, size - PATCH + 1, STRIDE)
    ]
    hidden = np.repeat(image[None], len(corners) + 1, axis=0)
    for number, (top, left) in enumerate(corners, 1):
        hidden[number, top : top + PATCH, left : left + PATCH] = image.mean(axis=(0, 1)).round()
    with torch.inference_mode():
        probabilities = ensemble.head_logits(from_bytes(torch.from_numpy(hidden))).softmax(dim=2).numpy()
    found = {}
    for head, name in enumerate(HEADS):
        answer = int(probabilities[0, head].argmax())
        of_answer = probabilities[:, head, answer]
        total, squares = np.zeros((2, size, size))
        for (top, left), after in zip(corners, of_answer[1:], strict=True):
            place = slice(top, top + PATCH), slice(left, left + PATCH)
            total[place] += of_answer[0] - after
            squares[place] += 1
        fall = np.clip(total / np.maximum(squares, 1), 0, None)
        places = (fall / max(fall.max(), 1e-6)).astype(np.float32)
        found[name] = Look(answer, float(of_answer[0]), places)
    return found


def figure_1(
    ensemble: EnsembleNetwork,
    images: Sequence[NDArray[np.uint8]],
    names: Sequence[str],
    classes: Sequence[str],
) -> NDArray[np.uint8]:
    """A row for each image: the image over its name, and what each head looks at over its answer."""
    rows = []
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        found = looks(ensemble, image)
        lit = [image * (_DIM + (1 - _DIM) * look.places[..., None]) for look in found.values()]
        cells = np.stack([image, *(one.round().astype(np.uint8) for one in lit)])
        answers = [f"{_short(classes[look.answer])} {look.probability:.0%}" for look in found.values()]
        titles = ["image", *(f"{head} head" for head in found)] if number == 0 else []
        rows.append([contact_sheet(cells[None], (), titles, scale=4, gap=12, captions=[name, *answers])])
    return arrange(rows, gap=8)


def shown_images(world: Path) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """The first image of each of the first classes: of IN-9's Mixed-Rand, and of cue conflict.

    Each has a name, the class of the object or those of shape and surface. Raises UserError without them.
    """
    files = [sorted(folder.glob("*.png"))[0] for folder in _folders(world / "in9/mixed_rand/val")]
    names = [_short(file.parent.name) for file in files]
    for folder in _folders(world / "cue_conflict"):
        of_file = {
            file: [one.rstrip("0123456789") for one in file.stem.split("-")] for file in folder.glob("*.png")
        }
        file = min(file for file, (shape, surface) in of_file.items() if shape != surface)
        files.append(file)
        names.append(" / ".join(map(_short, of_file[file])))
    return [np.asarray(Image.open(file).convert("RGB")) for file in files], names


def _folders(above: Path) -> list[Path]:
    found = sorted(folder for folder in above.glob("*") if folder.is_dir())[:SHOWN]
    if not found:
        raise UserError(f"{above}: not found; dvc repro makes it, in the emoji world")
    return found


def _short(name: str) -> str:
    return name.replace("_", " ").split(" ")[-1]


def over_training(snapshots: Mapping[str, NDArray[Any]], classes: Sequence[str]) -> NDArray[np.uint8]:
    """The mechanisms' outputs for the first classes: a row is an output, a column a step of the training.

    `snapshots` are those of a CGN: `step` (t,), and each of `PANELS` uint8 (t, classes, r, r, 3).
    """
    steps = [f"{int(step):,}" for step in snapshots["step"]]
    blocks = []
    for label, name in enumerate(classes[:SHEETS]):
        rows = np.stack([snapshots[output][:, label] for output in PANELS])
        titles = [title.partition(" = ")[0] for title in PANELS.values()]
        blocks.append([contact_sheet(rows, titles, steps, f"{_short(name)}, after so many steps")])
    return arrange(blocks)


def main(
    seed: Annotated[int | None, typer.Argument(help="of `experiments.emoji seed`")] = None,
) -> None:
    """Draw Figure 1, and the outputs over the training of each ablation, from the models of a run."""
    if seed is None:
        draw(Path(), COMMAND, starting_commit())
        return
    snapshots = [str(_snapshots(ablation)) for ablation in ABLATIONS]
    inputs = [*(PARAMS, ASSETS, BUDGETS), str(WORLD), str(ENSEMBLE), *snapshots]
    with files_of(f"emoji-{seed}", inputs) as folder:
        draw(folder, f"{COMMAND} {seed}", read_json(seed_path(seed))["run"]["commit"])


def draw(run: Path, command: str, commit: str) -> None:
    """Writes the figures of the world and models below the folder `run`, and their page.

    The page names the `command` that draws them, and the `commit` of the run.
    """
    params = read(run)
    torch.set_num_threads(params.threads)
    images, names = shown_images(run / WORLD)
    classes = read_signature(run / ENSEMBLE).classes
    write_png(FOLDER / "figure_1.png", figure_1(load_ensemble(run / ENSEMBLE), images, names, classes))
    for ablation in ABLATIONS:
        outputs = over_training(read_arrays(run / _snapshots(ablation)), classes)
        write_png(FOLDER / f"over_training_{ablation}.png", outputs)
    with atomic_path(FOLDER / "figures.md") as temporary:
        temporary.write_text(_page(command, params.profile, params.seed, commit), encoding="utf-8")


def _snapshots(ablation: str) -> Path:
    return Path("models/imagenet/ablation", ablation, "snapshots.safetensors")


def _page(command: str, profile: str, seed: int, commit: str) -> str:
    sheets = "\n\n".join(
        f"## Training {'with ' if name == 'all' else ''}{title_of(name)}\n\n"
        f"![Outputs during the training](over_training_{name}.png)"
        for name in ABLATIONS
    )
    return (
        "# Figures with outputs of the emoji world\n\n"
        f"`{command}`, profile {profile}, seed {seed}, commit {commit}; one"
        " training each.\n\n"
        "## Figure 1: one backbone, three heads\n\n"
        "![Images, and what each head looks at](figure_1.png)\n\n"
        f"The first image of the first {SHOWN} classes of Mixed-Rand (an object before another class's"
        f" background), then {SHOWN} of cue conflict (shape / surface). Bright: hiding the place lowers the"
        " probability of the head's answer, which is below.\n\n"
        f"{sheets}\n"
    )


if __name__ == "__main__":
    run_command("emoji_figures", {"emoji_figures": main})
