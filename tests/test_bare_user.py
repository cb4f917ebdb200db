"""What `make search` does, done by a user who has no name, no home, and a checkout that can only be read."""

from __future__ import annotations

import shlex

import pytest

from tests.helpers import bare_user

pytestmark = pytest.mark.skipif(bool(why := bare_user.why_not()), reason=str(why))

LONG = "/tmp/work/" + "long[1]/" * 11
"""A temporary folder as clusters make them, of more characters than a socket's name may have, and a pattern besides."""

VOTES_AND_GOES_ON = """
import functools, sys
from common.command_line import exit_code
from ensemble import select_and_predict
from tests.tuning.helpers.curve_trial import CurveTrial
from tuning import search
import tune_main
voted = exit_code(lambda: select_and_predict.main(["--members", "1", "--tta", "1"]))
class RayTrial(CurveTrial):
    "What the search began with has this name."
search.resume = functools.partial(search.resume, trainable=RayTrial)
sys.exit(voted or exit_code(lambda: tune_main.main(["--resume", "runs/age_bands", "--trials", "+1"])))
"""
"""The vote, and `--resume` whose trial needs no torch: what a real one needs of a home, the search and the vote have
shown."""

SEARCH = f"""
set -e
export TMPDIR={LONG!r}
mkdir -p "$TMPDIR"
python -m data_prep.sample --people 12 --eval-people 1 --out sample
python -m data_prep --images sample/train/images --labels sample/train/train.csv --eval sample/eval \\
    --background sample --size 48x36 --out store
python {bare_user.CHECKOUT}/tune_main.py --space age_bands --data store --arch resnet18 --weights none \\
    --trials 1 --epochs 1 >/dev/full 2>errors
cat errors >&2 && test ! -s errors
HOME=/etc python -c {shlex.quote(VOTES_AND_GOES_ON)}
grep -c finished runs/age_bands/leaderboard.csv
"""


def test_the_sample_is_drawn_prepared_searched_and_voted_on_by_a_user_without_a_home() -> None:
    """It is voted on, and the search goes on, with a home that can only be read. The search has a disk that is full for
    what it prints."""
    code, said = bare_user.run(SEARCH)
    assert code == 0, said
    assert "Traceback" not in said
    lines = said.splitlines()
    assert lines[-1] == "2"
    assert "7 photos predicted: runs/age_bands/predictions.csv" in lines


def test_the_first_search_in_a_checkout_that_can_only_be_read_ends_in_a_line_that_says_what_to_do() -> None:
    code, said = bare_user.run(f"cd {bare_user.CHECKOUT} && python tune_main.py --space age_bands")
    assert code == 2
    assert said.removeprefix("Loading torch, Optuna and the photos' labels ...\n") == (
        "error: --data data: it cannot be written (Read-only file system); name another place: without --data a sample "
        "is drawn there; begin in a folder of yours, or name a store with --data\n"
    )


@pytest.mark.parametrize(("home", "given"), [("/", True), (None, True), ("/nonexistent", True), ("/tmp/work", False)])
def test_what_make_installs_needs_no_home(home: str | None, given: bool) -> None:
    code, said = bare_user.run(f"cd {bare_user.CHECKOUT} && make --dry-run VENV=/tmp/work/venv install", home)
    assert code == 0, said
    assert ("uv pip install --quiet --cache-dir /tmp/work/venv/uv-cache" in said) is given
