"""Frames that libraries would hand over as something else than they are: met as documented, or refused with the column."""

from __future__ import annotations

import datetime
import decimal
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import needs

import sluicegate as sg

ANY: dict[str, Any] = {"dataset": "d", "rules": [{"missing": {"columns": "*"}}]}


def types_of(frame: Any, rules: dict[str, Any] = ANY) -> dict[str, str]:
    """The columns that are judged, with their types."""
    return {column["name"]: column["type"] for column in sg.check(frame, rules).columns}


def refused(frame: Any) -> dict[str, Any]:
    """The one fault of a frame that cannot be judged."""
    with pytest.raises(sg.Fault) as raised:
        sg.check(frame, ANY)
    (fault,) = raised.value.faults
    assert fault["hint"] and str(raised.value) == f"{fault['what']}; {fault['hint']}"
    return fault


def objects(*values: Any) -> Any:
    pd = needs("pandas")
    return pd.DataFrame({"a": pd.Series(list(values), dtype=object)})


def test_an_index_without_a_name_is_no_data_and_one_with_a_name_is_a_column() -> None:
    pd = needs("pandas")
    assert types_of(pd.DataFrame({"a": [1, 2, 3]}).iloc[[0, 2]]) == {"a": "int64"}
    assert types_of(pd.DataFrame({"a": [1, 2]}, index=["x", "y"])) == {"a": "int64"}
    assert types_of(pd.DataFrame({"a": [1, 2], "id": [7, 8]}).set_index("id")) == {"a": "int64", "id": "int64"}
    assert types_of(pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(2, name="id"))) == {"a": "int64", "id": "int64"}
    levels = pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["city", None])
    assert types_of(pd.DataFrame({"a": [1, 2]}, index=levels)) == {"a": "int64", "city": "string"}
    assert refused(pd.DataFrame({"a": [1]}).set_index("a", drop=False))["code"] == "duplicate-column"


def test_names_of_pandas_columns_are_text_of_their_own() -> None:
    pd = needs("pandas")
    assert types_of(pd.DataFrame([[1, 2]])) == {"0": "int64", "1": "int64"}
    assert refused(pd.DataFrame([[1, 2]], columns=["a", "a"]))["what"] == "pandas: two columns are called `a`"
    assert refused(pd.DataFrame([[1, 2]], columns=[1, "1"]))["code"] == "duplicate-column"
    assert refused(pd.DataFrame([[1, 2]], columns=[None, "b"]))["what"] == "pandas: column 1 has no name"
    two = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    assert refused(pd.DataFrame([[1, 2]], columns=two))["what"] == "pandas: the columns have 2 levels of names"


def test_objects_of_one_kind_are_of_that_type_and_what_is_missing_is_missing() -> None:
    pd = needs("pandas")
    day, time, decimals = datetime.date(2026, 1, 2), datetime.time(1, 2), decimal.Decimal("1.50")
    cases: list[tuple[Any, str]] = [
        ("x", "string"),
        (1, "int64"),
        (True, "bool"),
        (1.5, "float64"),
        (day, "date"),
        (time, "time64(µs)"),
        (decimals, "decimal(3,2)"),
        (b"x", "binary"),
        ([1, 2], "list<int64>"),
        ({"x": 1}, "struct<x: int64>"),
    ]
    for value, expected in cases:
        for missing in (None, float("nan"), pd.NA, pd.NaT):
            report = sg.check(objects(value, missing), ANY)
            assert report["missing-a"].failing_rows == 1, (value, missing)
            assert types_of(objects(value, missing))["a"] == expected
    assert types_of(objects(1, 2.5)) == {"a": "float64"}
    assert types_of(objects(1, decimals)) == {"a": "decimal(3,2)"}


