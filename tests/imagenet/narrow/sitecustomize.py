"""Gives the published BigGAN and VGG fewer channels, and snapshots fewer images.

Python runs this where its folder is in PYTHONPATH; only stages import the networks.
"""

import sys

if "-m stages." in " ".join(sys.orig_argv):
    from cgn.networks import biggan, vgg

    biggan.PUBLISHED_BIGGANS["biggan_deep_128"] = biggan.BIGGAN_DEEP_128._replace(width=4)
    vgg.VGG16 = tuple(entry // 16 if isinstance(entry, int) else entry for entry in vgg.VGG16)

    from cgn.generators.imagenet import training  # takes over the names above

    training.SHEET_CLASSES = training._SCORED = 1
