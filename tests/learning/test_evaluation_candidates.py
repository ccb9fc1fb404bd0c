"""Candidates from files, stored learners, and replay."""

import numpy as np
import pandas as pd
import pytest

from pricebid import InputError, ModelError, PolicyError, engine
from pricebid.learning import BetaThompson, LinearThompson, Outcome, PerOption, save_state
from pricebid.learning.evaluation import candidate_of, law_of, read_candidate, replay
from pricebid.tables.decisions import DecisionLog, log_of

RNG = np.random.default_rng(0)
LOG = log_of(
    pd.DataFrame(
        {
            "option": ["a", "b", "c", "a"],
            "propensity": 0.25,
            "reward": [1.0, 0.0, 1.0, 0.0],
            "segment": ["new", "old", "new", "gone"],
            "x": [0.5, -1.0, 2.0, 0.0],
        }
    )
)


def test_one_option_always_and_all_alike() -> None:
    np.testing.assert_allclose(law_of(candidate_of({"kind": "uniform"}), LOG, RNG), 1 / 3)
    always = law_of(candidate_of({"kind": "fixed", "option": "b"}), LOG, RNG)
    assert always.tolist() == [[0, 1, 0]] * 4
    with pytest.raises(InputError, match="option 'bb' is not in the log; did you mean 'b'"):
        law_of(candidate_of({"kind": "fixed", "option": "bb"}), LOG, RNG)


def test_a_table_of_probabilities_by_segment(tmp_path) -> None:
    text = 'kind = "table"\nby = "segment"\nlaw = {c = 1.0}\n[laws.new]\na = 0.75\nb = 0.25\n[laws.old]\nb = 1\n'
    (tmp_path / "by.toml").write_text(text)
    law = law_of(read_candidate(tmp_path / "by.toml"), LOG, RNG)
    assert law.tolist() == [[0.75, 0.25, 0], [0, 1, 0], [0.75, 0.25, 0], [0, 0, 1]]
    (tmp_path / "by.csv").write_text("segment,a,b,c\nnew,0.75,0.25,0\nold,0,1,0\n*,0,0,1\n")
    np.testing.assert_array_equal(law_of(read_candidate(tmp_path / "by.csv"), LOG, RNG), law)
    for_all = law_of(candidate_of({"kind": "table", "law": {"a": 0.5, "c": 0.5}}), LOG, RNG)
    assert for_all.tolist() == [[0.5, 0, 0.5]] * 4


def test_segments_and_columns_that_are_not_there_are_named() -> None:
    with pytest.raises(InputError, match="no law for segment gone, old"):
        law_of(candidate_of({"kind": "table", "by": "segment", "laws": {"new": {"a": 1.0}}}), LOG, RNG)
    with pytest.raises(InputError, match="no context column 'segmen'; did you mean 'segment'"):
        law_of(candidate_of({"kind": "table", "by": "segmen", "laws": {"new": {"a": 1.0}}}), LOG, RNG)
    with pytest.raises(InputError, match="no columns p_OPTION"):
        law_of(candidate_of({"kind": "columns"}), LOG, RNG)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "best"}, "must be one of fixed"),
        ({}, "must be one of fixed"),
        ({"kind": "fixed"}, "option: is missing"),
        ({"kind": "fixed", "option": "a", "opt": 1}, "unknown key; did you mean 'option'"),
        ({"kind": "table", "law": {"a": 0.5}}, "sum to 0.5"),
        ({"kind": "table", "law": {"a": 1.5, "b": -0.5}}, "each at least 0"),
        ({"kind": "table", "by": "x"}, "go together"),
        ({"kind": "learner", "learner": "X"}, "state: is missing"),
        ({"kind": "learner", "learner": "X", "state": "s", "options": ["a", "a"]}, "each of them once"),
        ({"kind": "learner", "learner": "X", "state": "s", "options": "ab"}, "must be a list of labels"),
        ({"kind": "table", "by": "x", "laws": "a"}, "'a' must be tables"),
    ],
)
def test_files_that_are_no_candidate_say_why(content, words) -> None:
    with pytest.raises(PolicyError, match=words):
        candidate_of(content)


def test_all_faults_of_a_candidate_are_named_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        candidate_of({"kind": "table", "laws": {"u": {"a": 2.0}, "v": {"a": -1.0}}, "colour": 1})
    assert [fault.column for fault in caught.value.faults] == ["colour", "by", "u", "v"]