def test_objects_of_several_kinds_are_refused_with_the_first_row_of_each_and_no_value() -> None:
    naive, aware = datetime.datetime(2026, 1, 1, 5), datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    cases: list[tuple[list[Any], str]] = [
        (["secret", None, 7], "text (first in row 0), integer (first in row 2)"),
        ([True, 1], "bool (first in row 0), integer (first in row 1)"),
        ([b"secret", "secret"], "bytes (first in row 0), text (first in row 1)"),
        # Left alone, the time of day would be cut off, local time taken for UTC, and 1 for a microsecond.
        ([naive.date(), naive], "date (first in row 0), timestamp (first in row 1)"),
        ([aware, naive], "timestamp with a zone (first in row 0), timestamp without a zone (first in row 1)"),
        ([datetime.timedelta(1), 1], "duration (first in row 0), integer (first in row 1)"),
        ([1.5, decimal.Decimal("1.5")], "float (first in row 0), decimal (first in row 1)"),
    ]
    for values, kinds in cases:
        fault = refused(objects(*values))
        assert fault["code"] == "unsupported-type"
        assert fault["what"] == f"pandas: `a` holds values of several kinds: {kinds}"
        assert "secret" not in str(fault)
    assert refused(objects([1, "secret"]))["what"].startswith("pandas: `a[]` holds values of several kinds")
    assert refused(objects({"x": 1}, {"x": "secret"}))["what"].startswith("pandas: `a.x` holds values of several kinds")
    assert refused(objects(2**70))["what"] == "pandas: `a` holds a whole number of more than 64 bits"
    assert "no float holds exactly" in refused(objects(2**53 + 1, 0.5))["what"]
    assert "not valid Unicode" in refused(objects("\ud800"))["what"]
    assert "values of type set" in refused(objects({1}))["what"]
    assert "values of type object" in refused(objects(object()))["what"]


def test_every_column_that_cannot_be_judged_is_named_at_once() -> None:
    pd = needs("pandas")
    frame = pd.DataFrame({"a": [1, "x"], "b": [1 + 2j, 1], "c": [1, 2], "d": pd.interval_range(0, 2)}, dtype=None)
    frame["e"] = pd.period_range("2026-01", periods=2, freq="M")
    frame["f"] = pd.cut(frame["c"], [0, 1, 2])
    with pytest.raises(sg.Fault) as raised:
        sg.check(frame, ANY)
    assert [fault["what"].split("`")[1] for fault in raised.value.faults] == ["a", "b", "d", "e", "f"]


def test_types_that_pandas_adds_are_those_of_arrow() -> None:
    pd, np = needs("pandas"), needs("numpy")
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], dtype="boolean")})
    frame["c"] = pd.array([1.5, None], dtype="Float64")
    frame["d"] = pd.Categorical(["x", None], categories=["unused", "x"])
    frame["e"] = pd.to_datetime(["2026-01-01", None]).tz_localize("Europe/Berlin").as_unit("ns")
    frame["f"] = pd.arrays.SparseArray([0, 1])
    frame["g"] = np.array([1.5, 2], dtype="float32")
    report = sg.check(frame, {**ANY, "profile": "full"})
    assert {c["name"]: c["type"] for c in report.columns} == {
        **{"a": "int64", "b": "bool", "c": "float64", "d": "string"},
        **{"e": "timestamp(ns, Europe/Berlin)", "f": "int64", "g": "float32"},
    }
    assert [report[f"missing-{name}"].failing_rows for name in "abcdefg"] == [1, 1, 1, 1, 1, 0, 0]
    assert {c["name"]: c["distinct"] for c in report.columns}["d"] == 1
    assert types_of(frame)["f"] == "int64" and isinstance(frame["f"].dtype, pd.SparseDtype)


