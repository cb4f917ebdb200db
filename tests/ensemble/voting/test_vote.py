import numpy as np
import pytest

from ensemble.voting.vote import Rule, soft_vote


def test_a_soft_vote_is_the_mean_of_probabilities() -> None:
    first = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    second = np.array([[0.3, 0.7], [0.4, 0.6]], dtype=np.float32)
    assert soft_vote([first, second]) == pytest.approx(np.array([[0.6, 0.4], [0.3, 0.7]]))


def test_one_sure_member_outweighs_two_unsure_ones() -> None:
    """A majority of hard votes would say class 1; the mean of probabilities says class 0."""
    sure, unsure = np.array([[0.98, 0.02]]), np.array([[0.45, 0.55]])
    assert soft_vote([sure, unsure, unsure]).argmax() == 0


def test_logits_and_a_softmax_over_the_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="rows must sum to 1"):
        soft_vote([np.array([[2.0, -3.0]])])
    with pytest.raises(ValueError, match="rows must sum to 1"):
        soft_vote([np.array([[2.0, -1.0]])])
    with pytest.raises(ValueError, match="rows must sum to 1"):
        soft_vote([np.array([[0.5, 0.9], [0.5, 0.1]])])


def test_nobody_to_vote_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one member"):
        soft_vote([])


VOTES = [np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.3, 0.7], [0.4, 0.6]])]


def test_a_members_weight_is_its_share_of_the_mean() -> None:
    rule = Rule((0.75, 0.25), (1.0, 1.0))
    assert soft_vote(VOTES, rule) == pytest.approx(np.array([[0.75, 0.25], [0.25, 0.75]]))


def test_a_temperature_above_one_makes_a_member_less_sure() -> None:
    [softer] = soft_vote([np.array([[0.9, 0.1]])], Rule((1.0,), (2.0,)))
    assert softer == pytest.approx([0.75, 0.25])  # the roots of 9 and of 1


def test_class_weights_multiply_what_was_joined() -> None:
    [weighted] = soft_vote([np.array([[0.6, 0.4]])], Rule((1.0,), (1.0,), (1.0, 2.0)))
    assert weighted == pytest.approx([0.6 / 1.4, 0.8 / 1.4])


@pytest.mark.parametrize(
    ("weights", "temperatures", "class_weights"),
    [
        ((), (), None),
        ((0.5, 0.4), (1, 1), None),
        ((1.5, -0.5), (1, 1), None),
        ((1.0,), (0.0,), None),
        ((1.0,), (1.0,), (0.0, 1.0)),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(weights, temperatures, class_weights) -> None:
    with pytest.raises(ValueError, match="must hold, but got"):
        Rule(weights, temperatures, class_weights)


def test_a_rule_for_another_number_of_members_is_refused() -> None:
    with pytest.raises(ValueError, match="2 members are needed"):
        soft_vote(VOTES[:1], Rule.equal(2))
