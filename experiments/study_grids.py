"""The studies: which question each asks, and the combinations of settings that answer it."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

from cgn.params.reading import BUDGETS
from cgn.report.names import METHOD_TITLES

Settings = list[str]  # as for -S; "{profile}" is replaced by the profile's file


class Axis(NamedTuple):
    """What is varied: its title, and the settings of each level by the level's name."""

    title: str
    levels: Mapping[str, Settings]


class Study(NamedTuple):
    """A question, and the combinations that answer it. In charts the first axis is horizontal."""

    question: str
    axes: tuple[Axis, ...]
    methods: tuple[str, ...]
    variants: tuple[str, ...] = ("colored_mnist", "double_colored_mnist", "wildlife_mnist")
    left_out: frozenset[tuple[str, str]] = frozenset()  # variants, and levels that they do not have
    one_seed: frozenset[str] = frozenset()  # levels that only the first seed has
    profile: str | None = None  # of the sizes; None: that of params.yaml
    common: tuple[str, ...] = ()  # settings of all combinations
    figure: str = ""  # name of the chart, if several studies share one
    recommends: bool = False  # a level of the first axis, by validation digits with random cues
    reference: str = ""  # a method: the table has the others' distance to it
    legend: str = ""  # what else a reader has to know

    def cells(self, variant: str, first_seed: bool = True) -> Iterator[tuple[str, ...]]:
        """The levels of each combination."""
        for cell in product(*(axis.levels for axis in self.axes)):
            left_out = any((variant, level) in self.left_out for level in cell)
            if not left_out and (first_seed or not self.one_seed.intersection(cell)):
                yield cell

    def settings(self, cell: tuple[str, ...], profile: str) -> Settings:
        """The settings of a combination at the sizes of a profile."""
        chosen = [axis.levels[level] for axis, level in zip(self.axes, cell, strict=True)]
        return [
            one.format(profile=f"{BUDGETS}/{profile}.yaml") for part in (self.common, *chosen) for one in part
        ]


def _images(count: int) -> Settings:
    shard = min(count, 10_000)
    return [
        f"{{profile}}:sample_counterfactuals.images={count}",
        f"{{profile}}:sample_counterfactuals.images_per_shard={shard}",
    ]


def _policy(ratio: int, noise: str) -> Settings:
    return [f"mnist.counterfactuals.ratio={ratio}", f"mnist.counterfactuals.noise={noise}"]


CORRELATIONS = (0.9, 0.975, 1.0)


def _correlation(training: float) -> Settings:
    """Also moves the environments of IRM and Group DRO, whose most biased one has the training's correlation.

    As in the paper, they reach down to 0.1 below it.
    """
    five = ",".join(f"{training - below:g}" for below in (0.1, 0.075, 0.05, 0.025, 0.0))
    return [
        f"mnist.correlation={training}",
        f"methods.irm.environments.irm_2=[{training - 0.1:g},{training:g}]",
        f"methods.irm.environments.irm_5=[{five}]",
        f"methods.group_dro.environments=[{five}]",
    ]


def _penalty(weight: float) -> Settings:
    return [f"{{profile}}:methods.irm.penalty={weight:g}"]


_MOVED = (
    "IRM and Group DRO have environments whose most biased one is as biased as the training images of the"
    " others; the least biased one is 10 points below."
)

STUDIES = {
    "figure_7": Study(
        "Figure 7: do more counterfactuals help, and several for each noise (equal image passes)?",
        (
            Axis("counterfactuals", {f"{count:,}": _images(count) for count in (100, 1000, 10_000, 100_000)}),
            Axis("ratio", {str(ratio): [f"mnist.counterfactuals.ratio={ratio}"] for ratio in (1, 5, 10, 20)}),
        ),
        ("cgn", "cgn_only"),
        left_out=frozenset({("colored_mnist", "20")}),
        # So many that Original + CGN, with 29 counterfactuals in an update, is shown the largest set once.
        common=("{profile}:train_classifiers.updates=3449",),
    ),
    "interventional": Study(
        "Section 2.3: counterfactual images (ten share the noise of the shape, or all) or interventional?",
        (
            Axis(
                "noise",
                {
                    "interventional": _policy(1, "per_mechanism"),
                    "shape shared": _policy(10, "per_mechanism"),
                    "all shared": _policy(10, "shared"),
                },
            ),
        ),
        ("cgn", "cgn_only"),
    ),
    "real_share": Study(
        "Which share of each batch of Original + CGN should be real, biased images?",
        (
            Axis(
                "share of real images",
                {
                    f"{images / 32:.3g}": [f"methods.cgn.real_share={images / 32}"]
                    for images in (0, 2, 3, 8, 16, 24, 29, 32)  # of a batch of 32
                },
            ),
            Axis(
                "correlation of cue and label",
                {f"{100 * of:g} %": [f"mnist.correlation={of}"] for of in reversed(CORRELATIONS)},
            ),
        ),
        ("cgn",),
        recommends=True,
    ),
    "correlation": Study(
        "How does each method depend on the correlation of cue and label in training?",
        (Axis("correlation of cue and label", {f"{100 * of:g} %": _correlation(of) for of in CORRELATIONS}),),
        tuple(METHOD_TITLES),
        figure="shortcut",
        legend=_MOVED,
    ),
    "color_variance": Study(
        "How does each method depend on the variance of the colours (Colored MNIST)?",
        (
            Axis(
                "variance of the colour",
                {f"{of:g}": [f"mnist.variants.colored_mnist.variance={of}"] for of in (0.05, 0.035, 0.02)},
            ),
        ),
        tuple(METHOD_TITLES),
        variants=("colored_mnist",),
        figure="shortcut",
    ),
    "irm_penalty": Study(
        "Appendix C.4: is it crucial that the weight of IRM's penalty rises?",
        (
            Axis(
                "weight of the penalty",
                {f"{weight:g}": _penalty(weight) for weight in (0.1, 1, 10, 100, 1000)},
            ),
            Axis(
                "schedule",
                {
                    "constant": ["methods.irm.penalty_start=null"],
                    "rising from the start": ["methods.irm.penalty_start=0.0"],
                    "rising after 30 %": ["methods.irm.penalty_start=0.3"],
                },
            ),
        ),
        ("irm_2", "irm_5"),
    ),
    "steps": Study(
        "Does a longer training of the CGN close the distance to the oracle (Wildlife, the paper's sizes)?",
        (
            Axis(
                "steps of the CGN",
                {f"{steps:,}": [f"{{profile}}:train_cgn.steps={steps}"] for steps in (4000, 8000, 16_000)},
            ),
        ),
        ("cgn", "cgn_only", "oracle"),
        variants=("wildlife_mnist",),
        one_seed=frozenset({"8,000"}),
        profile="paper",
        reference="oracle",
    ),
    "masks": Study(
        "Which network brings generated shapes closer to real digits (the paper's sizes)?",
        (
            Axis(
                "changed",
                {
                    "nothing": [],
                    "width of the mechanisms 48": ["{profile}:train_cgn.width=48"],
                    "noise dimensions 64": ["{profile}:train_cgn.noise_dimensions=64"],
                    "width of the discriminator 96": ["{profile}:train_cgn.discriminator_width=96"],
                },
            ),
        ),
        ("cgn", "cgn_only", "oracle"),
        variants=("double_colored_mnist", "wildlife_mnist"),
        profile="paper",
        reference="oracle",
    ),
}
