"""Safe exploration: spend a budgeted expected loss where knowing more is worth most; move only to what is surely better.

Nothing here knows a price or a bid. Each decision has options with uncertain outcomes, and a plan that says which one is used
now. A *law* over the options is looked for whose expected loss against the plan stays within an allowance. Which law each
decision gets is itself a choice of one option per decision under limits, so the kernel makes it: its options are laws, its
outcomes what is learnt, what is lost, and whatever else is limited.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Infeasible, InputError
from pricebid.optimize import Effort, Limit, choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

_LOSS, _WORTH = "expected loss", "worth"
_EFFORT = Effort(gap=1e-3, milp_options=0)


@dataclass(frozen=True, kw_only=True)
class SafeSettings:
    """How exploration is weighed.

    Parameters
    ----------
    rates : tuple of float
        Shares of the time in which a decision may leave the plan, each in (0, 1].
    periods : tuple of float
        For how many periods exploring may be kept up; the best of them counts, since little is learnt in one period.
    lasting : float
        Periods for which knowledge serves, those of exploring among them; 0: nothing is worth exploring. The longer, the
        more of the budget is used.

    Raises
    ------
    InputError
        Outside these ranges.
    """

    rates: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 1.0)
    periods: tuple[float, ...] = (7.0, 14.0, 28.0, 56.0)
    lasting: float = 90.0

    def __post_init__(self) -> None:
        if not self.rates or not all(0 < rate <= 1 for rate in self.rates):
            raise InputError(f"rates is {self.rates}: shares above 0 and at most 1")
        if not self.periods or not min(self.periods) > 0 or not self.lasting >= 0:
            raise InputError(f"periods is {self.periods} and lasting {self.lasting}: above 0, and at least 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """What is unknown about the options of some decisions.

    Parameters
    ----------
    loss : float64[decision, option]
        Expected loss of each option against the plan in one period, >= 0; 0 at the plan.
    gain : float64[draw, decision, option]
        What each option gains on the plan in one period, under draws of what is not known.
    signal : float64[draw, decision, option]
        What would be seen of it, less what is seen at the plan, under the same draws; `gain` where only that is seen.
    noise : float64[decision]
        Variance of what is seen in one period beyond what is not known, > 0.
    plan : int64[decision]
        The option of the plan.
    available : bool[decision, option]
        Options that the rules allow, the plan's among them, whatever the other decisions do.
    kin : int64[decision], optional
        Decisions of one number, counted from 0, teach about each other as far as their draws move together.

    Raises
    ------
    InputError
        Shapes that do not fit, a negative loss, no noise, or a plan that is not available.
    """

    loss: Floats
    gain: Floats
    signal: Floats
    noise: Floats
    plan: Ints
    available: Bools
    kin: Ints | None = None

    def __post_init__(self) -> None:
        shape = self.loss.shape
        if len(shape) != 2 or self.gain.shape[1:] != shape or self.signal.shape != self.gain.shape:
            raise InputError(
                f"loss is {shape}, gain {self.gain.shape}, signal {self.signal.shape}: [decision, option] and draws"
            )
        if self.available.shape != shape or self.plan.shape != shape[:1] or self.noise.shape != shape[:1]:
            raise InputError("available must be [decision, option]; plan and noise [decision]")
        if (self.loss[self.available] < 0).any() or not (self.noise > 0).all():
            raise InputError("loss must be >= 0 wherever an option is available, and noise > 0")
        if not self.available[np.arange(shape[0]), self.plan].all():
            raise InputError("plan: each decision's planned option must be available")

    @property
    def best_share(self) -> Floats:
        """Share of the draws in which an available option gains most (Thompson 1933), float64[decision, option]."""
        best = np.where(self.available, self.gain, -np.inf).argmax(axis=2)
        return np.asarray((best[:, :, None] == np.arange(self.loss.shape[1])).mean(axis=0), dtype=np.float64)

    @property
    def ignorance(self) -> Floats:
        """What knowing everything would gain per period (expected value of perfect information), float64[decision]."""
        gain = np.where(self.available, self.gain, -np.inf)
        return np.asarray(gain.max(axis=2).mean(axis=0) - gain.mean(axis=0).max(axis=1), dtype=np.float64)

    def signals(self, law: Floats) -> Floats:
        """Return what one period under laws tells: variance of what is seen that is not known, in units of the noise.

        Only what varies under a law tells anything: the mean of a period is also moved by all that nobody foresaw.

        Parameters
        ----------
        law : float64[decision, law, option]
            Laws over the options.
        """
        unsure = self.signal - self.signal.mean(axis=0)
        second = np.einsum("dlk,zdk->dl", law, unsure**2) / len(unsure)
        first = np.einsum("dlk,zdk->zdl", law, unsure)
        seen = np.maximum(second - (first**2).mean(axis=0), 0.0)
        return np.asarray(seen / self.noise[:, None] * self.teaching[:, None], dtype=np.float64)

    @property
    def teaching(self) -> Floats:
        """How many times its own signal a decision learns from, if its kin explore as it does, float64[decision]; at least 1.

        One, and the squared correlation with each of its kin: the sum of all squared correlations of draws is the squared
        Frobenius norm of a matrix of draws by draws, less what chance alone gives.
        """
        count = self.loss.shape[0]
        more = np.ones(count)
        if self.kin is None:
            return more
        unsure = self.signal - self.signal.mean(axis=0)
        draws = len(unsure)
        size = (unsure**2).mean(axis=0)
        widest = size.argmax(axis=1)
        one = unsure[:, np.arange(count), widest] / np.sqrt(np.maximum(size[np.arange(count), widest], 1e-300))
        for label in np.unique(self.kin):
            members = np.flatnonzero(self.kin == label)
            n = len(members)
            if n > 1:
                together = float(((one[:, members] @ one[:, members].T / draws) ** 2).sum())
                squared = (together - n - n * (n - 1) / draws) / (n * (n - 1))
                more[members] = 1.0 + (n - 1) * float(np.clip(squared, 0.0, 1.0))
        return more


@dataclass(frozen=True, kw_only=True, eq=False)
class Law:
    """Probabilities of the options of each decision, and what they cost.

    Parameters
    ----------
    probabilities : float64[decision, option]
        Rows sum to 1.
    loss : float64[decision]
        Expected loss against the plan per period.
    worth : float64[decision]
        What is learnt is expected to be worth, over the periods it serves, less what is lost until then.
    allowance : float
        What all decisions together were allowed to lose per period.
    """

    probabilities: Floats
    loss: Floats
    worth: Floats
    allowance: float

    @property
    def expected_loss(self) -> float:
        """Of all decisions, per period."""
        return float(self.loss.sum())

    def at(self, uniform: Floats) -> Ints:
        """Return the option at a point of the law's distribution: float64[..., decision] in [0, 1) -> int64[..., decision]."""
        reached = np.cumsum(self.probabilities, axis=1)
        reached[:, -1] = 1.0
        return np.asarray((uniform[..., None] >= reached).sum(axis=-1), dtype=np.int64)

    def draw(self, rng: np.random.Generator) -> Ints:
        """Draw an option for every decision, int64[decision]."""
        return self.at(rng.random(len(self.probabilities)))

    def thinned(self, share: float, plan: Ints) -> Law:
        """Return the law that follows this one a share of the time, and the plan else."""
        stay = np.zeros_like(self.probabilities)
        stay[np.arange(len(plan)), plan] = 1.0
        return replace(
            self,
            probabilities=share * self.probabilities + (1.0 - share) * stay,
            loss=share * self.loss,
            worth=share * self.worth,
        )