def test_a_column_without_a_value_has_the_type_that_the_contract_gives_it() -> None:
    pd, pl, pa = needs("pandas"), needs("polars"), needs("pyarrow")
    rules = {
        "dataset": "d",
        "schema": {"evolution": "exact", "columns": {"id": "int64", "a": "date"}},
        "rules": [{"range": {"column": "a", "min": "2026-01-01"}}, {"missing": {"column": "a", "tolerate": "100%"}}],
    }
    frames = {
        "pandas": pd.DataFrame({"id": [1, 2], "a": pd.Series([None, None], dtype=object)}),
        "polars": pl.DataFrame({"id": [1, 2], "a": [None, None]}),
        "lazy": pl.LazyFrame({"id": [1, 2], "a": [None, None]}),
        "pyarrow": pa.table({"id": [1, 2], "a": pa.nulls(2)}),
    }
    for name, frame in frames.items():
        report = sg.check(frame, rules)
        assert report.verdict == "accept" or report["range-a"].outcome == "no_data", (name, report.to_json())
        assert report["schema"].outcome == "pass", name
        assert report["missing-a"].failing_rows == 2, name
        good, _ = report.split()
        assert good.to_arrow().schema.field("a").type == pa.date32(), name


def test_a_column_without_a_value_is_no_change_of_its_type(tmp_path: Path) -> None:
    rules = {"dataset": "d", "schema": {"evolution": "exact"}, "rules": [], "history": str(tmp_path / "history")}
    today = datetime.date(2026, 1, 2)
    assert sg.check(objects(today, None), rules, now="2026-01-02").verdict == "accept"
    assert sg.check(objects(today, None), rules, now="2026-01-03")["schema"].outcome == "pass"
    assert sg.check(objects(None, None), rules, now="2026-01-04")["schema"].outcome == "pass"


def test_polars_columns_that_no_reader_understands_are_refused() -> None:
    pl = needs("polars")
    assert (
        refused(pl.DataFrame({"a": pl.Series([1], dtype=pl.Int128)}))["what"]
        == "Polars: `a` is Int128, which is not read"
    )
    assert "Python objects" in refused(pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}))["what"]
    nested = pl.DataFrame({"a": [[{"x": 1}]]}, schema={"a": pl.List(pl.Struct({"x": pl.Int128}))})
    assert refused(nested)["what"] == "Polars: `a[].x` is Int128, which is not read"
    assert refused(pl.Series("a", [1]))["hint"] == "give `series.to_frame()`"
    assert refused(needs("pandas").Series([1]))["hint"] == "give `series.to_frame()`"
    enum = pl.DataFrame({"a": pl.Series(["x"], dtype=pl.Enum(["x", "y"])), "b": pl.Series(["x"], dtype=pl.Categorical)})
    assert types_of(enum) == {"a": "string", "b": "string"}


def test_a_polars_frame_in_chunks_is_not_put_together_anew() -> None:
    pl = needs("polars")
    frame = pl.concat([pl.DataFrame({"a": [i, None], "b": [str(i), "x"]}) for i in range(5)], rechunk=False)
    assert frame.n_chunks("all") == [5, 5]
    report = sg.check(frame, {**ANY, "profile": "full"})
    assert (report.rows.read, report["missing-a"].failing_rows) == (10, 5)
    assert frame.n_chunks("all") == [5, 5]
    assert report.to_dict() == {
        **sg.check(frame.rechunk(), {**ANY, "profile": "full"}).to_dict(),
        "began": report.to_dict().get("began"),
    }


def test_a_lazy_frame_is_judged_whole_or_not_at_all(tmp_path: Path) -> None:
    pl = needs("polars")
    rows = 300_000
    numbers = pl.LazyFrame({"a": [str(i) for i in range(rows)]})
    rules = {"dataset": "d", "rules": [{"range": {"column": "a", "min": 1}}]}
    report = sg.check(numbers.select(pl.col("a").cast(pl.Int64)), rules)
    assert (report.rows.read, report["range-a"].failing_rows) == (rows, 1)
    # The last row spoils the query, when nearly all batches have been handed over.
    spoilt = pl.concat([numbers, pl.LazyFrame({"a": ["x"]})]).select(pl.col("a").cast(pl.Int64))
    with pytest.raises(sg.Fault, match="conversion from `str` to `i64` failed"):
        sg.gate(spoilt, rules, publish=tmp_path / "out")
    assert not list(tmp_path.rglob("*.parquet"))


