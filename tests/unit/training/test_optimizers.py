"""Adam is torch's, and does not load torch's compiler."""

import subprocess
import sys

import torch

from cgn.training.optimizers import Adam


def test_same_updates_as_torch() -> None:
    results = []
    for optimizer_class in (Adam, torch.optim.Adam):
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        optimizer = optimizer_class(layer.parameters(), 0.1, (0.0, 0.99), fused=True)
        for _ in range(3):
            optimizer.zero_grad()
            torch.autograd.backward(layer(torch.ones(4, 3)).square().sum())
            optimizer.step()
        results.append(layer.weight.detach().clone())
    assert torch.equal(*results)


def test_training_does_not_import_the_compiler() -> None:
    program = """
import sys, torch
from cgn.training.optimizers import Adam
layer = torch.nn.Linear(3, 2)
optimizer = Adam(layer.parameters(), 0.1, fused=True)
optimizer.zero_grad()
torch.autograd.backward(layer(torch.ones(4, 3)).sum())
optimizer.step()
optimizer.load_state_dict(optimizer.state_dict())
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
