"""The best arm, with a stated confidence."""

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning import BestArm, Bounded, Outcome, Scattered


def search_to_the_end(search, draw, seed, most=8_000):
    rng = np.random.default_rng(seed)
    state, count = search.start(), 0
    while state.best < 0 and count < most:
        option = search.choose_many(state, rng, 10).option
        state = search.update(state, [Outcome(option=int(k), units=float(draw(rng, k))) for k in option])
        count += 10
    return state, count


def test_the_wrong_arm_is_named_as_seldom_as_stated():
    # At a stated 20 %, 40 searches are wrong more than 16 times with probability 0.1 %.
    search, means = BestArm(options=3, error=0.2), np.array([0.3, 0.4, 0.55])
    ended = [search_to_the_end(search, lambda rng, k: rng.random() < means[k], seed) for seed in range(40)]
    assert sum(state.best != 2 for state, _ in ended) <= 16
    assert np.mean([count for _, count in ended]) <= 1_000


def test_losers_are_dropped_before_the_end_and_no_longer_shown():
    search, means = BestArm(options=3), np.array([0.05, 0.5, 0.6])
    rng = np.random.default_rng(0)
    state = search.start()
    for _ in range(25):
        option = np.tile([0, 1, 2], 4)
        state = search.update(state, [Outcome(option=int(k), units=float(rng.random() < means[k])) for k in option])
    verdict = search.verdict(state)
    assert verdict.best is None
    assert verdict.dropped == ("option 0",)
    assert "option 0 dropped" in str(verdict)
    assert search.choose(state, rng).probabilities[0] == 0.0
    assert search.choose(state, rng, available=[True, False, False]).option == 0


def test_money_and_margins():
    means = np.array([10.0, 10.05, 8.0])
    family = Scattered(noise=1.0, centre=9.0, spread=2.0)
    search = BestArm(options=3, family=family, margin=0.5)
    state, count = search_to_the_end(search, lambda rng, k: means[k] + rng.standard_normal(), 0)
    assert state.best in (0, 1)
    assert count < 1_500
    assert "within 0.5 of the best" in search.verdict(state).words
    equals = BestArm(options=2, family=Bounded(), margin=0.1)
    state, _ = search_to_the_end(equals, lambda rng, _k: rng.random() < 0.5, 1)
    assert state.best >= 0


def test_once_found_the_best_arm_is_shown():
    search = BestArm(options=2, names=("blue", "red"))
    log = [Outcome(option=k, units=float(at % 10 < 2 + 5 * k)) for at in range(200) for k in (0, 1)]
    state = search.update(search.start(), log)
    verdict = search.verdict(state)
    assert (verdict.best, verdict.dropped, verdict.outcomes) == ("red", ("blue",), 400)
    assert str(verdict) == "red is best, with 95 % confidence, after 400 outcomes: 0.7 against 0.2 of blue, the next."
    assert search.choose(state, np.random.default_rng(0)).probabilities.tolist() == [0.0, 1.0]


def test_half_of_the_choices_go_to_the_arm_that_is_hardest_to_tell_from_the_leader():
    search = BestArm(options=3)
    log = [Outcome(option=k, units=float(at % 20 < won)) for at in range(100) for k, won in enumerate((4, 9, 10))]
    state = search.update(search.start(), log)
    assert state.closest.tolist() == [1, 2, 1]
    law = search.choose_many(state, np.random.default_rng(0), 5_000).probabilities[0]
    np.testing.assert_allclose(law, [0.0, 0.5, 0.5], atol=0.01)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"options": 1}, "options"),
        ({"error": 0.0}, "error"),
        ({"margin": -1.0}, "margin"),
        ({"margin": 1.0}, "margin"),
        ({"names": ("a",)}, "names"),
        ({"leader": 1.0}, "leader"),
        ({"draws": 0}, "draws"),
    ],
)
def test_terms_that_make_no_sense_are_refused(terms, message):
    with pytest.raises(InputError, match=message):
        BestArm(**{"options": 3, **terms})
    with pytest.raises(InputError, match=r"error.*margin"):
        BestArm(options=3, error=2.0, margin=-1.0)
