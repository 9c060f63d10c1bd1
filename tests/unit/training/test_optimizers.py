"""Adam is torch's, and does not load torch's compiler."""

import subprocess
import sys

import pytest
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


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("cgn.training.optimizers", False),
        ("torch.optim", True),  # once this one is false, cgn.training.optimizers can go
    ],
)
def test_training_imports_the_compiler(module: str, imported: bool) -> None:
    program = f"""
import sys, torch
from {module} import Adam
layer = torch.nn.Linear(3, 2)
optimizer = Adam(layer.parameters(), 0.1, fused=True)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
optimizer.zero_grad()
torch.autograd.backward(layer(torch.ones(4, 3)).sum())
optimizer.step()
schedule.step()
optimizer.load_state_dict(optimizer.state_dict())
assert ("torch._dynamo" in sys.modules) == {imported}
"""
    subprocess.run([sys.executable, "-c", program], check=True)
