"""Put what the demo prints, and its pictures, into the README: `python scripts/show_demo.py` from the project's root.

Run it after a change of what the demo prints; nothing in the README's demo section is written by hand.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- demo -->", "<!-- /demo -->"
MOVES_SHOWN = 3


def shortened(said: str) -> str:
    """Keep what fits a README: the first moves of the list, and no path of this machine."""
    lines = [line.rstrip() for line in said.split("\nFiles ", maxsplit=1)[0].splitlines()]
    moves = [at for at, line in enumerate(lines) if re.search(r"   worth [+-]", line)]
    if len(moves) > MOVES_SHOWN:
        after = next(at for at in range(moves[-1], len(lines)) if not lines[at])
        lines = [*lines[: moves[MOVES_SHOWN]], f" ... and {len(moves) - MOVES_SHOWN} more", *lines[after:]]
    return "\n".join(lines).strip()


def main() -> None:
    """Run the demo and write its output between the README's markers, its pictures to docs/."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pricebid", "demo", "--quiet", "--out", "demo"]
        out = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, encoding="utf8")
        for name, shown in (("plan.png", "demo.png"), ("simulated_bids.png", "demo_bids.png")):
            shutil.copy(Path(folder) / "demo" / name, ROOT / "docs" / shown)
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    pictures = (
        "![How far prices move, and what that is worth](docs/demo.png)\n\n"
        "![Bids and hours on the simulated keyword report](docs/demo_bids.png)"
    )
    block = f"{BEGIN}\n\n```text\n{shortened(out.stdout)}\n```\n\n{pictures}\n\n{END}"
    readme.write_text(before + block + after, encoding="utf8")


if __name__ == "__main__":
    main()
