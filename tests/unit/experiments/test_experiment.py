"""What an experiment says of itself."""

from experiments.experiment import digests, recorded


def test_folders_of_a_machine_are_kept_by_their_own_name() -> None:
    settings = ["budgets.paper.digits.folder=/home/someone/mnist", "threads=1", "methods.irm.penalty=1e3"]
    assert recorded(settings) == [
        "budgets.paper.digits.folder=.../mnist",
        "threads=1",
        "methods.irm.penalty=1e3",
    ]


def test_digests_are_of_the_stages_that_the_variant_goes_through() -> None:
    stages = {
        name: {"outs": [{"path": path, "md5": md5}]}
        for name, path, md5 in (
            ("train_cgn@colored_mnist", "models/cgn/colored_mnist", "1.dir"),
            ("digits", "data/digits", "2"),
            ("train_cgn@double_colored_mnist", "models/cgn/double_colored_mnist", "3.dir"),
            ("report", "reports/tables", "4.dir"),
        )
    }
    assert digests(stages, "colored_mnist") == {"data/digits": "2", "models/cgn/colored_mnist": "1.dir"}
