"""How long choices and feedback of learners take: one at a time, and in batches."""

from __future__ import annotations

import argparse
from functools import partial
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.learning import BetaThompson, BlindPricing, GaussianThompson, Outcome, PrimalDualKnapsacks, ThompsonLP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pricebid.learning import Learner

# Ten options each: prices of one product from one stock, or of three products from three resources.
ONE = {
    "prices": np.append(np.linspace(10.0, 28.0, 9), np.inf)[:, None],
    "usage": np.ones((1, 1)),
    "inventory": [5_000.0],
    "horizon": 10_000,
}
THREE = {
    "prices": np.vstack([np.random.default_rng(0).uniform(10, 30, (9, 3)), np.full((1, 3), np.inf)]),
    "usage": np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 2.0]]),
    "inventory": [4_000.0, 4_000.0, 5_000.0],
    "horizon": 10_000,
}


def learners() -> dict[str, tuple[Learner[Any], int]]:
    """Give the learners by name, with the number of their products (0: arms)."""
    return {
        "Beta": (BetaThompson(options=10), 0),
        "Gaussian, noise known": (GaussianThompson(options=10, noise=1.0), 0),
        "Gaussian, noise unknown": (GaussianThompson(options=10), 0),
        "LP, 1 product": (ThompsonLP(**ONE), 1),
        "LP, 3 products": (ThompsonLP(**THREE), 3),
        "LP, 3 products, linear": (ThompsonLP(**THREE, demand="linear"), 3),
        "LP, 3 products, logit": (ThompsonLP(**THREE, demand="logit"), 3),
        "knapsacks, 3 products": (PrimalDualKnapsacks(**THREE), 3),
        "blind, 3 products": (BlindPricing(**THREE), 3),
    }


def fastest(call: Callable[[], object], count: int, rounds: int) -> float:
    """CPU seconds per call: the least mean of several rounds, because others use the machine too."""
    means = []
    for _ in range(rounds):
        began = process_time()
        for _ in range(count):
            call()
        means.append((process_time() - began) / count)
    return min(means)


def outcome(products: int, turn: int) -> Outcome:
    """Some feedback: one unit of one product, every third time none."""
    if not products:
        return Outcome(option=turn % 10, units=float(turn % 3 > 0), id=str(turn))
    units = np.zeros(products)
    units[turn % products] = float(turn % 3 > 0 and turn % 10 < 9)
    return Outcome(option=turn % 10, units=units, id=str(turn))


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choices", type=int, default=100_000, help="choices of a batch")
    parser.add_argument("--single", type=int, default=200, help="single choices per round")
    parser.add_argument("--rounds", type=int, default=20, help="rounds, of which the fastest counts")
    asked = parser.parse_args(arguments)
    rows: list[dict[str, object]] = []
    print(f"{'learner, 10 options':26} {'us / choice':>12} {'us / feedback':>14} {'millions / s in a batch':>24}")
    for name, (policy, products) in learners().items():
        rng = np.random.default_rng(0)
        state = policy.update(policy.start(), [outcome(products, turn) for turn in range(60)])
        one = fastest(partial(policy.choose, state, rng), asked.single, asked.rounds)
        told = fastest(partial(policy.update, state, [outcome(products, 61)]), asked.single, asked.rounds)
        many = fastest(partial(policy.choose_many, state, rng, asked.choices), 1, asked.rounds) / asked.choices
        rows.append({"learner": name, "choice": one, "feedback": told, "batch": 1 / many})
        print(f"{name:26} {one * 1e6:>12.1f} {told * 1e6:>14.1f} {1e-6 / many:>24.2f}", flush=True)
    return rows


if __name__ == "__main__":
    main()
