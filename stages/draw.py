"""`cgn draw`: one counterfactual image of the shipped generators. Not a stage of the graph."""

import logging
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from stages.command import run_anywhere

WEIGHTS = Path(__file__).parent / "packaged" / "weights"  # a link to weights/mnist
SCALE = 6  # of the pictures

Profile = Literal["laptop", "paper"]

log = logging.getLogger(__name__)


def main(
    variant: Annotated[str, Argument(help="colored, double_colored or wildlife")],
    out: Annotated[Path, Option(help="the .png file to write", dir_okay=False)],
    shape: Annotated[int, Option(min=0, max=9, help="the class of the shape")] = 3,
    foreground: Annotated[int, Option(min=0, max=9, help="the class of the foreground")] = 7,
    background: Annotated[int, Option(min=0, max=9, help="the class of the background")] = 1,
    noise: Annotated[int, Option(min=0, help="another number gives another image")] = 0,
    profile: Annotated[Profile, Option(help="the sizes at which the generator was trained")] = "laptop",
) -> None:
    """Draw an image of VARIANT after do(shape, foreground, background): mask, textures, composite."""
    from cgn.data.mnist.variants import VARIANTS
    from cgn.errors import UserError

    name = variant.removesuffix("_mnist") + "_mnist"
    if name not in VARIANTS:
        known = ", ".join(each.removesuffix("_mnist") for each in VARIANTS)
        raise UserError(f"{variant}: no such images; there are {known}")
    if out.suffix != ".png":
        raise UserError(f"--out {out}: not a .png file; choose a name that ends in .png")

    import numpy as np

    from cgn.generators.mnist.drawing import draw_after
    from cgn.generators.mnist.stored import load_cgn
    from cgn.report.contact_sheets import contact_sheet, write_png

    weights = WEIGHTS / name if profile == "laptop" else WEIGHTS / profile / name
    images = draw_after(load_cgn(weights), noise, shape=shape, foreground=foreground, background=background)
    titles = {
        "shape": "mask m",
        "foreground": "foreground f",
        "background": "background b",
        "composer": "image x",
    }
    row = np.stack([np.broadcast_to(images[each], (32, 32, 3)) for each in titles])
    write_png(out, contact_sheet(row[None], column_labels=list(titles.values()), scale=SCALE))
    log.info("m, f, b and x = m f + (1 - m) b are in %s", out)


if __name__ == "__main__":
    run_anywhere("draw", {"draw": main})
