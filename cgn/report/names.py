"""The names a reader sees, in the order of the paper's Table 2."""

VARIANTS = {
    "colored_mnist": "Colored MNIST",
    "double_colored_mnist": "Double-colored MNIST",
    "wildlife_mnist": "Wildlife MNIST",
}

# Group DRO, augmentation, CGN only, abduction and the oracle are not in the paper's table.
METHODS = {
    "original": "Original",
    "irm_2": "IRM, 2 environments",
    "irm_5": "IRM, 5 environments",
    "group_dro": "Group DRO",
    "lntl": "LNTL",
    "augmentation": "Augmentation",
    "gan": "Original + GAN",
    "cgn": "Original + CGN",
    "cgn_only": "CGN only",
    "cgn_abduction": "CGN, abduction",
    "oracle": "Oracle",
}

METHOD_MEANINGS = {
    "original": "the biased images and nothing else",
    "irm_2": "invariant risk minimisation (Arjovsky et al. 2019); the shortcut differs in 2 environments",
    "irm_5": "the same with 5 environments",
    "group_dro": "Group DRO (Sagawa et al. 2020): the worst environment counts most",
    "lntl": "learning not to learn (Kim et al. 2019): features that must not tell the cue",
    "augmentation": "biased images under random convolutions (Xu et al. 2021): colour and texture jitter",
    "gan": "biased images and samples of one conditional GAN of the same capacity",
    "cgn": "biased images and counterfactuals: the paper's method",
    "cgn_only": "counterfactuals and no real image",
    "cgn_abduction": "counterfactuals of the biased images: their own masks, read off by a network that"
    " learnt it on the CGN's images, in other textures",
    "oracle": "real digits under fresh random cues: what a long training on the true process reaches; at the"
    " small size it has not converged",
}
