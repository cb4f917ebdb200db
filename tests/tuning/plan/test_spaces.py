import json
import os
import py_compile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from common.errors import SpaceError
from tests.helpers.strangers import STRANGER, needs_a_stranger
from trainable.config import TrialConfig
from tuning.plan import space_names, spaces
from tuning.plan.spaces import Space

REFERENCE = {"labels/young_below": 30, "labels/old_from": 60}
DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "labels/young_below": IntDistribution(27, 32),
    "labels/old_from": IntDistribution(56, 60),
}


def space(**changes: Any) -> Space:
    fields = {"name": "x", "about": "", "distributions": DISTRIBUTIONS, "fixed": {}, "start": [REFERENCE]}
    return Space(**{**fields, **changes})


def draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if isinstance(distribution, IntDistribution):
        return int(rng.integers(distribution.low, distribution.high + 1))
    return float(rng.uniform(distribution.low, distribution.high))


@pytest.mark.parametrize("name", space_names.names())
def test_200_random_points_of_a_space_are_valid_trials(name: str) -> None:
    loaded, rng = spaces.load(name), np.random.default_rng(0)
    for _ in range(200):
        point = {key: draw(values, rng) for key, values in loaded.distributions.items()}
        config = TrialConfig.from_flat({**loaded.fixed, **point}).to_flat()
        assert {key: config[key] for key in point} == point


def test_a_space_with_a_corner_that_is_no_valid_trial_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"its ranges allow .*'labels/old_gap': 30.*no valid trial: labels: "):
        space(
            distributions={**DISTRIBUTIONS, "labels/old_gap": IntDistribution(0, 30)},
            start=[{**REFERENCE, "labels/old_gap": 0}],
        )


@pytest.mark.parametrize("name", space_names.names())
def test_every_space_says_what_it_is_and_how_to_run_it(name: str) -> None:
    loaded = spaces.load(name)
    assert loaded.about.endswith(".")
    assert loaded.start[0] == loaded.reference()


def test_age_bands_starts_with_the_recipe_and_with_what_teams_found_by_hand() -> None:
    start = [tuple(point.values()) for point in spaces.load("age_bands").start]
    assert start == [(30, 60, 0, 0), (30, 59, 0, 0), (30, 58, 0, 0), (29, 58, 0, 0), (28, 60, 2, 3), (30, 60, 0, 3)]


def test_an_unknown_space_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(SpaceError, match=r"'age_band'; did you mean age_bands\? The known ones are .*recipe"):
        spaces.load("age_band")


def test_a_space_joined_with_itself_is_refused() -> None:
    with pytest.raises(SpaceError, match="more than one of its parts"):
        spaces.load("age_bands+age_bands")


def test_a_join_completes_each_parts_points_with_the_recipe() -> None:
    other = space(
        name="y",
        distributions={"loss/smoothing": FloatDistribution(0, 0.2)},
        start=[{"loss/smoothing": 0.02}, {"loss/smoothing": 0.1}],
    )
    joined = spaces._join("x+y", [space(start=[REFERENCE, {**REFERENCE, "labels/old_from": 58}]), other])
    assert joined.start == [
        {**REFERENCE, "loss/smoothing": 0.02},
        {**REFERENCE, "labels/old_from": 58, "loss/smoothing": 0.02},
        {**REFERENCE, "loss/smoothing": 0.1},
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distributions": {}}, "SPACE is empty"),
        (
            {"distributions": {"labels/old_form": IntDistribution(1, 2)}},
            "'labels/old_form' is no setting of a trial; did you mean labels/old_from",
        ),
        ({"distributions": {"labels/old_from": (56, 60)}}, r"must be an Optuna distribution.*but got \(56, 60\)"),
        ({"fixed": {"labels/old_from": 60}}, "in SPACE and in FIXED"),
        ({"start": [REFERENCE, {"labels/old_from": 58}]}, r"START\[1\] must name exactly SPACE's keys"),
        ({"start": [REFERENCE, {**REFERENCE, "labels/old_from": 61}]}, r"START\[1\] has labels/old_from=61, outside"),
        (
            {"start": [REFERENCE, {**REFERENCE, "labels/old_from": "58"}]},
            r"START\[1\] is no valid trial: labels/old_from: a value of type int",
        ),
    ],
)
def test_what_ray_would_ignore_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        space(**changes)


MY_SPACE = """
'''Smoothing alone.'''
from optuna.distributions import FloatDistribution
SPACE = {"loss/smoothing": FloatDistribution(0.0, 0.2)}
FIXED = {"loss/focal_gamma": 3.0}
WIDE = {"loss/smoothing": FloatDistribution(0.0, 0.5)}
START = [{"loss/smoothing": 0.02}]
"""


BANDS = """
from optuna.distributions import IntDistribution
SPACE = {"labels/young_below": IntDistribution(22, 28), "labels/old_from": IntDistribution(37, 43),
         "labels/old_gap": IntDistribution(0, 3)}
START = [{"labels/young_below": 25, "labels/old_from": 40, "labels/old_gap": 0}]
"""


