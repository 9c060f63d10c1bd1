"""The files of parameters are valid and without doubles; a mistake gives one line that names file and key."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cgn.data.params import VariantsParams
from cgn.errors import UserError
from cgn.params.reading import Values, read, read_files, validate
from tests.conftest import ROOT, copy_params

LAPTOP = "budgets/laptop.yaml"

PROFILES = [path.stem for path in (ROOT / "budgets").glob("*.yaml")]


@pytest.fixture(scope="module")
def files(root: Path) -> dict[str, Values]:
    return read_files(root)


def of_profile(files: dict[str, Values], profile: str) -> dict[str, Values]:
    sizes = f"budgets/{profile}.yaml"
    params = files["params.yaml"] | {"profile": profile}
    return files | {"params.yaml": params, sizes: YAML(typ="safe").load(ROOT / sizes)}


def changed(files: dict[str, Values], key: str, value: object) -> dict[str, Values]:
    """`files` with another value at "[file:]key"."""
    name, _, path = key.rpartition(":")
    name = name or "params.yaml"
    *above, last = path.split(".")
    result = copy.deepcopy(files)
    target = result[name]
    for part in above:
        target = target[part]
    target[last] = value
    return result


def keys(values: Any, above: str = "") -> Iterator[str]:
    """The dotted keys that hold values; a map by variant is one."""
    if isinstance(values, dict) and "default" not in values:
        for name, below in values.items():
            yield from keys(below, f"{above}{name}.")
    else:
        yield above.removesuffix(".")


def test_the_committed_files_are_valid(root: Path) -> None:
    params = read(root)
    assert params.profile == "laptop"
    assert params.methods.irm.of("wildlife_mnist").environments["irm_2"] == [0.9, 1.0]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid_and_sets_the_same_keys(profile: str, files: dict[str, Values]) -> None:
    of_it = of_profile({name: files[name] for name in ("params.yaml", "assets.yaml")}, profile)
    validate(of_it)
    networks = "pretrained_networks"  # whose keys depend on their source
    ours, laptops = (
        {key for key in keys(of[name]) if not key.startswith(networks)}
        for of, name in ((of_it, f"budgets/{profile}.yaml"), (files, LAPTOP))
    )
    assert ours == laptops


def test_params_yaml_is_read_in_five_minutes(root: Path) -> None:
    assert len((root / "params.yaml").read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "mnist.cgn.lambda_mask",
            -1,
            "^params.yaml: mnist.cgn.lambda_mask: .*greater than or equal to 0, got -1",
        ),
        ("mnist.variants.colored_mnist.variance", -1, "variance: .*got -1"),
        ("mnist.cgn.lamda_mask", 1, "^params.yaml: mnist.cgn.lamda_mask: unknown key"),
        ("mnist.cgn.mask_interval", [0.5, 0.1], "mask_interval must rise"),
        ("mnist.counterfactuals.ratio", 0, "ratio: .*got 0"),
        ("methods.irm.environments.irm_2", [0.9], "irm_2: .*at least 2"),
        ("methods.irm.environments", {"irm_2": [0.9, 1.0]}, "methods.irm.environments: .*at least 2"),
        ("mnist.adversarial.adam_betas", [0.5, 1.0], "adam_betas.1: .*less than 1, got 1.0"),
        ("mnist.variants.colored_mnist.colors", "#00012c0 " * 10, "colors.0: .*#00ff7f.*, got '#00012c0'"),
        ("mnist.variants.colored_mnist.binarize_threshold", 0.1, "binarize_threshold: Input should be None"),
        ("launch.machines", 2, "^params.yaml: launch: processes must be a multiple of machines"),
        ("imagenet.world", "moon", "imagenet.world: .*'emoji', 'folder' or 'imagenet', got 'moon'"),
        ("imagenet.saliency.normalisation", "none", "'official' or 'raw', got 'none'"),
        (
            f"{LAPTOP}:train_cgn.steps",
            "many",
            f"^{LAPTOP}: train_cgn.steps: .*got 'many'",
        ),
        (f"{LAPTOP}:train_cgm", {}, f"^{LAPTOP}: train_cgm: unknown key"),
        (
            f"{LAPTOP}:methods.irm.penalty",
            -1,
            f"^{LAPTOP}: methods.irm.penalty: .*got -1",
        ),
        (
            f"{LAPTOP}:methods.irm.penalty",
            {"default": 1, "fog_mnist": 2},
            f"^params.yaml or {LAPTOP}: methods.irm: penalty: fog_mnist: not one of default, colored_mnist,"
            " double_colored_mnist, wildlife_mnist$",
        ),
        (
            f"{LAPTOP}:methods.irm.penalty",
            {"colored_mnist": 2},
            "methods.irm: penalty: lacks a default",
        ),
        (
            f"{LAPTOP}:pretrained_networks",
            {"source": "published", "biggan": "biggan_deep_256", "saliency": "trained"},
            f"^{LAPTOP}: pretrained_networks.saliency: u2net, u2netp or a file: .*got 'trained'",
        ),
        (f"{LAPTOP}:pretrained_networks.source", "found", "pretrained_networks: .*'published'"),
        (
            "mnist.cgn.texture_start",
            "plain",
            f"^{LAPTOP}: mnist.cgn.texture_start: stands in another file",
        ),
        ("methods", None, "^params.yaml: methods: not a section but None$"),
        (f"{LAPTOP}:mnist.cgn", 3, f"^{LAPTOP}: mnist.cgn: not a section but 3$"),
        ("budgets", {}, "^params.yaml: budgets: unknown key"),
        ("assets.yaml:u2net.sha256", "8d10", "^assets.yaml: u2net.sha256: .*got '8d10'"),
        ("assets.yaml:u2net.url", "u2net.onnx", "^assets.yaml: u2net.url: .*got 'u2net.onnx'"),
    ],
)
def test_a_mistake_gives_one_line_that_names_the_key(
    files: dict[str, Values], key: str, value: object, message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        validate(changed(files, key, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("params.yaml", "threads"),
        ("params.yaml", "mnist"),
        ("params.yaml", "mnist.cgn.lambda_binary"),
        ("params.yaml", "methods.irm.environments"),
        ("params.yaml", "imagenet.cgn.tau"),
        (LAPTOP, "methods.irm.penalty"),
        (LAPTOP, "train_cgn"),
        (LAPTOP, "train_cgn.steps"),
    ],
)
def test_a_missing_key_is_named(files: dict[str, Values], file: str, key: str) -> None:
    lacking = copy.deepcopy(files)
    *above, last = key.split(".")
    target = lacking[file]
    for part in above:
        target = target[part]
    del target[last]
    with pytest.raises(UserError, match=rf"{file}.*: {key}: Field required$"):
        validate(lacking)


def test_a_profile_is_a_file_of_budgets(root: Path, tmp_path: Path) -> None:
    copy_params(root, tmp_path)
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("profile: laptop", "profile: desktop"))
    with pytest.raises(
        UserError,
        match=r"^params.yaml: profile: not one of faithful, imagenet, .*, released, smoke; got 'desktop'",
    ):
        read(tmp_path)
    (tmp_path / "budgets/laptop.yaml").rename(tmp_path / "budgets/desktop.yaml")
    assert read(tmp_path).profile == "desktop"


def test_a_value_may_differ_between_variants(files: dict[str, Values]) -> None:
    by_variant = {"default": 2, "wildlife_mnist": 3}
    of_profile = validate(changed(files, f"{LAPTOP}:methods.irm.penalty", by_variant))
    of_all = validate(changed(files, "mnist.cgn.lambda_mask", by_variant))
    penalties = {name: of_profile.methods.irm.of(name).penalty for name in VariantsParams.model_fields}
    assert penalties == {"colored_mnist": 2, "double_colored_mnist": 2, "wildlife_mnist": 3}
    assert of_all.mnist.cgn.of("wildlife_mnist").lambda_mask == 3
    with pytest.raises(UserError, match="fog_mnist: not one of colored_mnist, "):
        of_all.mnist.cgn.of("fog_mnist")


def test_profiles_that_are_not_active_are_checked_too(root: Path, tmp_path: Path) -> None:
    copy_params(root, tmp_path)
    path = tmp_path / "budgets/smoke.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("steps: ", "steps: -"), encoding="utf-8")
    with pytest.raises(UserError, match=r"^budgets/smoke.yaml: train_cgn.steps: .*got -"):
        read(tmp_path)


@pytest.mark.parametrize("profile", ["laptop", "imagenet"])
def test_eight_workers_can_read_the_shards(root: Path, profile: str) -> None:
    budgets = read(root, profile).budgets
    names = ["sample_counterfactuals", "abduct", "sample_imagenet_counterfactuals", "abduct_imagenet"]
    for name in names + (["sample_gan"] if profile == "laptop" else []):
        budget = getattr(budgets, name)
        assert budget.images / budget.images_per_shard >= 8, name


@pytest.mark.parametrize("profile", ["laptop", "paper", "released", "faithful"])
def test_the_gan_has_the_effort_of_the_cgn(root: Path, profile: str) -> None:
    budgets = read(root, profile).budgets
    assert budgets.sample_gan.images == budgets.sample_counterfactuals.images
    if profile == "laptop":  # at the paper's sizes the steps are searched
        cgn, gan = budgets.train_cgn, budgets.train_gan.of("wildlife_mnist")
        assert (gan.steps, gan.batch) == (cgn.steps, cgn.batch)


@pytest.mark.parametrize("profile", sorted({*PROFILES} - {"imagenet"}))
def test_all_rows_of_tables_3_and_4_see_as_many_images(root: Path, profile: str) -> None:
    budgets = read(root, profile).budgets
    assert budgets.train_ensemble.image_passes == budgets.train_imagenet_classifiers.image_passes
