"""How often does an interval of 95% hold the truth? On drawn populations of people whose macro F1 is known.

    python -m benchmarks.intervals                       # the method in use, on all populations and sizes
    python -m benchmarks.intervals --only "18 classes, few old, 7 photos, photos err together" --methods

Each line is one population and size of test set: of `--repeats` sets, how many intervals of the score hold the
population's macro F1, how many of the difference of two models hold the population's, and how wide they are on average.
`--methods` compares other methods. 400 repeats have a standard error of 1.1% at 95%.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from benchmarks.intervals.methods import METHODS, RESAMPLES
from benchmarks.intervals.populations import Kind, Population
from common.command_line import Parser, exit_code, positive
from common.security.terminal import say
from data_prep.task import Task
from trainable.recipe.bootstrap import bootstrap_macro_f1
from trainable.recipe.intervals import interval
from trainable.recipe.metrics import macro_f1

LEVELS = (0.6, 0.8, 0.95)
GENDER, UTKFACE, MASKS = Task(("gender",)), Task(("gender", "age")), Task(("mask",))
KINDS = {
    **dict.fromkeys(
        [Kind(bands=bands, together=both) for bands in ("few old", "even") for both in (False, True)],
        (24, 100, 400, 1000),
    ),
    Kind(GENDER, photos=1): (44, 400),
    Kind(UTKFACE, photos=1): (44, 400),
    Kind(MASKS, photos=1): (44, 400),
    Kind(photos=1): (100, 400),
}
"""The populations, and how many people their test sets have."""


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    names = list(METHODS) if options.methods else list(METHODS)[:1]
    say(f"| population | people | macro F1 | {' | '.join(names)} | gain | difference |")
    say(f"|---|---|---|{'---|' * len(names)}---|---|")
    for kind, sizes in KINDS.items():
        if options.only in str(kind):
            for level in LEVELS:
                population = Population.draw(kind, level, seed=1)
                for people in (each for each in sizes if each in (options.people or sizes)):
                    for line in lines(population, people, names, options.repeats):
                        say(line)
    return 0


def lines(population: Population, people: int, names: list[str], repeats: int) -> Iterator[str]:
    """Draw test sets, and yield the line of the table that says what the intervals are worth."""
    true, better = (macro_f1(population.truth.ravel(), each.ravel()) for each in (population.first, population.second))
    rng, found = np.random.default_rng(people), []
    for _ in range(repeats):
        who = population.sample(people, rng)
        truth, first, second = (each[who].ravel() for each in (population.truth, population.first, population.second))
        person = np.repeat(np.arange(people), population.truth.shape[1])
        args = person, population.kind.task
        scores = bootstrap_macro_f1(truth, np.stack([first, second]), *args, RESAMPLES)
        ends = [METHODS[name](truth, first, *args) for name in names[1:]]
        ends.insert(0, interval(scores[:, 0], macro_f1(truth, first)))
        gain = macro_f1(truth, second) - macro_f1(truth, first)
        found.append([*ends, interval(scores[:, 1] - scores[:, 0], gain)])
    low, high = np.moveaxis(np.array(found), 2, 0)
    truths = np.array([true] * len(names) + [better - true])
    held, width = ((low <= truths) & (truths <= high)).mean(axis=0), (high - low).mean(axis=0)
    cells = [f"{100 * share:.1f}% ({wide:.3f})" for share, wide in zip(held, width, strict=True)]
    scores = " | ".join(cells[:-1])
    yield f"| {population.kind} | {people} | {true:.2f} | {scores} | {better - true:+.3f} | {cells[-1]} |"


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.intervals", description=__doc__)
    add = result.add_argument
    add("--repeats", type=positive, default=400, metavar="N", help="test sets a line (400)")
    add("--people", type=positive, action="append", metavar="N", help="only test sets of so many; can be repeated")
    add("--only", default="", metavar="TEXT", help="only populations with this in their names")
    add("--methods", action="store_true", help="compare all methods, not only the one in use")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
