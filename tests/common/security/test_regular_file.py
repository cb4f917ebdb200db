"""Reading what is no file, or another one than was expected: an error at once, for whoever reads it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from common.errors import CheckpointError, EnsembleError, LabelError, MasktuneError, SearchError
from common.files import file_sha256
from common.search_folder import read_val_predictions
from common.search_record import SearchRecord
from common.security import regular_file
from data_prep import corrections
from data_prep.layouts import labels_file, manifest
from data_prep.layouts.folders import photos_below
from data_prep.suspects.report import check_nothing_is_lost
from ensemble import search_folder as ensemble_searches
from tests.helpers import odd_files
from trainable import checkpoint
from trainable.best import load_best
from trainable.network.model import read_weights
from tuning.ownership import lock
from tuning.records import leaderboard, search_json
from tuning.replay import curves
from tuning.storage import states

READERS = {
    "search.json of a search": ("search.json", lambda file: search_json.read(file.parent)),
    "search.json of a vote": ("search.json", lambda file: ensemble_searches.open_store(file.parent)),
    "leaderboard": ("leaderboard.csv", lambda file: leaderboard.read(file.parent)),
    "a trial's results": ("trial-001/result.json", lambda file: curves.of_search(file.parents[1], [])),
    "recorded curves": ("curves.jsonl", curves.of_file),
    "a checkpoint": ("state.pt", lambda file: checkpoint.load(file.parent)),
    "weights of a vote": ("best.safetensors", load_best),
    "weights to start from": ("w.pth", read_weights),
    "predictions": ("val_predictions.npz", lambda file: read_val_predictions(file, 18)),
    "labels": ("train.csv", labels_file.read_csv),
    "corrections": ("mine.csv", lambda file: corrections.read([str(file)])),
    "suspects": ("suspects.csv", check_nothing_is_lost),
    "a hash": ("any", file_sha256),
}


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "device"])
@pytest.mark.parametrize("name", READERS)
def test_whoever_reads_what_is_no_file_gets_an_error_of_a_line_at_once(name: str, kind: str, tmp_path: Path) -> None:
    file, read = READERS[name]
    (tmp_path / file).parent.mkdir(exist_ok=True)
    odd_files.put(kind, tmp_path / file)
    with pytest.raises(regular_file.UnfitFile if name == "a hash" else (MasktuneError, ValueError)) as refusal:
        read(tmp_path / file)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", [each for each in READERS if each not in ("a hash", "a checkpoint")])
def test_nor_is_a_file_of_four_terabytes_read(name: str, tmp_path: Path) -> None:
    file, read = READERS[name]
    (tmp_path / file).parent.mkdir(exist_ok=True)
    odd_files.put("huge", tmp_path / file)
    with pytest.raises((MasktuneError, ValueError)) as refusal:
        read(tmp_path / file)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", odd_files.KINDS)
def test_a_sign_of_life_or_a_state_that_is_no_file_is_not_waited_for(kind: str, tmp_path: Path) -> None:
    odd_files.put(kind, tmp_path / ".owner.json")
    with pytest.raises((SearchError, OSError)), lock.owning(tmp_path):
        pass
    (tmp_path / "state/000001").mkdir(parents=True)
    for pattern in states.RAYS:
        (tmp_path / "state/000001" / pattern.replace("*", "1")).touch()
    odd_files.put(kind, tmp_path / "state/000001/manifest.json")
    with pytest.raises(SearchError, match="none of its 1 copies is whole"):
        states.install(tmp_path)


@pytest.mark.parametrize("kind", odd_files.KINDS)
def test_what_it_is_is_said(kind: str, tmp_path: Path) -> None:
    odd_files.put(kind, tmp_path / "x")
    says = {
        "pipe": "it is a named pipe and no file",
        "folder": "it is a folder and no file",
        "socket": "it is a socket and no file",
        "device": "it is a device and no file",
        "huge": "it has 4,398,046,511,104 bytes, and 268,435,456 at most are read",
    }
    with pytest.raises(OSError) as refusal:
        regular_file.read_bytes(tmp_path / "x")
    assert says.get(kind, "Too many levels of symbolic links") in str(refusal.value)


def test_a_file_that_is_right_is_read_to_its_end_and_not_beyond_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"12345")
    assert regular_file.read_bytes(file, 5) == b"12345"
    with pytest.raises(regular_file.UnfitFile, match="it has 5 bytes, and 4 at most are read"):
        regular_file.read_bytes(file, 4)
    file.write_bytes(b"")
    assert regular_file.read_bytes(file, 0) == b""
    file.write_text("é\r\n")
    assert regular_file.read_text(file) == "é\n"
    (tmp_path / "link").symlink_to(file)
    assert regular_file.read_text(tmp_path / "link") == "é\n"


def test_a_file_whose_size_is_not_told_is_limited_as_well() -> None:
    told = Path("/proc/self/maps")
    assert told.stat().st_size == 0
    assert len(regular_file.read_bytes(told, 2**20)) > 100
    with pytest.raises(regular_file.UnfitFile):
        regular_file.read_bytes(told, 100)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[1,", "\udcff", "1" * 5000])
def test_json_that_is_none_is_a_value_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError):
        regular_file.read_json(tmp_path / "x")


CANDIDATE: dict[str, object] = {"name": "trial-004", "searched": 0.6, "settings": {"labels/old_from": 58}}
CONFIRMS: dict[str, object] = {"key": "train/fold", "runs": [0, 1], "trials": 9, "candidates": [CANDIDATE]}
FORGED_CONFIRMS: list[dict[str, object]] = [
    *({"key": value} for value in (None, [], "train/lr")),
    *({"runs": value} for value in (None, 7, [], ["0"], [0], [1, 2], [0, 0], [True, 1], [10**400])),
    *({"trials": value} for value in (None, "9", 10**400)),
    *({"candidates": value} for value in (None, {}, [], [7], [{}])),
    *({"candidates": [{**CANDIDATE, **value}]} for value in ({"searched": "0.6"}, {"settings": "none"}, {"name": 7})),
]
MEMBER: dict[str, object] = {"name": "trial-004", "folders": ["trial-004"], "settings": {}}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("command", value) for value in ("tune", [7])),
        *(("store", value) for value in (None, [], {"path": 7})),
        *(("spent", value) for value in (None, [], {"hours": "1"}, {"hours": float("nan")}, {"hours": -1})),
        *(("versions", value) for value in (None, {"ray": 2})),
        *(("failed", value) for value in (7, [7], [{"reason": 7, "diverged": False, "trials": []}])),
        *((name, 7) for name in ("name", "code", "started", "ended", "failing", "confirms", "state")),
        *((name, None) for name in ("name", "started")),
        *(("confirms", {**CONFIRMS, **forged}) for forged in FORGED_CONFIRMS),
        *(("confirms", {name: value for name, value in CONFIRMS.items() if name != lacking}) for lacking in CONFIRMS),
        *(("refits", {"members": forged}) for forged in (None, 7, [], [7], [{}])),
        *(("refits", {"members": [{**MEMBER, **forged}]}) for forged in ({"folders": "a"}, {"settings": []})),
    ],
)
def test_nonsense_in_search_json_is_refused_in_a_line(key: str, value: object, tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text(json.dumps({key: value}))
    for whole in ({"confirms": CONFIRMS}, {"refits": {"members": [MEMBER]}}):
        SearchRecord.of(json.dumps(whole))
    with pytest.raises(ValueError) as refusal:
        SearchRecord.read(tmp_path)
    assert str(value) in str(refusal.value) or key in str(refusal.value)
    for read, error in ((search_json.read, SearchError), (ensemble_searches.open_store, EnsembleError)):
        with pytest.raises(error, match=r"search\.json is damaged: .*") as damaged:
            read(tmp_path)
        assert "\n" not in str(damaged.value)


def test_the_manifest_of_a_checkpoint_may_be_anything(tmp_path: Path) -> None:
    checkpoint.save({"epoch": 1}, tmp_path)
    for text in ("[]", "7", "null", "[" * 100_000, '{"sha256": []}'):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(CheckpointError):
            checkpoint.load(tmp_path)


def test_a_path_of_5000_characters_is_refused_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "labels.csv"
    for name in ("a" * 5000, f"{'a/' * 2500}b.jpg", f"{'a' * 300}.jpg"):
        file.write_text(f"path,mask\n{name},worn\n")
        with pytest.raises(LabelError, match=r"labels\.csv, row 2: ") as refusal:
            manifest.read(tmp_path / "in", file)
        assert len(str(refusal.value)) < 6000 and "\n" not in str(refusal.value)


@pytest.fixture
def nested() -> Iterator[Path]:
    """A photo in 1,500 nested folders; not where pytest clears away, which calls itself for each."""
    top, before = Path(tempfile.mkdtemp()), Path.cwd()
    try:
        os.chdir(top)
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
        Image.new("RGB", (8, 8)).save("x.png")
    finally:
        os.chdir(before)
    yield top
    subprocess.run(["rm", "-r", str(top)], check=True)


def test_1500_nested_folders_are_walked(nested: Path) -> None:
    assert [photo.path for photo in photos_below(nested).photos] == [f"{'d/' * 1500}x.png"]
