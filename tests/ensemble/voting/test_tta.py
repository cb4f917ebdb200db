import pytest

from common.errors import EnsembleError
from ensemble.voting.tta import NAMES, views
from trainable.photos.views import View


def test_the_plain_view_comes_first_and_more_views_only_add():
    every = views(len(NAMES))
    assert every[:2] == (View(), View(flip=True))
    assert all(views(n) == every[:n] for n in range(1, len(every)))
    assert len({view.name for view in every}) == len(every)


def test_views_ask_for_no_more_than_training_has_shown():
    assert all(abs(view.angle) <= 15 for view in views(len(NAMES)))


@pytest.mark.parametrize("n", [0, -1, len(NAMES) + 1])
def test_a_number_of_views_that_there_is_not_is_refused_in_a_line(n):
    with pytest.raises(EnsembleError, match=rf"^--tta: 1 to 16 views can be had, but got {n}; .*alone$"):
        views(n)
