"""Put what the demo prints, and its picture, into the README: `python scripts/show_demo.py` from the project's root.

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
        lines = [*lines[: moves[MOVES_SHOWN]], f" ... and {len(moves) - MOVES_SHOWN} more"]
    return "\n".join(lines).strip()


def main() -> None:
    """Run the demo and write its output between the README's markers, its picture to docs/demo.png."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pricebid", "demo", "--quiet", "--out", "demo"]
        out = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, encoding="utf8")
        shutil.copy(Path(folder) / "demo" / "plan.png", ROOT / "docs" / "demo.png")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    block = f"{BEGIN}\n\n```text\n{shortened(out.stdout)}\n```\n\n![How far prices move, and what that is worth](docs/demo.png)\n\n{END}"
    readme.write_text(before + block + after, encoding="utf8")


if __name__ == "__main__":
    main()