def test_batches_from_a_generator_come_whole_or_are_a_fault(tmp_path: Path) -> None:
    pa = needs("pyarrow")
    batch = pa.record_batch({"a": [1, 2, 3]})
    assert sg.check((batch for _ in range(5)), ANY).rows.read == 15

    def broken() -> Any:
        yield batch
        raise RuntimeError("the connection is lost")

    with pytest.raises(sg.Fault, match="the connection is lost"):
        sg.gate(broken(), ANY, publish=tmp_path / "out")
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_reader_that_was_read_is_never_taken_for_good_data() -> None:
    pa = needs("pyarrow")
    reader = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), [pa.record_batch({"a": [1]})])
    assert sg.check(reader, ANY).verdict == "accept"
    try:
        assert sg.check(reader, ANY).verdict != "accept"
    except sg.Fault:
        pass


def test_parts_of_tables_with_nested_structs_are_read() -> None:
    pa = needs("pyarrow")
    rows = [{"b": {"c": {"d": i}, "e": [i]} if i % 3 else None} if i % 5 else None for i in range(40)]
    table = pa.table({"a": pa.array(rows)})
    rules = {"dataset": "d", "rules": [{"range": {"column": "a.b.c.d", "max": 20}}]}
    expected = sg.check(pa.table({"a": pa.array(rows[11:])}), rules)
    for part in (table.slice(11), table.slice(11).to_batches(max_chunksize=4), table.slice(11).to_reader(3)):
        got = sg.check(part, rules)
        assert got["range-a.b.c.d"].failing_rows == expected["range-a.b.c.d"].failing_rows == 10
        assert sg.check(table.slice(11), rules).columns == expected.columns


def test_a_frame_that_breaks_a_library_is_a_fault() -> None:
    pa = needs("pyarrow")
    column = pa.array([{"b": {"c": {"d": i}}} for i in range(9)])

    class Foreign:
        """A part of a table with nested structs, of a library that nobody knows here."""

        def __arrow_c_array__(self, requested_schema: object | None = None) -> object:
            return pa.record_batch({"a": column.slice(3)}).__arrow_c_array__(requested_schema)

    with pytest.raises(sg.Fault) as raised:
        sg.check(Foreign(), ANY)
    assert raised.value.faults[0]["code"] == "internal"


def test_duckdb_types_that_would_wrap_or_lose_their_zone_are_refused() -> None:
    duckdb = needs("duckdb")
    connection = duckdb.connect()
    assert (
        "wrap around"
        in refused(connection.sql("SELECT 340282366920938463463374607431768211455::UHUGEINT AS a"))["what"]
    )
    assert "lose their zone" in refused(connection.sql("SELECT ['01:02:03+01'::TIMETZ] AS a"))["what"]
    assert types_of(connection.sql("SELECT sum(i) AS a FROM range(3) AS t(i)")) == {"a": "decimal(38,0)"}
    with pytest.raises(sg.Fault):
        sg.check(connection.sql("SELECT 170141183460469231731687303715884105727::HUGEINT AS a"), ANY)
    with pytest.raises(sg.Fault, match="two columns are called `a`"):
        sg.check(connection.sql("SELECT 1 AS a, 2 AS a"), ANY)
    relation = connection.sql("SELECT * FROM range(10)")
    connection.close()
    with pytest.raises(sg.Fault, match="[Cc]losed"):
        sg.check(relation, ANY)


def test_a_frame_that_another_thread_changes_breaks_nothing() -> None:
    pd, np = needs("pandas"), needs("numpy")
    values = np.zeros(400_000)
    frame = pd.DataFrame({"a": values}, copy=False)
    stop = threading.Event()

    def spoil() -> None:
        while not stop.is_set():
            values[:] = np.random.default_rng(1).normal(size=len(values))

    thread = threading.Thread(target=spoil)
    thread.start()
    try:
        rules = {"dataset": "d", "rules": [{"range": {"column": "a", "min": 0}}, {"outliers": {"column": "a"}}]}
        for _ in range(3):
            try:
                assert sg.check(frame, rules).rows.read == len(values)
            except sg.Fault:
                pass
    finally:
        stop.set()
        thread.join()
