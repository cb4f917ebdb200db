"""A store that somebody forged: its hashes are right, what it says is not, or what lies there is no file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from common.errors import StoreError
from data_prep.store import rules
from data_prep.store.meta import StoreMeta
from data_prep.store.store import Store, write
from tests.data_prep.store.test_store import contents, index, photos
from tests.helpers import odd_files
from tests.helpers.relabelled import forged

HASH = "0" * 64


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("honest") / "store", photos(10), index(), StoreMeta(source_size=(60, 40))).path


@pytest.fixture
def store(honest: Path, tmp_path: Path) -> Path:
    """A copy of one that was written, for each test to forge."""
    return Path(shutil.copytree(honest, tmp_path / "store"))


def refusal(store: Path) -> str:
    with pytest.raises(StoreError) as refused:
        Store.open(store, verify=True)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_forged_hashes_fit(store: Path) -> None:
    forged(store, profile="sample")
    assert Store.open(store, verify=True).profile == "sample"


NONSENSE = {
    "hash": [7, None, "0" * 63, "G" * 64],
    "index_sha256": [7, ["0" * 64], "../../evil"],
    "profile": [7, None, ["sample"]],
    "task": [None, [], {"factors": "mask"}, {"factors": [["mask"]], "masks": [], "notes": []}],
    "bands": [None, [30], [60, 30], [30, "60"], [0, 60], [True, 60]],
    "size": [None, [6], [6, 0], [6, -4], [6, 4.0], ["6", 4], [2**70, 4], {"6": 4}, float("nan")],
    "source_size": [None, 60, [60, None], [10**6, 40]],
    "background": [
        *(None, {}, [], {"method": "own", "model": 7, "sha256": None}),
        *({"method": "own", "model": "m.onnx", "sha256": each} for each in ("../../evil", 7, "0" * 63, f"{HASH}\n")),
        {"method": "../../evil.onnx", "model": "m.onnx", "sha256": HASH},
    ],
    "mean": [None, 0.5, [0.5, 0.5], [float("nan"), 0.5, 0.5], [0.5, 0.5, "0.5"], [2, 0.5, 0.5], [10**400, 0, 0]],
    "std": [None, [0, 0.5, 0.5], [float("inf"), 0.5, 0.5], [-0.5, 0.5, 0.5], [0.5, 0.5, True]],
    "counts": [None, 7, {"photos": 7}, {"photos": "7", "people": 1, "splits": {}}, {"splits": {"train": 7}}],
    "left_out": [None, [7], [{"path": "a.jpg"}], [{"path": 7, "why": "x"}]],
    "not_used": [None, [{"why": "x"}], [{"why": "x", "paths": [7]}]],
    "sizes": [7, {}, {"smallest": [6, 4]}],
    "identical": [7, {"groups": 1}, {"groups": 1, "photos": 2, "contradict": [{"age": ["20"]}]}],
    "near": [[], {"groups": "1", "photos": 2, "contradict": []}],
    "masks": [7, {"coverage": {}}, {"coverage": {"5%": 0, "50%": None, "95%": 1}, "implausible": []}],
    "implausible": [7, "burn", ["keep"]],
    "split": [None, [], {"together": 7}, {"together": ["ab"]}, {"together": [[7]]}],
    "made_from": [None, 7],
    "versions": [None, {"numpy": 2}],
    "shards": [
        *(None, [7], [{}], {"file": "images-00000.npy"}),
        *(
            [{"file": name, "photos": 10, "sha256": HASH}]
            for name in ("../evil.npy", "a.npy", "images-00000.npy/..", 7)
        ),
        *([{"file": "images-00000.npy", "photos": number, "sha256": HASH}] for number in (-10, 0, "10", 10.0, True)),
        [{"file": "images-00000.npy", "photos": 10, "sha256": 7}],
    ],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in NONSENSE.items() for value in values])
def test_nonsense_is_refused_in_a_line_that_names_the_field_and_the_value(key: str, value: object, store: Path) -> None:
    forged(store, **{key: value})
    said = refusal(store)
    assert said.startswith(f"{store}/store.json: {key}: ")
    assert json.dumps(value, default=str)[:50] in said


def test_every_key_that_readers_use_has_a_rule(store: Path) -> None:
    assert {*json.loads((store / "store.json").read_text())} - {*rules.RULES} == {"schema", "json_sha256"}
    assert {*NONSENSE} == {*rules.RULES}


def test_photos_of_one_colour_make_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^no store can be made of these photos: std: three numbers above 0, up to 1"):
        write(tmp_path / "grey", np.full((10, 6, 4, 3), 128, np.uint8), index())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("18", "abc", "age must be whole years or a range of them such as \"50-59\", but got 'abc'"),
        ("18", "1e9", "but got '1e9'"),
        ("18", "59-50", "but got '59-50'"),
        ("female", "robot", "gender must be one of"),
        ("worn", "chin", "mask must be one of"),
        ("test", "exam", "split must be one of"),
        (",train", ",", "split is empty in row 2"),
        ("000-1/photo0.jpg", "", "path is empty in row 2"),
        ("mask,", "mouth,", "it has no column mask"),
        ("path,person", "path,path", "it has no column person"),
        ("18,train", "18,train,more,cells", ""),
        ("female", '"fe', ""),
    ],
)
def test_a_forged_index_is_refused_in_a_line(old: str, new: str, why: str, store: Path) -> None:
    file = store / "index.csv"
    file.write_text(file.read_text().replace(old, new, 2 if old == "18" else 1))
    forged(store)
    said = refusal(store)
    assert said.startswith(f"{store}/index.csv") or "rows in index.csv" in said
    assert why in said


@pytest.mark.parametrize(
    "shape", [(2**70,), (2**40, 2**40), (10, 2**70, 4, 3), (-1, 6, 4, 3), (10, 6, 4), (2**33, 6, 4, 3), ("a",)]
)
def test_a_shard_whose_header_says_more_than_there_is_is_refused(shape: tuple[object, ...], store: Path) -> None:
    file = store / "images-00000.npy"
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape!r}, }}".ljust(117) + "\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(720))
    assert refusal(store).startswith(f"{file}: ")


def test_a_header_of_brackets_or_objects_is_refused(store: Path) -> None:
    file = store / "images-00000.npy"
    for header in ("(" * 5000, "[" * 60_000, "{'descr': '|O', 'fortran_order': False, 'shape': (10, 6, 4, 3), }"):
        header = f"{header}\n"
        file.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(720))
        assert refusal(store).startswith(f"{file}: not a whole shard (")


@pytest.mark.parametrize("kind", odd_files.KINDS)
@pytest.mark.parametrize("name", ["store.json", "index.csv", "images-00000.npy"])
def test_what_is_no_file_or_too_large_is_refused_at_once(name: str, kind: str, store: Path) -> None:
    before = {other: content for other, content in contents(store).items() if other != name}
    odd_files.put(kind, store / name)
    said = refusal(store)
    assert said.startswith(f"{store / name}")
    why = {"pipe": "a named pipe", "folder": "a folder", "socket": "a socket", "device": "a device"}
    assert why.get(kind, "images" if kind == "huge" and "npy" in name else "") in said
    assert {other: (store / other).read_bytes() for other in before} == before


@pytest.mark.parametrize("text", ["[" * 200_000, '{"schema": 1, "a":' * 100_000, "[]", "null", "NaN", "\udcff"])
def test_a_store_json_that_is_something_else_is_refused_in_a_line(text: str, store: Path) -> None:
    (store / "store.json").write_bytes(text.encode(errors="surrogateescape"))
    assert refusal(store).startswith(str(store))
