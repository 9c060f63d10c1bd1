import pytest
from pytorch_pretrained_biggan import BigGAN
from torch import Tensor, nn

from cgn.evaluation.cgn_scores import Judges, cgn_scores, gan_scores
from cgn.evaluation.params import CGNScoreParams
from cgn.generators.imagenet.mechanisms import ImageNetCGN

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
