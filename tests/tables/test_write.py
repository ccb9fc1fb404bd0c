"""Results are written whole or not at all, whenever the writer is killed."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricebid import InputError
from pricebid.tables import write_files, write_results

FRAME = pd.DataFrame(
    {
        "date": pd.to_datetime(["2024-01-01", "2024-01-08"]),
        "sku": ['say "hi", you', "b"],
        "units": [0.1, np.nan],
        "n": [1, 2],
    }
)

WRITER = """
import sys
from pathlib import Path
from pricebid.tables import write_files
folder = Path(sys.argv[1])
names = ["prices.csv", "diff.csv", "forecast.csv", "plan.json"]
for version in range(1, 100_000):
    text = (str(version) + ",") * 20_000
    write_files(folder, {name: (lambda path, text=text: path.write_text(text)) for name in names})
    if version == 1:
        print("begun", flush=True)
"""


def test_tables_and_documents_arrive_and_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    paths = write_results(folder, {"prices": FRAME}, documents={"plan.json": "{}"}, file_format="parquet")
    assert [path.name for path in paths] == ["prices.csv", "prices.parquet", "plan.json"]
    (folder / "mine.txt").write_text("mine")
    write_results(folder, {"forecast": FRAME})
    assert sorted(path.name for path in folder.iterdir()) == [
        "forecast.csv",
        "mine.txt",
        "plan.json",
        "prices.csv",
        "prices.parquet",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["out"]
    read = pd.read_csv(folder / "prices.csv", parse_dates=["date"])
    pd.testing.assert_frame_equal(read, FRAME, check_dtype=False)
    assert (folder / "prices.csv").read_text().splitlines() == [
        "date,sku,units,n",
        '2024-01-01,"say ""hi"", you",0.1,1',
        "2024-01-08,b,,2",
    ]
    assert pd.read_parquet(folder / "prices.parquet")["sku"].tolist() == FRAME["sku"].tolist()


def test_csv_is_quoted_only_where_a_text_needs_it(tmp_path: Path) -> None:
    write_results(tmp_path / "out", {"prices": FRAME.iloc[[1]]})
    assert (tmp_path / "out" / "prices.csv").read_text().splitlines() == ["date,sku,units,n", "2024-01-08,b,,2"]


def test_parquet_of_an_earlier_result_does_not_outlive_it(tmp_path: Path) -> None:
    write_results(tmp_path / "out", {"prices": FRAME}, file_format="parquet")
    write_results(tmp_path / "out", {"prices": FRAME.head(1)})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["prices.csv"]


def test_folders_inside_the_target_are_kept(tmp_path: Path) -> None:
    (tmp_path / "out" / "inner").mkdir(parents=True)
    (tmp_path / "out" / "inner" / "mine.txt").write_text("mine")
    for content in ("1", "2"):
        write_results(tmp_path / "out", {}, documents={"plan.json": content, "a.txt": content})
        assert (tmp_path / "out" / "plan.json").read_text() == content
    assert (tmp_path / "out" / "inner" / "mine.txt").read_text() == "mine"


def test_a_writer_that_fails_leaves_the_old_result_and_nothing_else(tmp_path: Path) -> None:
    write_results(tmp_path / "out", {}, documents={"a.txt": "old", "b.txt": "old"})

    def broken(path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_files(tmp_path / "out", {"a.txt": lambda path: path.write_text("new"), "b.txt": broken})
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {"a.txt": "old", "b.txt": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_target_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file, not a folder"):
        write_results(tmp_path / "file", {}, documents={"a": "b"})
    with pytest.raises(InputError, match="cannot write to"):
        write_results(tmp_path / "file" / "below", {}, documents={"a": "b"})


@pytest.mark.parametrize("inner", [False, True], ids=["folder changes places", "file by file"])
def test_killed_at_any_moment_the_old_or_the_new_result_is_there(tmp_path: Path, inner: bool) -> None:  # noqa: FBT001
    folder = tmp_path / "out"
    folder.mkdir()
    if inner:
        (folder / "inner").mkdir()  # a folder inside keeps the target from changing places
    rng = np.random.default_rng(11)
    mixed = 0
    for delay in rng.uniform(0.0, 0.05, size=12):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
        contents = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
        assert sorted(contents) == ["diff.csv", "forecast.csv", "plan.json", "prices.csv"]
        versions = {name: set(text.rstrip(",").split(",")) for name, text in contents.items()}
        assert all(
            len(one) == 1 and text.count(",") == 20_000
            for one, text in zip(versions.values(), contents.values(), strict=True)
        )
        newest = max(int(next(iter(one))) for one in versions.values())
        assert int(next(iter(versions["plan.json"]))) <= newest
        mixed += len({next(iter(one)) for one in versions.values()}) > 1
    if not inner and sys.platform.startswith("linux"):
        assert mixed == 0