@pytest.fixture
def my_space(tmp_path: Path) -> Path:
    file = tmp_path / "my_space.py"
    file.write_text(MY_SPACE)
    return file


def test_a_users_own_file_is_a_space_by_its_path_and_the_name_in_it(my_space: Path) -> None:
    own = spaces.load(f"{my_space}:SPACE")
    assert (own.name, own.about, own.fixed) == ("my_space", "Smoothing alone.", {"loss/focal_gamma": 3.0})
    assert spaces.load(str(my_space)).distributions == own.distributions
    assert own.source == f"{my_space}:SPACE"
    assert spaces.load(f"{my_space}:WIDE").distributions["loss/smoothing"] == FloatDistribution(0.0, 0.5)


def test_a_space_of_ones_own_may_begin_with_other_bands_than_the_recipes(my_space: Path) -> None:
    my_space.write_text(BANDS)
    assert spaces.load(str(my_space)).start == [{"labels/young_below": 25, "labels/old_from": 40, "labels/old_gap": 0}]
    joined = spaces.load(f"{my_space}+crop_sizes")
    assert {(point["labels/young_below"], point["labels/old_from"]) for point in joined.start} == {(25, 40)}


def test_a_users_own_file_joins_with_the_others(my_space: Path) -> None:
    joined = spaces.load(f"{my_space}:SPACE+crop_sizes")
    assert joined.name == "my_space+crop_sizes"
    assert joined.start[0] == {"loss/smoothing": 0.02, "crop/height": 360, "crop/width": 360}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SPACE = {", r"SyntaxError: .*my_space.py, line 1"),
        ("\nSPACE = IntDistribution(1, 2)", r"my_space.py, line 2: NameError: name 'IntDistribution' is not defined"),
        ("SPACES = {}", "SPACE must be a dict"),
        (MY_SPACE.replace("loss/smoothing", "loss/smothing"), "did you mean loss/smoothing"),
        (MY_SPACE.replace("START", "BEGIN"), r"START must begin with the reference recipe, \{'loss/smoothing': 0.02\}"),
        (MY_SPACE.replace("0.02}", "0.1}"), "START must begin with the reference recipe"),
        (BANDS.replace('"labels/old_gap": 0', '"labels/old_gap": 1'), "START must begin with the reference recipe"),
    ],
)
def test_what_is_wrong_with_a_users_own_file_is_said(my_space: Path, text: str, message: str) -> None:
    my_space.write_text(text)
    with pytest.raises(SpaceError, match=message):
        spaces.load(f"{my_space}:SPACE")


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(SpaceError, match=r"nowhere.py: no such file"):
        spaces.load("./nowhere.py:SPACE")


def test_the_recipe_is_the_join_of_the_four() -> None:
    joined = spaces.load("age_bands+crop_sizes+loss_weights+scheduler_decay")
    recipe = spaces.load("recipe")
    assert (recipe.distributions, recipe.start) == (joined.distributions, joined.start)


@pytest.mark.parametrize("name", space_names.names())
def test_a_space_survives_search_json(name: str) -> None:
    loaded = spaces.load(name)
    assert spaces.from_json(json.loads(json.dumps(spaces.to_json(loaded)))) == loaded


SPACE = """
from optuna.distributions import FloatDistribution
SPACE = {"loss/smoothing": FloatDistribution(0, 0.2)}
START = [{"loss/smoothing": 0.02}]
"""
EVIL = "from pathlib import Path\nPath('ran').touch()\n"


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("its group", "it can be written by its group, and would be run as code"),
        ("everybody", "it can be written by its group and everybody"),
        pytest.param("another's", "it belongs to another user", marks=needs_a_stranger),
        ("pipe", "cannot be read (it is a named pipe and no file)"),
        ("folder", "cannot be read (it is a folder and no file)"),
        ("device", "cannot be read (it is a device and no file)"),
        ("large", "cannot be read (it has 1,048,577 bytes, and 1,048,576 at most are read)"),
    ],
)
def test_a_file_that_others_may_have_written_is_not_run(what: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "evil.py"
    if what == "pipe":
        os.mkfifo(file)
    elif what == "folder":
        file.mkdir()
    elif what == "device":
        file.symlink_to("/dev/zero")
    else:
        file.write_text(EVIL + SPACE)
        file.chmod({"its group": 0o664, "everybody": 0o666}.get(what, 0o644))
        os.chown(file, STRANGER if what == "another's" else -1, -1)
        os.truncate(file, 2**20 + 1 if what == "large" else file.stat().st_size)
    for source in (str(file), f"{file}:SPACE", f"loss_weights+{file}"):
        with pytest.raises(SpaceError) as refusal:
            spaces.load(source)
        assert str(refusal.value).startswith(f"--space {file}")
        assert why in str(refusal.value)
        assert "\n" not in str(refusal.value)
    assert not Path("ran").exists()


def test_what_somebody_has_compiled_beside_it_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "smoothing.py"
    file.write_text(EVIL + SPACE)
    compiled = Path(py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))
    assert compiled.is_file()
    file.write_text(SPACE)
    assert spaces.load(str(file)).name == "smoothing"
    assert not Path("ran").exists()
