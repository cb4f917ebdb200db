"""The files of a dataset store: their names, their contents, and the checks on opening them."""

from __future__ import annotations

import hashlib
import io
import json
import math
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.errors import OptionError, StoreError
from common.files import file_sha256, write_bytes
from common.security.regular_file import MEGABYTE, TABLE, read_bytes, read_json
from data_prep.labels import GENDERS, MASKS, SPLITS
from data_prep.store import rules
from data_prep.store.shards import Photos, open_shard
from data_prep.task import REFERENCE, Task
from data_prep.workers import passing

SCHEMA = 1
META_FILE, INDEX_FILE = "store.json", "index.csv"
COLUMNS = ("path", "person", "mask", "gender", "age", "split")
EVAL = "eval"

_HASHED = ("profile", "bands", "size", "source_size", "background", "mean", "std", "index_sha256", "shards")
_KEYS = ("hash", "counts", "split", "left_out", "made_from", *_HASHED)
_SELF = "json_sha256"
_AGE = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")
_ROW = 2**16
"""Bytes of a row of index.csv, at most: a path has 4,096 characters, and its person may be called by it too."""


def content_hash(meta: Mapping[str, Any]) -> str:
    """Hash (SHA-256) what a trial sees: photos, labels, splits, sizes, bands, background, statistics and the task."""
    content = {key: meta[key] for key in _HASHED}
    # Stores made before 0.5 name no task: theirs is the reference's, which therefore does not count.
    if "task" in meta and (task := Task.from_json(meta["task"])) != REFERENCE:
        content["task"] = {"factors": task.factors, "masks": task.masks}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _json_hash(meta: Mapping[str, Any]) -> str:
    """Hash (SHA-256) all that store.json says, the hash itself left aside."""
    rest = {key: value for key, value in meta.items() if key != _SELF}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read_meta(folder: Path) -> dict[str, Any]:
    """Read store.json of the store in `folder`; a StoreError where there is none, or none that can be read here."""
    try:
        meta = read_json(folder / META_FILE)
    except FileNotFoundError:
        why = f"has no {META_FILE}" if folder.exists() else "does not exist"
        raise StoreError(f"{folder} {why}: make a store with python -m data_prep --out {folder}") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder / META_FILE} cannot be read ({error}); prepare the store again") from None
    if not isinstance(meta, dict) or meta.get("schema") != SCHEMA:
        schema = meta.get("schema") if isinstance(meta, dict) else None
        raise StoreError(
            f"{folder}: schema {SCHEMA} expected, but {META_FILE} says {schema!r}; prepare the store again"
        )
    _check_meta(folder, meta)
    return meta


def _check_meta(folder: Path, meta: dict[str, Any]) -> None:
    if absent := [key for key in _KEYS if key not in meta]:
        raise StoreError(f"{folder / META_FILE} lacks {', '.join(absent)}; prepare the store again")
    if wrong := rules.broken(meta):
        raise StoreError(f"{folder / META_FILE}: {wrong}; prepare the store again")
    if "task" in meta:
        try:
            Task.from_json(meta["task"])
        except OptionError as error:
            raise StoreError(f"{folder / META_FILE}: its task cannot be read ({error}); prepare it again") from None
    # Stores made before 0.4 do not have the second one.
    if meta["hash"] != content_hash(meta) or meta.get(_SELF, _json_hash(meta)) != _json_hash(meta):
        raise StoreError(f"{folder / META_FILE}: its hash does not match its contents; prepare the store again")


def read_index(folder: Path, meta: Mapping[str, Any]) -> pd.DataFrame:
    """Read index.csv as strings, NaN where empty; a StoreError where it is not the one of store.json, or missing."""
    file = folder / INDEX_FILE
    try:
        content = read_bytes(file, index_limit(meta))
    except OSError as error:
        raise StoreError(f"{file} cannot be read ({error.strerror}); prepare the store again") from None
    if hashlib.sha256(content).hexdigest() != meta["index_sha256"]:
        raise StoreError(f"{file}: its SHA-256 is not the one in {META_FILE}; prepare the store again")
    try:
        index = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_values=[""])
        _check_index(index)
    except ValueError as error:  # pandas' own errors are ValueErrors
        raise StoreError(f"{file}: {' '.join(str(error).split())}; prepare the store again") from None
    return index


