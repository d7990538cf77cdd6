"""pandas frames as Arrow tables: what pandas would misread on the way is refused, with the column and what to write."""

from __future__ import annotations

import datetime
import decimal
import importlib
import itertools
import json
import sys
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from ._errors import Fault

Problem = dict[str, Any]
"""What cannot be judged, as `Fault.faults` holds it: `code`, `what`, `place`, `hint`."""


def problem(code: str, what: str, hint: str) -> Problem:
    return {"code": code, "place": None, "what": what, "hint": hint, "span": None}


def unfit(problems: Sequence[Problem]) -> Fault:
    """All that is wrong with a frame, at once."""
    return Fault("\n".join(f"{p['what']}; {p['hint']}" for p in problems), json.dumps(problems))


def table_of(frame: Any) -> Any:
    """The frame as a pyarrow table; columns that pyarrow can take as they are stay where they lie.

    An index with a name is a column, behind the others; one without labels rows and is left out.
    """
    pa: Any = importlib.import_module("pyarrow")
    pandas: Any = sys.modules["pandas"]
    problems = names_unfit(frame)
    if problems:
        raise unfit(problems)
    levels = [i for i, name in enumerate(frame.index.names) if name is not None]
    columns = [(str(frame.columns[i]), frame.iloc[:, i]) for i in range(frame.shape[1])]
    columns += [(str(frame.index.names[i]), frame.index.get_level_values(i).to_series()) for i in levels]
    problems = [p for name, column in columns for p in column_unfit(name, column, pandas)]
    if problems:
        raise unfit(problems)
    sparse = [name for name, dtype in frame.dtypes.items() if isinstance(dtype, pandas.SparseDtype)]
    if sparse:
        frame = frame.copy(deep=False)
        for name in sparse:
            frame[name] = frame[name].sparse.to_dense()
    refused = (pa.ArrowException, OverflowError, TypeError, ValueError)
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        for name, column in columns[frame.shape[1] :]:
            table = table.append_column(name, pa.Array.from_pandas(column))
    except refused:
        # Which column it was, pyarrow does not always say.
        for name, column in columns:
            try:
                pa.Array.from_pandas(column)
            except refused as error:
                problems.append(not_taken(name, error))
        if not problems:
            raise
        raise unfit(problems) from None
    # Whoever reads the table needs no notes on how to make a frame of it.
    return table.replace_schema_metadata(None)


def names_unfit(frame: Any) -> list[Problem]:
    """What is wrong with the names of columns and of the index."""
    if frame.columns.nlevels > 1:
        what = f"pandas: the columns have {frame.columns.nlevels} levels of names"
        return [problem("unsupported", what, 'join them: `df.columns = ["_".join(map(str, c)) for c in df.columns]`')]
    problems: list[Problem] = []
    for i, name in enumerate(frame.columns):
        # NaN is the one value that is not itself.
        if name is None or name != name:
            what, hint = f"pandas: column {i + 1} has no name", "give it one: `df.columns = [...]`"
            problems.append(problem("invalid-layout", what, hint))
    seen: set[str] = set()
    named = [str(name) for name in frame.columns]
    index = [str(name) for name in frame.index.names if name is not None]
    for name in dict.fromkeys(n for n in named if n in seen or seen.add(n)):
        hint = 'every column needs a name of its own; the names `1` and `"1"` are one'
        problems.append(problem("duplicate-column", f"pandas: two columns are called `{name}`", hint))
    for name in dict.fromkeys(n for n in index if n in seen or seen.add(n)):
        what = f"pandas: the index and a column are both called `{name}`"
        problems.append(
            problem(
                "duplicate-column", what, "an index with a name is a column: `df.reset_index(drop=True)` removes it"
            )
        )
    return problems


def column_unfit(name: str, column: Any, pandas: Any) -> list[Problem]:
    """What of the column pandas or pyarrow would refuse without a row, or misread."""
    dtype = column.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        return column_unfit(name, dtype.categories.to_series(), pandas)
    if isinstance(dtype, pandas.PeriodDtype):
        return [unsupported(name, "periods", "their first moments: `.dt.to_timestamp()`")]
    if isinstance(dtype, pandas.IntervalDtype):
        return [unsupported(name, "intervals", 'their text: `.astype("string")`')]
    if getattr(dtype, "kind", "") == "c":
        return [unsupported(name, "complex numbers", "two columns, `.real` and `.imag`")]
    return mixed(name, column) if str(dtype) == "object" else []


def unsupported(name: str, kind: str, instead: str) -> Problem:
    return problem("unsupported-type", f"pandas: `{name}` holds {kind}, which are not read", f"write {instead}")


