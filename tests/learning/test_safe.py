"""Safe exploration: the budget holds, the rules hold, money goes where knowing more is worth most."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning.safe import Ledger, Question, SafeSettings, explore_safely, surely_better
from pricebid.optimize import Limit


def asked(seed: int = 0, **changes: object) -> Question:
    rng = np.random.default_rng(seed + 1)
    shape = (6, 5)
    available = rng.random(shape) < 0.7
    available[:, 2] = True
    mean = -np.abs(np.random.default_rng(seed).normal(0.0, 0.3, shape))
    mean[:, 2] = 0.0
    gain = mean + rng.normal(0.0, 1.0, (200, *shape))
    gain -= gain[:, :, [2]]
    given = {
        "loss": -mean,
        "gain": gain,
        "signal": gain,
        "noise": np.full(6, 4.0),
        "plan": np.full(6, 2),
        "available": available,
    }
    return Question(**(given | changes))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("allowance", [0.0, 0.05, 0.3, 100.0])
def test_the_expected_loss_stays_within_the_allowance_and_masked_options_are_never_drawn(seed, allowance):
    one = asked(seed)
    law = explore_safely(one, allowance=allowance)
    np.testing.assert_allclose(law.probabilities.sum(axis=1), 1.0)
    assert (law.probabilities >= 0).all()
    assert (law.probabilities[~one.available] == 0).all()
    assert law.expected_loss <= allowance + 1e-9
    np.testing.assert_allclose(law.loss, (law.probabilities * one.loss).sum(axis=1), atol=1e-12)
    if allowance == 0.0:
        assert law.probabilities[:, 2].min() == 1.0


def test_options_are_drawn_as_often_as_the_law_says():
    law = explore_safely(asked(), allowance=0.5)
    rng = np.random.default_rng(0)
    seen = np.stack([law.draw(rng) for _ in range(4000)])
    shares = np.stack([(seen == option).mean(axis=0) for option in range(5)], axis=1)
    assert np.abs(shares - law.probabilities).max() < 0.035


def test_a_wider_allowance_is_never_worth_less():
    worth = [explore_safely(asked(), allowance=allowance).worth.sum() for allowance in (0.0, 0.05, 0.2, 1.0, 5.0)]
    assert worth[0] == 0.0
    assert all(later >= earlier - 1e-3 * abs(later) for earlier, later in pairwise(worth))
    assert worth[-1] > 0


def test_what_is_known_is_not_explored_and_what_is_not_is():
    one = asked(available=np.ones((6, 5), dtype=bool))
    gain = one.gain.copy()
    gain[:, :3] = gain[:, :3].mean(axis=0)
    law = explore_safely(replace(one, gain=gain, signal=gain), allowance=1.0)
    assert law.probabilities[:3, 2].min() == 1.0
    assert law.probabilities[3:, 2].min() < 1.0


def test_where_nothing_can_be_learnt_or_knowledge_does_not_last_the_plan_stays():
    one = asked()
    deaf = explore_safely(replace(one, noise=np.full(6, 1e12)), allowance=10.0)
    short = explore_safely(one, allowance=10.0, settings=SafeSettings(lasting=0.0))
    for law in (deaf, short):
        assert law.probabilities[:, 2].min() == 1.0


def test_limits_hold_for_the_expected_totals():
    one = asked(available=np.ones((6, 5), dtype=bool))
    use = np.tile([0.0, 0.0, 0.0, 1.0, 1.0], (6, 1))
    free = explore_safely(one, allowance=1.0)
    assert (free.probabilities * use).sum() > 0.5
    law = explore_safely(one, allowance=1.0, outcomes={"use": use}, limits=[Limit("use", at_most=0.5)])
    assert (law.probabilities * use).sum() <= 0.5 + 1e-9
    stuck = explore_safely(one, allowance=1.0, outcomes={"use": use + 1.0}, limits=[Limit("use", at_most=5.0)])
    assert stuck.probabilities[:, 2].min() == 1.0


def test_the_kernel_finds_the_best_combination_of_laws():
    one = asked(3)
    one = replace(one, **{name: getattr(one, name)[:2] for name in ("loss", "noise", "plan", "available")},
                  gain=one.gain[:, :2], signal=one.signal[:, :2])  # fmt: skip
    settings = SafeSettings(rates=(0.5, 1.0), periods=(10.0,))
    found = explore_safely(one, allowance=0.1, settings=settings)
    alike = one.available / one.available.sum(axis=1, keepdims=True)
    stay = np.eye(5)[one.plan]
    bases = [one.best_share, alike]
    laws = [stay, *(rate * base + (1 - rate) * stay for rate in (0.5, 1.0) for base in bases)]

    def worth(law: np.ndarray) -> np.ndarray:
        known = 10.0 * one.signals(law[:, None, :])[:, 0]
        return 80.0 * one.ignorance * known / (1 + known) - 10.0 * (law * one.loss).sum(axis=1)

    best = max(
        worth(a)[0] * (a is not stay) + worth(b)[1] * (b is not stay)
        for a in laws
        for b in laws
        if (a * one.loss).sum(axis=1)[0] + (b * one.loss).sum(axis=1)[1] <= 0.1
    )
    assert found.worth.sum() == pytest.approx(best, rel=2e-3)


def test_kin_whose_draws_move_together_teach_each_other():
    rng = np.random.default_rng(0)
    shared = rng.normal(0.0, 1.0, (400, 1, 1)) * np.array([-1.0, 0.0, 1.0])
    together = np.broadcast_to(shared, (400, 5, 3)).copy()
    alone = rng.normal(0.0, 1.0, (400, 5, 1)) * np.array([-1.0, 0.0, 1.0])
    given = {
        "loss": np.zeros((5, 3)),
        "noise": np.ones(5),
        "plan": np.ones(5, dtype=np.int64),
        "available": np.ones((5, 3), dtype=bool),
        "kin": np.array([0, 0, 0, 0, 1]),
    }
    first = Question(gain=together, signal=together, **given)
    np.testing.assert_allclose(first.teaching, [4, 4, 4, 4, 1], rtol=0.02)
    second = Question(gain=alone, signal=alone, **given)
    np.testing.assert_allclose(second.teaching, 1.0, atol=0.05)


def test_only_what_varies_under_a_law_tells_anything():
    one = asked()
    sure = np.eye(5)[None].repeat(6, axis=0)
    np.testing.assert_allclose(one.signals(sure), 0.0, atol=1e-12)
    mixed = 0.5 * (sure[:, :1] + sure[:, 1:2])
    assert (one.signals(mixed) > 0).all()


def test_a_law_is_thinned_towards_the_plan():
    one = asked()
    law = explore_safely(one, allowance=0.5)
    half = law.thinned(0.5, one.plan)
    assert half.expected_loss == pytest.approx(0.5 * law.expected_loss)
    np.testing.assert_allclose(half.probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(1 - half.probabilities[:, 2], 0.5 * (1 - law.probabilities[:, 2]))


def test_a_conservative_learner_moves_only_where_the_lower_bound_gains():
    rng = np.random.default_rng(0)
    gain = rng.normal([2.0, 0.5, -1.0], 1.0, (2000, 3))
    assert surely_better(gain, confidence=0.9).tolist() == [True, False, False]
    assert surely_better(gain, confidence=0.5).tolist() == [True, True, False]


def test_the_ledger_carries_on_what_is_left_and_stops_who_has_overdrawn():
    ledger = Ledger(share=0.01, burst=3.0)
    assert ledger.allowance(100.0) == pytest.approx(1.0)
    saved = ledger.after(profit=100.0, loss=0.0).after(profit=100.0, loss=0.5)
    assert saved.left == pytest.approx(1.5)
    assert saved.allowance(100.0) == pytest.approx(2.5)
    assert ledger.after(profit=1000.0, loss=0.0).allowance(100.0) == pytest.approx(3.0)
    drawn = ledger.after(profit=100.0, loss=5.0)
    assert drawn.allowance(100.0) == 0.0
    assert drawn.after(profit=500.0, loss=0.0).allowance(100.0) == pytest.approx(2.0)
    assert ledger.after(profit=-50.0, loss=0.0).allowance(-50.0) == 0.0


def test_a_cautious_ledger_counts_a_loss_as_more():
    ledger = Ledger(share=0.01, caution=1.25)
    assert ledger.allowance(100.0) == pytest.approx(0.8)
    used = ledger.after(profit=100.0, loss=0.8)
    assert used.left == pytest.approx(0.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SafeSettings(rates=(0.0,)),
        lambda: SafeSettings(rates=()),
        lambda: SafeSettings(periods=(0.0,)),
        lambda: SafeSettings(lasting=-1.0),
        lambda: Ledger(share=1.5),
        lambda: Ledger(share=0.1, burst=0.5),
        lambda: Ledger(share=0.1, caution=0.5),
        lambda: asked(noise=np.zeros(6)),
        lambda: asked(loss=-np.ones((6, 5))),
        lambda: asked(available=np.zeros((6, 5), dtype=bool)),
        lambda: asked(plan=np.zeros(5, dtype=np.int64)),
        lambda: asked(gain=np.zeros((3, 6, 4))),
        lambda: explore_safely(asked(), allowance=-1.0),
        lambda: explore_safely(asked(), allowance=1.0, designs=np.ones((6, 1, 5))),
        lambda: surely_better(np.zeros((2, 1)), confidence=1.0),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(InputError):
        make()
