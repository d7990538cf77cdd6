"""Text is text, whichever of Arrow's types a library keeps it in, also where SQL reads it from a Parquet file."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import needs

import sluicegate as sg

RULES = {
    "dataset": "d",
    "transform": {"upper_s": "upper(s)"},
    "rules": [
        {"range": {"column": "n", "min": 30, "where": "s = 'a'"}},
        {"expression": {"id": "a-or-b", "sql": "s in ('a', 'b')"}},
        {"values": {"column": "upper_s", "in": ["A", "B", "C"]}},
    ],
    "gate": {"reject_above": "100%"},
}


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
def test_sql_reads_text_of_every_type_from_parquet_and_from_memory(kind: str, tmp_path: Path) -> None:
    pa, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    texts = ["a", "b", "c", None] * 30
    table = pa.table({"s": pa.array(texts, getattr(pa, kind)()), "n": list(range(120))})
    parquet.write_table(table, tmp_path / "t.parquet")
    for data in (table, tmp_path / "t.parquet"):
        report = sg.check(data, RULES)
        # `a` stands in rows 0, 4, 8, …: eight of them lie before row 30. `c` stands in 30 rows.
        assert report["range-n"].failing_rows == 8
        assert report["a-or-b"].failing_rows == 30
        assert report["values-upper_s"].failing_rows == 0
        assert report.rows.malformed == 0
