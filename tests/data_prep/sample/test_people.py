"""Who is drawn and how: shares, persistence of faces, what a mask hides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from data_prep.sample.census import MISLABELLED
from data_prep.sample.people import person
from data_prep.sample.scene import render, scene, silhouette


def test_160_people_have_the_reference_tasks_mix_of_gender_and_age() -> None:
    people = [person(0, "train", number) for number in range(160)]
    women = sum(who.gender == "female" for who in people)
    assert women / (160 - women) == pytest.approx(1.6, abs=0.1)
    bands = np.histogram([who.age for who in people], bins=[18, 30, 60, 61])[0] / 160
    assert bands == pytest.approx(np.array([1281, 1227, 192]) / 2700, abs=0.02)
    sixty = Counter(who.gender for who in people if who.age == 60)
    assert min(sixty["male"], sixty["female"]) >= 3
    assert all(18 <= who.age <= 60 for who in people)


@pytest.mark.parametrize("seed", range(4))
def test_a_few_labelled_people_are_mislabelled_and_none_to_predict(seed: int) -> None:
    wrong = sum(person(seed, "train", number).mislabelled for number in range(400))
    assert wrong / 400 == pytest.approx(MISLABELLED, abs=0.006)
    assert not any(person(seed, "eval", number).mislabelled for number in range(100))


def test_people_look_about_as_old_as_they_are() -> None:
    off = np.array([who.apparent_age - who.age for who in (person(1, "train", number) for number in range(400))])
    assert abs(off.mean()) < 0.4 and 2 < off.std() < 3


def test_a_photo_is_a_pure_function_of_seed_person_and_photo() -> None:
    who = person(3, "train", 7)
    first, again, other = (np.asarray(render(scene(3, who, photo, False))) for photo in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_the_true_mask_covers_face_and_clothing_and_no_other_faces() -> None:
    who = person(3, "train", 7)
    shots = [scene(3, who, photo, False) for photo in range(7)]
    for shot in shots:
        mask = np.asarray(silhouette(shot))
        assert set(np.unique(mask)) == {0, 255}
        assert mask[262, 192] == mask[505, 192] == 255 and not mask[:60].any()
    assert 0.2 < np.mean([np.asarray(silhouette(shot)) > 0 for shot in shots]) < 0.7


def test_betraying_clothing_changes_nothing_within_the_reference_crop() -> None:
    who = person(2, "train", 1)
    plain, betraying = (np.asarray(render(scene(2, who, 0, betrays)), dtype=int) for betrays in (False, True))
    differs = np.abs(plain - betraying).sum(axis=2) > 0
    assert differs[436:].any() and not differs[76:436].any()
