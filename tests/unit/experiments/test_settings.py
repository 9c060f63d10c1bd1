"""Which parameters a method's result depends on."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cgn.io.files import read_json
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from experiments.paper import RESULTS
from experiments.settings import DATA, SOURCES, effective_parameters, overridden, sections

NAMES = (*METHOD_TITLES, "mechanisms")
OF_CGN = {"cgn", "cgn_only", "cgn_abduction", "mechanisms"}
VARIANT = "wildlife_mnist"


@pytest.fixture(autouse=True)
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def of_all(*settings: str) -> dict[str, dict[str, Any]]:
    params = overridden(["profile=paper", *settings])
    return {name: effective_parameters(params, VARIANT, name) for name in NAMES}


# What is still to be run anew, by the keys that have changed; docs/paper_sizes.md says it, too.
OUTDATED = {
    "irm_5": {"budgets.train_classifiers.updates"},
    "group_dro": {"budgets.train_classifiers.updates"},
    "gan": {"budgets.sample_gan.images"},
}
RUN_ANEW = {"double_colored_mnist": {"irm_5", "group_dro"}}


@pytest.mark.parametrize("variant", VARIANT_TITLES)
def test_kept_results_are_of_the_profile_paper(variant: str) -> None:
    params = overridden(["profile=paper"])
    for name in NAMES:
        kept = read_json(RESULTS / variant / name / "parameters.json")
        now = effective_parameters(params, variant, name)
        outdated = set() if name in RUN_ANEW.get(variant, ()) else OUTDATED.get(name, set())
        assert {key for key in now.keys() | kept.keys() if now.get(key) != kept.get(key)} <= outdated


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ("budgets/paper.yaml:methods.lntl.reversal_weight=1", {"lntl"}),
        ("mnist.cgn.lambda_mask=100", OF_CGN),
        ("budgets/paper.yaml:train_cgn.steps=7", OF_CGN),
        ("mnist.counterfactuals.ratio=1", {"cgn", "cgn_only", "cgn_abduction"}),
        ("budgets/paper.yaml:mnist.abduction.backgrounds=generated", {"cgn_abduction"}),
        ("mnist.adversarial.learning_rate=0.1", OF_CGN | {"gan"}),
        ("budgets/paper.yaml:train_gan.steps=7", {"gan"}),
        ("methods.irm.environments.irm_5=[0.5,1.0]", {"irm_5"}),
        ("budgets/paper.yaml:train_classifiers.updates=7", set(METHOD_TITLES)),
        ("budgets/paper.yaml:mnist.classifier.batch=8", set(NAMES)),
        ("mnist.variants.wildlife_mnist.crop_padding=0", set(NAMES)),
        ("mnist.correlation=0.9", set(NAMES)),
        ("methods.irm.penalty_start=null", {"irm_2", "irm_5"}),
        ("threads=1", set()),
        ("mnist.variants.colored_mnist.variance=0.1", set()),
        ("seed=7", set()),
        ("budgets/paper.yaml:digits.folder=/elsewhere", set()),
        ("budgets/paper.yaml:textures.source=procedural", set()),
    ],
)
def test_a_setting_changes_what_depends_on_it(setting: str, changed: set[str]) -> None:
    before, after = of_all(), of_all(setting)
    assert {name for name in NAMES if before[name] != after[name]} == changed


def test_no_section_that_the_graph_of_mnist_reads_is_forgotten(root: Path) -> None:
    stages = YAML(typ="safe").load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    declared = set()
    for name, stage in stages.items():
        for entry in stage["params"] if name != "report" else ():
            if isinstance(entry, str):
                declared.add(entry)
            else:
                shared = ("mnist.", "methods.")
                (keys,) = entry.values()
                declared |= {key if key.startswith(shared) else f"budgets.{key}" for key in keys}
    known = {key for keys in (DATA, *map(sections, NAMES)) for key in keys}
    known |= {"budgets.released_{variant}"}  # the authors' weights, of no row of the table
    known |= {"seed", "threads", "profile", "budgets.textures"}  # the textures' source
    # Table 5 and Figure 6 have no results at the paper's sizes.
    known |= {"mnist.signals", "mnist.vae"}
    known |= {f"budgets.{of}" for of in ("train_signal_classifiers", "score_signals", "train_latents")}
    covered = {key.replace("${item.variant}", "{variant}") for key in declared}
    covered = {re.sub(r"^mnist.variants(.wildlife_mnist)?\b", DATA[1], key) for key in covered}
    assert not {key for key in covered if not any(f"{key}.".startswith(f"{other}.") for other in known)}
    assert set(SOURCES) == {"budgets.digits.source", "budgets.digits.folder"}
