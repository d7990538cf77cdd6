"""The same rows get the same report, whatever library holds them: as from a Parquet file.

What a library does to types on the way is written down here, column by column (`BENT`): the report must be that of a file of
the types so changed, byte for byte but for what `comparable` names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import needs

import sluicegate as sg

duckdb, pd, pl, pa = needs("duckdb"), needs("pandas"), needs("polars"), needs("pyarrow")
needs("pyarrow.dataset"), needs("pyarrow.parquet")
from parity_data import Dataset, datasets  # noqa: E402

NOW = "2021-03-04T05:06:07Z"
DATASETS = datasets()


def comparable(report: sg.Report) -> dict[str, Any]:
    """The whole report but for what says where the rows came from."""
    told = json.loads(report.to_json())
    # The batch's id is a digest of a file's bytes or of a frame's rows; a frame has no format and no files.
    for word in ("id", "format", "files"):
        told["batch"].pop(word, None)
    for finding in told["findings"]:
        # A file's own statistics may prove that no row fails; of a frame every row is read.
        finding.pop("evidence")
        finding.pop("known_rows")
        for sample in finding["samples"]:
            for word in ("origin", "same_key_as"):
                if sample.get(word):
                    sample[word] = row_of(sample[word])
    return told


def row_of(origin: dict[str, Any]) -> int:
    """Rows of files count from 1, those of frames from 0."""
    return origin["index"] + 1 if "index" in origin else origin["row"]


def outcome(data: Any, rules: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "report", comparable(sg.check(data, rules, now=NOW, as_of=NOW))
    except sg.Fault as fault:
        return "fault", sorted(f["code"] for f in fault.faults)


# What each library makes of Arrow types that it does not have itself. A type that is not named stays.


def bent_in_polars(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_date64(kind):
        return pa.timestamp("ms")
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ms" if kind.unit == "s" else kind.unit, {"+02:00": "Etc/GMT-2"}.get(kind.tz, kind.tz))
    if pa.types.is_time(kind):
        return pa.time64("ns")
    if pa.types.is_duration(kind) and kind.unit == "s":
        return pa.duration("ms")
    return kind


def bent_in_duckdb(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_date64(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", "UTC")
    if pa.types.is_time32(kind):
        return pa.time64("us")
    return pa.int32() if pa.types.is_null(kind) else kind


def bent_in_pandas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """pandas' own types: a number with gaps is a float whose gaps are NaN; what numpy has no type for are Python objects."""
    kind = column.type
    if pa.types.is_integer(kind):
        return column.cast(pa.float64(), safe=False) if column.null_count else column
    if pa.types.is_floating(kind):
        return pa.chunked_array([pa.array(column.to_pylist(), kind, from_pandas=True)])
    if pa.types.is_boolean(kind) and column.null_count < max(len(column), 1):
        return column
    plain = pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
    if plain or pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_dictionary(kind):
        return column
    # Objects: the type is what the values that are there look like, and nothing where there are none.
    return pa.chunked_array([pa.array(column.to_pandas().to_numpy(), from_pandas=True)])


def each(bend: Callable[[pa.DataType], pa.DataType]) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    return lambda column: column.cast(bend(column.type), safe=False) if bend(column.type) != column.type else column


def stays(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column


def duckdb_relation(table: pa.Table) -> Any:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.from_arrow(table)


def reader(table: pa.Table) -> pa.RecordBatchReader:
    """Batches of seven rows, with an empty one among them."""
    batches = table.to_batches(max_chunksize=7)
    batches.insert(
        min(1, len(batches)), table.slice(0, 0).to_batches()[0] if table.slice(0, 0).to_batches() else empty(table)
    )
    return pa.RecordBatchReader.from_batches(table.schema, batches)


def empty(table: pa.Table) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)