def not_taken(name: str, error: BaseException) -> Problem:
    """pyarrow's own refusal of a column, without the value that it may quote."""
    if isinstance(error, OverflowError):
        what, hint = "a whole number of more than 64 bits", "decimals hold it: `.map(decimal.Decimal)`"
    elif isinstance(error, UnicodeError):
        what, hint = (
            "text that is not valid Unicode",
            'text from files is read with `errors="replace"`, or with its real encoding',
        )
    elif "exactly representable" in str(error):
        what, hint = (
            "fractions beside whole numbers that no float holds exactly",
            "decimals hold both: `.map(decimal.Decimal)`",
        )
    else:
        what, hint = f"values that Arrow cannot hold ({type(error).__name__})", "give it one type, or leave it out"
    return problem("unsupported-type", f"pandas: `{name}` holds {what}", hint)


KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("text", (str,)),
    ("bytes", (bytes, bytearray, memoryview)),
    ("bool", (bool,)),
    ("integer", (int,)),
    ("float", (float,)),
    ("decimal", (decimal.Decimal,)),
    ("timestamp", (datetime.datetime,)),
    ("date", (datetime.date,)),
    ("time", (datetime.time,)),
    ("duration", (datetime.timedelta,)),
    ("list", (list, tuple)),
    ("dict", (dict,)),
    ("UUID", (uuid.UUID,)),
)
"""The first that fits is a value's kind: a bool is an int too, and a datetime a date."""

NUMPY_KINDS = {
    "b": "bool",
    "i": "integer",
    "u": "integer",
    "f": "float",
    "M": "timestamp",
    "m": "duration",
    "U": "text",
    "S": "bytes",
}

TOGETHER = ({"integer", "float"}, {"integer", "decimal"})
"""Kinds that are one column all the same: pyarrow refuses what would not be exact."""


def kind_of(value_type: type) -> str:
    """What a column of such values is; the type's own name if none knows it."""
    numpy: Any = sys.modules.get("numpy")
    if numpy and issubclass(value_type, numpy.ndarray):
        return "list"
    if numpy and issubclass(value_type, numpy.generic):
        return NUMPY_KINDS.get(numpy.dtype(value_type).kind, value_type.__name__)
    return next((kind for kind, types in KINDS if issubclass(value_type, types)), value_type.__name__)


def mixed(name: str, column: Any) -> list[Problem]:
    """What is wrong with the values of an object column: those that are not missing must be of one kind."""
    here = column.notna().to_numpy()
    values = column.to_numpy()[here]
    kinds = {value_type: kind_of(value_type) for value_type in set(map(type, values))}
    known = {kind for kind, _ in KINDS}
    for value_type, kind in kinds.items():
        if kind not in known:
            return [unsupported(name, f"values of type {value_type.__name__}", 'their text: `.astype("string")`')]
    found = set(kinds.values())
    if len(found) > 1 and found not in TOGETHER:
        return [of_kinds(name, here, (kinds[type(value)] for value in values))]
    if found == {"timestamp"}:
        zones = [getattr(value, "tzinfo", None) is not None for value in values]
        if len(set(zones)) > 1:
            return [of_kinds(name, here, (f"timestamp {'with' if zone else 'without'} a zone" for zone in zones))]
    return nested(name, values, found)


def of_kinds(name: str, here: Any, kinds: Iterable[str]) -> Problem:
    """A column of several kinds, with the first row of each; values and labels stay private."""
    first: dict[str, int] = {}
    for row, kind in zip(here.nonzero()[0], kinds, strict=True):
        first.setdefault(kind, int(row))
    listed = ", ".join(f"{kind} (first in row {row})" for kind, row in first.items())
    hint = 'give it one type: `.astype("string")`, `pd.to_numeric(..., errors="coerce")` or `pd.to_datetime(...)`; rows count from 0'
    return problem("unsupported-type", f"pandas: `{name}` holds values of several kinds: {listed}", hint)


def nested(name: str, values: Iterable[Any], found: set[str]) -> list[Problem]:
    """The same for what lists and dicts hold."""
    pandas: Any = sys.modules["pandas"]
    if found == {"list"}:
        elements = list(itertools.chain.from_iterable(values))
        return mixed(f"{name}[]", pandas.Series(elements, dtype=object))
    if found == {"dict"}:
        fields: dict[str, list[Any]] = {}
        for value in values:
            for key, field in value.items():
                fields.setdefault(str(key), []).append(field)
        return [p for key, field in fields.items() for p in mixed(f"{name}.{key}", pandas.Series(field, dtype=object))]
    return []
