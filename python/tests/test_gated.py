"""What `gated` hands on is a frame of the same kind, with its index, and whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conftest import needs

import sluicegate as sg

RULES = {"dataset": "d", "rules": [{"range": {"column": "x", "above": 0}}], "gate": {"reject_above": "100%"}}


def handed_on(frame: Any, on_bad: str = "drop") -> Any:
    return sg.gated(RULES, on_bad=on_bad)(lambda: frame)()


def test_an_index_of_pandas_is_an_index_afterwards() -> None:
    pd = needs("pandas")
    needs("pyarrow")
    several = pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("c", 3)], names=["k", None])
    for index in (["a", "b", "c"], pd.Index([7, 8, 9], name="key"), several, [2, 1, 0], range(3)):
        good = pd.DataFrame({"x": [1, 2, 3]}, index=index)
        pd.testing.assert_frame_equal(handed_on(good), good)
        bad = pd.DataFrame({"x": [1, 2, -3]}, index=index)
        pd.testing.assert_frame_equal(handed_on(bad), bad.iloc[:2])


def test_types_of_pandas_stay_and_the_right_rows_go() -> None:
    pd, np = needs("pandas"), needs("numpy")
    needs("pyarrow")
    frame = pd.DataFrame({"x": np.arange(100_000) % 7 - 1, "k": pd.Categorical(["a", "b"] * 50_000)})
    frame["o"], frame["d"] = pd.Series(["t"] * 100_000, dtype=object), pd.Timestamp("2026-01-01", tz="UTC")
    pd.testing.assert_frame_equal(handed_on(frame), frame[frame["x"] > 0])
    cleaned = sg.gated({**RULES, "clean": [{"drop_where": "x = 3"}]}, on_bad="drop")(lambda: frame)()
    assert cleaned["x"].tolist() == frame["x"][(frame["x"] > 0) & (frame["x"] != 3)].tolist()


def test_a_stream_that_passes_is_still_whole() -> None:
    pa = needs("pyarrow")
    good, bad = pa.table({"x": [1, 2, 3]}), pa.table({"x": [1, -2, 3]})
    for on_bad in ("raise", "drop"):
        reader = handed_on(good.to_reader(), on_bad)
        assert type(reader) is pa.RecordBatchReader and reader.read_all() == good
        batches = handed_on(iter(good.to_batches()), on_bad)
        assert isinstance(batches, Iterator) and pa.Table.from_batches(list(batches)) == good
    assert handed_on(bad.to_reader()).read_all()["x"].to_pylist() == [1, 3]


def test_a_relation_of_duckdb_stays_one() -> None:
    duckdb = needs("duckdb")
    needs("pyarrow")
    relation = duckdb.sql("select unnest([1, -2, 3]) as x")
    left = handed_on(relation)
    assert type(left) is type(relation) and left.fetchall() == [(1,), (3,)]


def test_columns_that_transform_makes_are_handed_on() -> None:
    pl = needs("polars")
    rules = {**RULES, "transform": {"double": "x * 2"}}
    for frame in (pl.DataFrame({"x": [1, 2]}), pl.LazyFrame({"x": [1, 2]})):
        made = sg.gated(rules, on_bad="drop")(lambda frame=frame: frame)()
        assert type(made) is type(frame) and made.lazy().collect()["double"].to_list() == [2, 4]
