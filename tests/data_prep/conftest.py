from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from data_prep.photos.background import load

KINDS = ("mask1", "mask2", "mask3", "mask4", "mask5", "incorrect_mask", "normal")


@dataclass
class Raw:
    """A tiny dataset in the reference layout: plain coloured JPEGs, one colour a person and kind."""

    root: Path

    @property
    def images(self) -> Path:
        return self.root / "train/images"

    @property
    def labels(self) -> Path:
        return self.root / "train/train.csv"

    @property
    def eval(self) -> Path:
        return self.root / "eval"

    def write_people(self, people: Iterable[tuple[str, str, object]], kinds: Iterable[str] = KINDS) -> None:
        """Photos and CSV of (path, gender, age) people."""
        people = list(people)
        for i, (person, _, _) in enumerate(people):
            for j, kind in enumerate(kinds):
                self.photo(self.images / person / f"{kind}.jpg", (10 * i + 5, 30 * j + 5, 200))
        self.write_csv(people)

    def write_csv(self, people: Iterable[tuple[str, str, object]]) -> None:
        rows = [f"{person.split('_')[0]},{gender},Asian,{age},{person}" for person, gender, age in people]
        self.labels.parent.mkdir(parents=True, exist_ok=True)
        self.labels.write_text("\n".join(["id,gender,race,age,path", *rows]) + "\n")

    def write_eval(self, names: Iterable[str]) -> None:
        for i, name in enumerate(names):
            self.photo(self.eval / "images" / name, (200, 10 * i, 0))
        self.eval.mkdir(exist_ok=True)
        (self.eval / "info.csv").write_text("\n".join(["ImageID,ans", *(f"{name},0" for name in names)]) + "\n")

    @staticmethod
    def photo(file: Path, colour: object, size: tuple[int, int] = (30, 40), mode: str = "RGB") -> Path:
        """`size` is (width, height), as Pillow has it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(file)  # type: ignore[arg-type]
        return file


PEOPLE = [
    *((f"00000{i}-1_female_Asian_{20 + i}", "female", 20 + i) for i in range(4)),
    *((f"00001{i}_male_Asian_{40 + i}", "male", 40 + i) for i in range(4)),
    # One id that stands for two people.
    ("003397_female_Asian_60", "female", 60),
    ("003397_male_Asian_60", "male", 60),
]


@pytest.fixture
def raw(tmp_path: Path) -> Raw:
    """Ten people of seven photos and three photos to predict, 40x30 pixels each."""
    made = Raw(tmp_path / "raw")
    made.write_people(PEOPLE)
    made.write_eval(["b.jpg", "a.jpg", "c.png"])
    return made


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A rembg home of the test's own, and no session kept from another."""
    monkeypatch.delenv("U2NET_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("REMBG_HOME", str(tmp_path / "rembg"))
    load.cache_clear()
    yield tmp_path / "rembg"
    load.cache_clear()
