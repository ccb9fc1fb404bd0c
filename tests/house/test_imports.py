"""Importing the package has no effects and loads nothing heavy."""

import json
import subprocess
import sys

HEAVY = {"pandas", "pyarrow", "pulp", "highspy", "scipy", "statsmodels", "matplotlib", "pydantic", "rich", "typer"}

PROBE = """
import json, logging, sys, warnings
OTHERS
def with_handlers():
    return {name for name, log in logging.Logger.manager.loggerDict.items() if getattr(log, "handlers", None)}
before, had = (list(warnings.filters), list(logging.getLogger().handlers), logging.getLogger().level), with_handlers()
IMPORT
after = (list(warnings.filters), list(logging.getLogger().handlers), logging.getLogger().level)
handlers = sorted(with_handlers() - had)
print(json.dumps({"modules": sorted({m.split(".")[0] for m in sys.modules}), "same": before == after, "handlers": handlers}))
"""


def probe(statement: str, others: str = "") -> dict[str, object]:
    """Run an import in a fresh process, others' packages first: some of those set filters themselves."""
    script = PROBE.replace("IMPORT", statement).replace("OTHERS", others)
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert out.stderr == ""
    return json.loads(out.stdout)


def test_importing_pricebid_loads_no_pandas_no_solver_and_changes_nothing() -> None:
    assert HEAVY.isdisjoint(probe("import pricebid")["modules"])
    seen = probe("import pricebid", "import numpy, scipy")
    assert seen["same"]
    assert seen["handlers"] == []


def test_importing_the_command_line_loads_no_pandas_and_no_solver() -> None:
    assert {"pandas", "pyarrow", "pulp", "highspy", "scipy", "statsmodels", "matplotlib"}.isdisjoint(
        probe("import pricebid.cli")["modules"]
    )


def test_importing_every_part_changes_no_filter_and_adds_no_handler() -> None:
    statement = (
        "import pricebid.engine, pricebid.tables, pricebid.policy, pricebid.demand, pricebid.optimize, "
        "pricebid.pricing, pricebid.landscape, pricebid.bidding, pricebid.planning, pricebid.simulate, pricebid.report, pricebid.store"
    )
    others = "import numpy, numpy.f2py, pandas, pyarrow, pydantic, rich.console, scipy.optimize, scipy.sparse.linalg, scipy.special, sqlalchemy"
    seen = probe(statement, others)
    assert {"statsmodels", "pulp", "highspy", "matplotlib"}.isdisjoint(seen["modules"])
    assert seen["handlers"] == []
    assert seen["same"]
