"""The options that several commands take, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ShopFolder = Annotated[Path, typer.Argument(metavar="SHOP", help="A shop: one folder of tables.", show_default=False)]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", metavar="F", help="What to aim at and what must hold (TOML).")
]
ModelFolder = Annotated[
    Path | None, typer.Option("--model", metavar="DIR", help="Use this fitted model instead of fitting one.")
]
Horizon = Annotated[int, typer.Option("--horizon", metavar="N", min=1, help="Periods of the sales table.")]
Seed = Annotated[int | None, typer.Option("--seed", help="For everything that is drawn; the policy's seed, else 0.")]
Start = Annotated[
    str | None, typer.Option("--start", metavar="DATE", help="First period; default: the one after the last sale.")
]
