"""ensemble.json: what was chosen, kept to be used again, and how often test was opened.

It is in the folder of the search, of several that of the first, and names weights by their SHA-256. Files of versions
before tell only whether test was opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from common.errors import EnsembleError
from common.files import file_sha256, write_json
from common.search_folder import BEST_WEIGHTS, ENSEMBLE
from common.security.regular_file import read_json
from ensemble.selection.choice import Choice, Chosen, Step
from ensemble.selection.nested import Gain
from ensemble.selection.options import Options
from trainable.photos.views import View

FORMAT = 2


@dataclass(frozen=True)
class Kept:
    """It is what ensemble.json says.

    Attributes:
        choice: None where none was made yet, or by a version before.
        searches: the folders that it was chosen from.
        ended: whether they had ended by then.
        made: when, ISO 8601 in UTC.
        sha256: of the weights of all models that vote, and of the best single one, by the file's path.
        opened: how often test was.
        test: what it said of this choice when it was opened last; None if it was not.
    """

    choice: Choice | None = None
    searches: tuple[Path, ...] = ()
    ended: bool = True
    made: str = ""
    sha256: Mapping[str, str] | None = None
    opened: int = 0
    test: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, search: Path) -> Kept:
        """Read the ensemble.json of a search; one that says nothing where there is no such file.

        Raises:
            EnsembleError: it is damaged, or of a later version.
        """
        file = search / ENSEMBLE
        try:
            about = read_json(file)
            return _kept(about, search)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
            why = f"{type(error).__name__}: {error}" if not str(error) or isinstance(error, KeyError) else error
            raise EnsembleError(
                f"{file} cannot be read ({' '.join(str(why).split())[:200]}); it counts how often test was opened: put "
                "a copy of it back, or move it away to choose anew"
            ) from None

    def with_choice(self, choice: Choice, searches: Sequence[Path], ended: bool) -> Kept:
        """Keep another choice; how often test was opened stays."""
        files = {folder / BEST_WEIGHTS for chosen in (*choice.members, choice.single) for folder in chosen.folders}
        sha256 = {str(file): file_sha256(file) for file in sorted(files)}
        made = datetime.now(UTC).isoformat(timespec="seconds")
        return Kept(choice, tuple(searches), ended, made, sha256, self.opened)

    def without_choice(self) -> Kept:
        """Forget what was chosen; how often test was opened stays."""
        return Kept(opened=self.opened)

    def with_test(self, scores: Mapping[str, Any]) -> Kept:
        """Count that test was opened, and keep what it said."""
        return replace(self, opened=self.opened + 1, test=scores)

    def write(self, search: Path) -> None:
        """Write the search's ensemble.json."""
        write_json(search / ENSEMBLE, _to_json(self, search))

    def unfit(self, searches: Sequence[Path], store_hash: str, asked: Mapping[str, Any], ended: bool) -> str | None:
        """Say why the choice cannot be used again, though there is one; None where it can, or there is none.

        Args:
            asked: fields of Options that a person names.
            ended: whether the searches have ended now.
        """
        if self.choice is None:
            return None
        if [each.resolve() for each in searches] != [each.resolve() for each in self.searches]:
            return f"the last choice was from {' and '.join(map(str, self.searches))}"
        if self.choice.store_hash != store_hash:
            return "the store is another one now"
        for name, value in asked.items():
            if (before := getattr(self.choice.options, name)) != value:
                return f"{name} was {before} before"
        if ended and not self.ended:
            return "the search was still running when the last choice was made"
        return self._changed_weights()

    def _changed_weights(self) -> str | None:
        """Say which weights are gone, or others than those that were chosen."""
        for name, sha256 in (self.sha256 or {}).items():
            try:
                if file_sha256(Path(name)) != sha256:
                    return f"{name} holds other weights now"
            except OSError:
                return f"{name} is gone"
        return None


def _to_json(kept: Kept, search: Path) -> dict[str, Any]:
    choice = kept.choice
    test = {"test_opened": kept.opened, "test": kept.test}
    if choice is None:
        return {"format": FORMAT, **test}
    others = [str(each.absolute()) for each in kept.searches[1:]]

    def chosen_to_json(chosen: Chosen) -> dict[str, Any]:
        models = [_model_to_json(folder, kept, search) for folder in chosen.folders]
        return {**asdict(chosen), "folders": models}

    return {
        "format": FORMAT,
        "made": kept.made,
        "store_hash": choice.store_hash,
        "other_searches": others,
        "searches_ended": kept.ended,
        "candidates": choice.candidates,
        "options": asdict(choice.options),
        "members": [chosen_to_json(chosen) for chosen in choice.members],
        "best_single": chosen_to_json(choice.single),
        "class_weights": choice.class_weights,
        "views": [view.name for view in choice.views],
        "val": [asdict(step) for step in choice.steps],
        **test,
    }


