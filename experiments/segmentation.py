"""Masks and textures of MNIST variants without a generator: clusters, thresholds and cuts of OpenCV.

They are controls of `cgn_abduction`. Each takes one thing for granted that the CGN is told, too: the object
leaves the border free. Their few numbers were tried on 500 images of Wildlife whose true masks were known, so
they are at their best there. Images are uint8 (n, 32, 32, 3), masks (n, 32, 32), 255 on the object.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cgn.seeding import generator

Bytes = NDArray[np.uint8]
BORDER = 4  # pixels that digits leave free on every side
_SIZE = 32
_CLUSTERS = 32  # of the colours of a class
_SAMPLE = 20_000  # pixels of a class, of which its clusters are found
_SELDOM = 0.5  # a cluster is object if it is on the border less than half as often as all pixels
_BLOCK = 500  # images at once
_ENLARGED = 2  # strokes of three pixels are too thin for GrabCut's smoothness
_ENDS = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)

_ring: NDArray[np.bool_] = np.ones((_SIZE, _SIZE), dtype=bool)
_ring[BORDER:-BORDER, BORDER:-BORDER] = False


def otsu(images: Bytes, labels: NDArray[np.integer]) -> Bytes:
    """Otsu's threshold of the grey values of each image."""

    def of_one(image: Bytes) -> NDArray[np.bool_]:
        _, cut = cv2.threshold(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 0, 1, cv2.THRESH_OTSU)
        return np.asarray(cut > 0)

    return _of_each(images, of_one)


def clusters(images: Bytes, labels: NDArray[np.integer]) -> Bytes:
    """Two clusters (k-means) of the colours of each image."""

    def of_one(image: Bytes) -> NDArray[np.bool_]:
        _, found, _ = cv2.kmeans(
            image.reshape(-1, 3).astype(np.float32), 2, np.empty(0), _ENDS, 1, cv2.KMEANS_PP_CENTERS
        )
        return np.asarray(found.reshape(_SIZE, _SIZE) > 0)

    return _of_each(images, of_one)


def class_clusters(images: Bytes, labels: NDArray[np.integer]) -> Bytes:
    """Clusters (k-means) of the colours of all images of a class; those that the border lacks are object."""
    masks = np.zeros(images.shape[:3], np.uint8)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        pixels = images[rows].reshape(-1, 3).astype(np.float32)
        chosen = generator(0, "class_clusters", int(label)).choice(
            len(pixels), min(_SAMPLE, len(pixels)), False
        )
        cv2.setRNGSeed(0)
        _, _, centers = cv2.kmeans(pixels[chosen], _CLUSTERS, np.empty(0), _ENDS, 3, cv2.KMEANS_PP_CENTERS)
        nearest = np.empty((len(rows), _SIZE, _SIZE), np.uint8)
        for start in range(0, len(rows), _BLOCK):
            of_block = pixels.reshape(len(rows), -1, 3)[start : start + _BLOCK]
            distances = (centers**2).sum(axis=1) - 2 * of_block @ centers.T
            nearest[start : start + _BLOCK] = distances.argmin(axis=2).reshape(-1, _SIZE, _SIZE)
        everywhere = np.bincount(nearest.ravel(), minlength=_CLUSTERS)
        on_border = np.bincount(nearest[:, _ring].ravel(), minlength=_CLUSTERS)
        is_object = on_border < _SELDOM * _ring.mean() * everywhere
        masks[rows] = is_object[nearest] * np.uint8(255)
    return masks


def grab_cut(images: Bytes, labels: NDArray[np.integer]) -> Bytes:
    """GrabCut (Rother et al. 2004) of each image, whose border is background."""

    ring = _enlarged(_ring)
    unknown: Any = np.where(ring, cv2.GC_BGD, cv2.GC_PR_FGD).astype(np.uint8)

    def of_one(image: Bytes) -> NDArray[np.bool_]:
        large: Any = np.ascontiguousarray(_enlarged(image)[..., ::-1])
        models = np.zeros((2, 1, 65))  # of background and object, which are found here
        mask, _, _ = cv2.grabCut(
            large, unknown.copy(), (0, 0, 1, 1), models[0], models[1], 5, cv2.GC_INIT_WITH_MASK
        )
        return np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD))[::_ENLARGED, ::_ENLARGED]

    return _of_each(images, of_one, either_side=False)


def _enlarged(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)


SEGMENTATIONS: dict[str, Callable[[Bytes, NDArray[np.integer]], Bytes]] = {
    "otsu": otsu,
    "clusters": clusters,
    "class_clusters": class_clusters,
    "grab_cut": grab_cut,
}


def _of_each(images: Bytes, of_one: Callable[[Bytes], NDArray[np.bool_]], either_side: bool = True) -> Bytes:
    """The mask of each image. With `either_side` the object is the side that has less of the border."""
    masks = np.zeros(images.shape[:3], np.uint8)
    for row, image in enumerate(images):
        cv2.setRNGSeed(0)  # so that a mask does not depend on the images before
        cut = of_one(image)
        if either_side and cut[_ring].mean() > 0.5:
            cut = ~cut
        masks[row] = cut * np.uint8(255)
    return masks


def extended(images: Bytes, masks: Bytes) -> Bytes:
    """Each image with the pixels of its mask only: every other pixel is that of the mask that is nearest.

    The outermost pixels of the mask, which may be mixed colours, are left out if others remain. An image
    whose mask is empty is kept as it is.
    """
    whole = np.empty_like(images)
    square = np.ones((3, 3), np.uint8)
    for row, (image, mask) in enumerate(zip(images, masks, strict=True)):
        inside = (mask > 127).astype(np.uint8)
        core = cv2.erode(inside, square, borderValue=1)
        inside = core if core.any() else inside
        if not inside.any():
            whole[row] = image
            continue
        # Zeros are the places to go to, each with a number of its own.
        _, nearest = cv2.distanceTransformWithLabels(
            1 - inside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        colors = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
        colors[nearest[inside > 0]] = image[inside > 0]
        whole[row] = colors[nearest]
    return whole
