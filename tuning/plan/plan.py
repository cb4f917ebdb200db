"""Everything about a search that is decided before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import OptionError, SearchError
from common.search_record import SearchRecord
from trainable.config import FRAME, TrialConfig
from tuning.plan import profiles as profile
from tuning.plan import spaces
from tuning.plan.budget import Budget
from tuning.plan.profiles import Profile
from tuning.plan.resources import Resources
from tuning.plan.spaces import Point, Space


@dataclass(frozen=True)
class Plan:
    """One search.

    Attributes:
        folder: where it is kept, or at an address, its mirror; its name is the search's name.
        store: the dataset store's folder, absolute, or its address.
        settings: flat key -> value of everything that does not vary, where it differs from the reference recipe.
        budget: what ends the search.
        epochs: epochs of a trial that is never stopped.
        grace: epochs before ASHA may stop a trial.
        reduction: of the trials that reach a rung, one in so many goes on.
        keep: of how many trials, the best, the weights are kept.
        deterministic: every trial uses only operations that give the same bits every time.
        compile: trials use torch.compile where the device can.
        remote: the search's address, if it is kept at one.
        pictures: whether TensorBoard shows photos of the store.
    """

    folder: Path
    space: Space
    profile: Profile
    store: str
    settings: dict[str, Any]
    budget: Budget
    epochs: int
    grace: int
    reduction: int
    keep: int
    resources: Resources
    seed: int
    deterministic: bool = False
    compile: bool = False
    remote: str | None = None
    pictures: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.grace <= self.epochs:
            raise OptionError(f"--grace: 1 <= grace <= epochs ({self.epochs}) must hold, but got {self.grace}")
        if self.reduction < 2:
            raise OptionError(f"--reduction: at least 2 is needed, but got {self.reduction}")
        if self.keep < 1:
            raise OptionError(f"--keep: at least 1 is needed, but got {self.keep}")

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def where(self) -> str:
        """Where it is kept, for a person."""
        return self.remote or str(self.folder)

    @property
    def execution(self) -> dict[str, bool]:
        """How trials run, beside what they are."""
        return {"deterministic": self.deterministic, "compile": self.compile}

    def config(self, point: Point) -> TrialConfig:
        """The trial that tries `point`: what the space varies wins over what the search fixes."""
        return TrialConfig.from_flat({**self.settings, **point})

    def rungs(self) -> list[int]:
        """The epochs at which ASHA compares trials."""
        rungs, rung = [], self.grace
        while rung < self.epochs:
            rungs.append(rung)
            rung *= self.reduction
        return rungs


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as search.json keeps it; the folder is where that file lies."""
    return {
        "space": spaces.to_json(plan.space),
        "profile": plan.profile.name,
        "settings": plan.settings,
        "crop_frame": list(FRAME),
        "budget": vars(plan.budget),
        "epochs": plan.epochs,
        "grace": plan.grace,
        "reduction": plan.reduction,
        "keep": plan.keep,
        "resources": vars(plan.resources),
        "seed": plan.seed,
        **plan.execution,
        "pictures": plan.pictures,
        **({"remote": plan.remote} if plan.remote else {}),
    }


def from_record(folder: Path, record: SearchRecord, remote: str | None = None) -> Plan:
    """The plan that search.json in `folder`, the mirror of `remote`, speaks of: a search may have been moved.

    Raises:
        SearchError: it is of another version.
    """
    about = record.plan
    try:
        _check_types(about)
        return Plan(
            folder=folder,
            remote=remote,
            space=spaces.from_json(about["space"]),
            profile=profile.named(about["profile"]),
            store=_store(record),
            budget=Budget(**about["budget"]),
            resources=Resources(**about["resources"]),
            **{name: about[name] for name in ("settings", "epochs", "grace", "reduction", "keep", "seed")},
            **{name: about.get(name, False) for name in ("deterministic", "compile")},
            pictures=about.get("pictures", True),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise SearchError(
            f"{folder} is of another version of masktune (search.json: {error}); start a new search"
        ) from None


def _store(record: SearchRecord) -> str:
    """Raises KeyError: there is no store, or no hash of one."""
    return record.store["path"] if record.store["hash"] else ""


def _check_types(about: dict[str, Any]) -> None:
    """Raises TypeError: what is to be a number is none, in what a search's file says of its plan."""
    whole = {name: about[name] for name in ("epochs", "grace", "reduction", "keep")}
    whole |= {f"resources: {name}": about["resources"][name] for name in ("cpus", "concurrent")}
    whole |= {"budget: trials": about["budget"].get("trials")} if about["budget"].get("trials") is not None else {}
    limits = {f"budget: {name}": about["budget"].get(name) for name in ("hours", "gpu_hours")}
    numbers = {name: value for name, value in limits.items() if value is not None}
    numbers |= {"resources: gpus": about["resources"]["gpus"]}
    for kinds, values in (((int,), whole), ((int, float), numbers)):
        for name, value in values.items():
            if type(value) not in kinds or not 0 <= value < 1e9:
                raise TypeError(f"{name} is {value!r}")
    for name, kind in (("settings", dict), ("seed", int)):
        if not isinstance(about[name], kind):
            raise TypeError(f"{name} is {about[name]!r}")
