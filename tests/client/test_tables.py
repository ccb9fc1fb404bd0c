"""A table is sent as what it is."""

import gzip
from io import BytesIO

import pandas as pd
import pytest

from pricebid.client.tables import CSV, JSON, PARQUET, content_of
from pricebid.errors import InputError

ROWS = "sku,cost\na,1.5\n"


def test_a_frame_is_sent_as_parquet_without_its_index():
    content = content_of(pd.DataFrame({"sku": ["a"], "cost": [1.5]}, index=[7]))
    assert content.headers == {"Content-Type": PARQUET}
    assert list(pd.read_parquet(BytesIO(content.data)).columns) == ["sku", "cost"]


@pytest.mark.parametrize(
    ("name", "data", "headers"),
    [
        ("catalog.csv", ROWS.encode(), {"Content-Type": CSV}),
        ("catalog.CSV.gz", gzip.compress(ROWS.encode(), mtime=0), {"Content-Type": CSV, "Content-Encoding": "gzip"}),
        ("catalog.parquet", b"PAR1...", {"Content-Type": PARQUET}),
        ("catalog.json", b"[]", {"Content-Type": JSON}),
    ],
)
def test_a_file_is_told_by_its_name_and_bytes_by_how_they_begin(tmp_path, name, data, headers):
    (tmp_path / name).write_bytes(data)
    for given in (tmp_path / name, str(tmp_path / name), data):
        content = content_of(given)
        assert (content.data, content.headers) == (data, headers)


@pytest.mark.parametrize("name", ["catalog.xlsx", "catalog", "catalog.parquet.gz"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=r"named \.csv"):
        content_of(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        content_of(tmp_path / "sales.csv")
