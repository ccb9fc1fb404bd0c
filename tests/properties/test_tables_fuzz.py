"""Whatever the bytes are, reading a shop ends in a shop or in faults that a person can read."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid import Policy, PolicyError, Shop, TableError

NAMES = st.sampled_from(["sales.csv", "sales.csv.gz", "sales.parquet", "catalog.csv", "shop.toml"])
CELLS = st.one_of(
    st.sampled_from(
        ["", "2024-01-01", "2024-01-08", "a", "1", "0", "-1", "1e308", "nan", "inf", "1,5", '"', "31/12/2024", "\u00e9"]
    ),
    st.text(max_size=6),
    st.floats().map(str),
)
HEADERS = st.lists(
    st.sampled_from(["date", "sku", "units", "price", "region", "stock", "promo", "hour", "x", "Units", ""]),
    min_size=1,
    max_size=9,
)


def attempt(folder: str) -> Shop | TableError:
    try:
        return Shop.read(folder)
    except TableError as error:
        return error


def read(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        shop = attempt(folder)
        if isinstance(shop, TableError):
            assert shop.faults
            assert "pyarrow." not in str(shop)
            return
        assert shop.warnings is not None
        if shop.table("sales") is not None:
            history = shop.history()
            assert not np.isinf(history.price).any()
            assert (np.isnan(history.units) | (history.units >= 0)).all()


@given(NAMES, st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_random_bytes_never_break_reading(name: str, content: bytes) -> None:
    read({name: content})


@given(HEADERS, st.lists(st.lists(CELLS, max_size=9), max_size=6))
@settings(max_examples=200, deadline=None)
def test_random_cells_never_break_reading(header: list[str], rows: list[list[str]]) -> None:
    text = "\n".join([",".join(header), *(",".join(row) for row in rows)])
    read({"sales.csv": text.encode("utf-8", "surrogatepass")})


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_whole_tables_with_odd_cells_never_break_reading(skus: list[str], cells: list[list[str]]) -> None:
    rows = [
        f'2024-01-{1 + 7 * (at % 4):02d},{sku},"{"".join(cell[0].splitlines())}",{cell[1]},{cell[2]}'
        for at, (sku, cell) in enumerate(zip(skus, cells, strict=False))
    ]
    text = "date,sku,region,units,price\n" + "\n".join(row.replace("\x00", "") for row in rows)
    read({"sales.csv": text.encode("utf-8", "surrogatepass"), "catalog.csv": b"sku,cost\na,1\n"})


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_random_text_never_breaks_a_policy(text: str) -> None:
    with contextlib.suppress(PolicyError):
        assert Policy.from_toml(text).horizon > 0