PRODUCERS: dict[str, tuple[Callable[[pa.Table], Any], Callable[[pa.ChunkedArray], pa.ChunkedArray]]] = {
    "pyarrow table": (lambda t: t, stays),
    "pyarrow reader": (reader, stays),
    "pyarrow dataset": (lambda t: pa.dataset.dataset(t), stays),
    "pyarrow batches": (lambda t: t.to_batches(max_chunksize=11) or [empty(t)], stays),
    "pandas, pyarrow types": (lambda t: t.to_pandas(types_mapper=pd.ArrowDtype), stays),
    "pandas": (lambda t: t.to_pandas(), bent_in_pandas),
    "polars": (lambda t: pl.from_arrow(t), each(bent_in_polars)),
    "polars lazy": (lambda t: pl.from_arrow(t).lazy(), each(bent_in_polars)),
    "duckdb": (duckdb_relation, each(bent_in_duckdb)),
}

UNMADE = {
    ("polars", "wide decimals"): "has no decimals of more than 38 digits",
    ("polars lazy", "wide decimals"): "has no decimals of more than 38 digits",
    ("duckdb", "wide decimals"): "has no decimals of more than 38 digits",
    **{("duckdb", d.name): "has no float16" for d in DATASETS if pa.float16() in d.table.schema.types},
}
"""Frames that the library itself cannot make of the rows."""

REFUSED = {
    ("pandas", "maps"): ["unsupported-type"],  # lists of pairs of a text and a number
    ("duckdb", "durations"): ["unsupported-type"],  # intervals
}
"""Frames that cannot be judged though the file can."""

UNJUDGED = {
    ("pandas", "decimals all null"),
    ("pandas", "no rows of other types"),
    ("pandas", "one row of nulls"),
    ("pandas", "mixture 1"),
    ("pandas", "mixture 8"),
}
"""pandas columns of objects of which none is there: without a contract they have no type, and some rules want one."""


def only_in_arrow(kind: pa.DataType) -> bool:
    """Types that a Parquet file gives back as others: their reference is an Arrow file."""
    seconds = (pa.types.is_timestamp(kind) or pa.types.is_time32(kind)) and kind.unit == "s"
    return seconds or pa.types.is_date64(kind)


def file_of(table: pa.Table, directory: Path) -> str:
    if any(only_in_arrow(kind) for kind in table.schema.types):
        path = directory / "rows.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        path = directory / "rows.parquet"
        pa.parquet.write_table(table, path)
    return str(path)


REFERENCES: dict[str, tuple[str, Any]] = {}


def of_file(data: Dataset, table: pa.Table, directory: Path) -> tuple[str, Any]:
    """What comes of a file of these rows."""
    # NaN is not equal to itself, and says which table this is all the same.
    key = f"{data.name} {table.schema} {table.to_pylist()}"
    if key not in REFERENCES:
        REFERENCES[key] = outcome(file_of(table, directory), data.rules)
    return REFERENCES[key]


@pytest.mark.parametrize("producer", PRODUCERS)
@pytest.mark.parametrize("data", DATASETS, ids=lambda data: data.name)
def test_a_frame_gets_the_report_of_the_file(data: Dataset, producer: str, tmp_path: Path) -> None:
    make, bend = PRODUCERS[producer]
    if (producer, data.name) in UNMADE:
        with pytest.raises(BaseException, match=r"Int256|Unsupported Internal Arrow Type"):
            make(data.table)
        return
    got = outcome(make(data.table), data.rules)
    if (producer, data.name) in REFUSED:
        assert got == ("fault", REFUSED[producer, data.name])
        return
    table = pa.table({name: bend(data.table[name]) for name in data.table.column_names})
    assert got == of_file(data, table, tmp_path)
    # What the library did to types changed no verdict and no count.
    kind, plain = of_file(data, data.table, tmp_path)
    assert kind == "report", plain
    if (producer, data.name) not in UNJUDGED:
        assert counts(got[1]) == counts(plain)


def counts(report: dict[str, Any]) -> dict[str, Any]:
    failing = {f["id"]: (f["outcome"], f["failing_rows"]) for f in report["findings"]}
    return {"verdict": report["verdict"], "rows": report["rows"], "findings": failing}


def test_the_data_sets_are_many_and_of_all_types() -> None:
    assert len(DATASETS) == 50
    kinds = {str(kind).split("[")[0].split("<")[0].split("(")[0] for d in DATASETS for kind in d.table.schema.types}
    assert len(kinds) >= 30, sorted(kinds)
