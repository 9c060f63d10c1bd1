import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from benchmarks.peak import peak_bytes
from cgn.evaluation.cgn_scores import Judges, cgn_scores, gan_scores
from cgn.evaluation.params import CGNScoreParams
from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs

PARAMS = CGNScoreParams(truncation=0.5, splits=2, network="classifier")


def test_a_cgn_that_is_the_gan_scores_as_it_does(cgn: ImageNetCGN, cgan: BigGAN, judges: Judges) -> None:
    scores = cgn_scores(cgn, cgan, judges, PARAMS, 60, seed=0)
    assert set(scores) == {
        *("inception_score", "mask_mean", "mask_entropy", "mask_iou", "background_residue")
    }
    of_gan = gan_scores(cgan, judges, PARAMS, 60, seed=0)
    assert scores["inception_score"] == pytest.approx(of_gan["inception_score"], rel=1e-3)
    assert of_gan["inception_score"] > 1
    assert 0 < scores["background_residue"] < 100
    assert scores == cgn_scores(cgn, cgan, judges, PARAMS, 60, seed=0)
    assert scores != cgn_scores(cgn, cgan, judges, PARAMS, 60, seed=1)


def test_without_a_segmenter_masks_are_not_judged(cgn: ImageNetCGN, cgan: BigGAN, judges: Judges) -> None:
    whole = cgn_scores(cgn, cgan, judges, PARAMS, 20, seed=0)
    without = cgn_scores(cgn, cgan, judges._replace(segmenter=None), PARAMS, 20, seed=0)
    assert without == {name: whole[name] for name in ("inception_score", "mask_mean", "mask_entropy")}


def test_the_classifier_sees_its_own_resolution(cgn: ImageNetCGN, cgan: BigGAN) -> None:
    class Picky(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            assert images.shape[1:] == (3, 8, 8)  # the generators draw 16
            return images.mean(dim=3)[:, 0, :2]

    judges = Judges(Picky(), None, resolution=8)
    assert cgn_scores(cgn, cgan, judges, PARAMS, 4, seed=0)["inception_score"] >= 1
    assert gan_scores(cgan, judges, PARAMS, 4, seed=0)["inception_score"] >= 1


def test_masks_are_compared_with_the_judge_on_the_gans_images(
    cgn: ImageNetCGN, cgan: BigGAN, judges: Judges
) -> None:
    class Same(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            masks: Tensor = judges.segmenter(images)
            return masks

    class Inverted(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            masks: Tensor = 1 - judges.segmenter(images)
            return masks

    cgn.saliency = Same()  # type: ignore[assignment]
    agreeing = cgn_scores(cgn, cgan, judges, PARAMS, 10, seed=0)
    assert agreeing["mask_iou"] > 0.99
    assert agreeing["mask_entropy"] < 1e-4
    cgn.saliency = Inverted()  # type: ignore[assignment]
    assert cgn_scores(cgn, cgan, judges, PARAMS, 10, seed=0)["mask_iou"] < 0.01


def test_scores_are_those_of_all_masks_at_once(cgn: ImageNetCGN, cgan: BigGAN) -> None:
    """The last of three batches is smaller. The masks are kept here, to put the formulas to whole arrays."""
    drawn: list[NDArray[np.float64]] = []

    class Kept(nn.Module):
        """Soft masks of all values, which it keeps."""

        def forward(self, images: Tensor) -> Tensor:
            masks = (images[:, :1] * 3).sigmoid()
            drawn.append(masks[:, 0].double().numpy())
            return masks

    cgn.saliency = Kept()  # type: ignore[assignment]
    scores = cgn_scores(cgn, cgan, Judges(nn.Flatten(), Kept()), PARAMS, 107, seed=0)
    masks, objects, residues = (np.concatenate(drawn[start::3]) for start in range(3))
    assert masks.shape == objects.shape == residues.shape == (107, 16, 16)
    ours, theirs = masks > 0.5, objects > 0.5
    ious = (ours & theirs).sum(axis=(1, 2)) / (ours | theirs).sum(axis=(1, 2))
    bits = -(masks * np.log2(masks) + (1 - masks) * np.log2(1 - masks))
    assert 0 < scores["mask_entropy"] < 1
    assert scores["mask_mean"] == pytest.approx(masks.mean(), rel=1e-14)
    assert scores["mask_entropy"] == pytest.approx(bits.mean(), rel=1e-6)
    assert scores["mask_iou"] == pytest.approx(ious.mean(), rel=1e-14)
    assert scores["background_residue"] == pytest.approx((residues > 0.5).mean() * 100, rel=1e-14)


def test_memory_does_not_grow_with_the_number_of_masks(
    cgn: ImageNetCGN, cgan: BigGAN, judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Large(nn.Module):
        """Draws masks of 256 pixels, as for ImageNet."""

        def forward(self, images: Tensor) -> Tensor:
            return torch.rand(len(images), 1, 256, 256)

    def with_large_masks(noise: Tensor, labels: Tensor) -> Outputs:
        outputs = together(noise, labels)
        return outputs._replace(mask=large(outputs.composite))

    torch.set_num_threads(1)
    large, together = Large(), cgn.together
    monkeypatch.setattr(cgn, "together", with_large_masks)
    judges = judges._replace(segmenter=large)
    few, many = (
        peak_bytes(lambda images=images: cgn_scores(cgn, cgan, judges, PARAMS, images, seed=0))
        for images in (200, 600)
    )
    assert many - few < 400 * 256**2  # a quarter of what 400 masks need in float32
