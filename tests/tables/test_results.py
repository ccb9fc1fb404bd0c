"""Tables of an earlier run are read back with their keys as text."""

from pathlib import Path

import pandas as pd
import pytest

from pricebid.errors import InputError
from pricebid.tables import write_results
from pricebid.tables.results import read_result

FRAME = pd.DataFrame({"sku": ["007", "8"], "region": ["north", "NA"], "price": [1.25, 2.5]})


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_what_was_written_is_read_back(tmp_path: Path, file_format: str) -> None:
    write_results(tmp_path / "out", {"prices": FRAME}, file_format=file_format)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(read_result(tmp_path / "out", "prices"), FRAME)


def test_a_folder_without_the_table_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no prices\.csv"):
        read_result(tmp_path, "prices")


def test_a_damaged_table_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text('sku,region\n"a\n')
    (tmp_path / "prices.csv").write_bytes(b"\xff\xfe\x00sku")
    with pytest.raises(InputError, match="cannot be read"):
        read_result(tmp_path, "prices")
