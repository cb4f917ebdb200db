"""Whom a soup is made of, and that it is judged by people who had no part in that."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.store.store import Store
from data_prep.task import Task
from ensemble.selection.candidates import candidates
from ensemble.selection.derived import soup
from ensemble.selection.pool import Pool
from tests.ensemble.searches import searched
from tests.helpers.small_networks import small_networks
from trainable.best import load_best

CPU = torch.device("cpu")


def test_an_ingredient_stays_unless_the_score_falls() -> None:
    scores = {(1,): 0.5, (1, 2): 0.5, (0, 1, 2): 0.4, (1, 2, 3): 0.6}
    assert soup.greedy([0.3, 0.5, 0.4, 0.2], scores.__getitem__) == (1, 2, 3)
    assert soup.greedy([0.5], {(0,): 0.5}.__getitem__) == (0,)


def drawn(people: int, seed: int) -> Pool:
    """Draw two candidates that know nothing, of two classes and people of one photo each."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=people)
    said = rng.random((2, people, 1))
    folds = rng.permuted(np.tile(np.arange(people) % 5, (2, 1)), axis=1)
    return Pool(
        np.concatenate([said, 1 - said], axis=2).astype(np.float32), truth, np.arange(people), folds, Task(("gender",))
    )


def test_a_soup_that_is_right_about_everybody_is_clearly_better_and_is_said_to_be() -> None:
    pool = drawn(100, seed=0)
    right = np.eye(2, dtype=np.float32)[pool.truth]
    made, unseen, gain = soup.judged(pool, lambda of: right if len(of) == 2 else pool.probabilities[of[0]])
    assert made == (0, 1)
    assert np.array_equal(unseen, right)
    assert gain is not None and gain.is_clear and gain.value > 0.3


def test_what_is_told_of_a_photo_comes_from_a_soup_that_was_made_without_its_person() -> None:
    """A soup of both is right about all but one fold's people: only that fold's, who had no part, are told wrongly."""
    pool = drawn(100, seed=1)
    first = pool.folds[0] == 0
    right = np.eye(2, dtype=np.float32)[np.where(first, 1 - pool.truth, pool.truth)]
    _, unseen, _ = soup.judged(pool, lambda of: right if len(of) == 2 else pool.probabilities[of[0]])
    assert (unseen.argmax(axis=1)[first] != pool.truth[first]).all()
    assert (unseen.argmax(axis=1)[~first] == pool.truth[~first]).all()


def test_of_candidates_that_know_nothing_no_gain_is_believed() -> None:
    """A soup that is as good as any on val, by luck, is not on others: in 20 draws the gain is clear in few."""
    clear = 0
    for seed in range(20):
        pool, other = drawn(60, seed), drawn(60, 1000 + seed)
        _, _, gain = soup.judged(pool, lambda of: (other if len(of) == 2 else pool).probabilities[of[0]])  # noqa: B023
        clear += gain is not None and gain.is_clear
    assert clear <= 7  # by chance 16% are above one standard error


@pytest.fixture
def search(tmp_path: Path, smallest_store: Store, one_thread: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_networks(monkeypatch)
    return searched(tmp_path, smallest_store, [None, None])


def test_trials_that_began_with_other_weights_make_no_soup(search: Path, smallest_store: Store) -> None:
    found = candidates([search], smallest_store)
    told, line = soup.add_soup(found, search, smallest_store, CPU)
    assert told == found
    assert line.startswith(
        f"No soup: no other good trial shares its start with {found[0].name} (network, first weights"
    )
    assert not (search / "soup").exists()


def test_a_soup_that_is_used_is_a_candidate_whose_weights_can_be_read(
    search: Path, smallest_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a trial and its copy it has that trial's weights. Whether its gain is clear is made up here."""
    (search / "trial-002/best.safetensors").write_bytes((search / "trial-001/best.safetensors").read_bytes())
    (search / "trial-002/val_predictions.npz").write_bytes((search / "trial-001/val_predictions.npz").read_bytes())
    found = candidates([search], smallest_store)
    monkeypatch.setattr(soup.Gain, "is_clear", False)
    told, line = soup.add_soup(found, search, smallest_store, CPU)
    assert told == found and re.match(r"A soup of trial-00\d .* is not used: nested, its gain .* is [+-]\.\d", line)
    assert not (search / "soup").exists()
    monkeypatch.setattr(soup.Gain, "is_clear", True)
    told, line = soup.add_soup(found, search, smallest_store, CPU)
    [made] = [each for each in told if each not in found]
    assert (made.name, made.folders) == ("soup", (search / "soup",))
    assert re.match(r"A soup of trial-00\d .* may vote: nested, its gain over", line)
    _, weights, about = load_best(search / "soup/best.safetensors")
    _, single, _ = load_best(search / "trial-001/best.safetensors")
    assert all(torch.equal(weights[name], single[name]) for name in weights if name.endswith("weight"))
    assert about["val_f1"] == pytest.approx(made.val_f1)
    names = json.loads((search / "soup/soup.json").read_text())["of"]
    assert set(names) <= {"trial-001", "trial-002"}
