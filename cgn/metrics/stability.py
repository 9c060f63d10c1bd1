"""Which signal is the cause? That whose classifier is equally accurate in all environments (appendix H).

In environment e the cues tell the label with correlation r_e. The accuracy of a classifier that reads a mere
cue is chance + (a - chance) * r_e, where a is its accuracy at r = 1; the accuracy of one that reads the
cause does not depend on r_e. The statistic of a signal is therefore

    dependence = (max - min) / (max - chance) * max r / (max r - min r)

with maximum and minimum over environments: 0 for the cause and 1 for a mere cue, however well each is read
and whatever the environments.
"""

from collections.abc import Mapping, Sequence

CHANCE = 10.0  # percent
READ = 20.0  # percent; a classifier that never reaches this accuracy reads nothing, so it tells nothing


def dependence(accuracies: Sequence[float], correlations: Sequence[float]) -> float | None:
    """The dependence of the accuracies (percent) on the environments' correlations, which differ.

    None if no accuracy reaches `READ`.
    """
    highest, lowest = max(accuracies), min(accuracies)
    if highest < READ:
        return None
    strongest, weakest = max(correlations), min(correlations)
    return (highest - lowest) / (highest - CHANCE) * strongest / (strongest - weakest)


def cause(dependences: Mapping[str, float | None], stable_below: float) -> str:
    """The only signal whose dependence is below `stable_below`; "none" or "several" if not one is."""
    stable = [name for name, value in dependences.items() if value is not None and value < stable_below]
    return stable[0] if len(stable) == 1 else "several" if stable else "none"