def index_limit(meta: Mapping[str, Any]) -> int:
    """Say how many bytes index.csv may have, by the photos that store.json speaks of."""
    return min(TABLE, MEGABYTE + _ROW * sum(entry["photos"] for entry in meta["shards"]))


def _check_index(index: pd.DataFrame) -> None:
    """Raises ValueError: a column that is missing, or a label, split or age that readers would not know."""
    if not isinstance(index.index, pd.RangeIndex):  # what pandas makes of it: every cell one column to the left
        raise ValueError("a row has more cells than the header has columns")
    if absent := [column for column in COLUMNS if column not in index]:
        raise ValueError(f"it has no column {', '.join(absent)}")
    if (empty := index[["path", "person", "split"]].isna()).any(axis=None):
        raise ValueError(f"{empty.any().idxmax()} is empty in row {np.flatnonzero(empty.any(axis=1))[0] + 2}")
    _check_labels(index)
    index["age"].dropna().drop_duplicates().map(_age)


def open_shards(folder: Path, meta: Mapping[str, Any], verify: float) -> list[Photos]:
    """Memory-map the shards, in order; a StoreError where one is not what store.json says. That share of them, `verify`
    from 0 to 1, is hashed, chosen at random."""
    entries: list[dict[str, Any]] = meta["shards"]
    shards = [open_shard(folder / entry["file"], entry["photos"], tuple(meta["size"])) for entry in entries]
    for entry in passing(random.SystemRandom().sample(entries, math.ceil(verify * len(entries))), "hashing the store"):
        if file_sha256(file := folder / entry["file"]) != entry["sha256"]:
            raise StoreError(f"{file}: its SHA-256 is not the one in {META_FILE}; prepare the store again")
    return shards


def write_index(folder: Path, index: pd.DataFrame) -> None:
    """Write index.csv; an age is a whole number of years, or a range of them ("50-59").

    Raises:
        ValueError: a label, split or age that readers would not know.
    """
    _check_labels(index)
    ages = index["age"].map(_age)
    text = index.assign(age=ages).to_csv(index=False, lineterminator="\n")
    write_bytes(folder / INDEX_FILE, [text.encode()])


def _check_labels(index: pd.DataFrame) -> None:
    known = {"mask": MASKS, "gender": GENDERS, "split": (*SPLITS, EVAL)}
    for column, values in known.items():
        given = index[column].replace("", None).dropna()
        if len(strange := given[~given.isin(values)]):
            raise ValueError(f"{column} must be one of {values}, but got {strange.iloc[0]!r}")


def _age(value: Any) -> str | None:
    """Write an age: 30, 30.0, "30" -> "30"; "50-59" -> itself; None, NaN, "" -> None."""
    if pd.isna(value) or value == "":
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if not (match := _AGE.fullmatch(text)) or (match[2] and int(match[1]) >= int(match[2])):
        raise ValueError(f'age must be whole years or a range of them such as "50-59", but got {value!r}')
    return text


def write_meta(folder: Path, meta: dict[str, Any]) -> None:
    """Add the hashes to `meta` and write store.json.

    Raises:
        StoreError: it breaks a rule, as photos of one colour do.
    """
    meta["index_sha256"] = file_sha256(folder / INDEX_FILE)
    meta["hash"] = content_hash(meta)
    meta[_SELF] = _json_hash(meta)
    if wrong := rules.broken(meta):
        raise StoreError(f"no store can be made of these photos: {wrong}; look at them")
    write_bytes(folder / META_FILE, [f"{json.dumps(meta, indent=2)}\n".encode()])
