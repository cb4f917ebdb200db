"""The commands of README and of the quick start run as they are printed, in their order, from an empty folder.

Only numbers are smaller here (`SMALLER`), and what needs another machine is left out (`NOT_RUN`), each with its reason.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

import tune_main
from common.command_line import exit_code
from common.errors import OptionError
from common.repository import ROOT
from data_prep.labels import GENDERS
from data_prep.sample.store import STORE
from data_prep.store.store import Store
from tests.data_prep import drawn_layouts
from trainable.best import load_best

PAGES = ("README.md", "docs/quickstart.md")

QUICK = "--arch resnet18 --set train/batch_size=64"
SHORT = f"{QUICK} --trials 1 --epochs 1"

SMALLER = {
    # Whole commands first: the sample's store is a drawn one, which is there already.
    "tune_main.py --space age_bands": f"tune_main.py --space age_bands {SHORT}",
    "--data data/store360 --arch resnet18": f"--data data/store360 {SHORT}",
    "--people 360": "--people 12 --eval-people 1",
    "--background sample --size 96x72": "--background sample --size 48x36",
    # u2net_human_seg would be fetched; the sample's own segmenter comes with the sample.
    "--eval eval --out data/faces": "--eval eval --out data/faces --background sample --size 48x36",
    "--gpu-hours 240 --name weekend": f"--gpu-hours 240 --name weekend {QUICK} --trials 2 --epochs 2 --grace 1",
    "--gpu-hours +40": "--gpu-hours +40 --trials +1",
    "--confirm 3": "--confirm 2 --seeds 2",
    "--search runs/weekend --test": "--search runs/weekend --test --tta 2",
    # The sample's own photos to predict: its store is there already, and they are not.
    "data/sample/eval/images/": "photos/ --out again.csv",
}
"""What is printed -> what is run here. Each of them occurs, or is of no use any more."""

NOT_RUN = {
    "git clone": "this is a clone already",
    "make ": "installs packages and then runs what else is printed here; .ci/run makes it in a fresh clone",
    "python -m venv": "the same",
    "pip install": "the same",
    "tensorboard ": "serves until it is stopped",
}
"""Commands that begin like this are not run, with the reason."""

ENDS = {
    "python tune_main.py --resume runs/weekend": (2, "runs/weekend is finished: to go on with it, give it more"),
}
"""Commands that nothing is left to do for, since nobody interrupted the search here: exit code, and what is said."""

COMMAND = re.compile(r"^ {4}((?:git|python|make|pip|tensorboard) .+)$", re.MULTILINE)


class Done(NamedTuple):
    code: int
    said: str


def commands(page: str) -> list[str]:
    """The commands of a page's blocks. What follows two spaces or a # says what they do."""
    text = re.sub(r" *\\\n *", " ", (ROOT / page).read_text())
    return [re.split(r" {2,}|#|&&", line)[0].strip() for line in COMMAND.findall(text)]


PRINTED = list(dict.fromkeys(command for page in PAGES for command in commands(page)))
RUN = [command for command in PRINTED if not command.startswith(tuple(NOT_RUN))]


def smaller(command: str) -> str:
    for printed, here in SMALLER.items():
        whole = printed.startswith("tune_main.py")
        if command.endswith(printed) if whole else printed in command:
            command = command.replace(printed, here)
    return command


def run(command: str) -> Done:
    """Run it in this process, which has a Ray and its imports already; else it is what `python` would do."""
    first, *words = shlex.split(smaller(command))
    assert first == "python"
    name, words = (words[1], words[2:]) if words[0] == "-m" else (words[0].removesuffix(".py"), words[1:])
    program = importlib.import_module(f"{name}.__main__" if ROOT.joinpath(*name.split(".")).is_dir() else name)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = exit_code(lambda: program.main(words))
    return Done(code, said.getvalue())


