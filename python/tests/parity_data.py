"""Fifty small tables of all types that Arrow has, each with rules: what `test_parity.py` gives to every library.

Everything follows from the name of the table: the same rows on every machine, in every run.
"""

from __future__ import annotations

import datetime
import decimal
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

WORDS = [
    "",
    "a",
    "open",
    "paid",
    "Köln",
    "😀 two",
    "tab\tnew\nline",
    "'quoted\"",
    " blank ",
    "null",
    "NaN",
    "0",
    "é" * 20,
]
WORDS += ["ÿ\u0301", "\u200b"]
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]
UNITS = ["s", "ms", "us", "ns"]
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
EPOCH_2020 = 1_577_836_800


@dataclass
class Dataset:
    name: str
    table: pa.Table
    rules: dict[str, Any]


def value_of(kind: pa.DataType, rng: random.Random) -> Any:
    """A value of this type that is not null; now and then one at its edge."""
    if pa.types.is_integer(kind):
        low = 0 if pa.types.is_unsigned_integer(kind) else -(2 ** (kind.bit_width - 1))
        high = low + 2**kind.bit_width - 1
        return rng.choice([low, high]) if rng.random() < 0.05 else rng.randint(max(low, -20), 60)
    if pa.types.is_floating(kind):
        edge = [float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 6e-8]
        return rng.choice(edge) if rng.random() < 0.15 else rng.randint(-2000, 2000) / 16
    if pa.types.is_decimal(kind):
        return decimal.Decimal(
            rng.randint(-(10 ** min(kind.precision, 9)) + 1, 10 ** min(kind.precision, 9) - 1)
        ).scaleb(-kind.scale)
    if pa.types.is_boolean(kind):
        return rng.random() < 0.7
    if pa.types.is_date(kind):
        return datetime.date(2020, 1, 1) + datetime.timedelta(days=rng.randint(-700, 700))
    if pa.types.is_timestamp(kind):
        return rng.randint(EPOCH_2020 - 10**7, EPOCH_2020 + 10**7) * PER_SECOND[kind.unit] + rng.randint(
            0, PER_SECOND[kind.unit] - 1
        )
    if pa.types.is_time(kind):
        # Python's time has no nanoseconds: whole microseconds.
        micros = rng.randint(0, 86_399) * 10**6 + rng.randint(0, 10**6 - 1)
        return micros * 1000 if kind.unit == "ns" else micros * PER_SECOND[kind.unit] // 10**6
    if pa.types.is_duration(kind):
        return rng.randint(-(10**5), 10**5) * PER_SECOND[kind.unit]
    if pa.types.is_fixed_size_binary(kind):
        return rng.randbytes(kind.byte_width)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or kind == pa.binary_view():
        return rng.randbytes(rng.randint(0, 6))
    if pa.types.is_map(kind):
        return [(str(i), rng.randint(0, 9)) for i in range(rng.randint(0, 3))]
    if pa.types.is_struct(kind):
        return {field.name: maybe(field.type, rng, 0.2) for field in kind}
    if pa.types.is_fixed_size_list(kind):
        return [value_of(kind.value_type, rng) for _ in range(kind.list_size)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [value_of(kind.value_type, rng) for _ in range(rng.randint(0, 5))]
    return rng.choice(WORDS)


def maybe(kind: pa.DataType, rng: random.Random, nulls: float) -> Any:
    return None if pa.types.is_null(kind) or rng.random() < nulls else value_of(kind, rng)


def column(kind: pa.DataType, rng: random.Random, rows: int, nulls: float) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return column(kind.value_type, rng, rows, nulls).dictionary_encode().cast(kind)
    return pa.array([maybe(kind, rng, nulls) for _ in range(rows)], type=kind)


def rules_of(name: str, kind: pa.DataType) -> list[dict[str, Any]]:
    """Rules that some rows of such a column fail."""
    if pa.types.is_dictionary(kind):
        return rules_of(name, kind.value_type)
    rules: list[dict[str, Any]] = [{"missing": {"column": name, "tolerate": "15%"}}]
    if kind == pa.decimal256(50, 3):
        return rules  # wider than what is compared
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        rules += [{"range": {"column": name, "min": 0, "max": 55}}, {"values": {"column": name, "not_in": [7]}}]
        rules += [{"outliers": {"column": name, "k": 1.5}}, {"order": {"column": name, "on_fail": "warn"}}]
        rules += [{"duplicates": {"key": [name], "on_fail": "warn"}}]
    elif pa.types.is_boolean(kind):
        rules += [{"values": {"column": name, "in": [True], "tolerate": "50%"}}]
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        rules += [
            {"length": {"column": name, "max": 8}},
            {"pattern": {"column": name, "regex": "^[a-zA-Z0-9]*$", "tolerate": "60%"}},
        ]
        rules += [{"values": {"column": name, "not_in": ["null", "😀 two"]}}, {"stuck": {"column": name, "max_run": 1}}]
    elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        rules += [{"range": {"column": name, "min": "2019-06-01"}}, {"freshness": {"column": name, "max_age": "300d"}}]
        rules += [{"order": {"column": name, "on_fail": "warn"}}]
    elif pa.types.is_time(kind):
        rules += [{"order": {"column": name, "on_fail": "warn"}}]
    elif not pa.types.is_nested(kind) and not pa.types.is_null(kind) and not pa.types.is_duration(kind):
        rules += [{"length": {"column": name, "max": 4}}, {"duplicates": {"key": [name], "on_fail": "warn"}}]
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        rules += [{"length": {"column": name, "max": 3}}]
    elif pa.types.is_struct(kind):
        rules += [{"missing": {"column": f"{name}.{kind.field(0).name}", "tolerate": "5%"}}]
    return rules


def dataset(name: str, kinds: list[pa.DataType], rows: int = 60, nulls: float = 0.1) -> Dataset:
    rng = random.Random(name)
    # The first column names rows, the second makes groups.
    table = pa.table({"id": pa.array([i - (rng.random() < 0.05) for i in range(rows)], type=pa.int64())})
    rules: list[dict[str, Any]] = [{"duplicates": {"key": ["id"]}}, {"rows": {"min": 1}}]
    for i, kind in enumerate(kinds):
        table = table.append_column(pa.field(f"c{i}", kind), column(kind, rng, rows, nulls))
        rules += rules_of(f"c{i}", kind)
    return Dataset(name, table, {"dataset": name, "rules": rules, "profile": "full", "gate": {"reject_above": "90%"}})


def mixture(i: int) -> Dataset:
    rng = random.Random(f"mixture {i}")
    pool = [
        *INTEGERS,
        *FLOATS,
        pa.bool_(),
        pa.date32(),
        pa.string(),
        pa.large_string(),
        pa.binary(),
        pa.decimal128(12, 3),
    ]
    pool += [
        pa.timestamp("us"),
        pa.timestamp("ms", "UTC"),
        pa.dictionary(pa.int8(), pa.string()),
        pa.list_(pa.int64()),
        pa.time64("us"),
    ]
    kinds = rng.sample(pool, 6)
    return dataset(f"mixture {i}", kinds, rng.choice([3, 17, 200, 1500]), rng.choice([0, 0.02, 0.3, 0.8]))


STRUCT = pa.struct([("city", pa.string()), ("zip", pa.int64())])
VARIED: dict[str, Callable[[str], Dataset]] = {
    "integers without nulls": lambda n: dataset(n, INTEGERS, nulls=0),
    "integers with nulls": lambda n: dataset(n, INTEGERS),
    "integers all null": lambda n: dataset(n, INTEGERS, nulls=1),
    "floats with NaN, infinities and -0": lambda n: dataset(n, FLOATS),
    "floats without nulls": lambda n: dataset(n, FLOATS, nulls=0),
    "floats all null": lambda n: dataset(n, FLOATS, nulls=1),
    "bools": lambda n: dataset(n, [pa.bool_(), pa.bool_()]),
    "bools without nulls": lambda n: dataset(n, [pa.bool_()], nulls=0),
    "days": lambda n: dataset(n, [pa.date32(), pa.date64()]),
    "timestamps without a zone": lambda n: dataset(n, [pa.timestamp(u) for u in UNITS]),
    "timestamps in UTC": lambda n: dataset(n, [pa.timestamp(u, "UTC") for u in UNITS]),
    "timestamps in Berlin": lambda n: dataset(n, [pa.timestamp(u, "Europe/Berlin") for u in UNITS]),
    "timestamps with an offset": lambda n: dataset(n, [pa.timestamp("us", "+02:00")]),
    "timestamps all null": lambda n: dataset(n, [pa.timestamp("us"), pa.timestamp("ns", "UTC")], nulls=1),
    "times": lambda n: dataset(n, [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")]),
    "durations": lambda n: dataset(n, [pa.duration(u) for u in UNITS]),
    "decimals": lambda n: dataset(
        n, [pa.decimal128(10, 2), pa.decimal128(38, 10), pa.decimal128(5, 0), pa.decimal128(9, 9)]
    ),
    "narrow decimals": lambda n: dataset(n, [pa.decimal32(7, 2), pa.decimal64(15, 4)]),
    "wide decimals": lambda n: dataset(n, [pa.decimal256(50, 3)]),
    "decimals all null": lambda n: dataset(n, [pa.decimal128(10, 2)], nulls=1),
    "strings": lambda n: dataset(n, [pa.string(), pa.large_string(), pa.string_view()]),
    "strings without nulls": lambda n: dataset(n, [pa.string()], rows=400, nulls=0),
    "strings all null": lambda n: dataset(n, [pa.string(), pa.large_string()], nulls=1),
    "categories": lambda n: dataset(
        n, [pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string())]
    ),
    "categories that are numbers": lambda n: dataset(n, [pa.dictionary(pa.int16(), pa.int64())]),
    "binary": lambda n: dataset(n, [pa.binary(), pa.large_binary(), pa.binary(4)]),
    "lists of numbers": lambda n: dataset(
        n, [pa.list_(pa.int64()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 3)]
    ),
    "lists of texts": lambda n: dataset(n, [pa.list_(pa.string()), pa.large_list(pa.large_string())]),
    "structs": lambda n: dataset(n, [STRUCT, pa.struct([("a", STRUCT), ("b", pa.float64())])]),
    "lists of structs": lambda n: dataset(n, [pa.list_(STRUCT)]),
    "maps": lambda n: dataset(n, [pa.map_(pa.string(), pa.int64())]),
    "nothing": lambda n: dataset(n, [pa.null()]),
    "no rows of numbers": lambda n: dataset(n, [*INTEGERS, *FLOATS, pa.bool_()], rows=0),
    "no rows of other types": lambda n: dataset(
        n, [pa.string(), pa.date32(), pa.timestamp("us"), pa.timestamp("ms", "UTC")], rows=0
    ),
    "one row": lambda n: dataset(n, [pa.int64(), pa.float64(), pa.string(), pa.date32(), pa.bool_()], rows=1, nulls=0),
    "one row of nulls": lambda n: dataset(n, [pa.int64(), pa.float64(), pa.string(), pa.bool_()], rows=1, nulls=1),
    "many columns": lambda n: dataset(n, [*INTEGERS, pa.string(), pa.float64()] * 12, rows=20),
    "many rows": lambda n: dataset(n, [pa.int32(), pa.float64(), pa.string()], rows=9_000, nulls=0.01),
    "names that need quotes": lambda n: renamed(
        dataset(n, [pa.int64(), pa.string(), pa.float64()]), ["id", "c 0", "ÄÖ.ü", "C1"]
    ),
    "several types with nulls": lambda n: dataset(
        n, [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32()], rows=300, nulls=0.4
    ),
}


def renamed(data: Dataset, names: list[str]) -> Dataset:
    """Columns under names with blanks, dots and capitals; the rules about single columns are left out."""
    table = data.table.rename_columns(names)
    return Dataset(
        data.name, table, data.rules | {"rules": [{"duplicates": {"key": [names[0]]}}, {"missing": {"columns": "*"}}]}
    )


def datasets() -> list[Dataset]:
    made = [make(name) for name, make in VARIED.items()]
    return made + [mixture(i) for i in range(50 - len(made))]
