import numpy as np
import pytest

from ensemble.selection.nested import Judged, judge
from ensemble.selection.pool import Pool
from ensemble.selection.recipe import by_size, rule_of, top
from ensemble.voting.vote import Rule
from tests.ensemble.selection.drawn import TASKS, pool_of


def by_luck(seed: int, models: int = 40) -> Pool:
    """Of models that guess, on 30 people, the best looks good."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 30)
    return pool_of(truth, [rng.integers(0, 3, 30) for _ in range(models)], 3, repeats=5)


def test_the_best_of_many_that_guess_is_worth_a_guess_to_others() -> None:
    found = [judge(pool, lambda part: by_size(part, "top", 1))[0] for pool in map(by_luck, range(10))]
    assert np.mean([each.on_val for each in found]) > 0.5
    nested = [each.nested(pool) for each, pool in zip(found, map(by_luck, range(10)), strict=True)]
    assert np.mean(nested) == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.parametrize(("terminal", "said"), [("1", "judging the vote"), ("0", "")])
def test_who_waits_at_a_terminal_sees_how_far_the_judging_is(
    terminal: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", terminal)
    judge(by_luck(0, models=2), lambda part: [rule_of(top(part, 1))])
    err = capsys.readouterr().err
    assert said in err if said else err == ""


def test_each_person_is_judged_by_a_rule_that_never_saw_them() -> None:
    pool, seen = by_luck(0, models=2), []

    def fit(part: Pool) -> list[Rule]:
        seen.append(set(part.person.tolist()))
        return [rule_of(top(part, 1))]

    judge(pool, fit)
    everybody, *others = seen
    assert everybody == set(range(30)) and len(others) == 5 * 5
    for way in range(5):
        left_out = [everybody - each for each in others[5 * way : 5 * way + 5]]
        assert sorted(person for each in left_out for person in each) == sorted(everybody)


def test_where_nothing_is_chosen_the_nested_score_is_the_score() -> None:
    pool = by_luck(1, models=3)
    [judged] = judge(pool, lambda part: [rule_of(np.full(3, 1 / 3))])
    assert judged.nested(pool) == pytest.approx(judged.on_val)


def test_a_gain_is_paired_and_clear_where_it_is_more_than_its_noise() -> None:
    truth = np.arange(60) % 3
    wrong = (truth + 1) % 3
    both, better, other = (np.where(np.arange(60) % 10 < n, wrong, truth)[None] for n in (3, 2, 3))
    pool = pool_of(truth, [truth], 3)
    rule = rule_of(np.ones(1))
    gain = Judged(rule, 0, better).gain(pool, Judged(rule, 0, both))
    assert gain is not None and gain.value == pytest.approx(0.1, abs=0.02) and gain.is_clear
    assert gain.low < gain.value < gain.high
    none = Judged(rule, 0, other).gain(pool, Judged(rule, 0, both))
    assert none is not None and none.value == 0 and not none.is_clear


def test_of_one_person_nothing_is_estimated() -> None:
    truth = np.arange(6) % 3
    pool = Pool(
        np.eye(3, dtype=np.float32)[truth][None], truth, np.zeros(6, np.int64), np.zeros((0, 6), np.int64), TASKS[3]
    )
    first, second = judge(pool, lambda part: [rule_of(np.ones(1))] * 2)
    assert first.nested(pool) is None and second.gain(pool, first) is None
