"""Events are read back by TensorBoard's own reader."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import metadata, plugin_data_pb2
from tensorboard.util import tensor_util

from common.search_folder import VAL_PREDICTIONS
from data_prep.store.store import Store
from tests.tuning.callbacks.tensorboard.conftest import Board
from tuning.callbacks.tensorboard import drawing
from tuning.callbacks.tensorboard.curves import CURVES, METRICS
from tuning.callbacks.tensorboard.pictures import CONFUSION, FIRST_BATCH, MISTAKES

ALL = {FIRST_BATCH, CONFUSION, MISTAKES}


def read(folder: Path) -> EventAccumulator:
    """What TensorBoard shows of it: unlike its reader for programs, this one hides what a resume does again."""
    return EventAccumulator(str(folder)).Reload()


def pictures(folder: Path) -> dict[str, list[tuple[int, Image.Image]]]:
    """By tag: each step with its picture."""
    events = read(folder)
    found: dict[str, list[tuple[int, Image.Image]]] = {}
    for tag in events.Tags()["tensors"]:
        if events.SummaryMetadata(tag).plugin_data.plugin_name != "images":
            continue
        for event in events.Tensors(tag):
            width, height, data = tensor_util.make_ndarray(event.tensor_proto).tolist()
            image = Image.open(io.BytesIO(data))
            assert image.size == (int(width), int(height))
            found.setdefault(tag, []).append((event.step, image))
    return found


def steps(folder: Path) -> dict[str, list[int]]:
    return {tag: [step for step, _ in shown] for tag, shown in pictures(folder).items()}


def test_every_trial_has_its_pictures_once(written: Path) -> None:
    assert steps(written / "trial-001") == {FIRST_BATCH: [1], CONFUSION: [2], MISTAKES: [2]}
    assert steps(written / "trial-002") == {FIRST_BATCH: [1], CONFUSION: [2], MISTAKES: [2]}
    assert steps(written / "trial-003") == {FIRST_BATCH: [1]}
    about = read(written / "trial-001").SummaryMetadata(MISTAKES)
    assert about.summary_description.startswith("val at the best epoch: the wrong answers")


def test_the_matrix_is_of_the_predictions_that_the_trial_left(written: Path, small_store: Store) -> None:
    [(_, shown)] = pictures(written / "trial-001")[CONFUSION]
    colours = shown.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    # Nine tenths of val are right, and so some classes wholly: their fields have the full colour.
    full = sum(count for count, colour in colours if colour == tuple(drawing.FULL))
    assert full > drawing.CELL**2 / 2


def test_gpu_memory_is_a_curve_where_it_is_reported_and_none_elsewhere(written: Path) -> None:
    tag = "system/gpu_memory_gb"
    [_, value] = read(written / "trial-001").Tensors(tag)
    assert float(tensor_util.make_ndarray(value.tensor_proto)) == 2.5
    assert tag not in read(written / "trial-003").Tags()["tensors"]


def test_every_curve_says_what_it_is_once_a_file(written: Path) -> None:
    events = read(written / "trial-001")
    curves = CURVES.keys() & set(events.Tags()["tensors"])
    assert {tag: events.SummaryMetadata(tag).summary_description for tag in curves} == {
        tag: CURVES[tag].about for tag in curves
    }
    [file] = (written / "trial-001").glob("events.out.*")
    points = [
        value for event in RawEventFileLoader(str(file)).Load() for value in Event.FromString(event).summary.value
    ]
    assert Counter(point.tag for point in points if point.HasField("metadata") and point.tag in curves) == Counter(
        curves
    )
    assert sum(point.tag == "f1/val" for point in points) > 1


def test_hparams_tells_how_many_epochs_a_trial_has_had(written: Path) -> None:
    events = read(written / "trial-001")
    shown = plugin_data_pb2.HParamsPluginData.FromString(
        events.SummaryMetadata(metadata.EXPERIMENT_TAG).plugin_data.content
    )
    assert [(metric.name.tag, metric.display_name) for metric in shown.experiment.metric_infos] == [*METRICS.items()]
    last = events.Tensors("system/epochs")[-1]
    assert float(tensor_util.make_ndarray(last.tensor_proto)) == last.step == 2


def test_every_chart_of_the_layout_shows_some_curve(written: Path) -> None:
    events = read(written / "trial-001")
    [event] = events.Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(tensor_util.make_ndarray(event.tensor_proto).item())
    charts = {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}
    assert {"macro F1", "learning rate", "photos a second"} <= charts.keys()
    for title, patterns in charts.items():
        assert any(re.match(pattern, tag) for pattern in patterns for tag in CURVES), title


@pytest.mark.parametrize("known", [0, 1])
def test_pictures_are_there_once_when_a_killed_driver_is_gone_on_from(board: Callable[..., Board], known: int) -> None:
    """The driver dies before its state knows of the trial's last epoch; or of any."""
    search, scores = board(), (0.5, 0.9)
    trial = search.trial("trial-001", 58)
    for f1 in scores:
        search.epoch(trial, f1)
    search.end(trial)
    search.close()
    search.go_on()
    again = search.trial("trial-001", 58, epochs=known)
    for f1 in scores[known:]:
        search.epoch(again, f1)
    search.end(again)
    search.close()
    assert steps(search.plan.folder / "trial-001") == {FIRST_BATCH: [1], CONFUSION: [2], MISTAKES: [2]}
    assert [event.step for event in read(search.plan.folder / "trial-001").Tensors("f1/val")] == [1, 2]


