"""Each upsampling on the same 2x2 array, against numbers computed by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import torch.nn.functional as F  # noqa: E402

from kontur.core.errors import InputError, OptionError, UnknownName  # noqa: E402
from kontur.networks.upsampling import UPSAMPLINGS, PoolIndices, bilinear_kernel, upsampling  # noqa: E402

SMALL = torch.tensor([[[[0.0, 4.0], [8.0, 12.0]]]])


def test_nearest_by_hand():
    assert upsampling("nearest", 1)(SMALL)[0, 0].tolist() == [
        [0, 0, 4, 4],
        [0, 0, 4, 4],
        [8, 8, 12, 12],
        [8, 8, 12, 12],
    ]


def test_bilinear_by_hand():
    """Pixel centres at half pixels: weights 1, 3/4 : 1/4, 1/4 : 3/4, 1 along each axis."""
    wanted = [[0, 1, 3, 4], [2, 3, 5, 6], [6, 7, 9, 10], [8, 9, 11, 12]]
    assert upsampling("bilinear", 1)(SMALL)[0, 0].tolist() == wanted


def test_bicubic_keeps_a_constant_and_overshoots_a_step():
    module = upsampling("bicubic", 1)
    assert module(torch.full((1, 1, 3, 3), 5.0)).tolist() == [[[[5.0] * 6] * 6]]
    step = module(torch.tensor([[[[0.0, 0.0, 1.0, 1.0]]]]))[0, 0, 0]
    assert step.min() < 0
    assert step.max() > 1
    # Keys' kernel with a = -0.75 at distance 1/4: weights of the four neighbours
    a, near = -0.75, lambda t, a: (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = lambda t, a: a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a  # noqa: E731
    assert step[3].item() == pytest.approx(near(0.75, a) + far(1.75, a))


def test_transposed_starts_as_bilinear_interpolation():
    assert bilinear_kernel(2).tolist() == [[w * v for v in (0.25, 0.75, 0.75, 0.25)] for w in (0.25, 0.75, 0.75, 0.25)]
    assert bilinear_kernel(3)[2].tolist() == pytest.approx([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])
    feature = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    for factor in (2, 3, 4):
        inner = slice(factor, -factor)  # at the border zeros are mixed in
        mine = upsampling("transposed", 3, factor)(feature)[..., inner, inner]
        theirs = upsampling("bilinear", 3, factor)(feature)[..., inner, inner]
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_unpooling_by_hand():
    fixed = [[0, 0, 4, 0], [0, 0, 0, 0], [8, 0, 12, 0], [0, 0, 0, 0]]
    assert upsampling("unpool_fixed", 1)(SMALL)[0, 0].tolist() == fixed
    feature = torch.tensor([[[[1.0, 2, 3, 0], [5, 4, 1, 7], [0, 9, 2, 2], [3, 1, 8, 2]]]])
    pooled, indices = PoolIndices(2)(feature)
    assert pooled.tolist() == [[[[5, 7], [9, 8]]]]
    assert indices.tolist() == [[[[4, 7], [9, 14]]]]
    assert PoolIndices(2)(feature[..., :3])[1].tolist() == [[[[3], [7]]]]  # a column is left over
    assert PoolIndices(2, ceil_mode=True)(feature[..., :3])[1].tolist() == [[[[3, 2], [7, 11]]]]
    wanted = [[0, 0, 0, 0], [5, 0, 0, 7], [0, 9, 0, 0], [0, 0, 8, 0]]
    assert upsampling("unpool_indices", 1)(pooled, indices)[0, 0].tolist() == wanted
    assert torch.equal(upsampling("unpool_indices", 1)(pooled, indices), F.max_unpool2d(pooled, indices, 2))
    with pytest.raises(InputError, match="return_indices=True"):
        upsampling("unpool_indices", 1)(pooled)
    with pytest.raises(InputError, match="of the feature's shape"):
        upsampling("unpool_indices", 1)(pooled, indices[..., :1])


def test_pixel_shuffle_and_dupsampling_deal_channels_to_sub_pixels():
    module = upsampling("dupsampling", 1)
    with torch.no_grad():
        module.patch.weight.copy_(torch.tensor([1.0, 10, 100, 1000]).reshape(4, 1, 1, 1))
    wanted = [[0, 0, 4, 40], [0, 0, 400, 4000], [8, 80, 12, 120], [800, 8000, 1200, 12000]]
    assert module(SMALL)[0, 0].tolist() == wanted
    module = upsampling("pixel_shuffle", 1)
    with torch.no_grad():
        module.expand.weight.zero_()
        module.expand.weight[:, 0, 1, 1] = torch.tensor([1.0, 10, 100, 1000])
        module.expand.bias.zero_()
    assert module(SMALL)[0, 0].tolist() == wanted


def test_carafe_with_even_weights_is_the_mean_of_the_window():
    module = upsampling("carafe", 1)
    with torch.no_grad():
        module.predict.weight.zero_()
        module.predict.bias.zero_()
    feature = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    mean = F.avg_pool2d(feature, 5, stride=1, padding=2)  # zeros outside count, as in the window
    assert torch.allclose(module(feature), F.interpolate(mean, scale_factor=2.0), atol=1e-6)
    with torch.no_grad():  # all weight on the window's centre: nearest neighbour
        module.predict.bias.copy_(torch.zeros(100).index_fill(0, torch.arange(48, 52), 50.0))
    assert torch.allclose(module(feature), F.interpolate(feature, scale_factor=2.0), atol=1e-6)


@pytest.mark.parametrize("name", list(UPSAMPLINGS))
@pytest.mark.parametrize("factor", [2, 3])
def test_one_interface(name, factor):
    feature = torch.rand(2, 4, 3, 5, requires_grad=True)
    indices = torch.arange(15).reshape(3, 5).expand(2, 4, 3, 5)
    enlarged = upsampling(name, 4, factor)(feature, indices)
    assert enlarged.shape == (2, 4, 3 * factor, 5 * factor)
    enlarged.square().sum().backward()
    assert feature.grad.abs().sum() > 0


def test_bad_names_and_factors():
    with pytest.raises(UnknownName, match="Did you mean 'bilinear'"):
        upsampling("bilinea", 1)
    with pytest.raises(OptionError, match="factor"):
        upsampling("bilinear", 1, 0)
