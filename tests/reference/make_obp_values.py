"""Make obp_values.json: a small decision log, and what the Open Bandit Pipeline (obp 0.5.7) says of it.

obp asks for Python below 3.11 and for old versions of its neighbours; the file of its estimators runs on newer ones::

    python -m venv obp-venv
    obp-venv/bin/pip install --no-deps --ignore-requires-python obp==0.5.7
    obp-venv/bin/pip install numpy scipy scikit-learn pandas tqdm pyyaml
    obp-venv/bin/python tests/reference/make_obp_values.py

Only ``obp.ope.estimators`` and what it needs is loaded, not the whole package, which would ask for torch; torch, which its
helpers name in signatures, is replaced by an empty stand-in. The numbers in the file are all obp's own.
"""

import importlib
import json
import sys
import types
from pathlib import Path

import numpy as np

ROUNDS, ACTIONS, TAU, LAMBDA = 120, 4, 2.5, 3.0


def load_estimators():
    """Load obp's estimators without obp's ``__init__``, which imports everything."""
    torch = types.ModuleType("torch")
    torch.Tensor = torch.tensor = type("Tensor", (), {})
    sys.modules["torch"] = torch
    home = next(Path(entry) / "obp" for entry in sys.path if (Path(entry) / "obp" / "ope" / "estimators.py").exists())
    for name, folder in (("obp", home), ("obp.ope", home / "ope"), ("obp.dataset", home / "dataset")):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return importlib.import_module("obp.ope.estimators")


def main() -> None:
    """Write the file beside this one."""
    rng = np.random.default_rng(20_210)
    logits = rng.normal(size=(ROUNDS, ACTIONS))
    logged = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    action = np.array([rng.choice(ACTIONS, p=row) for row in logged])
    candidate = rng.dirichlet(np.ones(ACTIONS), ROUNDS)
    expected = rng.random((ROUNDS, ACTIONS))
    reward = (rng.random(ROUNDS) < expected[np.arange(ROUNDS), action]).astype(float)
    guess = np.clip(expected + rng.normal(0, 0.2, expected.shape), 0, 1)
    given = {
        "reward": reward,
        "action": action,
        "pscore": logged[np.arange(ROUNDS), action],
        "action_dist": candidate[:, :, None],
        "estimated_rewards_by_reg_model": guess[:, :, None],
        "position": np.zeros(ROUNDS, dtype=int),
    }
    obp = load_estimators()
    made = {
        "ips": obp.InverseProbabilityWeighting(),
        "clipped ips": obp.InverseProbabilityWeighting(lambda_=TAU),
        "snips": obp.SelfNormalizedInverseProbabilityWeighting(),
        "dm": obp.DirectMethod(),
        "dr": obp.DoublyRobust(),
        "clipped dr": obp.DoublyRobust(lambda_=TAU),
        "sndr": obp.SelfNormalizedDoublyRobust(),
        "switch dr": obp.SwitchDoublyRobust(lambda_=TAU),
        "dr-os": obp.DoublyRobustWithShrinkage(lambda_=LAMBDA),
    }
    values = {name: float(one.estimate_policy_value(**given)) for name, one in made.items()}
    stored = {
        "obp": "0.5.7",
        "tau": TAU,
        "lambda": LAMBDA,
        "reward": reward.tolist(),
        "option": action.tolist(),
        "propensity": given["pscore"].tolist(),
        "law": candidate.tolist(),
        "guess": guess.tolist(),
        "values": values,
    }
    Path(__file__).with_name("obp_values.json").write_text(json.dumps(stored) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
