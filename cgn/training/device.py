"""Where networks are trained: `device` of params.yaml."""

import torch

from cgn.errors import UserError


def torch_device(name: str) -> torch.device:
    """The device `cpu` or `cuda`. Raises UserError when torch sees no GPU for `cuda`."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("params.yaml: device: cuda, but torch sees no GPU here; set it to cpu")
    return torch.device(name)
