"""Gives the published BigGAN and VGG fewer channels; Python runs this where its folder is in PYTHONPATH."""

from cgn.networks import biggan, vgg

biggan.PUBLISHED_BIGGANS["biggan_deep_128"] = biggan.BIGGAN_DEEP_128._replace(width=4)
vgg.VGG16 = tuple(entry // 16 if isinstance(entry, int) else entry for entry in vgg.VGG16)
