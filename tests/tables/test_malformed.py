"""Files that are no tables: one clear error each, fast, and never a traceback of what reads them."""

import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricebid import Shop, TableError

HEADER = "date,sku,region,units,price\n"
GOOD = HEADER + "".join(f"2024-01-{day:02d},a,north,{day},1.5\n" for day in (1, 8, 15, 22, 29))
PACKED = gzip.compress(GOOD.encode() + os.urandom(5000).hex().encode())
FOREIGN = ("pyarrow", "Arrow", "Traceback", "pandas", "object at 0x")


def parquet(tmp_path: Path) -> bytes:
    path = tmp_path / "made.parquet"
    dates = pd.to_datetime(["2024-01-01", "2024-01-08"])
    pd.DataFrame({"date": dates, "sku": ["a", "a"], "units": [1.0, 2.0], "price": [1.0, 1.0]}).to_parquet(path)
    return path.read_bytes()


def wide(columns: int) -> str:
    return ",".join(f"c{at}" for at in range(columns)) + "\n" + ",".join(["1"] * columns) + "\n"


FILES: dict[str, tuple[str, bytes, str]] = {
    "a gzip cut off": ("sales.csv.gz", PACKED[: len(PACKED) // 2], "cut off"),
    "a gzip that is none": ("sales.csv.gz", b"hello", "no sound gzip"),
    "a damaged gzip": ("sales.csv.gz", PACKED[:40] + b"xxxx" + PACKED[44:], "no sound gzip"),
    "an empty gzip": ("sales.csv.gz", b"", "0 bytes"),
    "gzip named csv": ("sales.csv", PACKED, "name it .csv.gz"),
    "UTF-16": ("sales.csv", GOOD.encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ("sales.csv", GOOD.encode("utf-16-le"), "NUL"),
    "Latin-1 cells": ("sales.csv", GOOD.replace("a,north", "caf\xe9,north").encode("latin-1"), "not UTF-8"),
    "Latin-1 header": ("sales.csv", GOOD.replace("region", "r\xe9gion").encode("latin-1"), "not UTF-8"),
    "Latin-1 numbers": ("sales.csv", GOOD.replace("1.5", "\xa35").encode("latin-1"), "not UTF-8"),
    "0 bytes": ("sales.csv", b"", "0 bytes"),
    "blank lines": ("sales.csv", b"\n\n\n", "blank lines"),
    "a byte-order mark alone": ("sales.csv", b"\xef\xbb\xbf", "blank lines"),
    "a header only": ("sales.csv", HEADER.encode(), "no rows"),
    "a header without an end": ("sales.csv", HEADER.strip().encode(), "no rows"),
    "a spreadsheet": ("sales.csv", b"PK\x03\x04" + b"x" * 100, "spreadsheet"),
    "a million columns": ("sales.csv", wide(1_000_000).encode(), "first line is longer"),
    "many columns": ("sales.csv", wide(5_000).encode(), "5,000 columns"),
    "NUL bytes": ("sales.csv", (GOOD + "2024-02-05,a\0b,north,1,1\n").encode(), "NUL"),
    "ragged rows": ("sales.csv", (GOOD + "2024-02-05,a,north,1\n2024-02-12,a,north,1,2,3\n").encode(), "has 4 values"),
    "an open quote": ("sales.csv", (GOOD + '2024-02-05,"a,north,1,1\n').encode(), "5 columns"),
    "semicolons": ("sales.csv", GOOD.replace(",", ";").encode(), "semicolons"),
    "tabs": ("sales.csv", GOOD.replace(",", "\t").encode(), "tabs"),
    "decimal commas": ("sales.csv", GOOD.replace("1.5", "1,5").encode(), "decimal comma"),
    "quoted decimal commas": ("sales.csv", GOOD.replace("1.5", '"1,5"').encode(), "decimal points"),
    "no Parquet": ("sales.parquet", b"hello world, this is none", "no Parquet"),
    "0 bytes of Parquet": ("sales.parquet", b"", "0 bytes"),
    "a made-up Parquet": ("sales.parquet", b"PAR1" + b"x" * 1000 + b"\x40\0\0\0PAR1", "cannot be read as Parquet"),
    "a huge Parquet footer": ("sales.parquet", b"PAR1" + b"x" * 100 + b"\xff\xff\xff\x7fPAR1", "describes itself"),
    "a column twice": ("sales.csv", GOOD.replace("region", "sku").encode(), "twice"),
}


@pytest.mark.parametrize("case", FILES)
def test_one_clear_fault_for_a_file_that_is_no_table(case: str, tmp_path: Path) -> None:
    name, content, words = FILES[case]
    (tmp_path / name).write_bytes(content)
    started = time.perf_counter()
    with pytest.raises(TableError, match=words) as caught:
        Shop.read(tmp_path)
    assert time.perf_counter() - started < 2.0
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].table == "sales"
    assert not [word for word in FOREIGN if word in str(caught.value)]
    assert "\n" not in str(caught.value)


def test_parquet_damaged_at_any_place_is_refused_or_read_but_never_breaks(tmp_path: Path) -> None:
    sound = parquet(tmp_path)
    folder = tmp_path / "shop"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for start in rng.integers(4, len(sound) - 8, size=60):
        damaged = bytearray(sound)
        damaged[start : start + 20] = rng.bytes(len(damaged[start : start + 20]))
        (folder / "sales.parquet").write_bytes(bytes(damaged))
        try:
            Shop.read(folder)
        except TableError as error:
            assert len(str(error)) < 5_000  # noqa: PT017 - both outcomes are legal


@pytest.mark.parametrize("name", ["sales.csv", "sales.parquet", "sales.csv.gz"])
def test_a_folder_where_a_file_should_be(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(TableError, match="is a folder where a file should be"):
        Shop.read(tmp_path)


def test_a_folder_of_no_parts_and_a_folder_with_a_broken_part(tmp_path: Path) -> None:
    (tmp_path / "sales").mkdir()
    with pytest.raises(TableError, match=r"holds no \.parquet part"):
        Shop.read(tmp_path)
    (tmp_path / "sales" / "one.parquet").write_bytes(parquet(tmp_path))
    (tmp_path / "sales" / "two.parquet").write_bytes(b"junk")
    (tmp_path / "made.parquet").unlink()
    with pytest.raises(TableError, match=r"two\.parquet is no Parquet"):
        Shop.read(tmp_path)


def broken_link(folder: Path) -> Path:
    (folder / "sales.csv").symlink_to(folder / "nowhere")
    return folder


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "sales.csv")
    return folder


PLACES: dict[str, Callable[[Path], Path]] = {
    "a path that is not there": lambda folder: folder / "nowhere",
    "a file": lambda _: Path(__file__),
    "an empty folder": lambda folder: folder,
    "a very deep path": lambda folder: folder / "/".join("d" * 200 for _ in range(40)),
    "a very long name": lambda folder: folder / ("x" * 5_000),
    "a NUL in the path": lambda folder: folder / "a\0b",
    "a broken link": broken_link,
    "a pipe": pipe,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_is_no_shop(place: str, tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        Shop.read(PLACES[place](tmp_path))
    assert len(caught.value.faults) == 1
    assert len(str(caught.value)) < 600


def test_a_table_given_in_two_formats_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(GOOD)
    (tmp_path / "sales.csv.gz").write_bytes(gzip.compress(GOOD.encode()))
    with pytest.raises(TableError, match=r"2 times \(sales.csv, sales.csv.gz\)"):
        Shop.read(tmp_path)


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("31/12/2024,a,north,1,1", "date", "write dates as 2024-12-31"),
        ("2024-02-30,a,north,1,1", "date", "not an ISO date"),
        ("2024-02-05 12:00:00,a,north,1,1", "date", "time of day"),
        ("1024-02-05,a,north,1,1", "date", "between 1900 and 2200"),
        (",a,north,1,1", "date", "empty"),
        ("2024-02-05,,north,1,1", "sku", "empty"),
        ("2024-02-05,a,,1,1", "region", "empty"),
        ("2024-02-05,a,north,,1", "units", "empty"),
        ("2024-02-05,a,north,1,", "price", "empty"),
        ("2024-02-05,a,north,-1,1", "units", "at least 0"),
        ("2024-02-05,a,north,1,0", "price", "above 0"),
        ("2024-02-05,a,north,1,-2", "price", "above 0"),
        ("2024-02-05,a,north,1e308,1", "units", "not a number of a real shop"),
        ("2024-02-05,a,north,1e309,1", "units", "not a number of a real shop"),
        ("2024-02-05,a,north,1,inf", "price", "not a number of a real shop"),
        ("2024-02-05,a,north,nan,1", "units", "empty"),
        ("2024-02-05,a,north,many,1", "units", "not a number"),
        ('2024-02-05,a,north,1,"1.234,50"', "price", "decimal points"),
        ("2024-01-29,a,north,1,1", "", "already in row 5"),
        ("2024-02-06,a,north,1,1", "date", "not the first day"),
    ],
)
def test_a_bad_cell_is_named_by_table_row_and_column(row: str, column: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(GOOD + row + "\n")
    with pytest.raises(TableError) as caught:
        Shop.read(tmp_path)
    assert [(fault.table, fault.row, fault.column) for fault in caught.value.faults] == [("sales", 6, column)]
    assert words in str(caught.value)
