"""A vote of real networks on the drawn store: what is shared among members changes no answer."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from common.errors import CheckpointError
from ensemble.voting import ensemble as ensembles
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member
from ensemble.voting.tta import views
from ensemble.voting.vote import Rule, soft_vote
from tests.helpers.small_networks import small_networks
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.photos.views import look
from trainable.predict import softmax
from trainable.workbench import Workbench

CPU = torch.device("cpu")
CONFIGS = {
    "first": {},
    "other weights": {"train/seed": 1},
    "other crop": {"train/seed": 2, "crop/height": 300, "crop/resize": 1.5},
}
NEAR = 1e-4


@pytest.fixture(scope="module", autouse=True)
def _in_one_thread():
    """Threads that wait for each other on a busy machine make passes this small many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(smallest_store, tmp_path_factory):
    """The folder of each trial by its name, and the trial, after an epoch."""
    folder, found = tmp_path_factory.mktemp("trials"), {}
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_networks(monkeypatch)
        for name, changes in CONFIGS.items():
            config = {"model/arch": "resnet18", "model/weights": "none", "train/batch_size": 14, **changes}
            trial = Trial(TrialConfig.from_flat(config), smallest_store, Workbench(CPU))
            trial.run_epoch()
            trial.export_best(folder / name)
            found[name] = folder / name, trial
    return found


@pytest.fixture(scope="module")
def members(trained, smallest_store):
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_networks(monkeypatch)
        return [Member.load([folder], smallest_store, CPU) for folder, _ in trained.values()]


def test_a_member_alone_predicts_what_its_trial_kept_of_its_validation(trained, members, smallest_store):
    for member, (_, trial) in zip(members, trained.values(), strict=True):
        assert len(np.unique(trial.best.predictions.round(3), axis=0)) > 5  # photos are told apart
        found = Ensemble.alone(member).predict_rows(smallest_store, trial.val_rows)
        assert found == pytest.approx(trial.best.predictions, abs=NEAR)


def test_members_that_share_views_vote_as_if_each_looked_at_each_view_by_itself(members, smallest_store, trained):
    rows, seen = smallest_store.rows("test")[:11], views(7)
    whole = torch.from_numpy(smallest_store.read(rows))
    votes = Ensemble(tuple(members), Rule.equal(3), seen).member_votes(smallest_store, rows)
    assert votes.shape == (3, 7, 11, 18) and votes.dtype == np.float32
    for found, (_, trial) in zip(votes, trained.values(), strict=True):
        trial.model.load_state_dict(trial.best.weights)
        trial.model.eval()
        for answer, view in zip(found, seen, strict=True):
            with torch.inference_mode():
                expected = softmax(trial.model, look(whole, view, trial.preprocessing, CPU))
            assert answer == pytest.approx(expected.numpy(), abs=NEAR)
    assert np.ptp(votes, axis=1).max() > 10 * NEAR < np.ptp(votes, axis=0).max()  # neither views nor members agree


def test_the_rule_joins_the_means_over_views(members, smallest_store):
    rows, rule = smallest_store.rows("test")[:9], Rule((0.5, 0.3, 0.2), (1.0, 2.0, 0.5))
    ensemble = Ensemble(tuple(members), rule, views(3))
    votes = ensemble.member_votes(smallest_store, rows)
    assert ensemble.predict_rows(smallest_store, rows) == pytest.approx(
        soft_vote(list(votes.mean(axis=1)), rule), abs=1e-6
    )


def test_photos_at_hand_are_predicted_like_those_of_a_store(members, smallest_store):
    rows, ensemble = smallest_store.rows("test")[:20], Ensemble(tuple(members), Rule.equal(3), views(9))
    assert ensemble.predict_photos(smallest_store.read(rows)) == pytest.approx(
        ensemble.predict_rows(smallest_store, rows), abs=NEAR
    )


def _pixels(photos, members, views):
    """Those of so many photos, each in so many views."""
    return math.ceil(photos * views * max(math.prod(member.preprocessing.size) for member in members))


@pytest.mark.parametrize("photos", [0.2, 2, 7])
def test_no_photo_is_lost_to_the_size_of_a_batch_and_their_order_stays(members, smallest_store, monkeypatch, photos):
    rows, ensemble = smallest_store.rows("val")[::-1], Ensemble(tuple(members[:2]), Rule.equal(2), views(5))
    expected = ensemble.predict_rows(smallest_store, rows)
    monkeypatch.setattr(ensembles, "PIXELS", _pixels(photos, members[:2], 5))
    assert ensemble.predict_rows(smallest_store, rows) == pytest.approx(expected, abs=NEAR)
    assert ensemble.predict_rows(smallest_store, rows[::-1])[::-1] == pytest.approx(expected, abs=NEAR)


