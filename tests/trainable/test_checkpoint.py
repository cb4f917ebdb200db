import json

import pytest
import torch

from common.errors import CheckpointError
from trainable import checkpoint


@pytest.fixture(scope="module")
def state():
    return {"epoch": 1, "model": {"w": torch.arange(4000.0)}, "best": None, "scaler": {}}


def test_a_state_comes_back_with_its_hash_checked(tmp_path, state):
    checkpoint.save(state, tmp_path / "new")
    loaded = checkpoint.load(tmp_path / "new")
    assert torch.equal(loaded["model"]["w"], state["model"]["w"])
    assert {key: loaded[key] for key in ("epoch", "best", "scaler")} == {"epoch": 1, "best": None, "scaler": {}}
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["manifest.json", "state.pt"]
    manifest = json.loads((tmp_path / "new" / "manifest.json").read_text())
    assert manifest["bytes"] == (tmp_path / "new" / "state.pt").stat().st_size


@pytest.mark.parametrize("position", [100, 5000, -100])
def test_one_flipped_bit_is_found(tmp_path, state, position):
    checkpoint.save(state, tmp_path)
    content = bytearray((tmp_path / "state.pt").read_bytes())
    content[position] ^= 1
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state\.pt is damaged"):
        checkpoint.load(tmp_path)


def test_a_truncated_or_missing_file_is_one_line(tmp_path, state):
    with pytest.raises(CheckpointError, match="is missing"):
        checkpoint.load(tmp_path)
    checkpoint.save(state, tmp_path)
    (tmp_path / "state.pt").write_bytes((tmp_path / "state.pt").read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"manifest\.json cannot be read") as caught:
        checkpoint.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    checkpoint.save({"epoch": print}, tmp_path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(tmp_path)


def test_a_save_killed_before_the_rename_leaves_the_older_checkpoint_whole(tmp_path, state):
    checkpoint.save(state, tmp_path)
    older = (tmp_path / "state.pt").read_bytes()
    checkpoint.save({**state, "epoch": 2}, tmp_path)
    (tmp_path / "state.pt").write_bytes(older)  # what the folder held when all but the last rename was done
    assert checkpoint.load(tmp_path)["epoch"] == 1
