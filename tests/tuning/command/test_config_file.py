"""Options from a file, and settings that the command line fixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import OptionError
from tuning.command.options import parsed


@pytest.fixture
def config(tmp_path: Path):
    def write(text: str) -> Path:
        (tmp_path / "search.yaml").write_text(text)
        return tmp_path / "search.yaml"

    return write


def test_each_option_is_named_as_on_the_command_line(config) -> None:
    file = config(
        "space: age_bands\ngpu-hours: 240\ntrials: +20\ncpus_per_trial: 2\ncompile: true\ndeterministic: no\n"
    )
    options = parsed(["--config", str(file)])
    assert (options.space, options.gpu_hours, options.trials) == ("age_bands", "240", "+20")
    assert (options.cpus_per_trial, options.compile, options.deterministic) == (2, True, False)


def test_the_command_line_wins(config) -> None:
    file = config("space: age_bands\nepochs: 60\nset: {loss/smoothing: 0.1, loss/focal_gamma: 1}\n")
    options = parsed(["--epochs", "9", "--set", "loss/smoothing=0.05", f"--config={file}"])
    assert (options.space, options.epochs) == ("age_bands", 9)
    assert dict(each.split("=") for each in options.set) == {"loss/smoothing": "0.05", "loss/focal_gamma": "1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spce: age_bands", "spce: no such option; did you mean --space"),
        ("config: other.yaml", "config: no such option"),
        ("queue: folder", "queue: no such option"),
        ("help: true", "help: no such option"),
        ("compile: 1", "compile: true or false is needed, but got '1'"),
        ("compile: [true]", r"compile: true or false is needed, but got \['true'\]"),
        ("name:", "name: a number or a text is needed, but got ''"),
        ("set: {loss/smoothing: [1]}", "set: loss/smoothing: a number or a text is needed"),
        ("trials: [1, 2]", r"trials: a number or a text is needed, but got \['1', '2'\]"),
        ("trials: 1\ntrials: 2", "a key is there twice"),
        ("- space", "options and their values are needed"),
        ("", "options and their values are needed"),
        ("space: 'age", "YAML is needed"),
        ("space: !!python/object/apply:os.system ['true']", "space: a number or a text is needed, but got"),
        ("epochs: many", "epochs.*a whole number of at least 1 is needed"),
    ],
)
def test_what_is_no_option_is_told_with_its_name(config, text: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        parsed(["--config", str(config(text))])


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(OptionError, match=r"--config nowhere\.yaml: it cannot be read"):
        parsed(["--config", "nowhere.yaml"])
    with pytest.raises(OptionError, match="--config"):
        parsed(["--config"])
