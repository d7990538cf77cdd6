"""Frames of every kind as Arrow streams."""

from __future__ import annotations

import importlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from ._errors import Fault
from ._producers import stream_of


@runtime_checkable
class ArrowStream(Protocol):
    """Anything that gives its rows as an Arrow stream: pandas, Polars, pyarrow, DuckDB, …"""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@runtime_checkable
class ArrowArray(Protocol):
    """A single Arrow record batch."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object: ...


PathLike = str | os.PathLike[str]
Frame = ArrowStream | ArrowArray
#: What can be judged: paths (globs, directories, URLs), or frames.
Data = PathLike | Frame | Sequence[PathLike] | Iterable[Frame]


#: A frame of more chunks is copied: to hand over so many small ones costs more.
_PIECES_MAX = 10_000


@dataclass(frozen=True)
class Opened:
    """Data as the engine takes it: either paths, or frames."""

    paths: list[str]
    frames: list[Any] | None
    #: Whether the frame is made while it is read, so that its rows come once.
    is_stream: bool


#: Classes whose rows are in memory, by module and name: handing them over copies nothing, so nothing need be spooled.
HELD = {
    ("pyarrow", "Table"),
    ("pyarrow", "RecordBatch"),
    ("polars", "DataFrame"),
    ("sluicegate", "Table"),
}

#: Packages whose frames are judged where their partitions lie, and our module for each.
_ELSEWHERE = {"dask": "dask", "pyspark": "spark", "ray": "ray"}


def opened(data: Data) -> Opened:
    """Data as the engine takes it.

    Raises:
        Fault: it is nothing that can be read.
    """
    if isinstance(data, (str, os.PathLike)):
        return Opened([os.fspath(data)], None, False)
    if (package := kind_of(data)[0]) in _ELSEWHERE:
        raise Fault(
            f"its rows are in partitions elsewhere; write `sluicegate.{_ELSEWHERE[package]}.check(data, rules)`"
        )
    frame = _arrow(data)
    if frame is not None:
        return Opened([], _pieces(frame), not _is_held(frame))
    if isinstance(data, (Sequence, Set, Iterator)):
        return _several(cast("Iterable[Any]", data))
    raise _unreadable(cast("object", data))


def _pieces(frame: Any) -> list[Any]:
    """The frame as it lies: Polars would copy a frame of several chunks into one before it hands that over, and hands over each
    chunk as it is."""
    if kind_of(frame) != ("polars", "DataFrame") or frame.width == 0:
        return [frame]
    ends = {end for column in frame.get_columns() for end in itertools.accumulate(column.chunk_lengths())}
    if not 1 < len(ends) <= _PIECES_MAX:
        return [frame]
    starts = [0, *sorted(ends)[:-1]]
    return [frame.slice(start, end - start) for start, end in zip(starts, sorted(ends), strict=True) if end > start]


def _several(data: Iterable[Any]) -> Opened:
    if isinstance(data, Iterator):
        return Opened([], [_batches(data)], True)
    parts = list(data)
    if parts and all(isinstance(part, (str, os.PathLike)) for part in parts):
        return Opened([os.fspath(part) for part in parts], None, False)
    frames = [_arrow(part) for part in parts]
    if frames and all(frame is not None for frame in frames):
        return Opened([], [piece for frame in frames for piece in _pieces(frame)], False)
    raise _unreadable(data)


def _batches(data: Iterator[Any]) -> Any:
    """Batches that are made one after the other, as a stream: pyarrow makes one of them."""
    try:
        pa: Any = importlib.import_module("pyarrow")
    except ImportError as error:
        raise TypeError("an iterator of record batches needs pyarrow; hand over a list of frames instead") from error

    def each() -> Iterator[Any]:
        for number, part in enumerate(data, 1):
            frame = part if hasattr(part, "__arrow_c_array__") else _arrow(part)
            if frame is None:
                raise Fault(
                    f"item {number} of the iterator is no frame: {type(part).__module__}.{type(part).__qualname__}"
                )
            table = pa.table(frame)
            if schemas and not table.schema.equals(schemas[0]):
                here = ", ".join(f"`{field.name}` {field.type}" for field in table.schema)
                raise Fault(f"item {number} of the iterator has other columns than the first: {here}")
            if not schemas:
                schemas.append(table.schema)
            yield from table.to_batches()

    schemas: list[Any] = []
    batches = each()
    first = next(batches, None)
    if not schemas:
        raise Fault("the iterator gives no batch, so nobody knows the columns")
    held = [] if first is None else [first]
    return pa.RecordBatchReader.from_batches(schemas[0], itertools.chain(held, batches))


def _arrow(data: object) -> Any:
    """The object that gives the data's rows to Arrow; None if there is none."""
    frame = stream_of(data)
    if _is_held(frame) or hasattr(frame, "__arrow_c_array__"):
        return frame
    return _Asked(frame) if hasattr(frame, "__arrow_c_stream__") else None


class _Asked:
    """A stream whose library may refuse it: a connection was closed, a query fails."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        try:
            return self.frame.__arrow_c_stream__(requested_schema)
        except Exception as error:
            what = f"cannot read the batches: {error}"
            fault = {"code": "unreadable", "place": None, "what": what, "hint": None, "span": None}
            raise Fault(what, json.dumps([fault])) from error


def _is_held(data: object) -> bool:
    return kind_of(data) in HELD


def kind_of(data: object) -> tuple[str, str]:
    """The package and the name of an object's class. DuckDB's own module is named otherwise from version to version."""
    return type(data).__module__.split(".")[0], type(data).__name__


def _unreadable(data: object) -> Fault:
    kind = f"{type(data).__module__}.{type(data).__qualname__}"
    return Fault(
        f"{kind}: this cannot be judged; hand over a path, a list of paths, or a frame with `__arrow_c_stream__`: "
        "pandas, Polars, pyarrow, DuckDB"
    )