def _model_to_json(folder: Path, kept: Kept, search: Path) -> dict[str, Any]:
    """Name a model's folder so that the search's own folder can be moved."""
    within = folder.is_relative_to(search)
    name = folder.relative_to(search).as_posix() if within else str(folder.absolute())
    return {"folder": name, "sha256": (kept.sha256 or {})[str(folder / BEST_WEIGHTS)]}


def _kept(about: Any, search: Path) -> Kept:
    if "format" not in about:  # of a version that opened test whenever it chose
        return Kept(opened=1 if about.get("test") else 0)
    if about["format"] > FORMAT:
        raise ValueError(f"it is of format {about['format']}, and this version knows {FORMAT}: use a newer masktune")
    opened, test = int(about["test_opened"]), about["test"]
    if opened < 0 or not (test is None or isinstance(test, dict)):
        raise ValueError("test_opened: 0 or more, and test: names and values, are needed")
    if test is not None:
        _check_test(test)
    if "members" not in about:
        return Kept(opened=opened, test=test)
    models = [model for each in (*about["members"], about["best_single"]) for model in each["folders"]]
    sha256 = {str(_folder(model, search) / BEST_WEIGHTS): str(model["sha256"]) for model in models}
    searches = (search, *map(Path, about["other_searches"]))
    if any("\0" in str(each) for each in searches):
        raise ValueError("other_searches: names of folders are needed")
    choice = _choice(about, search)
    return Kept(choice, searches, bool(about["searches_ended"]), str(about["made"]), sha256, opened, test)


def _choice(about: Mapping[str, Any], search: Path) -> Choice:
    options = dict(about["options"])
    if isinstance(options.get("members"), list):
        options["members"] = tuple(map(str, options["members"]))
    weights = about["class_weights"]
    choice = Choice(
        members=tuple(_chosen(each, search) for each in about["members"]),
        single=_chosen(about["best_single"], search),
        class_weights=None if weights is None else tuple(map(float, weights)),
        views=tuple(map(View.named, about["views"])),
        options=Options(**options),
        steps=tuple(_step(each) for each in about["val"]),
        candidates=int(about["candidates"]),
        store_hash=str(about["store_hash"]),
    )
    if not (choice.members and choice.views and choice.steps and choice.steps[0].used):
        raise ValueError("members, views and what val said of them are needed")
    _ = choice.rule  # which checks that weights and temperatures are some
    return choice


def _check_test(test: Mapping[str, Any]) -> None:
    """Raises one of the errors of nonsense: it is not what `OnTest.to_json` gives, whose scores were plain numbers."""
    numbers = {"photos": test["photos"]}
    gain, factors = test.get("gain") or {}, test.get("by_factor") or {}
    numbers |= {f"gain {name}": gain[name] for name in ("gain", "low", "high") if gain}
    for name, score in {**factors, "ensemble": test["ensemble"], "best_single": test["best_single"]}.items():
        whole = score if isinstance(score, dict) else dict.fromkeys(("f1", "low", "high"), score)
        numbers |= {f"{name} {each}": whole[each] for each in ("f1", "low", "high")}
    for name, value in numbers.items():
        if type(value) not in (int, float) or abs(value) > 1e300:
            raise ValueError(f"test: {name}: a number is needed, but it is {str(value)[:60]!r}")


def _chosen(about: Mapping[str, Any], search: Path) -> Chosen:
    folders = tuple(_folder(model, search) for model in about["folders"])
    numbers = (float(about[name]) for name in ("val_f1", "weight", "temperature"))
    return Chosen(str(about["name"]), folders, *numbers)


def _folder(model: Mapping[str, Any], search: Path) -> Path:
    name = PurePosixPath(model["folder"])
    if ".." in name.parts or "\0" in str(name):
        raise ValueError(f"folder: one within a search is needed, but it is {str(name)!r}")
    return search / name


def _step(about: Mapping[str, Any]) -> Step:
    numbers = about["gain"]
    gain = numbers and Gain(*(float(numbers[field.name]) for field in fields(Gain)))
    nested = None if about["nested"] is None else float(about["nested"])
    return Step(str(about["name"]), float(about["on_val"]), nested, gain, bool(about["used"]))