def test_memory_that_runs_short_changes_no_answer(members, smallest_store):
    rows, ensemble = smallest_store.rows("val"), Ensemble(tuple(members), Rule.equal(3), views(4))
    expected = ensemble.member_votes(smallest_store, rows)

    def refuse(module, inputs):
        if len(inputs[0]) > 40:
            raise torch.OutOfMemoryError("out of memory, as a test pretends")

    hook = members[2].models[0].register_forward_pre_hook(refuse)
    try:
        assert ensemble.member_votes(smallest_store, rows) == pytest.approx(expected, abs=NEAR)
    finally:
        hook.remove()


def test_no_photos_have_no_votes(members, smallest_store):
    ensemble, nothing = Ensemble(tuple(members), Rule.equal(3), views(2)), np.array([], dtype=np.int64)
    assert ensemble.predict_rows(smallest_store, nothing).shape == (0, 18)
    assert ensemble.member_votes(smallest_store, nothing).shape == (3, 2, 0, 18)
    assert ensemble.predict_photos(smallest_store.read(nothing)).shape == (0, 18)


def test_a_member_of_several_models_answers_their_mean(trained, members, smallest_store, monkeypatch):
    small_networks(monkeypatch)
    rows = smallest_store.rows("test")[:9]
    both = Member.load([trained[name][0] for name in ("first", "other weights")], smallest_store, CPU)
    alone = [Ensemble.alone(member).predict_rows(smallest_store, rows) for member in members[:2]]
    assert Ensemble.alone(both).predict_rows(smallest_store, rows) == pytest.approx(np.mean(alone, axis=0), abs=NEAR)


def test_models_that_see_photos_differently_are_no_one_member(trained, smallest_store, monkeypatch):
    small_networks(monkeypatch)
    with pytest.raises(CheckpointError, match=r"other crop was trained on another crop than .*first: they can both"):
        Member.load([trained[name][0] for name in ("first", "other crop")], smallest_store, CPU)


def test_weights_of_another_trial_or_of_one_on_another_store_are_refused(
    trained, smallest_store, small_store, monkeypatch, tmp_path
):
    small_networks(monkeypatch)
    (first,), (other,) = trained["first"][:1], trained["other weights"][:1]
    shutil.copy(first / "best.safetensors", tmp_path)
    assert Member.load([tmp_path], smallest_store, CPU).name == tmp_path.name
    with pytest.raises(CheckpointError, match=r"best\.safetensors is of another store than .*: put back its own"):
        Member.load([tmp_path], small_store, CPU)
    saved = dict(np.load(other / "val_predictions.npz"))
    np.savez(tmp_path / "val_predictions.npz", **{**saved, "val_f1": float(saved["val_f1"]) / 2 + 0.001})
    with pytest.raises(CheckpointError, match=r"another trial or epoch than val_predictions\.npz beside it: put"):
        Member.load([tmp_path], smallest_store, CPU)
    (tmp_path / "val_predictions.npz").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"val_predictions\.npz is damaged"):
        Member.load([tmp_path], smallest_store, CPU)


def test_members_of_other_classes_or_none_are_refused(members):
    with pytest.raises(ValueError, match="members: one classes for all must hold"):
        Ensemble((members[0], replace(members[1], classes=6)), Rule.equal(2), views(1))
    with pytest.raises(ValueError, match="models: one or more must hold"):
        replace(members[0], models=())


def test_photos_are_fetched_as_they_are_looked_at_and_not_all_at_once(members, smallest_store, monkeypatch):
    monkeypatch.setattr(ensembles, "PIXELS", _pixels(6, members[:1], 5))
    brought = []

    def bring(parts):
        for part in parts:
            brought.append(len(part))
            yield torch.from_numpy(smallest_store.read(part % 14))

    ensemble = Ensemble.alone(members[0], views(5))
    assert next(ensemble._votes(bring, 10_000, progress=False)).shape == (1, 5, 6, 18)
    assert brought == [6, 6]


def test_cores_that_see_photos_of_their_own_change_no_answer(members, smallest_store, monkeypatch):
    rows, ensemble = smallest_store.rows("val")[:7], Ensemble(tuple(members[:2]), Rule.equal(2), views(2))
    expected = ensemble.predict_rows(smallest_store, rows)
    seen = []
    monkeypatch.setattr(Member, "vote", _watched(Member.vote, seen))
    torch.set_num_threads(2)
    try:
        assert ensemble.predict_rows(smallest_store, rows) == pytest.approx(expected, abs=NEAR)
    finally:
        torch.set_num_threads(1)
    assert sorted(seen) == [(6, 1), (6, 1), (8, 1), (8, 1)]  # 3 and 4 photos, by each of the two members


def _watched(vote, seen):
    def watched(member, images):
        seen.append((len(images), torch.get_num_threads()))
        return vote(member, images)

    return watched
