"""What store.json may say. One that is read keeps to the same rules as one that is made: it may be anybody's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from data_prep.choices import IMPLAUSIBLE
from data_prep.labels import SPLITS

LONGEST = 99_999
"""Pixels of a side."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"images-\d{5,}\.npy")
_METHOD = re.compile(r"[\w-]+")
_EVAL = "eval"

Rule = Callable[[Any], bool]


def broken(meta: Mapping[str, Any]) -> str | None:
    """Name the first value that breaks a rule, the rule and the value; None where there is none. Keys may lack."""
    for key, (rule, needed) in RULES.items():
        if key in meta and not rule(meta[key]):
            return f"{key}: {needed} needed, but it is {_shown(meta[key])}"
    return None


def is_sha256(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -1e300 < value < 1e300


def _is_list(each: Rule) -> Rule:
    return lambda value: isinstance(value, list | tuple) and all(map(each, value))


def _is_dict(each: Rule) -> Rule:
    return lambda value: isinstance(value, Mapping) and all(map(_is_text, value)) and all(map(each, value.values()))


def _has(**rules: Rule) -> Rule:
    """What is named is there and keeps to its rule; there may be more."""
    return lambda value: (
        isinstance(value, Mapping) and all(key in value and rule(value[key]) for key, rule in rules.items())
    )


def _or_none(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)


def _three(rule: Callable[[float], bool]) -> Rule:
    return lambda value: _is_list(lambda each: _is_number(each) and rule(each))(value) and len(value) == 3


def _is_size(value: Any) -> bool:
    return _is_list(lambda side: type(side) is int and 0 < side <= LONGEST)(value) and len(value) == 2


def _are_bands(value: Any) -> bool:
    return _is_list(_is_count)(value) and len(value) == 2 and 0 < value[0] < value[1]


def _is_shard(value: Any) -> bool:
    is_named = _has(file=lambda file: _is_text(file) and _SHARD.fullmatch(file) is not None)
    return is_named(value) and _has(photos=lambda photos: _is_count(photos) and photos > 0, sha256=is_sha256)(value)


def _is_method(value: Any) -> bool:
    return _is_text(value) and _METHOD.fullmatch(value) is not None


def _is_background(value: Any) -> bool:
    return _has(method=_is_method, model=_or_none(_is_text), sha256=_or_none(is_sha256))(value)


def _are_counts(value: Any) -> bool:
    both = _has(photos=_is_count, people=_is_count)
    return both(value) and _has(splits=_is_dict(both))(value) and set(value["splits"]) <= {*SPLITS, _EVAL}


def _are_alike(value: Any) -> bool:
    labels = _is_dict(_is_list(_or_none(_is_text)))
    return _has(groups=_is_count, photos=_is_count, contradict=_is_list(labels))(value) and all(
        "paths" in each and None not in each["paths"] for each in value["contradict"]
    )


_PHOTOS = _is_list(_has(path=_is_text, why=_is_text))
_ALIKE = (_or_none(_are_alike), "null or groups, photos and contradict are")
_MASKS = _has(coverage=_has(**{"5%": _is_number, "50%": _is_number, "95%": _is_number}), implausible=_PHOTOS)
_SIZES = _has(smallest=_is_size, largest=_is_size, commonest=_is_size, share=_is_number, enlarged=_is_count)
_HASH = (is_sha256, "64 hexadecimal digits are")
_SIDES = (_is_size, f"height and width, whole numbers from 1 to {LONGEST}, are")

RULES: dict[str, tuple[Rule, str]] = {
    "hash": _HASH,
    "index_sha256": _HASH,
    "profile": (_is_text, "a name is"),
    "task": (
        _has(factors=_is_list(_is_text), masks=_is_list(_is_text), notes=_is_list(_is_text)),
        "lists of names are",
    ),
    "bands": (_are_bands, "two whole numbers of years, the first below the second, are"),
    "size": _SIDES,
    "source_size": _SIDES,
    "background": (_is_background, "a method, a model and its 64 hexadecimal digits of SHA-256, or null, are"),
    "implausible": (lambda value: value in IMPLAUSIBLE, f"one of {', '.join(IMPLAUSIBLE)} is"),
    "masks": (_or_none(_MASKS), "null or coverage and implausible photos are"),
    "mean": (_three(lambda each: 0 <= each <= 1), "three numbers from 0 to 1 are"),
    "std": (_three(lambda each: 0 < each <= 1), "three numbers above 0, up to 1, are"),
    "counts": (_are_counts, "whole numbers of photos and people, in all and by split, are"),
    "left_out": (
        lambda value: _PHOTOS(value) and all(_is_count(photo.get("eval", 0)) for photo in value),
        "path and why of each photo are, and for one to predict its place",
    ),
    "not_used": (_is_list(_has(why=_is_text, paths=_is_list(_is_text))), "why and paths of each kind are"),
    "sizes": (_or_none(_SIZES), "null or smallest, largest, commonest, share and enlarged are"),
    "identical": _ALIKE,
    "near": _ALIKE,
    "split": (
        lambda value: isinstance(value, Mapping) and _is_list(_is_list(_is_text))(value.get("together", ())),
        "names and values, with lists of people who stay together, are",
    ),
    "made_from": (lambda value: isinstance(value, Mapping), "names and values are"),
    "versions": (_is_dict(_is_text), "packages and their versions are"),
    "shards": (_is_list(_is_shard), "file (images-00000.npy, ...), photos (1 or more) and sha256 of each are"),
}
"""By key: the rule, and what it needs, in words."""
