"""The contract of every learner: pure, replayable, storable, and picked from the very law that it tells.

To add a learner, append a `Case` to CASES.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pricebid.errors import InputError, ModelError
from pricebid.learning import (
    BestArm,
    BetaThompson,
    BlindPricing,
    ChangingThompson,
    Crossed,
    Discount,
    ForgettingThompson,
    GaussianThompson,
    LinearThompson,
    LinUCB,
    LogisticThompson,
    Outcome,
    PerOption,
    PrimalDualKnapsacks,
    ThompsonLP,
    Window,
    load_state,
    logit_pricing,
    save_state,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def pays(rng, option, context):
    """0 or 1, the later the option the more often."""
    del context
    return float(rng.random() < 0.2 + 0.1 * option)


def money(rng, option, context):
    """Any amount."""
    del context
    return 3.0 + option + 2.0 * rng.standard_normal()


def visitor(rng):
    """A constant, and two things known of who asks."""
    return np.append(1.0, rng.standard_normal(2))


PER_OPTION = PerOption(options=4, context=3)
CROSSED = Crossed(of_options=[[1.0, 0.0], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]], context=3)


def sells(rng, option, context):
    """Two products at three price vectors; the last option closes both."""
    del context
    return (rng.random(2) < [[0.5, 0.4], [0.3, 0.4], [0.5, 0.1], [0.0, 0.0]][option]).astype(float)


def sells_many(rng, option, context):
    """The same, any number of units."""
    del context
    return rng.poisson([[1.5, 0.4], [0.8, 0.4], [1.5, 0.1], [0.0, 0.0]][option]).astype(float)


def sells_one(rng, option, context):
    """The same, one unit of one product at most."""
    del context
    return rng.multinomial(1, [[0.3, 0.4, 0.3], [0.2, 0.4, 0.4], [0.4, 0.1, 0.5], [0, 0, 1]][option])[:2].astype(float)


def resources(kind=ThompsonLP, **more):
    """Two products from three resources, enough for the log that the contract makes."""
    return kind(
        prices=[[10.0, 20.0], [14.0, 20.0], [10.0, 28.0], [np.inf, np.inf]],
        usage=[[1.0, 0.0, 1.0], [1.0, 2.0, 0.0]],
        inventory=[60.0, 50.0, np.inf],
        horizon=100,
        **more,
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """A learner, what its options bring, and what it is told of a request (None for learners without context)."""

    name: str
    policy: Any
    units: Callable[[np.random.Generator, int, Any], Any] = pays
    context: Callable[[np.random.Generator], Any] = lambda rng: None  # noqa: ARG005, E731, RUF100


CASES = [
    Case(name="beta", policy=BetaThompson(options=4)),
    Case(name="beta, one arm", policy=BetaThompson(options=1, worth=3.0, cost=1.0)),
    Case(name="gaussian, noise known", policy=GaussianThompson(options=5, noise=2.0), units=money),
    Case(name="gaussian, noise unknown", policy=GaussianThompson(options=3, prior_mean=4.0), units=money),
    Case(name="lp, TS-update", policy=resources(), units=sells),
    Case(name="lp, TS-fixed", policy=resources(update_inventory=False, draws=8), units=sells),
    Case(name="lp, many units", policy=resources(sales="many"), units=sells_many),
    Case(name="lp, linear", policy=resources(demand="linear"), units=sells),
    Case(name="lp, logit", policy=resources(demand="logit"), units=sells_one),
    Case(name="knapsacks", policy=resources(PrimalDualKnapsacks), units=sells),
    Case(name="blind", policy=resources(BlindPricing, exploration=20.0), units=sells),
]
CASES += [
    Case(
        name="beta, discounted",
        policy=ForgettingThompson(arms=BetaThompson(options=3), forgetting=Discount(keep=0.95)),
    ),
    Case(
        name="gaussian, window",
        policy=ForgettingThompson(arms=GaussianThompson(options=3), forgetting=Window(periods=25.0, bins=5)),
        units=money,
    ),
    Case(name="beta, watched for changes", policy=ChangingThompson(arms=BetaThompson(options=3), explore=0.1)),
    Case(name="best arm", policy=BestArm(options=3)),
    Case(name="linear, crossed", policy=LinearThompson(features=CROSSED), units=money, context=visitor),
    Case(
        name="linear, window",
        policy=LinearThompson(features=PER_OPTION, noise=0.5, forgetting=Window(periods=25.0, bins=5)),
        context=visitor,
    ),
    Case(name="linucb", policy=LinUCB(features=PER_OPTION, noise=0.5), context=visitor),
    Case(name="logistic", policy=LogisticThompson(features=PER_OPTION), context=visitor),
    Case(
        name="logistic, discounted",
        policy=LogisticThompson(features=CROSSED, worth=[4.0, 3.0, 2.0, 1.0], forgetting=Discount(keep=0.95)),
        context=visitor,
    ),
    Case(name="contextual pricing", policy=logit_pricing(prices=[2, 3, 4, 5], context=3, scale=1.0), context=visitor),
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
START, LEARNT = 0, 40


def outcomes_of(case, count, *, seed=0, delay=1, state=None, prefix="o"):
    """The log of a run in which feedback comes in batches of ``delay``, and the state at its end."""
    rng = np.random.default_rng(seed)
    state = case.policy.start() if state is None else state
    log, waiting = [], []
    for at in range(count):
        context = case.context(rng)
        pick = case.policy.choose(state, rng, context=context)
        units = case.units(rng, pick.option, context)
        outcome = Outcome(
            option=pick.option,
            units=units,
            propensity=pick.propensity,
            context=context,
            id=f"{prefix}{at}",
            time=float(at),
        )
        log.append(outcome)
        waiting.append(outcome)
        if len(waiting) == delay:
            state, waiting = case.policy.update(state, waiting), []
    return log, case.policy.update(state, waiting)


def law_of(case, state, seed=0):
    rng = np.random.default_rng(seed)
    context = case.context(rng)
    return case.policy.choose_many(state, rng, 200, context=context).probabilities.mean(axis=0)


def assert_behave_alike(case, one, two):
    """Two states that give the same laws to the same draws."""
    for seed in range(5):
        np.testing.assert_allclose(law_of(case, one, seed), law_of(case, two, seed), rtol=0, atol=1e-6)


def arrays_of(state):
    if isinstance(state, np.ndarray):
        yield state
    elif is_dataclass(state):
        for entry in fields(state):
            yield from arrays_of(getattr(state, entry.name))


def bernstein(variance, *, error=1e-7):
    """How far a sum of independent terms within -1 to 1 around 0 is off, but for this probability (Bernstein 1924)."""
    log = np.log(2 / error)
    return log / 3 + np.sqrt(log**2 / 9 + 2 * log * variance)


@every_case
def test_the_same_seed_gives_the_same_choices(case):
    _, state = outcomes_of(case, LEARNT)
    context = case.context(np.random.default_rng(1))
    one = [case.policy.choose(state, np.random.default_rng(seed), context=context) for seed in range(20)]
    two = [case.policy.choose(state, np.random.default_rng(seed), context=context) for seed in range(20)]
    for first, second in zip(one, two, strict=True):
        assert first.option == second.option
        np.testing.assert_array_equal(first.probabilities, second.probabilities)
    many = [case.policy.choose_many(state, np.random.default_rng(5), 300, context=context) for _ in range(2)]
    np.testing.assert_array_equal(many[0].option, many[1].option)
    np.testing.assert_array_equal(many[0].probabilities, many[1].probabilities)


@every_case
@pytest.mark.parametrize("learnt", [START, LEARNT])
def test_probabilities_sum_to_one_and_the_propensity_is_that_of_the_pick(case, learnt):
    _, state = outcomes_of(case, learnt)
    rng = np.random.default_rng(2)
    for _ in range(50):
        pick = case.policy.choose(state, rng, context=case.context(rng))
        assert isinstance(pick.option, int)
        assert pick.probabilities.shape == (case.policy.options,)
        assert pick.probabilities.min() >= 0
        assert pick.probabilities.sum() == pytest.approx(1, abs=1e-12)
        assert pick.propensity == pick.probabilities[pick.option] > 0
    picks = case.policy.choose_many(state, rng, 500, context=case.context(rng))
    assert picks.option.shape == picks.propensity.shape == (500,)
    assert picks.probabilities.shape == (500, case.policy.options)
    assert picks.probabilities.min() >= 0
    np.testing.assert_allclose(picks.probabilities.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(picks.propensity, picks.probabilities[np.arange(500), picks.option])
    assert picks.propensity.min() > 0
    assert len(case.policy.choose_many(state, rng, 0, context=case.context(rng)).option) == 0


@every_case
@pytest.mark.parametrize("learnt", [START, LEARNT])
def test_options_are_drawn_from_the_law_that_is_told(case, learnt):
    # Given its law, each pick is an independent draw; so sums over picks of (picked - probability), plain and weighted
    # by the probability told, are within Bernstein's bound but for 1e-7 each: less than 1e-5 for all options of a case.
    # The weighted sum would show laws that are right on average and told of the wrong pick.
    _, state = outcomes_of(case, learnt)
    rng = np.random.default_rng(3)
    context = case.context(rng)
    picks = [case.policy.choose(state, rng, context=context) for _ in range(300)]
    batch = case.policy.choose_many(state, rng, 20_000, context=context)
    laws = {
        "one": (np.array([pick.option for pick in picks]), np.array([pick.probabilities for pick in picks])),
        "many": (batch.option, batch.probabilities),
    }
    for option, law in laws.values():
        picked = option[:, None] == np.arange(case.policy.options)
        for weight in (np.ones_like(law), law):
            off = (weight * (picked - law)).sum(axis=0)
            assert (np.abs(off) <= bernstein((weight**2 * law * (1 - law)).sum(axis=0))).all()


@every_case
@pytest.mark.parametrize("learnt", [START, LEARNT])
def test_a_batch_has_the_law_of_single_choices(case, learnt):
    # The mean law over calls must be the same. Six standard errors of the difference: 2e-9 per option by the central
    # limit theorem; the 1e-3 is for options that are hardly ever in a law.
    _, state = outcomes_of(case, learnt)
    rng = np.random.default_rng(4)
    context = case.context(rng)
    one = np.array([case.policy.choose(state, rng, context=context).probabilities for _ in range(200)])
    many = np.array(
        [case.policy.choose_many(state, rng, 64, context=context).probabilities.mean(axis=0) for _ in range(40)]
    )
    error = np.sqrt(one.var(axis=0) / len(one) + many.var(axis=0) / len(many))
    assert (np.abs(one.mean(axis=0) - many.mean(axis=0)) <= 6 * error + 1e-3).all()


@every_case
def test_masked_options_are_never_chosen(case):
    _, state = outcomes_of(case, LEARNT)
    rng = np.random.default_rng(5)
    options = case.policy.options
    masks = rng.random((300, options)) < 0.5
    masks[np.arange(300), rng.integers(options, size=300)] = True
    for mask in masks[:100]:
        pick = case.policy.choose(state, rng, available=mask, context=case.context(rng))
        assert mask[pick.option]
        assert not pick.probabilities[~mask].any()
        assert pick.probabilities.sum() == pytest.approx(1, abs=1e-12)
    context = case.context(rng)
    picks = case.policy.choose_many(state, rng, 300, available=masks, context=context)
    assert masks[np.arange(300), picks.option].all()
    assert not picks.probabilities[~masks].any()
    np.testing.assert_allclose(picks.probabilities.sum(axis=1), 1, atol=1e-12)
    picks = case.policy.choose_many(state, rng, 300, available=masks[0], context=context)
    assert masks[0][picks.option].all()


@every_case
def test_a_mask_that_allows_nothing_or_does_not_fit_is_refused(case):
    state, rng = case.policy.start(), np.random.default_rng(6)
    context = case.context(rng)
    for mask in (np.zeros(case.policy.options, dtype=bool), np.ones(case.policy.options + 1, dtype=bool)):
        with pytest.raises(InputError):
            case.policy.choose(state, rng, available=mask, context=context)
        with pytest.raises(InputError):
            case.policy.choose_many(state, rng, 3, available=mask, context=context)


@every_case
def test_the_log_replays_to_the_same_state_one_by_one_or_in_batches(case):
    log, state = outcomes_of(case, LEARNT)
    one_by_one = reduce(lambda held, outcome: case.policy.update(held, [outcome]), log, case.policy.start())
    assert save_state(one_by_one) == save_state(state)
    halves = case.policy.update(case.policy.update(case.policy.start(), log[:17]), log[17:])
    assert_behave_alike(case, halves, state)
    assert_behave_alike(case, case.policy.update(case.policy.start(), log), state)


@every_case
def test_feedback_may_be_late_and_out_of_order(case):
    # Chosen on states that are up to 15 outcomes old; what is learnt depends on what came, not on when it was told.
    log, state = outcomes_of(case, LEARNT, delay=15)
    assert_behave_alike(case, case.policy.update(case.policy.start(), log), state)
    shuffled = [log[at] for at in np.random.default_rng(7).permutation(len(log))]
    assert_behave_alike(case, case.policy.update(case.policy.start(), shuffled), state)
    held = case.policy.start()
    for at in range(0, len(shuffled), 7):
        held = case.policy.update(held, shuffled[at : at + 7])
    assert_behave_alike(case, held, state)


@every_case
def test_feedback_that_comes_twice_counts_once(case):
    log, state = outcomes_of(case, LEARNT)
    again = case.policy.update(case.policy.update(state, log[::2]), log[-1:])
    assert save_state(again) == save_state(state)
    doubled = [outcome for outcome in log for _ in range(2)]
    assert_behave_alike(case, case.policy.update(case.policy.start(), doubled), state)
    assert save_state(case.policy.update(state, [])) == save_state(state)


@every_case
@pytest.mark.parametrize("learnt", [START, LEARNT])
def test_a_state_stored_on_disk_goes_on_just_as_the_one_in_memory(case, learnt, tmp_path):
    _, state = outcomes_of(case, learnt)
    path = tmp_path / "state.npz"
    path.write_bytes(save_state(state))
    back = load_state(path.read_bytes(), like=case.policy.start())
    assert save_state(back) == save_state(state)
    one, ends = outcomes_of(case, 20, seed=8, state=state, prefix="later")
    two, same = outcomes_of(case, 20, seed=8, state=back, prefix="later")
    assert [outcome.option for outcome in one] == [outcome.option for outcome in two]
    assert save_state(ends) == save_state(same)


@every_case
def test_a_damaged_state_is_refused(case):
    _, state = outcomes_of(case, LEARNT)
    stored = save_state(state)
    flipped = [
        stored[:at] + bytes([stored[at] ^ 0x55]) + stored[at + 1 :]
        for at in range(0, len(stored), max(1, len(stored) // 60))
    ]
    for data in (b"", stored[: len(stored) // 2], stored + b"x", *flipped):
        with pytest.raises(ModelError, match="damaged"):
            load_state(data, like=case.policy.start())


@every_case
def test_memory_does_not_grow_with_the_log(case):
    log, state = outcomes_of(case, LEARNT)
    sizes = []
    for turn in range(100):
        batch = [
            Outcome(
                option=outcome.option,
                units=outcome.units,
                propensity=outcome.propensity,
                context=outcome.context,
                id=f"{turn}-{at}",
                time=float(LEARNT * (turn + 1) + at),
            )
            for at, outcome in enumerate(log)
        ]
        state = case.policy.update(state, batch)
        sizes.append(sum(array.nbytes for array in arrays_of(state)))
    assert max(sizes[20:]) <= 1.2 * max(sizes[:20])


@every_case
def test_nothing_passed_in_is_changed_and_a_state_cannot_be(case):
    log, state = outcomes_of(case, LEARNT)
    before = save_state(state)
    rng = np.random.default_rng(9)
    context = case.context(rng)
    mask = np.ones(case.policy.options, dtype=bool)
    mask[1:2] = False
    told = None if context is None else np.array(context)
    units = np.array(log[-1].units)
    batch = [Outcome(option=log[-1].option, units=units, context=told)]
    copies = mask.copy(), None if told is None else told.copy(), units.copy(), list(batch)
    case.policy.choose(state, rng, available=mask, context=told)
    case.policy.choose_many(state, rng, 5, available=mask, context=told)
    case.policy.update(state, batch)
    assert save_state(state) == before
    np.testing.assert_array_equal(mask, copies[0])
    if told is not None:
        np.testing.assert_array_equal(told, copies[1])
    np.testing.assert_array_equal(units, copies[2])
    assert batch == copies[3]
    assert not any(array.flags.writeable for array in arrays_of(state))


@every_case
def test_an_outcome_of_an_option_that_does_not_exist_is_refused(case):
    rng = np.random.default_rng(10)
    context = case.context(rng)
    units = case.units(rng, 0, context)
    for option in (-1, case.policy.options):
        with pytest.raises(InputError, match="option"):
            case.policy.update(case.policy.start(), [Outcome(option=option, units=units, context=context)])


@every_case
@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"units": "many"}, "units are 'many'"),
        ({"id": 5}, "id is 5"),
        ({"time": np.nan}, "time"),
        ({"time": -1.0}, "time"),
    ],
)
def test_odd_feedback_is_refused_in_words(case, odd, words):
    rng = np.random.default_rng(11)
    context = case.context(rng)
    told = {"option": 0, "units": case.units(rng, 0, context), "context": context, **odd}
    if "time" in odd and isinstance(case.policy, BetaThompson | GaussianThompson | BestArm):
        return  # they do not read it
    with pytest.raises(InputError, match=words):
        case.policy.update(case.policy.start(), [Outcome(**told)])


def test_the_state_of_another_policy_is_refused():
    small, large = BetaThompson(options=2), BetaThompson(options=3)
    with pytest.raises(ModelError, match="wins"):
        load_state(save_state(small.start()), like=large.start())
    with pytest.raises(ModelError, match="BetaState"):
        load_state(save_state(small.start()), like=GaussianThompson(options=2).start())
