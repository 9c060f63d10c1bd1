"""The list of methods, i.e. ways to train a classifier of Table 2, in the order of the table.

A row tells how reports show the method, which data it is trained on, and which module implements it. Stages,
tuning, tables, charts and the page read this list. To add a method, see docs/extending.md.
"""

from typing import Any, Literal, NamedTuple

from cgn.methods import params
from cgn.section import Section

# Training data of a method: the biased images; environments with different correlations of cue and label;
# digits with new random cues in every pass; images of the GAN or of the CGN, with or without biased ones;
# counterfactuals of the biased images.
Data = Literal["biased", "environments", "random_cues", "gan_samples", "counterfactuals", "abducted"]


class Method(NamedTuple):
    """A row of the list."""

    title: str  # in tables and charts
    meaning: str  # explanation for readers
    color: str  # of bars and lines
    dashes: Any  # of lines, in matplotlib's format
    data: Data
    section: str | None  # section of `methods` in params.yaml, which methods may share; None: no parameters
    parameters: type[Section] | None  # class of that section
    module: str  # module of cgn.methods whose `build` makes the algorithm
    shards: str = ""  # generated images are in data/mnist/shards/<variant>/<shards>


_SOLID, _DASHED, _DOTTED, _DASH_DOT = "-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5))


# Methods of a family share a hue: grey for plain training and oracle, blue for invariance, red for the CGN.
METHODS = {
    "original": Method(
        "Original",
        "the biased images and nothing else",
        *("#8a8a8a", _SOLID, "biased", "original", params.OriginalParams, "erm"),
    ),
    "irm_2": Method(
        "IRM, 2 environments",
        "invariant risk minimisation (Arjovsky et al. 2019); the shortcut differs in 2 environments",
        *("#8ecae6", _DASHED, "environments", "irm", params.IRMParams, "irm"),
    ),
    "irm_5": Method(
        "IRM, 5 environments",
        "invariant risk minimisation with 5 environments",
        *("#2474b5", _SOLID, "environments", "irm", params.IRMParams, "irm"),
    ),
    "group_dro": Method(
        "Group DRO",
        "Group DRO (Sagawa et al. 2020): the worst environment counts most",
        *("#5aa9a3", _DASH_DOT, "environments", "group_dro", params.GroupDROParams, "group_dro"),
    ),
    "lntl": Method(
        "LNTL",
        "learning not to learn (Kim et al. 2019): features that must not tell the cue",
        *("#1b4965", _DOTTED, "biased", "lntl", params.LNTLParams, "lntl"),
    ),
    "augmentation": Method(
        "Augmentation",
        "biased images under random convolutions (Xu et al. 2021): colour and texture jitter",
        *("#7b5ea7", _SOLID, "biased", "augmentation", params.AugmentationParams, "augmentation"),
    ),
    "gan": Method(
        "Original + GAN",
        "biased images and samples of one conditional GAN of the same capacity",
        *("#ddaa33", _DASH_DOT, "gan_samples", "gan", params.MixtureParams, "erm", "gan"),
    ),
    "cgn": Method(
        "Original + CGN",
        "biased images and counterfactuals: the paper's method",
        *("#c1272d", _SOLID, "counterfactuals", "cgn", params.MixtureParams, "erm", "counterfactuals"),
    ),
    "cgn_only": Method(
        "CGN only",
        "counterfactuals and no real image",
        *("#ee8866", _DASHED, "counterfactuals", "cgn_only", params.MixtureParams, "erm", "counterfactuals"),
    ),
    "cgn_abduction": Method(
        "CGN, abduction",
        "counterfactuals of the biased images: their own masks, read off by a network that learnt it on the"
        " CGN's images, in other textures",
        *("#8c1c4b", _DOTTED, "abducted", "cgn_abduction", params.MixtureParams, "erm", "abducted"),
    ),
    "oracle": Method(
        "Oracle",
        "real digits under fresh random cues: what a training of this length reaches without the shortcut",
        *("#4a4a4a", _DOTTED, "random_cues", None, None, "erm"),
    ),
}


def methods_on(data: Data) -> dict[str, Method]:
    """The methods that are trained on this kind of data, in the order of the list."""
    return {name: method for name, method in METHODS.items() if method.data == data}


def method_named(name: str) -> Method:
    """The row of a method. Raises ValueError, which lists the known names, for an unknown name."""
    if name not in METHODS:
        raise ValueError(f"{name}: unknown method; known are {', '.join(METHODS)}")
    return METHODS[name]
