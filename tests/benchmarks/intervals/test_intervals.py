import re

import numpy as np
import pytest

from benchmarks.intervals import __main__ as program
from benchmarks.intervals import methods, populations
from benchmarks.intervals.populations import Kind, Population
from data_prep.task import Task
from trainable.recipe.metrics import macro_f1


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(populations, "PEOPLE", 6000)
    monkeypatch.setattr(methods, "RESAMPLES", 200)
    monkeypatch.setattr(program, "RESAMPLES", 200)


@pytest.mark.parametrize("kind", [Kind(), Kind(together=True, bands="even"), Kind(Task(("gender",)), photos=1)])
def test_the_first_model_is_as_good_as_asked_and_the_second_a_bit_better(kind: Kind) -> None:
    population = Population.draw(kind, 0.8, seed=0)
    first, second = (macro_f1(population.truth.ravel(), each.ravel()) for each in (population.first, population.second))
    assert first == pytest.approx(0.8, abs=0.01)
    assert 0 < second - first < 0.1
    assert population.truth.shape == (6000, kind.photos)


def test_a_person_has_one_gender_and_one_band_and_the_photos_of_the_reference_task() -> None:
    truth = Population.draw(Kind(), 0.6, seed=0).truth
    assert (truth % 6 == truth[:, :1] % 6).all()
    assert np.array_equal(np.sort(truth // 6, axis=1)[0], [0, 0, 0, 0, 0, 1, 2])
    assert (truth % 3 == 2).mean() == pytest.approx(populations.BANDS["few old"][2], abs=0.01)


def test_errors_together_are_of_whole_people() -> None:
    def partly(kind: Kind) -> float:
        population = Population.draw(kind, 0.6, seed=0)
        wrong = population.first % 6 != population.truth % 6
        return float((wrong.any(axis=1) & ~wrong.all(axis=1)).mean())

    assert partly(Kind(together=True)) == 0
    assert partly(Kind()) > 0.1


@pytest.mark.parametrize("people", [24, 100])
def test_a_test_set_has_someone_of_each_stratum_in_about_its_share(people: int) -> None:
    population = Population.draw(Kind(), 0.6, seed=0)
    strata = population.stratum[population.sample(people, np.random.default_rng(0))]
    assert len(strata) == people
    found = np.bincount(np.searchsorted(np.unique(population.stratum), strata), minlength=6)
    assert found.min() >= 1
    assert found == pytest.approx(
        people * np.bincount(population.stratum)[np.unique(population.stratum)] / 6000, abs=1.5
    )


@pytest.mark.parametrize("name", methods.METHODS)
def test_every_method_gives_an_interval_near_the_score_and_a_narrow_one_for_many_people(name: str) -> None:
    population = Population.draw(Kind(together=True), 0.7, seed=0)
    widths = []
    for people in (60, 600):
        who = population.sample(people, np.random.default_rng(1))
        truth, guess = population.truth[who].ravel(), population.first[who].ravel()
        low, high = methods.METHODS[name](truth, guess, np.repeat(np.arange(people), 7), Task())
        assert low - 0.1 < macro_f1(truth, guess) < high + 0.1
        widths.append(high - low)
    assert widths[1] < widths[0] / 1.5


def test_intervals_hold_the_truth_about_as_often_as_they_say_and_those_before_did_not() -> None:
    population = Population.draw(Kind(together=True), 0.8, seed=0)
    (line,) = program.lines(population, 24, list(methods.METHODS)[:2], repeats=80)
    ours, before, difference = (float(share) for share in re.findall(r"([\d.]+)% \(", line))
    assert ours > 85
    assert difference > 85
    assert before < 75


def test_a_line_is_printed_for_each_population_and_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--only", "2 classes", "--people", "44", "--repeats", "2", "--methods"]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head.count("|") == 4 + len(methods.METHODS) + 2
    assert len(lines) == len(program.LEVELS)
    assert all(line.startswith("| 2 classes, few old, 1 photo | 44 |") for line in lines)
