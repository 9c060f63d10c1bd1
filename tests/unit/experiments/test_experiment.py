"""What an experiment says of itself."""

from experiments.experiment import recorded


def test_folders_of_a_machine_are_kept_by_their_own_name() -> None:
    settings = ["budgets.paper.digits.folder=/home/someone/mnist", "threads=1", "methods.irm.penalty=1e3"]
    assert recorded(settings) == [
        "budgets.paper.digits.folder=.../mnist",
        "threads=1",
        "methods.irm.penalty=1e3",
    ]