def explore_safely(
    question: Question,
    *,
    allowance: float,
    designs: Floats | None = None,
    outcomes: Mapping[str, Floats] | None = None,
    limits: Sequence[Limit] = (),
    settings: SafeSettings | None = None,
) -> Law:
    """Choose how each decision explores: the most worth within the allowance and the limits.

    Parameters
    ----------
    question : Question
        What is unknown, and what finding out costs.
    allowance : float
        Expected loss against the plan per period that all decisions together may cost, >= 0.
    designs : float64[decision, design, option], optional
        Laws that a decision may follow when it leaves the plan, 0 where not available; the share of the draws in which each
        option is best, and every option alike, are always among them.
    outcomes : mapping of str to float64[decision, option], optional
        What `limits` add up.
    limits : sequence of Limit
        Hold for the expected totals under the laws. The plan itself must keep them.
    settings : SafeSettings, optional
        How exploration is weighed.

    Returns
    -------
    Law
        Of every decision; the plan for sure where nothing is worth it.

    Notes
    -----
    A law that is kept up for n periods resolves a share ``r = n s / (1 + n s)`` of what is not known of a decision, s being
    what one period tells (one normal unknown with normal noise), and is worth ``(lasting - n) * ignorance * r - n * loss``.
    The best n counts: the value of information is S-shaped, and one period alone would often seem worth nothing (Frazier and
    Powell 2010, the KG(*) policy). Expected losses add up, so within a limit on their sum the best laws solve a
    multiple-choice knapsack.
    """
    if not allowance >= 0:
        raise InputError(f"allowance is {allowance}: money per period, at least 0")
    settings = settings or SafeSettings()
    laws = _laws(question, designs, settings.rates)
    loss = np.einsum("dlk,dk->dl", laws, np.where(question.available, question.loss, 0.0))
    worth = _worth(question, laws, loss, settings)
    tables = {_WORTH: worth, _LOSS: loss}
    for name, table in (outcomes or {}).items():
        tables[name] = np.einsum("dlk,dk->dl", laws, np.where(question.available, table, 0.0))
    kept = [Limit(_LOSS, at_most=allowance, label="exploration budget"), *limits]
    try:
        option = choose(tables, maximise=_WORTH, limits=kept, effort=_EFFORT).option
    except Infeasible:  # the limits leave no room even for the plan (to rounding): then nothing is explored
        option = np.zeros(len(laws), dtype=np.int64)
    every = np.arange(len(laws))
    return Law(
        probabilities=laws[every, option], loss=loss[every, option], worth=worth[every, option], allowance=allowance
    )


