import torch

from cgn.generators.pretraining import scenes
from cgn.generators.pretraining.scenes import Renders, Scenes, corrupt
from cgn.io.pixels import from_bytes

CPU = torch.device("cpu")


def test_a_batch_is_a_function_of_seed_name_and_step(renders: Renders) -> None:
    first, again = (Scenes(renders, 6, 0, "u2net", CPU) for _ in range(2))
    again.minibatch(0)
    images, masks = first.minibatch(3)
    same_images, same_masks = again.minibatch(3)
    assert torch.equal(images, same_images)
    assert torch.equal(masks, same_masks)
    for other in (Scenes(renders, 6, 1, "u2net", CPU), Scenes(renders, 6, 0, "segmenter", CPU)):
        assert not torch.equal(images, other.minibatch(3)[0])


def test_images_and_masks(renders: Renders) -> None:
    images, masks = Scenes(renders, 400, 0, "x", CPU).minibatch(0)
    assert images.shape == (400, 3, 32, 32)
    assert images.min() >= -1
    assert images.max() <= 1
    assert masks.shape == (400, 1, 32, 32)
    empty = masks.amax(dim=(1, 2, 3)) == 0
    assert abs(empty.float().mean().item() - scenes.EMPTY) < 0.06
    # The masks that are there are the renders', whole.
    known = {mask.tobytes() for mask in renders.masks}
    bytes_of = (masks[~empty, 0] * 255).round().byte().numpy()
    assert {mask.tobytes() for mask in bytes_of} <= known


def test_every_image_is_corrupted_by_its_own_amounts(renders: Renders) -> None:
    image = from_bytes(torch.from_numpy(renders.images[:1])).expand(50, -1, -1, -1)
    corrupted = corrupt(image, torch.Generator().manual_seed(0))
    assert len({float(mean) for mean in corrupted.mean(dim=(1, 2, 3))}) == 50

    # What it was can still be seen: edges stay where they are.
    def rows(x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(dim=(2, 3), keepdim=True)).flatten(1)

    alike = torch.nn.functional.cosine_similarity(rows(corrupted), rows(image))
    assert alike.min() > 0.6
    assert alike.max() > 0.97
