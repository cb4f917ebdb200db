import subprocess
import sys

import pytest

from common.errors import OptionError
from common.repository import ROOT
from data_prep.__main__ import bands_of, main, parser, size_of
from data_prep.store.store import Store


def command(raw, out, *more):
    return ["--images", str(raw.images), "--labels", str(raw.labels), "--out", str(out), "--background", "keep", *more]


def run(arguments):
    return subprocess.run([sys.executable, "-m", "data_prep", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_the_command_makes_a_store_and_names_the_next_command(raw, tmp_path):
    done = run(command(raw, tmp_path / "store", "--eval", str(raw.eval), "--size", "20x16", "--workers", "2"))
    assert done.returncode == 0, done.stderr
    assert "73 photos of 10 people at 20x16" in done.stdout
    assert f"python tune_main.py --space age_bands --data {tmp_path / 'store'}" in done.stdout
    assert Store.open(tmp_path / "store", verify=True).size == (20, 16)


def test_an_error_is_one_line_and_exit_code_2(raw, tmp_path):
    raw.write_csv([("000000-1_female_Asian_20", "male", "young")])
    done = run(command(raw, tmp_path / "store"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and "row 2" in done.stderr


def test_photos_left_out_are_listed(raw, tmp_path, capsys):
    for file in sorted(raw.images.glob("*/normal.jpg"))[:7]:
        file.write_bytes(b"no photo")
    main(command(raw, tmp_path / "store", "--allow-left-out", "0.2"))
    shown = capsys.readouterr().out
    assert "left out 7" in shown
    assert "000000-1_female_Asian_20/normal.jpg (not a JPEG, PNG or WEBP photo)" in shown and "and 2 more" in shown


def test_too_few_people_to_search_with_are_told_of_and_no_command_is_named_that_would_be_refused(raw, tmp_path, capsys):
    raw.write_csv([("000000-1_female_Asian_20", "male", 20)])
    main(command(raw, tmp_path / "store"))
    shown = capsys.readouterr().out
    assert "a search needs photos of val too: prepare more people" in shown and "tune_main.py" not in shown


def test_folders_of_splits_are_taken_together_and_this_is_said(raw, tmp_path, capsys):
    for number, folder in enumerate(("train/with_mask", "Test/with_mask", "train/without_mask", "Test/without_mask")):
        raw.photo(tmp_path / "images" / folder / "1.jpg", (50 * number, 40 * number, 30 * number))
    main(["--images", str(tmp_path / "images"), "--out", str(tmp_path / "store"), "--background", "keep"])
    assert "Note: Test, train are taken together: people are split anew" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["96", "96x", "96 x 72", "-9x9", "96X72", "123456x1"])
def test_a_size_is_height_x_width(text):
    assert size_of("96x72") == (96, 72) and size_of(None) is None
    with pytest.raises(OptionError, match="such as 96x72, but is"):
        size_of(text)


@pytest.mark.parametrize("text", ["30", "30-60", "30,60,90", "a,b", "-30,60"])
def test_bands_are_two_ages(text):
    assert bands_of("25,40") == (25, 40)
    with pytest.raises(OptionError, match="such as 30,60, but is"):
        bands_of(text)


def test_no_workers_is_no_number_of_workers(raw, tmp_path):
    with pytest.raises(OptionError, match="--workers"):
        main(command(raw, tmp_path / "store", "--workers", "0"))


def test_the_options_are_those_that_are_documented():
    options = {option for action in parser()._actions for option in action.option_strings} - {"-h", "--help"}
    assert options == {
        "--images", "--labels", "--layout", "--eval", "--corrections", "--bands", "--out", "--background",
        "--implausible", "--size", "--seed", "--task", "--allow-left-out", "--group-near", "--workers", "--address",
    }  # fmt: skip
