"""What a store decides for every trial on it: the age bands it is judged on, and that there is something to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.errors import StoreError
from common.wording import counted
from data_prep.labels import MISSING

if TYPE_CHECKING:  # its imports take a second, for which `tune_main.py --help` should not wait
    from data_prep.store.store import Store


def thresholds(bands: tuple[int, int]) -> dict[str, int]:
    """Turn official age bands (first ages, in years) into the settings of a trial that trains on just these."""
    young_below, old_from = bands
    return {"labels/young_below": young_below, "labels/old_from": old_from}


def check_labelled(store: Store) -> None:
    """Raises StoreError where no train or no val photo has a class, and says which labels they lack."""
    for split in ("train", "val"):
        photos = len(store.rows(split))
        if photos == 0:
            raise StoreError(f"{store.path}: has no {split} photos; prepare it with more people")
        if len(store.labelled(split)) == 0:
            raise StoreError(
                f"{store.path}: none of its {counted(photos, f'{split} photo')} has all the labels that its task "
                f"needs, {store.task} ({_lacking(store, split)}); add the labels and prepare it again, or another "
                "--task"
            )


def _lacking(store: Store, split: str) -> str:
    """Say which labels the photos lack: "no mask for 7, no age in one band for 5"."""
    rows = store.rows(split)
    names = {"mask": "mask", "gender": "gender", "age": "age in one band"}
    missing = {names[factor]: int((codes[rows] == MISSING).sum()) for factor, codes in store.codes.items()}
    return ", ".join(f"no {name} for {n}" for name, n in missing.items() if n)
