import pytest
import torch

from cgn.generators.mnist.gan import GAN, config_as_large_as_cgn
from cgn.generators.mnist.mechanisms import CGN, CGNConfig, Shuffle, UpsamplingNetwork, shuffle_texture

CONFIG = CGNConfig(
    width=4,
    noise_dimensions=8,
    label_dimensions=4,
    mask_start_radius=9,
    texture_shuffle="shift",
    patch_size=8,
    texture_start="patterned",
)


@pytest.fixture
def textures() -> torch.Tensor:
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shuffle", ["shift", "permute"])
@pytest.mark.parametrize("patch_size", [4, 8, 16])
def test_shuffling_keeps_every_pixel_and_moves_most(
    textures: torch.Tensor, shuffle: Shuffle, patch_size: int
) -> None:
    arrangement = torch.rand(6, 64, generator=torch.Generator().manual_seed(1))
    shuffled = shuffle_texture(textures, arrangement, shuffle, patch_size)
    assert torch.equal(shuffled.flatten(2).sort(dim=2).values, textures.flatten(2).sort(dim=2).values)
    assert (shuffled != textures).float().mean() > 0.5


def test_shift_is_cyclic(textures: torch.Tensor) -> None:
    arrangement = torch.full((6, 64), 5 / 32)
    expected = textures.roll((-5, -5), dims=(2, 3))
    assert torch.equal(shuffle_texture(textures, arrangement, "shift", 8), expected)


def test_permute_moves_whole_patches(textures: torch.Tensor) -> None:
    def patches(images: torch.Tensor) -> set[bytes]:
        cut = images[0].unfold(1, 8, 8).unfold(2, 8, 8).permute(1, 2, 0, 3, 4).reshape(16, -1)
        return {row.numpy().tobytes() for row in cut}

    arrangement = torch.rand(6, 64, generator=torch.Generator().manual_seed(1))
    assert patches(shuffle_texture(textures, arrangement, "permute", 8)) == patches(textures)


def test_none_leaves_the_texture(textures: torch.Tensor) -> None:
    assert torch.equal(shuffle_texture(textures, torch.rand(6, 64), "none", 8), textures)


def test_shapes_and_ranges() -> None:
    cgn = CGN(CONFIG)
    noise, labels, arrangement = torch.randn(5, 8), torch.arange(5), torch.rand(5, 64)
    mask = cgn.shape(labels, noise)
    assert mask.shape == (5, 1, 32, 32)
    assert 0 <= mask.min() <= mask.max() <= 1
    texture = cgn.foreground(labels, (noise, arrangement))
    assert texture.shape == (5, 3, 32, 32)
    assert texture.abs().max() <= 1


def test_a_texture_has_no_seam() -> None:
    """On a torus no row difference is special: the one across the border is like any other."""
    cgn = CGN(CONFIG._replace(texture_shuffle="none"))
    with torch.no_grad():
        texture = cgn.background(torch.arange(200) % 10, (torch.randn(200, 8), torch.rand(200, 64)))
    steps = (texture - texture.roll(1, dims=2)).abs().mean(dim=(0, 1, 3))
    assert steps[0] < 1.5 * steps[2::2].mean()


def test_a_plain_start_is_one_colour_and_learns_a_pattern() -> None:
    cgn = CGN(CONFIG._replace(texture_shuffle="none", texture_start="plain"))
    inputs = (torch.arange(5), (torch.randn(5, 8), torch.rand(5, 64)))
    torch.testing.assert_close(cgn.background(*inputs).std(dim=(2, 3)), torch.zeros(5, 3), atol=1e-6, rtol=0)
    cgn.background(*inputs)[:, :, 3, 4].sum().backward()
    assert cgn.background.network.gain.grad.abs().max() > 0


@pytest.mark.parametrize("training", [True, False])
def test_wrapping_once_is_wrapping_before_each_convolution(training: bool) -> None:
    network, reference = (UpsamplingNetwork(4, 3, 8, 4, circular=circular) for circular in (True, False))
    reference.load_state_dict(network.state_dict())
    for convolution in (reference.conv_8, reference.conv_16, reference.conv_32):
        convolution.padding_mode = "circular"
    noise, labels = torch.randn(5, 8), torch.arange(5)
    torch.testing.assert_close(network.train(training)(noise, labels), reference(noise, labels))


def test_noise_counts_by_its_direction_alone() -> None:
    cgn = CGN(CONFIG)
    noise, labels = torch.randn(5, 8), torch.arange(5)
    torch.testing.assert_close(cgn.shape(labels, 3 * noise), cgn.shape(labels, noise))
    assert not torch.allclose(cgn.shape(labels, -noise), cgn.shape(labels, noise))


def test_the_gan_has_as_many_weights() -> None:
    def weights(module: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    cgn = weights(CGN(CONFIG))
    assert cgn <= weights(GAN(config_as_large_as_cgn(4, 8, 4))) < 1.35 * cgn


def test_an_unknown_shuffle_is_refused() -> None:
    with pytest.raises(ValueError, match="roll: unknown shuffle"):
        shuffle_texture(torch.zeros(1, 3, 32, 32), torch.zeros(1, 64), "roll", 8)  # type: ignore[arg-type]
