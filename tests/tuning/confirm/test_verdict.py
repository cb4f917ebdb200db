import io
import json
from dataclasses import replace

from rich.console import Console

from trainable.recipe.intervals import Difference
from tuning.confirm.statistics import Confirmation, Confirmed
from tuning.confirm.verdict import table, to_json, verdict

FIRST = Confirmed(
    "trial-003", 0.640, (0.601, 0.612, 0.623), 0.612, 0.011, 0.571, 0.655, 0.81, 0.84, Difference(0.032, -0.01, 0.074)
)
SECOND = Confirmed(
    "trial-007", 0.644, (0.590, 0.580, 0.570), 0.580, 0.010, 0.540, 0.620, 0.11, 0.55, Difference(0.01, -0.03, 0.05)
)
THIRD = Confirmed("trial-001", 0.630, (0.560, 0.580, 0.570), 0.570, 0.010, 0.530, 0.610, 0.08, None, None)


def _of(*candidates: Confirmed, kind: str = "seeds") -> Confirmation:
    return Confirmation(kind, 50, photos=2835, people=405, resamples=1000, candidates=candidates)


def test_a_verdict_says_who_is_best_how_sure_that_is_and_what_the_search_promised_too_much():
    assert verdict(_of(FIRST, SECOND, THIRD)) == (
        "trial-003 is the best of 3 with probability 0.81; it scored 0.640 in the search and 0.612 +/- 0.011 over "
        "3 fresh seeds: the search's own score was 0.028 too high, as the best of 50 noisy scores tend to be. "
        "The order of trial-003 and trial-007 is not settled: 0.84 (+.032, -.010 to +.074); "
        "nor is that of trial-007 and trial-001: 0.55 (+.010, -.030 to +.050)."
    )


def test_an_order_that_is_sure_enough_is_called_settled():
    sure = [replace(FIRST, above_next=0.97), replace(SECOND, above_next=0.96), THIRD]
    assert verdict(_of(*sure)).endswith("The order of all 3 is settled: 0.95 or more that each is above the next.")
    assert "trial-007" in verdict(_of(replace(FIRST, above_next=0.94), replace(SECOND, above_next=None)))


def test_a_score_that_held_was_not_too_high():
    assert "the search's own score was not too high." in verdict(_of(replace(FIRST, searched=0.6119)))


def test_a_single_candidate_is_the_best_of_nothing():
    alone = replace(FIRST, best=1.0, above_next=None)
    assert verdict(_of(alone)).startswith("trial-003 scored 0.640 in the search and 0.612 +/- 0.011 over 3 fresh seeds")
    assert "order" not in verdict(_of(alone))
    assert "and 0.612 over one fresh seed:" in verdict(_of(replace(alone, runs=(0.612,), sd=None)))


def test_folds_are_not_held_against_the_search_which_saw_other_photos():
    text = verdict(_of(FIRST, THIRD, kind="folds"))
    assert "0.612 +/- 0.011 over 3 folds: on other photos than the search's" in text
    assert "too high" not in text


def test_the_table_has_a_line_a_candidate_with_all_its_runs():
    console = Console(width=120, file=io.StringIO())
    console.print(table(_of(FIRST, replace(THIRD, sd=None)), "Confirmation of age_bands"))
    assert [" ".join(line.split()) for line in console.file.getvalue().splitlines()] == [
        "Confirmation of age_bands",
        "trial searched F1 sd 95% best above next seeds",
        "trial-003 0.640 0.612 0.011 0.571 .. 0.655 0.81 0.84 0.601 0.612 0.623",
        "trial-001 0.630 0.570 0.530 .. 0.610 0.08 0.560 0.580 0.570",
    ]


def test_json_keeps_every_attribute_and_the_verdict():
    kept = json.loads(json.dumps(to_json(_of(FIRST, THIRD))))
    assert kept["verdict"] == verdict(_of(FIRST, THIRD))
    assert (kept["kind"], kept["trials"], kept["people"]) == ("seeds", 50, 405)
    assert kept["candidates"][0]["runs"] == [0.601, 0.612, 0.623]
    assert kept["candidates"][1]["above_next"] is None