def prepare(store: Store) -> None:
    """What a reader has: photos of his own, in the layouts that README speaks of."""
    shutil.copytree(store.path, STORE)
    drawn_layouts.utkface(Path())
    drawn_layouts.imagefolder(Path())[0].rename("dataset")
    for half in ("train", "eval"):
        Path(half).symlink_to(Path("data/sample360", half))  # which is drawn by one of the commands
    for number, gender in enumerate(GENDERS):
        drawn_layouts.draw(Path("photos", f"{number}.png"), "worn", gender, 24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reader")


@pytest.fixture(scope="module")
def done(ray_session: None, one_core: None, smallest_store: Store, folder: Path) -> dict[str, Done]:
    """What every command that is run here ended with, and said."""
    with contextlib.chdir(folder):
        prepare(smallest_store)
        return {command: run(command) for command in RUN}


@pytest.mark.parametrize("command", RUN)
def test_a_command_does_what_it_is_printed_for(done: dict[str, Done], command: str) -> None:
    code, said = ENDS.get(command, (0, ""))
    assert done[command].code == code, done[command].said
    assert said in done[command].said
    assert "\\n" not in done[command].said  # a line's end that is spelt out, as those in names are


def test_every_page_has_commands_and_every_exception_is_one_of_some_command() -> None:
    assert all(commands(page) for page in PAGES)
    assert set(ENDS) <= set(RUN)
    assert not [begins for begins in NOT_RUN if not any(command.startswith(begins) for command in PRINTED)]
    used = {printed for printed in SMALLER for command in RUN if SMALLER[printed] in smaller(command)}
    assert used == set(SMALLER)


def test_what_make_runs_is_there_and_make_search_is_the_first_command() -> None:
    for command in (each for each in PRINTED if each.startswith("make ")):
        asked = [
            *shlex.split(command),
            "--dry-run",
            "--no-print-directory",
        ]  # which one within another make would print
        made = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        if command == "make search":
            assert made.stdout.splitlines()[-1].removeprefix(".venv/bin/") == RUN[0]


def test_tensorboard_understands_its_command() -> None:
    from tensorboard.program import TensorBoard

    for command in (each for each in PRINTED if each.startswith("tensorboard ")):
        TensorBoard().configure(shlex.split(command))


def test_a_leaderboard_looks_as_it_is_printed(done: dict[str, Done]) -> None:
    shown = re.search(r"^ {4}(trial +status.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    real = re.search(r"^(trial +status.*)$", done[RUN[0]].said, re.MULTILINE)
    assert shown and real
    assert {"trial", "status", "epoch", "best", "95%"} <= set(shown[1].split()) == set(real[1].split())


def test_a_second_search_has_a_number(done: dict[str, Done], folder: Path) -> None:
    assert (folder / "runs/age_bands/search.json").exists() and (folder / "runs/age_bands-2/search.json").exists()


@pytest.fixture
def weekend(done: dict[str, Done], folder: Path) -> Path:
    return folder / "runs/weekend"


def varied(search: Path) -> list[str]:
    return [name for name in pd.read_csv(search / "leaderboard.csv").columns if name.startswith(("labels/", "crop/"))]


def test_the_best_are_confirmed_on_runs_of_their_own_and_a_verdict_says_how_sure_it_is(
    done: dict[str, Done], weekend: Path
) -> None:
    said = done["python tune_main.py --resume runs/weekend --confirm 3"].said
    assert "Confirming the 2 best of weekend with 2" in said
    assert re.search(r"trial-00\d is the best of 2 with probability \d\.\d\d; it scored 0\.\d+ in the search", said)

    board = pd.read_csv(weekend / "confirm" / "leaderboard.csv")
    assert list(board["status"]) == ["finished"] * 4
    best = pd.read_csv(weekend / "leaderboard.csv").nlargest(2, "val_f1_best")
    settings = board.groupby(varied(weekend))["train/seed"].nunique()
    assert set(settings.index) == set(best[varied(weekend)].itertuples(index=False, name=None))
    assert settings.tolist() == [2, 2]

    verdict = json.loads((weekend / "confirm" / "confirmation.json").read_text())
    assert {each["name"] for each in verdict["candidates"]} == set(best["trial"])
    for each in verdict["candidates"]:
        assert each["searched"] == pytest.approx(best.set_index("trial").loc[each["name"], "val_f1_best"])
        assert len(each["runs"]) == 2
    with pytest.raises(OptionError, match="--confirm 9: the search has 3 different trials to choose from"):
        tune_main.main(["--resume", str(weekend), "--confirm", "9"])


def test_who_votes_is_refitted_on_train_and_val_for_its_own_length_and_gets_no_score(
    done: dict[str, Done], weekend: Path, folder: Path
) -> None:
    said = done["python tune_main.py --resume runs/weekend --refit"].said
    assert "val_f1" not in said and "No score tells how good" in said
    store = Store.open(folder / "data/faces")
    board = pd.read_csv(weekend / "refit" / "leaderboard.csv").set_index("trial")
    members = json.loads((weekend / "ensemble.json").read_text())["members"]
    assert len(board) == len(members)
    assert board["val_f1_best"].isna().all() and (board["status"] == "finished").all()
    assert (board["epochs"] == board["train/epochs"]).all()
    for trial, line in board.iterrows():
        config, _, about = load_best(weekend / "refit" / str(trial) / "best.safetensors")
        assert (config.train.refit, about["epoch"]) == (1, line["epochs"])
        result = json.loads((weekend / "refit" / str(trial) / "result.json").read_text().splitlines()[-1])
        assert result["train_photos"] == len(store.rows("train")) + len(store.rows("val"))


def test_the_model_that_is_taken_away_names_every_photo(done: dict[str, Done], folder: Path) -> None:
    predicted = pd.read_csv(folder / "predictions.csv")
    assert sorted(predicted["ImageID"]) == ["0.png", "1.png"]
    assert list(predicted.columns) == ["ImageID", "mask", "gender", "age", "probability"]


IN_PYTHON = {
    "docs/results.md": {"NAME": "weekend"},
    "docs/ensemble.md": {'"model.zip"': '"model/"', '["a.jpg", "b.jpg"]': '"photos/"'},
}
"""Pages whose blocks of Python are run after README's commands; what is printed -> what is there."""

NEEDS_ARRAYS = "score = Score.of(truth"
"""This block begins with arrays of the reader's own; its functions have tests of theirs."""


@pytest.mark.parametrize("page", IN_PYTHON)
def test_what_pages_tell_to_do_in_python_can_be_done(
    done: dict[str, Done], folder: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.chdir(folder)
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    ours = [block for block in blocks if NEEDS_ARRAYS not in block]
    assert ours
    for printed, here in IN_PYTHON[page].items():
        assert any(printed in block for block in ours)
        ours = [block.replace(printed, here) for block in ours]
    for block in ours:
        exec(compile(block, page, "exec"), {})
