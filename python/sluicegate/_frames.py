"""Frames of every kind as Arrow streams."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from ._errors import Fault


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


@dataclass(frozen=True)
class Opened:
    """Data as the engine takes it: either paths, or frames."""

    paths: list[str]
    frames: list[Any] | None
    #: Whether the frame is made while it is read, so that its rows come once.
    is_stream: bool


#: Classes whose rows are in memory, by module and name: handing them over copies nothing, so nothing need be spooled.
_HELD = {
    ("pyarrow", "Table"),
    ("pyarrow", "RecordBatch"),
    ("polars", "DataFrame"),
    ("pandas", "DataFrame"),
    ("sluicegate", "Table"),
}


def opened(data: Data) -> Opened:
    """Data as the engine takes it.

    Raises:
        Fault: it is nothing that can be read.
    """
    if isinstance(data, (str, os.PathLike)):
        return Opened([os.fspath(data)], None, False)
    if _is_frame(data):
        return Opened([], [_arrow(data)], not _is_held(data))
    if isinstance(data, Iterable):
        return _several(cast("Iterable[Any]", data))
    raise _unreadable(data)


def _several(data: Iterable[Any]) -> Opened:
    if isinstance(data, Iterator):
        return Opened([], [_batches(data)], True)
    parts = list(data)
    if parts and all(isinstance(part, (str, os.PathLike)) for part in parts):
        return Opened([os.fspath(part) for part in parts], None, False)
    if parts and all(_is_frame(part) for part in parts):
        return Opened([], [_arrow(part) for part in parts], False)
    raise _unreadable(data)


def _batches(data: Iterator[Any]) -> Any:
    """Batches that are made one after the other, as a stream: pyarrow makes one of them."""
    try:
        import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise TypeError("an iterator of record batches needs pyarrow; hand over a list of frames instead") from error
    first = next(data, None)
    if first is None:
        raise Fault("the iterator gives no batch, so nobody knows the columns")
    first = pa.record_batch(first)  # pyright: ignore

    def all_of_them() -> Iterator[Any]:
        yield first
        for batch in data:
            yield pa.record_batch(batch)  # pyright: ignore

    return pa.RecordBatchReader.from_batches(first.schema, all_of_them())  # pyright: ignore


def _is_frame(data: object) -> bool:
    is_lazy = _kind(data) == ("polars", "LazyFrame")
    return (
        is_lazy
        or hasattr(data, "__arrow_c_stream__")
        or hasattr(data, "__arrow_c_array__")
        or _to_reader(data) is not None
    )


def _to_reader(data: object) -> Any:
    """How an object without a stream of its own gives one: datasets and scanners of pyarrow."""
    module, name = _kind(data)
    if module == "pyarrow" and name in {"FileSystemDataset", "InMemoryDataset", "UnionDataset", "Dataset"}:
        return cast("Any", data).scanner().to_reader
    if module == "pyarrow" and name == "Scanner":
        return cast("Any", data).to_reader
    return None


def _arrow(data: Any) -> Any:
    """The object that gives the Arrow stream."""
    if _kind(data) == ("polars", "LazyFrame"):
        # The whole query runs; what would be judged of a plan alone is its columns.
        return data.collect(engine="streaming")
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return data
    reader = _to_reader(data)
    return reader()


def _is_held(data: object) -> bool:
    return _kind(data) in _HELD or _kind(data) == ("polars", "LazyFrame")


def _kind(data: object) -> tuple[str, str]:
    """The package and the name of an object's class."""
    return type(data).__module__.split(".")[0], type(data).__name__


def _unreadable(data: object) -> Fault:
    kind = f"{type(data).__module__}.{type(data).__qualname__}"
    return Fault(
        f"{kind}: this cannot be judged; hand over a path, a list of paths, or a frame with `__arrow_c_stream__`: "
        "pandas, Polars, pyarrow, DuckDB"
    )
