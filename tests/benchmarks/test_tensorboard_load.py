from argparse import Namespace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks import tensorboard_load
from data_prep.store.store import Store


def test_what_is_loaded_is_what_a_search_leaves(
    small_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs/search"
    tensorboard_load.write(runs, small_store, Namespace(trials=2, epochs=3, no_pictures=False))
    assert "ms in the driver's thread" in capsys.readouterr().out
    for name in ("trial-001", "trial-002"):
        events = EventAccumulator(str(runs / name)).Reload()
        assert [event.step for event in events.Tensors("f1/val")] == [1, 2, 3]
        assert {"pictures/first_batch", "pictures/confusion", "pictures/mistakes"} <= set(events.Tags()["tensors"])
    assert tensorboard_load.read_in_python(runs) > 0
