"""The titles of variants and methods in reports, in the order of the paper's Table 2."""

from cgn.data.mnist import variants
from cgn.methods import registry

VARIANT_TITLES = {name: variant.title for name, variant in variants.VARIANTS.items()}

# Group DRO, augmentation, CGN only, abduction and the oracle are not in the paper's table.
METHOD_TITLES = {name: method.title for name, method in registry.METHODS.items()}
METHOD_MEANINGS = {name: method.meaning for name, method in registry.METHODS.items()}
