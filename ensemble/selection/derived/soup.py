"""A soup of trials as a candidate: the mean of the weights of those trials that val says help it, judged nested.

Greedily (Wortsman et al. 2022): the best trial, then each of the others, the best first, unless val's macro F1 falls.
Of whom it is made was then chosen by val's people. So it is made without each fifth of them, too, and judged on that
fifth: by these predictions it is a candidate, and only where they are better than the best trial's by more than noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from common.files import write_json
from common.search_folder import SOUP
from data_prep.store.store import Store
from ensemble.selection.candidates import Candidate
from ensemble.selection.nested import Gain, Judged, judge
from ensemble.selection.pool import Pool
from ensemble.selection.recipe import FLOOR, rule_of, top
from ensemble.voting.soup import Kitchen
from trainable.best import Best, export_best
from trainable.predict import Probabilities

MOST = 5
"""Ingredients at most: of five there are 26 soups, and each that is tried costs a pass over val and one over train."""

Kept = npt.NDArray[np.bool_]

Set = tuple[int, ...]
"""Positions of ingredients, ascending."""


def add_soup(
    found: Sequence[Candidate], search: Path, store: Store, device: torch.device
) -> tuple[list[Candidate], str]:
    """Try a soup of the best trials; where it is better it is a candidate more, and its weights are in the search's
    folder, soup/, as a trial's are.

    Returns:
        the candidates, and what came out in a line.
    """
    ranked = [each for each in sorted(found, key=lambda each: -each.val_f1) if len(each.folders) == 1]
    near = {each.folders[0]: each for each in ranked if each.val_f1 >= FLOOR * ranked[0].val_f1}
    if not near:
        return list(found), "No soup: no trial to make it of"
    kitchen = Kitchen(list(near), store, device, MOST)
    able = [near[folder] for folder in kitchen.folders]
    if len(able) < 2:
        why = "network, first weights, seed and crop"
        return list(found), f"No soup: no other good trial shares its start with {able[0].name} ({why})"
    pool = Pool.of(able, store)
    says = _remembered(kitchen, able, store)
    made, unseen, gain = judged(pool, says)
    names = [able[position].name for position in made]
    if len(names) == 1:
        return list(found), f"No soup: {names[0]} is best alone"
    what = f"A soup of {' and '.join(names)}"
    if gain is None or not gain.is_clear:
        return list(found), f"{what} is not used: nested, its gain over the best trial is {gain or 'unknown'}"
    f1 = float(pool.f1(unseen.argmax(axis=1)[None])[0])
    soup = Candidate(SOUP, (search / SOUP,), f1, unseen)
    best = Best(0, f1, unseen, kitchen.make(made))  # of no epoch
    export_best(best, kitchen.config, store.labelled("val"), store.hash, search / SOUP)
    write_json(search / SOUP / f"{SOUP}.json", {"of": names, "store_hash": store.hash, "gain": vars(gain)})
    return sorted(
        [*found, soup], key=lambda each: -each.val_f1
    ), f"{what} may vote: nested, its gain over the best trial is {gain}"


def judged(pool: Pool, says: Callable[[Set], Probabilities]) -> tuple[Set, Probabilities, Gain | None]:
    """Make the soup of all of val's people, and without each fold of them.

    Args:
        pool: of the ingredients.
        says: what the soup of some of them says of the pool's photos.

    Returns:
        of whom it is made; what soups say of each photo that were made without its person; the gain over the best
        single one, None where nobody can be left out.
    """
    everybody = np.ones(len(pool.truth), dtype=bool)
    whole, unseen = _greedy(pool, says, everybody), np.array(says((0,)))
    predicted = np.zeros(pool.folds.shape, dtype=np.int64)
    for way, fold_of in enumerate(pool.folds):
        for fold in np.unique(fold_of):
            held = fold_of == fold
            told = says(_greedy(pool, says, ~held))[held]
            predicted[way, held] = told.argmax(axis=1)
            if way == 0:
                unseen[held] = told
    single, on_val = rule_of(top(pool, 1)), _f1(pool, says(whole), everybody)
    [best] = judge(pool, lambda part: [rule_of(top(part, 1))])
    return whole, unseen, Judged(single, on_val, predicted).gain(pool, best)


def greedy(singles: Sequence[float], score: Callable[[Set], float]) -> Set:
    """Choose ingredients: the best, then each of the others, the best first, unless the score of the soup falls."""
    first, *others = np.argsort(-np.asarray(singles), kind="stable").tolist()
    chosen: Set = (first,)
    best = score(chosen)
    for other in others:
        more = tuple(sorted((*chosen, other)))
        if (tried := score(more)) >= best:
            chosen, best = more, tried
    return chosen


def _greedy(pool: Pool, says: Callable[[Set], Probabilities], keep: Kept) -> Set:
    singles = pool.photos(keep).single_f1().tolist()
    return greedy(singles, lambda of: _f1(pool, says(of), keep))


def _f1(pool: Pool, probabilities: Probabilities, keep: Kept) -> float:
    return float(pool.photos(keep).f1(probabilities[keep].argmax(axis=1)[None])[0])


def _remembered(kitchen: Kitchen, able: Sequence[Candidate], store: Store) -> Callable[[Set], Probabilities]:
    said: dict[Set, Probabilities] = {(number,): each.probabilities for number, each in enumerate(able)}

    def says(of: Set) -> Probabilities:
        if of not in said:
            said[of] = kitchen.predict(kitchen.make(of), store.labelled("val"))
        return said[of]

    return says
