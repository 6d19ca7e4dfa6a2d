"""A grid of coordinates as the image shows where each pixel came from; the target must have come from the same place."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
PIL_Image = pytest.importorskip("PIL.Image")

from kontur.core.errors import InputError, OptionError  # noqa: E402
from kontur.core.image import Image  # noqa: E402
from kontur.transforms import (  # noqa: E402
    ColourJitter,
    Compose,
    ElasticDeformation,
    EpochSampler,
    Normalise,
    RandomHorizontalFlip,
    RandomRotation,
    RandomScaleCrop,
    RandomVerticalFlip,
    TransformedDataset,
    training_transforms,
)
from kontur.transforms.scale_crop import axis_window, resize  # noqa: E402

HEIGHT, WIDTH = 90, 120
IGNORE = HEIGHT * WIDTH + 7
FILL = -9.0


def coordinates(bands: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, bands) float32 of (row, column, row, ..); target (H, W) row * W + column."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    image = np.stack([(rows, columns)[b % 2] for b in range(bands)], axis=-1)
    return image, (rows * WIDTH + columns).astype(np.int32)


GEOMETRY = {
    "enlarge": RandomScaleCrop(64, (1.3, 2.0), fill=FILL, ignore=IGNORE),
    "same size": RandomScaleCrop((70, 100), (1.0, 1.0), fill=FILL, ignore=IGNORE),
    "shrink": RandomScaleCrop(32, (0.5, 0.9), fill=FILL, ignore=IGNORE),
    "pad": RandomScaleCrop(200, (0.5, 1.6), fill=FILL, ignore=IGNORE),
    "pad one axis": RandomScaleCrop((200, 60), (0.7, 1.5), fill=FILL, ignore=IGNORE),
    "left-right": RandomHorizontalFlip(1.0),
    "up-down": RandomVerticalFlip(1.0),
    "rotation": RandomRotation((-180, 180), fill=FILL, ignore=IGNORE),
    "elastic": ElasticDeformation(6.0, fill=FILL, ignore=IGNORE),
}


@pytest.mark.parametrize("name", GEOMETRY)
@pytest.mark.parametrize("seed", range(8))
def test_image_and_target_come_from_the_same_place(name, seed):
    image, target = coordinates()
    moved, labels = Compose([GEOMETRY[name]])(image, target, seed)
    labels, moved = labels.numpy(), moved.numpy()
    inside = labels != IGNORE
    assert inside.any()
    # The target's pixel is the one in whose square the image's coordinate lies: within half a pixel. At the image's border
    # the interpolation repeats the last pixel, and a widened filter, when shrinking, has less on its outer side.
    reach = 1.0 / GEOMETRY[name].scales[0] if isinstance(GEOMETRY[name], RandomScaleCrop) else 0.5
    rows, columns = labels[inside] // WIDTH, labels[inside] % WIDTH
    near_border = (rows < reach) | (rows >= HEIGHT - reach) | (columns < reach) | (columns >= WIDTH - reach)
    for coordinate, band in ((rows, 0), (columns, 1)):
        apart = np.abs(moved[band][inside] - coordinate)
        assert apart[~near_border].max(initial=0) <= 0.5 + 1e-3
        assert apart.max() <= 0.5 + reach / 2
    # Outside the image both say so, and only there.
    assert (moved[:, ~inside] == FILL).all()
    assert (moved[:, inside] != FILL).all()


def test_padding_is_used_and_cut_away_nothing():
    image, target = coordinates()
    for seed in range(5):
        moved, labels = Compose([GEOMETRY["pad"]])(image, target, seed)
        inside = (labels != IGNORE).numpy()
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        assert inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()  # one rectangle, nothing lost in it
        assert inside.sum() == len(rows) * len(columns)
        assert labels.numpy()[rows[0], columns[0]] == 0 or len(rows) == 200
        assert tuple(moved.shape) == (2, 200, 200)


def test_flips_by_hand():
    image = np.array([[1, 2], [3, 4]], np.uint8)
    left_right, _ = Compose([RandomHorizontalFlip(1.0)])(image)
    up_down, target = Compose([RandomVerticalFlip(1.0)])(image, image)
    assert left_right.tolist() == [[[2, 1], [4, 3]]]
    assert up_down[0].tolist() == target.tolist() == [[3, 4], [1, 2]]
    same, _ = Compose([RandomHorizontalFlip(0.0), RandomVerticalFlip(0.0)])(image)
    assert same.tolist() == [image.tolist()]


def test_a_quarter_turn_by_hand():
    image = np.arange(9, dtype=np.uint8).reshape(3, 3)
    turned, target = Compose([RandomRotation((90, 90))])(image, image)
    assert turned[0].tolist() == target.tolist() == np.rot90(image).tolist()


def test_enlarging_twice_by_hand():
    image = np.array([[0, 100]], np.float32)
    moved, target = Compose([RandomScaleCrop((2, 4), (2.0, 2.0))])(image, np.array([[1, 2]]))
    assert moved[0].tolist() == [[0.0, 25.0, 75.0, 100.0]] * 2  # corners half a pixel out: 0, 1/4, 3/4, 1
    assert target.tolist() == [[1, 1, 2, 2]] * 2


@pytest.mark.parametrize("scale", [0.5, 0.61, 0.83, 1.0, 1.17, 1.5, 1.99])
@pytest.mark.parametrize("seed", range(3))
def test_the_window_equals_resizing_the_whole_image_with_pillow(scale, seed):
    """Pillow resizes a box of real coordinates: the same filter by independent code, to within two levels of uint8."""
    random = np.random.default_rng([seed, int(scale * 100)])
    image = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    wanted = 40
    rows = axis_window(HEIGHT, wanted, scale, random)
    columns = axis_window(WIDTH, wanted, scale, random)
    part = torch.from_numpy(image).permute(2, 0, 1)[:, rows.start : rows.stop, columns.start : columns.stop]
    ours = resize(part, (rows.first + wanted, columns.first + wanted), rows.scale, columns.scale)
    ours = ours[:, rows.first :, columns.first :].permute(1, 2, 0).numpy()
    top, left = rows.start + rows.first / rows.scale, columns.start + columns.first / columns.scale
    box = (left, top, left + wanted / columns.scale, top + wanted / rows.scale)
    box = (box[0], box[1], min(box[2], WIDTH), min(box[3], HEIGHT))
    theirs = PIL_Image.fromarray(image).resize((wanted, wanted), PIL_Image.Resampling.BILINEAR, box=box)
    apart = np.abs(ours.astype(int) - np.asarray(theirs).astype(int))
    assert apart.max() <= 2  # of noise; torch's weights have 16 bits, Pillow's 22
    assert apart.mean() < 0.4


@pytest.mark.parametrize("seed", range(20))
def test_the_window_lies_inside_and_within_a_pixel_of_its_place(seed):
    random = np.random.default_rng(seed)
    length, wanted, scale = int(random.integers(50, 500)), 40, random.uniform(1.0, 2.0)
    state = random.bit_generator.state
    window = axis_window(length, wanted, scale, random)
    random.bit_generator.state = state
    origin = int(random.integers(0, round(length * scale) - wanted, endpoint=True))
    place = window.start * window.scale + window.first
    assert -1e-6 <= origin - place < 1 + 1e-6
    assert 0 <= window.start < window.stop <= length
    assert window.nearest(length).min() >= window.start


def test_every_place_of_the_window_is_drawn_evenly():
    random = np.random.default_rng(0)
    windows = [axis_window(10, 8, 1.0, random) for _ in range(3000)]
    counts = np.bincount([w.start + w.first for w in windows], minlength=3)
    assert len(counts) == 3
    assert counts.min() > 900
    before = np.bincount([axis_window(8, 10, 1.0, random).before for _ in range(3000)])
    assert len(before) == 3
    assert before.min() > 900


# --- bands, types ----------------------------------------------------------------------------------------------------

EVERY = [
    RandomScaleCrop(50, (0.4, 2.0), fill=0.5, ignore=255),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    RandomRotation((-30, 30)),
    ElasticDeformation(3.0),
    ColourJitter(0.3, 0.3, 0.3, 20.0),
    Normalise(0.5, 0.25),
]


@pytest.mark.parametrize("bands", [1, 3, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_bands_are_treated_alike(bands, dtype):
    """The same band three or five times comes out as equal bands, equal to those of the one-band image."""
    plane = np.random.default_rng(1).integers(0, 200, (40, 60)).astype(dtype)
    plane = plane / np.float32(255) if dtype == np.float32 else plane * (256 if dtype == np.uint16 else 1)
    plane = plane.astype(dtype)
    target = (plane > plane.mean()).astype(np.uint8)
    one, labels = Compose(EVERY)(plane, target, 5)
    many, labels_of_many = Compose(EVERY)(np.repeat(plane[..., None], bands, axis=2), target, 5)
    assert torch.equal(labels, labels_of_many)
    assert labels.dtype == torch.int64
    assert many.shape == (bands, 50, 50)
    assert torch.isfinite(many).all()
    for band in many:
        assert (band - one[0]).abs().max() <= 1.01 / 255 / 0.25  # a level of uint8: sums in another order


def test_an_image_with_one_band_less_is_the_same_image():
    image, target = coordinates(3)
    whole, _ = Compose([GEOMETRY["enlarge"]])(image, target, 3)
    part, _ = Compose([GEOMETRY["enlarge"]])(image[..., :2], target, 3)
    assert torch.allclose(whole[:2], part, atol=1e-4)


def test_masks_move_with_the_label_map():
    image, target = coordinates()
    labels = (target % 3).astype(np.uint8)
    masks = np.stack([labels == n for n in range(3)])
    for transform in GEOMETRY.values():
        if isinstance(transform, (RandomHorizontalFlip, RandomVerticalFlip)):
            transforms = [transform]
        else:
            transforms = [type(transform)(**{**vars(transform), "ignore": 255})]
        _, (moved, moved_masks) = Compose(transforms)(image, (labels, masks), 2)
        assert moved_masks.dtype == torch.bool
        for n in range(3):
            assert torch.equal(moved_masks[n], moved == n)


def test_without_a_target_the_image_is_the_same():
    image, target = coordinates()
    assert torch.equal(Compose(EVERY)(image, None, 4)[0], Compose(EVERY)(image, target % 200, 4)[0])


# --- colours ---------------------------------------------------------------------------------------------------------


def test_normalise_by_hand():
    image = np.array([[[0, 51, 255]]], np.uint8)
    result, _ = Compose([Normalise((0.0, 0.2, 0.5), (1.0, 0.5, 0.25))])(image)
    assert result.ravel().tolist() == pytest.approx([0.0, 0.0, 2.0], abs=1e-6)
    as_float, _ = Compose([Normalise((0.0, 0.2, 0.5), (1.0, 0.5, 0.25))])(image.astype(np.float32) / 255)
    assert torch.allclose(result, as_float, atol=1e-6)


def test_padding_with_the_mean_is_about_zero_after_normalising():
    image = np.full((10, 10, 3), 200, np.uint8)
    result, target = training_transforms(30, scales=(1, 1))(image, np.zeros((10, 10), np.uint8), 0)
    assert result[:, (target == 255)].abs().max() < 0.01
    assert int((target == 0).sum()) == 100


def test_colour_by_hand():
    grey = np.full((4, 4, 3), 100, np.uint8)
    brighter, _ = ColourJitter(0.5, 0, 0)(torch.from_numpy(grey).permute(2, 0, 1), None, np.random.default_rng(3))
    factor = 1 + np.random.default_rng(3).uniform(-0.5, 0.5)
    assert brighter.unique().tolist() == [round(100 * factor)]
    same, _ = Compose([ColourJitter(0, 1.0, 1.0, 180.0)])(grey, None, 1)
    assert same.unique().tolist() == [100]  # contrast, saturation and hue do nothing to even grey


def test_saturation_and_hue_keep_the_luma():
    image = np.random.default_rng(0).uniform(0.2, 0.8, (20, 20, 3)).astype(np.float32)
    changed, _ = Compose([ColourJitter(0, 0, 0.9, 170.0)])(image, None, 7)
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    assert np.abs(changed.permute(1, 2, 0).numpy() @ luma - image @ luma).max() < 1e-5
    assert np.abs(changed.permute(1, 2, 0).numpy() - image).max() > 0.05


# --- the same for a seed ---------------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_sample_and_another_gives_another():
    image, target = coordinates(3)
    target %= 200
    first, labels = Compose(EVERY)(image, target, 11)
    again, labels_again = Compose(EVERY)(image, target, 11)
    other, _ = Compose(EVERY)(image, target, 12)
    assert torch.equal(first, again)
    assert torch.equal(labels, labels_again)
    assert not torch.equal(first, other)


class Scenes:
    """Twelve samples made up of noise."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        noise = np.random.default_rng(index).integers(0, 256, (40, 50, 3), np.uint8)
        return Image(noise), noise[..., 0] // 64, f"scene {index}"


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_nothing(workers):
    """Two epochs, also with workers that persist: every batch equals the one made without workers."""
    transform = training_transforms(32)

    def batches(count):
        data = TransformedDataset(Scenes(), transform, seed=4)
        loader = torch.utils.data.DataLoader(
            data, batch_size=4, num_workers=count, sampler=EpochSampler(12, seed=4), persistent_workers=count > 0
        )
        return [batch for _ in range(2) for batch in loader]

    alone, helped = batches(0), batches(workers)
    assert len(alone) == len(helped) == 6
    for (image, target), (image_of_worker, target_of_worker) in zip(alone, helped):
        assert torch.equal(image, image_of_worker)
        assert torch.equal(target, target_of_worker)
    assert not torch.equal(alone[0][0], alone[3][0])  # the second epoch is another one


