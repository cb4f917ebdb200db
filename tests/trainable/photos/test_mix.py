import pytest
import torch

from trainable.config import Augment
from trainable.photos.mix import ERASED_AREA, Mixing, apply, draw, is_off

NONE = (0.0, 0.0, 0.0, 0.0)
WHOLE = (0.0, 0.0, 1.0, 1.0)
LEFT, RIGHT = (0.0, 0.0, 1.0, 0.5), (0.0, 0.5, 1.0, 1.0)

CLASSES = 5


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _images(n, height=8, width=8):
    """Every pixel of every photo is another number."""
    noise = torch.randn(n, 3, height, width, generator=_generator())
    return noise.to(memory_format=torch.channels_last)


def _mixing(*boxes, partner=0.0, erased=NONE):
    """The given box of each photo; with partner 0 it comes from the next photo, the last one's from the first."""
    n = len(boxes)
    return Mixing(torch.tensor(boxes), torch.full((n,), partner), torch.tensor([erased] * n))


def _applied(images, mixing, classes=None):
    classes = torch.arange(len(images)) % CLASSES if classes is None else classes
    return apply(images.clone(), classes, mixing, CLASSES)


def _area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


# What a box does.


def test_the_pixels_of_a_box_come_from_the_partner_and_no_others():
    images = _images(2)
    mixed, _ = _applied(images, _mixing((0.25, 0.5, 0.75, 1.0), NONE))
    expected = images.clone()
    expected[0, :, 2:6, 4:8] = images[1, :, 2:6, 4:8]
    assert torch.equal(mixed, expected)


def test_the_targets_share_is_that_of_the_pixels():
    # 4 x 4 of 64 pixels
    _, target = _applied(_images(2), _mixing((0.25, 0.5, 0.75, 1.0), NONE))
    assert target.dtype == torch.float32
    assert target.tolist() == [[0.75, 0.25, 0, 0, 0], [0, 1, 0, 0, 0]]


def test_the_share_is_recounted_from_the_pixels_where_the_box_ends_between_them():
    # .3 * 5 = 1.5 and .7 * 5 = 3.5: of the centres .5 to 4.5 those on the edges are outside, 2.5 is inside.
    images = _images(2, 5, 5)
    mixed, target = _applied(images, _mixing((0.3, 0.3, 0.7, 0.7), NONE))
    assert (mixed[0] != images[0]).any(dim=0).sum() == 1
    assert target[0].tolist() == pytest.approx([24 / 25, 1 / 25, 0, 0, 0])


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (68, 51)])
def test_the_share_is_that_of_the_pixels_for_every_box_that_is_drawn(size):
    images, mixing = _images(64, *size), draw(Augment(cutmix=0.5, halves=0.3), 64, _generator(1))
    classes = torch.arange(64)
    mixed, target = apply(images.clone(), classes, mixing, 64)
    changed = (mixed != images).any(dim=1).float().mean(dim=(1, 2))
    assert torch.allclose(1 - target[classes, classes], changed, atol=1e-6)
    assert torch.allclose(target.sum(dim=1), torch.ones(64))


@pytest.mark.parametrize(("box", "columns"), [(LEFT, slice(0, 3)), (RIGHT, slice(3, 6))])
def test_halves_of_an_even_width_are_exactly_halves(box, columns):
    images = _images(2, 5, 6)
    mixed, target = _applied(images, _mixing(box, NONE))
    expected = images.clone()
    expected[0, :, :, columns] = images[1, :, :, columns]
    assert torch.equal(mixed, expected)
    assert target[0].tolist() == [0.5, 0.5, 0, 0, 0]


@pytest.mark.parametrize(("box", "columns"), [(LEFT, slice(0, 3)), (RIGHT, slice(4, 7))])
def test_halves_of_an_odd_width_leave_the_middle_column(box, columns):
    images = _images(2, 5, 7)
    mixed, target = _applied(images, _mixing(box, NONE))
    expected = images.clone()
    expected[0, :, :, columns] = images[1, :, :, columns]
    assert torch.equal(mixed, expected)
    assert target[0].tolist() == pytest.approx([4 / 7, 3 / 7, 0, 0, 0])