def test_files_that_cannot_be_read_say_why(tmp_path) -> None:
    for name, content in (
        ("a.toml", "kind = "),
        ("b.csv", "segment,a\n"),
        ("c.csv", "segment,a\nnew,much\n"),
        ("d.toml", None),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises(PolicyError):
            read_candidate(tmp_path / name)


def stored(tmp_path, **keys):
    policy = LinearThompson(features=PerOption(options=3, context=2), noise=0.5)
    state = policy.start()
    told = [Outcome(option=2, units=3.0, context=[1.0, 1.0]), Outcome(option=0, units=3.0, context=[1.0, -1.0])]
    state = policy.update(state, told * 40)
    (tmp_path / "state.npz").write_bytes(save_state(state))
    content = {
        "kind": "learner",
        "learner": "LinearThompson",
        "state": "state.npz",
        "options": ["c", "b", "a"],
        "context": ["x"],
        "constant": True,
        "parameters": {"noise": 0.5},
    }
    return candidate_of({**content, **keys}, folder=tmp_path)


def test_a_stored_learner_is_a_candidate_in_the_names_of_its_options(tmp_path) -> None:
    law = law_of(stored(tmp_path), LOG, np.random.default_rng(1))
    np.testing.assert_allclose(law.sum(axis=1), 1.0)
    # Its third option (a) pays at x = 1, its first (c) at x = -1.
    assert law[2, 0] > 0.8
    assert law[1, 2] > 0.8


def test_a_learner_without_context_has_one_law_for_all(tmp_path) -> None:
    policy = BetaThompson(options=3)
    state = policy.update(policy.start(), [Outcome(option=1, units=1.0)] * 30)
    (tmp_path / "beta.npz").write_bytes(save_state(state))
    content = {"kind": "learner", "learner": "BetaThompson", "state": "beta.npz", "options": ["a", "b", "c"]}
    law = law_of(candidate_of(content, folder=tmp_path), LOG, np.random.default_rng(1))
    assert (law == law[0]).all()
    assert law[0, 1] > 0.5


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"learner": "LinearThomson"}, "did you mean 'LinearThompson'"),
        ({"context": ["segment"]}, "no numeric column 'segment'"),
        ({"options": ["a", "b", "z"]}, "options z of the learner"),
        ({"parameters": {"noise": 0.5, "loud": 1}}, "parameters of LinearThompson"),
        ({"state": "none.npz"}, "none.npz cannot be read"),
    ],
)
def test_learners_that_do_not_fit_say_why(tmp_path, keys, words) -> None:
    with pytest.raises(InputError, match=words):
        law_of(stored(tmp_path, **keys), LOG, np.random.default_rng(1))


def test_the_state_of_another_learner_is_refused(tmp_path) -> None:
    candidate = stored(tmp_path, context=[])
    with pytest.raises(ModelError):
        law_of(candidate, LOG, np.random.default_rng(1))


def bandit(n, rng, *, chance=(0.5, 0.3, 0.2), pays=(0.2, 0.5, 0.8)):
    option = rng.choice(3, n, p=chance)
    return DecisionLog(
        options=np.array(["a", "b", "c"], dtype=object),
        option=option,
        reward=(rng.random(n) < np.array(pays)[option]).astype(float),
        propensity=np.array(chance)[option],
    )


class Always:
    """A policy that draws from one law and counts what it is told."""

    options = 3

    def __init__(self, law):
        self.law = np.array(law)

    def start(self):
        return 0

    def choose_many(self, state, rng, n, *, available=None, context=None):
        del state, available, context
        option = rng.choice(3, n, p=self.law)
        return type("Picks", (), {"option": option, "propensity": self.law[option]})

    def update(self, state, outcomes):
        return state + len(outcomes)


def test_replay_of_a_fixed_law_covers_its_truth_also_where_logging_was_uneven() -> None:
    rng = np.random.default_rng(2)
    law, truth = (0.1, 0.2, 0.7), 0.1 * 0.2 + 0.2 * 0.5 + 0.7 * 0.8
    covered = 0
    for _ in range(200):
        found = replay(Always(law), bandit(1_000, rng), rng, batch=100)
        low, high = found.interval()
        covered += low <= truth <= high
        assert found.state == len(found.kept)
    # Binomial(200, .95): below 179 with probability .001.
    assert covered >= 179


def test_without_rejection_uneven_logging_would_mislead() -> None:
    rng = np.random.default_rng(3)
    log = bandit(40_000, rng)
    flat = DecisionLog(options=log.options, option=log.option, reward=log.reward, propensity=np.full(40_000, 1 / 3))
    law, truth = (0.1, 0.2, 0.7), 0.68
    assert abs(replay(Always(law), log, rng, batch=1_000).value - truth) < 0.02
    assert abs(replay(Always(law), flat, rng, batch=1_000).value - truth) > 0.05


def test_a_learner_learns_along_its_replay() -> None:
    rng = np.random.default_rng(4)
    log = bandit(6_000, rng, chance=(1 / 3, 1 / 3, 1 / 3))
    found = replay(BetaThompson(options=3), log, rng, batch=50)
    late = found.reward[len(found.reward) // 2 :].mean()
    assert late > 0.7
    assert found.state.wins[2] > found.state.wins[0]
    np.testing.assert_array_equal(found.reward, log.reward[found.kept])


def test_replays_with_context_are_reproducible() -> None:
    rng = np.random.default_rng(5)
    log = bandit(300, rng, chance=(1 / 3, 1 / 3, 1 / 3))
    policy = LinearThompson(features=PerOption(options=3, context=2), noise=0.5)
    context = np.column_stack([np.ones(300), rng.normal(size=300)])
    one, two = (replay(policy, log, np.random.default_rng(6), context=context, batch=20) for _ in range(2))
    np.testing.assert_array_equal(one.kept, two.kept)
    assert one.interval()[0] < one.value < one.interval()[1]


def test_intervals_of_clicks_are_exact() -> None:
    rng = np.random.default_rng(7)
    nothing = replay(Always((1.0, 0.0, 0.0)), bandit(60, rng, pays=(0.0, 0.0, 0.0)), rng)
    low, high = nothing.interval()
    n = len(nothing.kept)
    assert low == 0
    assert (1 - high) ** n == pytest.approx(0.025)


def test_policies_with_other_options_are_refused() -> None:
    with pytest.raises(InputError, match="2 options, the log 3"):
        replay(BetaThompson(options=2), bandit(10, RNG), RNG)


def test_the_engine_reads_both_files(tmp_path) -> None:
    log = bandit(2_000, np.random.default_rng(8))
    frame = pd.DataFrame({"option": log.options[log.option], "propensity": log.propensity, "reward": log.reward})
    frame.to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "c.toml").write_text('kind = "fixed"\noption = "c"\n')
    found = engine.evaluate(tmp_path / "log.csv", tmp_path / "c.toml")
    low, high = found.of("dr").interval()
    assert low < 0.8 < high
    assert found.candidate == "c"