def test_a_trial_that_goes_on_with_the_search_is_shown_when_it_has_ended(board: Callable[..., Board]) -> None:
    search = board()
    trial = search.trial("trial-001", 58)
    search.epoch(trial, 0.5)
    search.callback.on_trial_complete(1, [], trial)  # by Ctrl-C, or a budget
    search.close()
    assert steps(search.plan.folder / "trial-001") == {FIRST_BATCH: [1]}


def test_photos_are_left_out_on_request(board: Callable[..., Board]) -> None:
    search = board(pictures=False)
    trial = search.trial("trial-001", 58)
    search.epoch(trial, 0.5)
    search.end(trial)
    search.close()
    assert steps(search.plan.folder / "trial-001") == {CONFUSION: [1]}


def test_a_picture_that_cannot_be_drawn_is_said_once_and_the_rest_is_there(
    board: Callable[..., Board], capsys: pytest.CaptureFixture[str]
) -> None:
    search = board()
    for name in ("trial-001", "trial-002"):
        trial = search.trial(name, 58)
        search.epoch(trial, 0.5)
        (search.plan.folder / name / VAL_PREDICTIONS).write_bytes(b"torn")
        search.end(trial)
    search.close()
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and said.startswith("Note: TensorBoard lacks a picture, which cannot be drawn: ")
    events = read(search.plan.folder / "trial-002")
    assert steps(search.plan.folder / "trial-002") == {FIRST_BATCH: [1]} and len(events.Tensors("f1/val")) == 1


def test_a_trial_without_predictions_has_none(board: Callable[..., Board], capsys: pytest.CaptureFixture[str]) -> None:
    search = board()
    trial = search.trial("trial-001", 58)
    search.epoch(trial, 0.5)
    (search.plan.folder / "trial-001" / VAL_PREDICTIONS).unlink()
    search.end(trial)
    search.close()
    assert steps(search.plan.folder / "trial-001") == {FIRST_BATCH: [1]} and capsys.readouterr().out == ""


def test_at_an_address_predictions_are_read_there_and_not_into_the_mirror(
    board: Callable[..., Board], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    there, mirror = tmp_path / "there", tmp_path / "mirror"
    search = board(folder=mirror, remote=there.as_uri())
    trial = search.trial("trial-001", 58)
    search.epoch(trial, 0.5)
    (there / "trial-001").mkdir(parents=True)
    (mirror / "trial-001" / VAL_PREDICTIONS).rename(there / "trial-001" / VAL_PREDICTIONS)  # a worker keeps it there
    search.end(trial)
    search.close()
    assert steps(mirror / "trial-001").keys() == ALL
    assert {file.name.split(".")[0] for file in (mirror / "trial-001").iterdir()} == {"events"}