def test_donors_give_their_pixels_from_before_mixing():
    images = _images(3)
    mixed, target = _applied(images, _mixing(WHOLE, WHOLE, WHOLE))
    assert torch.equal(mixed, images[[1, 2, 0]])
    assert target.argmax(dim=1).tolist() == [1, 2, 0]


def test_a_partner_of_the_same_class_leaves_the_target_on_it():
    _, target = _applied(_images(2), _mixing(LEFT, NONE), classes=torch.tensor([3, 3]))
    assert target.tolist() == [[0, 0, 0, 1, 0]] * 2


# Who the partner is.


@pytest.mark.parametrize("partner", [0.0, 0.3, 0.5, 1 - 2**-24, 1.0])
@pytest.mark.parametrize("n", [2, 3, 5, 6, 63, 64])
def test_the_partner_is_another_photo_of_the_batch(n, partner):
    _, target = apply(_images(n, 2, 2), torch.arange(n), _mixing(*[WHOLE] * n, partner=partner), n)
    assert (target.sum(dim=1) == 1).all()
    assert (target.diagonal() == 0).all()


def test_all_other_photos_are_equally_likely_partners():
    count = torch.zeros(4)
    for step in range(12):
        count += apply(_images(4), torch.arange(4), _mixing(*[WHOLE] * 4, partner=(step + 0.5) / 12), 4)[1][1]
    assert count.tolist() == [4, 0, 4, 4]


def test_a_batch_of_one_photo_is_not_mixed():
    images, classes = _images(1), torch.tensor([2])
    mixed, target = _applied(images, _mixing(WHOLE, partner=0.7), classes)
    assert torch.equal(mixed, images)
    assert target is classes


def test_a_batch_of_one_photo_is_erased():
    mixed, _ = _applied(_images(1), _mixing(WHOLE, erased=WHOLE))
    assert (mixed == 0).all()


# Erasing.


def test_what_is_erased_becomes_the_mean_colour_and_leaves_labels_alone():
    images, classes = _images(2), torch.tensor([2, 4])
    erased, target = _applied(images, _mixing(NONE, NONE, erased=(0.5, 0.0, 1.0, 0.25)), classes)
    expected = images.clone()
    expected[:, :, 4:8, 0:2] = 0
    assert torch.equal(erased, expected)
    assert target is classes


def test_erasing_comes_after_mixing():
    images = _images(2)
    mixed, target = _applied(images, _mixing(LEFT, LEFT, erased=(0.0, 0.0, 0.5, 1.0)))
    assert (mixed[:, :, :4] == 0).all()
    assert torch.equal(mixed[:, :, 4:, :4], images[[1, 0], :, 4:, :4])
    assert target[0, :2].tolist() == [0.5, 0.5]


def test_the_erased_area_is_within_torchvisions_bounds():
    boxes = draw(Augment(erasing=1), 20_000, _generator()).erased
    area, aspect = _area(boxes), (boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1])
    low, high = ERASED_AREA
    assert low - 1e-6 <= area.min() <= low + 0.001
    assert high - 0.001 <= area.max() <= high + 1e-6
    assert area.mean().item() == pytest.approx(0.175, abs=0.003)
    assert 0.3 - 1e-4 <= aspect.min() <= 0.31
    assert 3.2 <= aspect.max() <= 3.3 + 1e-3
    # The middle of a log-uniform distribution is its geometric mean.
    assert aspect.median().item() == pytest.approx((0.3 * 3.3) ** 0.5, abs=0.03)


def test_erased_pixels_are_as_many_as_the_area_says():
    images, mixing = _images(64, 96, 72), draw(Augment(erasing=1), 64, _generator())
    erased, _ = _applied(images, mixing)
    assert (erased == 0).all(dim=1).float().mean(dim=(1, 2)).tolist() == pytest.approx(
        _area(mixing.erased).tolist(), abs=0.02
    )


# What is drawn.


def test_boxes_lie_in_the_image():
    mixing = draw(Augment(erasing=1, cutmix=0.5, halves=0.5), 20_000, _generator())
    for boxes in (mixing.box, mixing.erased):
        assert boxes.min() >= 0
        assert boxes.max() <= 1
        assert (boxes[:, :2] <= boxes[:, 2:]).all()
    assert mixing.partner.min() >= 0
    assert mixing.partner.max() < 1


