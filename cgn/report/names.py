"""The names a reader sees, in the order of the paper's Table 2."""

from cgn.methods import registry

VARIANTS = {
    "colored_mnist": "Colored MNIST",
    "double_colored_mnist": "Double-colored MNIST",
    "wildlife_mnist": "Wildlife MNIST",
}

# Group DRO, augmentation, CGN only, abduction and the oracle are not in the paper's table.
METHODS = {name: method.title for name, method in registry.METHODS.items()}
METHOD_MEANINGS = {name: method.meaning for name, method in registry.METHODS.items()}
