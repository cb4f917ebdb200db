"""How trials train unless told otherwise follows from the photos: their layout, their size, how many they are."""

import pandas as pd
import pytest

from common.errors import StoreError
from data_prep.store import store as stores
from data_prep.store.meta import StoreMeta
from tests.helpers.relabelled import coloured
from trainable.config import TrialConfig
from tuning.plan import profiles, settings, space_names, spaces
from tuning.plan.profiles import Profile


def photos(size=(64, 64), source=(200, 200), n=6845, gpu=False, weights="none") -> Profile:
    return profiles.for_photos(size, source, n, gpu, weights)


def config(profile: Profile) -> TrialConfig:
    return TrialConfig.from_flat(profile.settings)


@pytest.mark.parametrize(
    ("source", "crop"),
    [
        ((200, 200), (512, 384)),
        ((300, 400), (512, 384)),
        ((512, 384), (360, 360)),
        ((1024, 768), (360, 360)),
        ((1365, 1024), (360, 360)),
    ],
)
def test_chips_are_seen_whole_and_portraits_as_the_recipe_sees_them(
    source: tuple[int, int], crop: tuple[int, int]
) -> None:
    found = config(photos(source=source)).crop
    assert (found.height, found.width) == crop


@pytest.mark.parametrize(
    ("size", "gpu", "seen"),
    [
        ((64, 64), True, 64),
        ((64, 64), False, 64),
        ((200, 200), True, 200),
        ((512, 512), True, 224),
        ((96, 96), False, 64),
    ],
)
def test_large_photos_are_seen_smaller(size: tuple[int, int], gpu: bool, seen: int) -> None:
    found = config(photos(size=size, gpu=gpu))
    assert round(size[0] * found.crop.resize) == seen
    assert found.model.arch == ("resnet50" if seen > 112 else "resnet18")


@pytest.mark.parametrize(("n", "epochs"), [(1_000, 60), (10_000, 40), (30_000, 20)])
def test_few_photos_are_shown_more_often(n: int, epochs: int) -> None:
    found = config(photos(n=n, gpu=True))
    assert found.train.epochs == found.schedule.cycle == epochs > found.schedule.warmup >= 1


@pytest.mark.parametrize(("n", "batch"), [(10, 16), (400, 16), (700, 32), (3_000, 128)])
def test_a_batch_is_a_small_part_of_the_photos(n: int, batch: int) -> None:
    assert config(photos(n=n)).train.batch_size == batch


def test_weights_decide_on_the_optimizer() -> None:
    scratch, fine_tuned = photos(weights="none"), photos(weights=None)
    assert (config(scratch).optimizer.name, config(scratch).schedule.max_lr) == ("adamw", 1e-3)
    assert (config(fine_tuned).optimizer.name, config(fine_tuned).schedule.max_lr) == ("sgd", 0.01)
    assert "from scratch" in scratch.about and "ImageNet" in fine_tuned.about


@pytest.mark.parametrize("name", space_names.names())
@pytest.mark.parametrize("n", [30, 1_000, 30_000])
@pytest.mark.parametrize("gpu", [False, True])
def test_every_space_begins_with_what_the_profile_says(name: str, n: int, gpu: bool) -> None:
    profile = photos(n=n, gpu=gpu)
    space = settings.with_profile(settings.with_bands(spaces.load(name), (30, 60)), profile)
    first = settings.shared_settings(space, profile, seed=1) | space.start[0]
    whole = TrialConfig.from_flat(first)
    assert (whole.crop.height, whole.crop.width) == (512, 384)
    assert whole.schedule.max_lr == pytest.approx(1e-3)
    assert all(space.start.count(point) == 1 for point in space.start)


@pytest.mark.parametrize(
    ("profile", "about"), [("reference", "recipe"), ("sample", "drawn"), ("photos", "2 train photos")]
)
def test_a_store_names_its_profile(tmp_path, profile: str, about: str) -> None:
    index = pd.DataFrame({"path": list("abc"), "person": list("abc"), "split": ["train", "train", "val"]})
    index = index.assign(mask="none", gender="male", age=20)
    store = stores.write(tmp_path / "s", coloured((3, 40, 40, 3)), index, StoreMeta(profile=profile))
    found = profiles.for_store(store, gpu=False, weights="none")
    assert found.name == profile and about in found.about and profiles.named(profile).name == profile


def test_a_profile_that_is_not_known_is_an_error() -> None:
    with pytest.raises(StoreError, match=r"asks for the profile 'faces'; the known ones are reference, sample, photos"):
        profiles.named("faces")