def test_a_box_that_is_not_clipped_has_the_aspect_of_the_image():
    boxes = draw(Augment(cutmix=1), 1000, _generator()).box
    inner = boxes[((boxes > 0) & (boxes < 1)).all(dim=1)]
    assert len(inner) > 100
    assert torch.allclose(inner[:, 2] - inner[:, 0], inner[:, 3] - inner[:, 1], atol=1e-6)


def test_the_area_of_a_box_is_uniform_before_it_is_clipped():
    # A side s about a uniform centre keeps s - s^2/4 of itself; with s^2 uniform, the mean of its square is
    # E[s^2 - s^3/2 + s^4/16] = 1/2 - 1/5 + 1/48 = .320833
    boxes = draw(Augment(cutmix=1), 50_000, _generator()).box
    assert _area(boxes).mean().item() == pytest.approx(0.320833, abs=0.004)


def test_photos_are_cut_halved_and_erased_as_often_as_the_config_says():
    mixing = draw(Augment(erasing=0.3, cutmix=0.5, halves=0.2), 50_000, _generator())
    left, right = ((mixing.box == torch.tensor(half)).all(dim=1) for half in (LEFT, RIGHT))
    cut = (_area(mixing.box) > 0) & ~left & ~right
    for found, expected in ((cut, 0.5), (left, 0.1), (right, 0.1), (_area(mixing.erased) > 0, 0.3)):
        assert found.float().mean().item() == pytest.approx(expected, abs=0.01)


def test_the_draw_is_a_pure_function_of_the_generator():
    config = Augment(erasing=0.5, cutmix=0.5)
    one, same, other = (draw(config, 16, _generator(seed)) for seed in (3, 3, 4))
    for name in vars(one):
        assert torch.equal(getattr(one, name), getattr(same, name))
    assert not torch.equal(one.partner, other.partner)


def test_global_random_state_stays_as_it_was():
    before = torch.get_rng_state()
    _applied(_images(8), draw(Augment(erasing=1, cutmix=1), 8, _generator()))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_setting_does_not_change_what_another_one_draws():
    one, other = (draw(Augment(erasing=0.5, cutmix=cutmix), 16, _generator()) for cutmix in (0.2, 0.8))
    assert torch.equal(one.erased, other.erased)
    assert torch.equal(one.partner, other.partner)


def test_a_slice_is_that_part_of_every_parameter():
    mixing = draw(Augment(erasing=0.5, cutmix=0.5), 16, _generator())
    part = mixing[4:7]
    assert (len(mixing), len(part)) == (16, 3)
    for name in vars(mixing):
        assert torch.equal(getattr(part, name), getattr(mixing, name)[4:7])


# When it does nothing, and where.


def test_the_default_is_off():
    assert is_off(Augment())


@pytest.mark.parametrize("name", ["erasing", "cutmix", "halves"])
def test_any_one_of_the_three_is_not_off(name):
    assert not is_off(Augment(**{name: 0.1}))


def test_off_leaves_every_bit_of_the_images_and_the_classes_themselves():
    images, classes = _images(8), torch.arange(8) % CLASSES
    mixed, target = _applied(images, draw(Augment(), 8, _generator()), classes)
    assert torch.equal(mixed, images)
    assert target is classes


def test_channels_stay_last_in_memory():
    images, mixing = _images(8), draw(Augment(erasing=1, cutmix=1), 8, _generator())
    mixed, _ = apply(images, torch.arange(8) % CLASSES, mixing, CLASSES)
    assert mixed.is_contiguous(memory_format=torch.channels_last)


def test_no_value_is_asked_of_the_device():
    # The meta device has no values to ask for: reading one, or branching on it, raises there.
    images, classes = _images(8).to("meta"), torch.zeros(8, dtype=torch.int64, device="meta")
    mixed, target = apply(images, classes, draw(Augment(erasing=1, cutmix=1), 8, _generator()), CLASSES)
    assert mixed.is_contiguous(memory_format=torch.channels_last)
    assert target.shape == (8, CLASSES)
    assert target.dtype == torch.float32