def _worth(question: Question, laws: Floats, loss: Floats, settings: SafeSettings) -> Floats:
    """What each law is worth if it is kept up as long as is best, float64[decision, law]; 0 for the plan."""
    periods = np.array(settings.periods)
    known = question.signals(laws)[..., None] * periods
    kept = np.maximum(settings.lasting - periods, 0.0) * question.ignorance[:, None, None]
    worth = (kept * known / (1.0 + known) - periods * loss[..., None]).max(axis=-1)
    worth[:, 0] = 0.0
    return np.asarray(worth)


def _laws(question: Question, designs: Floats | None, rates: tuple[float, ...]) -> Floats:
    """Every law that a decision may follow, the plan for sure first: float64[decision, law, option]."""
    count, options = question.loss.shape
    alike = question.available / question.available.sum(axis=1, keepdims=True)
    bases = np.stack([question.best_share, alike], axis=1)
    if designs is not None:
        if designs.shape[::2] != (count, options) or (np.abs(designs.sum(axis=2) - 1.0) > 1e-9).any():
            raise InputError(f"designs is {designs.shape}: laws [decision, design, option], each summing to 1")
        bases = np.concatenate([designs, bases], axis=1)
    stay = np.zeros((count, 1, options))
    stay[np.arange(count), 0, question.plan] = 1.0
    mixed = [rate * bases + (1.0 - rate) * stay for rate in rates]
    return np.concatenate([stay, *mixed], axis=1)


def surely_better(gain: Floats, *, confidence: float) -> Bools:
    """Return where the lower bound of a gain is above 0: what a conservative learner moves to.

    Conservative exploration (Wu, Shariff, Lattimore, Szepesvari 2016; Kazerouni, Ghavamzadeh, Abbasi-Yadkori, Van Roy 2017):
    an alternative replaces the baseline only when the bound, not the estimate, says that it is better.

    Parameters
    ----------
    gain : float64[draw, ...]
        What an alternative gains on the plan in force, under draws of what is not known.
    confidence : float
        Share of the draws in which it must gain, in [0, 1).
    """
    if not 0 <= confidence < 1:
        raise InputError(f"confidence is {confidence}: at least 0 and below 1")
    return np.asarray(np.quantile(gain, 1.0 - confidence, axis=0) > 0)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What exploration was allowed to cost over a horizon, and what it has cost.

    What is not used is carried on; who has overdrawn stops until the allowance has caught up.

    Parameters
    ----------
    share : float
        Of the planned profit of a period that exploration may cost: the policy's ``exploration_budget``.
    burst : float
        In one period at most this many times the period's share may be used.
    caution : float
        As how many times what the model expects a loss is counted, >= 1: draws understate what a model does not know.
    allowed, lost : float
        So far, in money.

    Examples
    --------
    >>> ledger = Ledger(share=0.01).after(profit=1000.0, loss=4.0)
    >>> ledger.left, ledger.allowance(1000.0), ledger.after(profit=1000.0, loss=30.0).allowance(1000.0)
    (6.0, 16.0, 0.0)
    """

    share: float
    burst: float = 2.0
    caution: float = 1.0
    allowed: float = field(default=0.0)
    lost: float = field(default=0.0)

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or not min(self.burst, self.caution) >= 1:
            raise InputError(
                f"share is {self.share}, burst {self.burst}, caution {self.caution}: a share of 0 to 1, factors of at least 1"
            )

    @property
    def left(self) -> float:
        """Money not used so far; negative when overdrawn."""
        return self.allowed - self.lost

    def allowance(self, profit: float) -> float:
        """Return what a model may expect the next period to lose, given the profit planned for it."""
        share = self.share * max(profit, 0.0)
        return float(np.clip(self.left + share, 0.0, self.burst * share)) / self.caution

    def after(self, *, profit: float, loss: float) -> Ledger:
        """Return the ledger after a period with that planned profit and that loss against the plan, as the model expects it."""
        allowed = self.allowed + self.share * max(profit, 0.0)
        return replace(self, allowed=allowed, lost=self.lost + self.caution * loss)
