"""A log of decisions: what is read, what is a fault, what is left out."""

import numpy as np
import pandas as pd
import pytest

from pricebid import TableError
from pricebid.tables.decisions import log_of, read_log


def log(**columns):
    given = {"option": ["a", "b", "a"], "propensity": [0.5, 0.5, 0.25], "reward": [1.0, 0.0, 2.0]}
    return pd.DataFrame({**given, **columns})


def test_a_log_is_read_from_csv_gz_and_parquet_alike(tmp_path) -> None:
    frame = log(x=[1.0, 2.0, 3.0], segment=["new", "old", "new"])
    frame.to_csv(tmp_path / "log.csv", index=False)
    frame.to_csv(tmp_path / "log.csv.gz", index=False)
    frame.to_parquet(tmp_path / "log.parquet")
    for name in ("log.csv", "log.csv.gz", "log.parquet"):
        found = read_log(tmp_path / name)
        assert found.options.tolist() == ["a", "b"]
        assert found.option.tolist() == [0, 1, 0]
        assert found.reward.tolist() == [1, 0, 2]
        assert [column for column, _ in found.numbers] == ["x"]
        assert found.text("segment").rows.tolist() == ["new", "old", "new"]
        assert found.text("x").rows.tolist() == ["1", "2", "3"]
        assert found.text("y") is None


def test_results_ids_and_times_are_never_taken_for_context() -> None:
    found = log_of(log(revenue=1.0, decision_id=["1", "2", "3"], timestamp="2024-01-01", hour=[1, 2, 3]))
    assert [name for name, _ in found.numbers] == ["hour"]
    assert found.texts == ()
    asked = log_of(log(revenue=[5.0, 6.0, 7.0], hour=1), reward="revenue", context=[])
    assert asked.reward.tolist() == [5, 6, 7]
    assert asked.numbers == ()
    assert log_of(log(units=4.0).drop(columns="reward")).reward.tolist() == [4, 4, 4]


def test_the_column_that_counts_is_kept_and_is_no_context() -> None:
    assert log_of(log(cost=2.0).drop(columns="reward")).result == "cost"
    with pytest.raises(TableError, match="column reward: is what came of the decision"):
        log_of(log(x=1.0), context=["x", "reward"])


def test_columns_of_the_candidate_become_its_law() -> None:
    found = log_of(log(p_a=[0.2, 0.3, 0.4], p_c=[0.8, 0.7, 0.6]))
    assert found.options.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(found.candidate, [[0.2, 0, 0.8], [0.3, 0, 0.7], [0.4, 0, 0.6]])
    more = found.with_options(["A", "d"])
    assert more.options.tolist() == ["A", "a", "b", "c", "d"]
    assert more.option.tolist() == [1, 2, 1]
    np.testing.assert_allclose(more.candidate[:, [1, 3]], found.candidate[:, [0, 2]])


def test_all_faults_are_named_at_once() -> None:
    broken = log(
        option=["a", "", "b"],
        propensity=[0.0, 1.5, 0.5],
        reward=["1", "many", "0"],
        p_a=[0.5, 0.9, -1],
        p_b=[0.5, 0.2, 2],
    )
    with pytest.raises(TableError) as caught:
        log_of(broken)
    text = str(caught.value)
    assert len(caught.value.faults) == 5
    for words in (
        "log row 2 column option: is empty",
        "log row 1 column propensity: 0 must be above 0",
        "'many' is not a finite number",
        "has a probability below 0",
        "probabilities sum to 1.1",
    ):
        assert words in text


def test_missing_columns_are_named_with_what_comes_near() -> None:
    with pytest.raises(TableError) as caught:
        log_of(log().rename(columns={"propensity": "propensities", "reward": "got"}))
    assert [fault.column for fault in caught.value.faults] == ["propensity", "reward"]
    assert "did you mean 'propensities'" in str(caught.value)


def test_files_that_are_no_log_are_faults(tmp_path) -> None:
    for name, content in (
        ("none.csv", None),
        ("empty.csv", ""),
        ("head.csv", "option,propensity,reward\n"),
        ("x.parquet", "x"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises(TableError):
            read_log(tmp_path / name)


def test_holes_in_numbers_are_faults_and_too_many_texts_are_left_out() -> None:
    with pytest.raises(TableError, match="column x: is no finite number"):
        log_of(log(x=[1.0, None, 3.0]))
    frame = pd.DataFrame({"option": "a", "propensity": 1.0, "reward": 1.0, "word": [f"w{at}" for at in range(200)]})
    found = log_of(frame)
    assert found.texts == ()
    assert "200 different texts" in found.notices[0]
