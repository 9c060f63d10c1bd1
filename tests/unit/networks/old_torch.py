"""Files of weights as torch wrote them before version 1.6: no zip, and storages that may lie on CUDA."""

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import torch
from torch import Tensor


class _Pickler(pickle.Pickler):
    """Names tensors by the function that torch had until version 0.3."""

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return NotImplemented
        place = (value._typed_storage(), value.storage_offset(), tuple(value.shape), value.stride())
        return torch._utils._rebuild_tensor, place


def _dump(value: Any, file: IO[bytes], protocol: int) -> None:
    _Pickler(file, protocol).dump(value)


_PICKLE = SimpleNamespace(__name__="pickle", Pickler=_Pickler, dump=_dump)


def without_counters(state: Mapping[str, Tensor], prefix: str = "") -> "OrderedDict[str, Tensor]":
    """A state dict as before torch 0.4.1, which had no `num_batches_tracked`."""
    kept = ((name, value) for name, value in state.items() if not name.endswith("num_batches_tracked"))
    return OrderedDict((prefix + name, value) for name, value in kept)


def save_as_old_torch(value: Any, path: Path, gpu: bool = True) -> None:
    """Writes `value` to `path` as torch 0.3 did, for tensors on a GPU or on the CPU."""
    buffer = io.BytesIO()
    torch.save(value, buffer, pickle_module=_PICKLE, _use_new_zipfile_serialization=False)
    content = buffer.getvalue()
    for here, there in (
        (b"ctorch\nFloatStorage\n", b"ctorch.cuda\nFloatStorage\n"),
        (b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"),
    ):
        assert here in content
        content = content.replace(here, there) if gpu else content
    path.write_bytes(content)