def test_epochs_and_order():
    sampler = EpochSampler(10, seed=1)
    first, second = list(sampler), list(sampler)
    assert sorted(i for _, i in first) == sorted(i for _, i in second) == list(range(10))
    assert {e for e, _ in first} == {0}
    assert {e for e, _ in second} == {1}
    assert [i for _, i in first] != [i for _, i in second]
    assert list(EpochSampler(10, seed=1, epoch=1)) == second  # a run that is taken up again


# --- errors ----------------------------------------------------------------------------------------------------------


def test_errors_say_what_was_expected():
    image = np.zeros((4, 5, 3), np.uint8)
    with pytest.raises(InputError, match=r"expected the image's size \(4, 5\)"):
        Compose([])(image, np.zeros((5, 4), int))
    with pytest.raises(InputError, match="expected integers or bool"):
        Compose([])(image, np.zeros((4, 5)))
    with pytest.raises(OptionError, match="for each of 3 bands, got 2"):
        Compose([Normalise((0.5, 0.5))])(image)
    with pytest.raises(OptionError, match="scales"):
        RandomScaleCrop(10, (2.0, 0.5))
    with pytest.raises(OptionError, match="probability"):
        RandomHorizontalFlip(1.5)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (40, 1, 1)])
def test_tiny_images(shape):
    image = np.full(shape, 7, np.uint8)
    for seed in range(5):
        result, target = Compose(EVERY)(image, np.ones(shape[:2], np.uint8), seed)
        assert tuple(result.shape) == (shape[2], 50, 50)
        assert set(target.unique().tolist()) <= {1, 255}
