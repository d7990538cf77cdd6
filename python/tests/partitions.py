"""Rows of many kinds, rules of every kind, and what must be the same however rows are cut into partitions."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import sluicegate as sg

NOW = "2026-05-29T00:00:00Z"
ROWS = 2000


def all_rules(place: Path) -> str:
    """The rules of the Rust tests about folds: every rule there is, plain and by group, but those that want all rows together."""
    source = (Path(__file__).parents[2] / "tests" / "it" / "apart.rs").read_text()
    found = re.search(r'const RULES_TEXT: &str = "(.*?)";\n', source, re.S)
    assert found is not None
    text = found.group(1).replace('\\"', '"')
    beside = place / "d.csv"
    beside.write_text(
        "id,city,size,score,note,day\n"
        "1,Ulm,3,0.5,plain,2026-05-01\n2,Bern,4,1.5,Ulm,2026-05-02\n3,Ulm,5,0.25,UPPER,2026-06-01\n"
    )
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(("  - diff:", "  - query:")))
    return re.sub(r"\b(against|across|source|other): d\.(?:csv|ndjson)\b", lambda word: f"{word[1]}: {beside}", text)


def frame() -> Any:
    """The rows, as pyarrow has them."""
    import datetime

    import pyarrow as pa

    draw = random.Random(7)
    cities = ["Ulm", "Ulm", "Ulm", "Köln", "Köln", "Köln", "Köln", "Bern", None, "nowhere"]
    notes = ["plain", "with, comma", "a long note", "", "UPPER"]
    return pa.table(
        {
            "id": pa.array([i // 2 if draw.random() < 0.025 else i for i in range(ROWS)], pa.int64()),
            "city": pa.array([draw.choice(cities) for _ in range(ROWS)], pa.string()),
            "size": pa.array([draw.randrange(9) for _ in range(ROWS)], pa.int64()),
            "score": pa.array(
                [None if draw.random() < 0.14 else round(draw.gauss(0.5, 1.2), 3) for _ in range(ROWS)], pa.float64()
            ),
            "note": pa.array([draw.choice(notes) for _ in range(ROWS)], pa.string()),
            "day": pa.array([datetime.date(2026, 5, 1 + i % 28) for i in range(ROWS)], pa.date32()),
        }
    )


def figures(report: sg.Report) -> dict[str, Any]:
    """Verdict, counts and figures: all but which rows are shown, and what they are called."""
    fields = report.to_dict()
    told: dict[str, Any] = {"verdict": fields["verdict"], "rows": fields["rows"], "reasons": fields["reasons"]}
    for finding in fields["findings"]:
        told[finding["id"]] = {name: value for name, value in finding.items() if name not in ("samples", "why")}
    for column in fields["columns"]:
        # An example is a row with its place.
        told[f"column {column['name']}"] = {name: value for name, value in column.items() if name != "formats"}
    return told


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[Any]:
    """What differs, by name."""
    return [(name, one.get(name), other.get(name)) for name in {**one, **other} if one.get(name) != other.get(name)]
