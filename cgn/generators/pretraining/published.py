"""Checks the published networks and stores them for the later stages, in place of a world's small ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cgn.data.class_maps import is_imagenet
from cgn.errors import UserError
from cgn.generators.params import PublishedNetworks, SaliencyParams
from cgn.generators.pretraining.stored import describe, save_published
from cgn.io.assets import Asset, local_file
from cgn.io.files import located
from cgn.io.weights import load_weights, read_state_dict
from cgn.networks.biggan import PUBLISHED_BIGGANS, load_biggan
from cgn.networks.u2net import PUBLISHED_U2NETS, Saliency, load_u2net, published_u2net
from cgn.networks.vgg import VGG16, PublishedVGG


def store_published(
    folder: Path,
    budget: PublishedNetworks,
    assets: Mapping[str, Asset],  # by the names of assets.yaml
    how: SaliencyParams,
    classes: Sequence[str],  # of the world
    resolution: int,  # of its images, in pixels
) -> None:
    """Fetches the published BigGAN, U2-Net and VGG16, and stores them in `folder`. There is no segmenter.

    Raises UserError when the world is not ImageNet, or when a file cannot be fetched or is damaged.
    """
    check_classes(classes, Path("data/imagenet/world/classes.json"))
    store_saliency(folder, saliency_file(budget.saliency, assets), how)
    store_vgg(folder, local_file(assets["vgg16_bn"]))
    store_biggan(folder, budget.biggan, local_file(assets[budget.biggan]))
    describe(folder, {"segmenter": None, "resolution": resolution})


def saliency_file(saliency: str, assets: Mapping[str, Asset]) -> Path:
    """The file of a published U2-Net: `u2net` or `u2netp` of the assets, or the user's file of that path.

    Raises UserError when there is no such file, or when it cannot be fetched.
    """
    if saliency in PUBLISHED_U2NETS:
        return local_file(assets[saliency])
    if not located(saliency).is_file():
        raise UserError(
            f"the profile's pretrained_networks.saliency: {saliency} is neither trained, "
            f"{' nor '.join(PUBLISHED_U2NETS)}, nor a file"
        )
    return located(saliency)


def check_classes(classes: Sequence[str], source: Path) -> None:
    """Raises UserError if a world's labels are not the class numbers of the published BigGANs.

    These are the positions in the sorted list of ILSVRC's 1,000 WordNet ids. `classes` was read from
    `source`.
    """
    if not is_imagenet(classes):
        raise UserError(
            f"{source}: {len(classes)} classes, first {classes[0]}; a published BigGAN draws the 1000 "
            "WordNet ids of ImageNet in their order: set imagenet.world to imagenet, or source to trained"
        )


def store_biggan(folder: Path, name: str, path: Path) -> None:
    """Stores the BigGAN `name` of `PUBLISHED_BIGGANS`, read from the file `path`.

    Raises UserError when the file is missing, damaged or of another architecture.
    """
    save_published(folder, "biggan", load_biggan(PUBLISHED_BIGGANS[name], path), {"architecture": name})


def store_vgg(folder: Path, path: Path) -> None:
    """Stores torchvision's VGG16 with batch norm. Raises UserError as `store_biggan`."""
    network = PublishedVGG(VGG16)
    load_weights(network, read_state_dict(path), path)
    save_published(folder, "vgg", network, {"architecture": "vgg16_bn"})


def store_saliency(folder: Path, path: Path, how: SaliencyParams) -> None:
    """Stores the published U2-Net in the file `path` (.pth, .onnx), with its preprocessing `how`.

    Raises UserError as `store_biggan`.
    """
    name = published_u2net(path)
    network = load_u2net(PUBLISHED_U2NETS[name], path)
    save_published(folder, "u2net", network, {"architecture": name} | how.model_dump())


def saliency_of(asset: Asset, how: SaliencyParams) -> Saliency:
    """Fetches a published U2-Net, for use without a world. Raises UserError as `store_biggan`."""
    path = local_file(asset)
    network = load_u2net(PUBLISHED_U2NETS[published_u2net(path)], path)
    return Saliency(network, how.normalisation, how.resolution)
