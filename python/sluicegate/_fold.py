"""Folds: what was counted of a part of the data. They are made where the part lies, merged, and judged in one place."""

from __future__ import annotations

import logging
import os
import time as clock
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from . import _sluicegate
from ._errors import Fault
from ._frames import Frame, opened
from ._guard import guarded
from ._report import Report
from ._rule_text import RulesLike, given
from ._visible import line
from ._words import Time, time
from ._words import memory as memory_text

logger = logging.getLogger("sluicegate")

#: The partitions of the data, in their order: frames, or what gives the frame of a partition's number.
Partitions = Sequence[Frame] | Callable[[int], Frame]
#: Reaches partitions: order, columns, which partitions (None: all) → how many there are, and the answers with their numbers.
Run = Callable[[bytes, "list[str]", "list[int] | None"], "tuple[int, Iterable[tuple[int, bytes]]]"]

MEMORY_LIMIT = "1GB"


class Fold:
    """What was counted of one partition, or of several. It holds no rows, and can be sent as bytes, or pickled."""

    def __init__(self, data: bytes) -> None:
        self._bytes = data

    @staticmethod
    def from_bytes(data: bytes) -> Fold:
        """The fold that these bytes are of.

        Raises:
            Fault: they are damaged, of another version, or no fold.
        """
        _sluicegate.fold_ranges(data)
        return Fold(data)

    def __bytes__(self) -> bytes:
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fold) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    @property
    def units(self) -> list[int]:
        """The numbers of the partitions that were counted."""
        return [unit for first, behind in _sluicegate.fold_ranges(self._bytes) for unit in range(first, behind)]

    def __repr__(self) -> str:
        ranges = _sluicegate.fold_ranges(self._bytes)
        units = ", ".join(str(first) if behind - first == 1 else f"{first} to {behind - 1}" for first, behind in ranges)
        return f"<sluicegate.Fold of {units or 'nothing'}: {len(self._bytes)} bytes>"


def fold(
    data: Frame | Iterable[Frame],
    rules: RulesLike,
    *,
    unit: int = 0,
    now: Time | None = None,
    as_of: Time | None = None,
    memory_limit: str | int | None = None,
) -> Fold:
    """Count what the rules ask for in one partition of the data.

    A stream is read once and not held.

    Args:
        data: a frame, a stream, or several batches of one partition.
        rules: as for :func:`sluicegate.check`; the same for every partition.
        unit: the number of the partition, from 0. Its rows are called by it and by their index, and partitions follow each
            other by their numbers.
        now: the clock, the same for every partition. Needed only where rules look at the clock (``freshness``, ``now()``
            in SQL, known issues with a day).
        as_of: what ``freshness`` measures ages against; the clock if left out.
        memory_limit: memory for exact keys before they spill to disk.

    Raises:
        Fault: the rules do not fit the columns, or the rows cannot be read.
    """
    rows = opened(data)
    if rows.frames is None:
        raise TypeError("`fold` takes a frame or a stream; files are judged by `check`")
    terms = terms_of(rules, now=now, as_of=as_of, memory_limit=memory_limit)
    with guarded(lambda: terms.rules):
        return Fold(_sluicegate.fold_unit(terms, unit, rows.frames))


def merge(folds: Iterable[Fold], *, memory_limit: str | int | None = None) -> Fold:
    """One fold of several, which may come in any order.

    A partition that comes twice counts once if both folds of it are the same.

    Raises:
        Fault: the folds are of different rules, clocks or columns, or two of one partition differ.
    """
    return Fold(_sluicegate.merge_folds([bytes(fold) for fold in folds], memory(memory_limit)))


def judge(
    fold: Fold,
    rules: RulesLike,
    *,
    data: Partitions | None = None,
    partitions: int | None = None,
    batch_id: str | None = None,
    now: Time | None = None,
    as_of: Time | None = None,
    memory_limit: str | int | None = None,
) -> Report:
    """Judge a fold of all partitions.

    Args:
        fold: of all partitions, merged.
        rules, now, as_of: those that the partitions were folded with.
        data: the partitions in their order, or a function that gives the one of a number. Some rules must look at the
            data again (exact fences, quantiles, duplicates whose keys do not ascend); and findings show values of failing
            rows only with it.
        partitions: how many there are. Without it, partitions missing at the end go unnoticed.
        batch_id: the name of the batch.

    Raises:
        Fault: a partition is missing, the fold is of other rules or another clock, or a rule must look at the data again
            and there is no ``data``.
    """
    terms = terms_of(rules, now=now, as_of=as_of, memory_limit=memory_limit)
    run = None if data is None else _runner(data, fold, memory(memory_limit))
    if partitions is None and data is not None and not callable(data):
        partitions = len(data)
    with guarded(lambda: terms.rules):
        return Report.from_json(_sluicegate.judge_fold(terms, bytes(fold), partitions, batch_id, run))


def _runner(data: Partitions, fold: Fold, limit: str) -> Run:
    part: Callable[[int], Any]
    part, count = (data, len(fold.units)) if callable(data) else (data.__getitem__, len(data))

    def run(order: bytes, columns: list[str], only: list[int] | None) -> tuple[int, Iterable[tuple[int, bytes]]]:
        return count, answers(order, range(count) if only is None else only)

    def answers(order: bytes, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        for number in numbers:
            rows = opened(part(number))
            if rows.frames is None:
                raise TypeError("a partition is a frame or a stream")
            yield number, _sluicegate.fold_order(order, number, rows.frames, limit)

    return run


def drive(
    schema: Any,
    rules: RulesLike,
    run: Run,
    *,
    batch_id: str | None = None,
    now: Time | None = None,
    as_of: Time | None = None,
    memory_limit: str | int | None = None,
) -> Report:
    """Judge partitions that ``run`` reaches: fold, merge, judge, and look again where rules ask for it.

    Whoever holds partitions calls :func:`answer` for each, with what ``run`` was given.

    Args:
        schema: the columns of all partitions, with ``__arrow_c_schema__``.
    """
    terms = terms_of(rules, now=now, as_of=as_of, memory_limit=memory_limit)
    began = clock.monotonic()
    with guarded(lambda: terms.rules):
        report = Report.from_json(_sluicegate.drive(terms, schema, run, batch_id))
    seconds = clock.monotonic() - began
    logger.info("check: %s: %s, %s rows, %.2f s", line(report.dataset), report.verdict, report.rows.read, seconds)
    return report


def answer(order: bytes, partition: int, data: Frame | Iterable[Frame], memory_limit: str | int | None = None) -> bytes:
    """What the partition of this number answers to an order of :func:`drive`."""
    rows = opened(data)
    if rows.frames is None:
        raise TypeError("a partition is a frame or a stream")
    return _sluicegate.fold_order(order, partition, rows.frames, memory(memory_limit))


def ensure_order(terms: _sluicegate.Terms, schema: Any, is_ordered: bool, hint: str) -> None:
    """Make sure that rules which mind the order of rows have one.

    Raises:
        Fault: there are such rules, and nothing says that the rows are in order.
    """
    minding = [] if is_ordered else _sluicegate.minding_order(terms, schema)
    if minding:
        raise Fault(f"these rules mind the order of rows: {', '.join(f'`{id}`' for id in minding)}; {hint}")


def terms_of(
    rules: RulesLike,
    *,
    now: Time | None = None,
    as_of: Time | None = None,
    memory_limit: str | int | None = None,
) -> _sluicegate.Terms:
    """Rules and clock as the engine takes them."""
    name, text = given(rules)
    return _sluicegate.Terms(
        name,
        None if text is None else text[0],
        None if now is None else time(now),
        None if as_of is None else time(as_of),
        memory(memory_limit),
        os.cpu_count() or 1,
    )


def memory(limit: str | int | None) -> str:
    """A limit of memory as the command line writes it."""
    return memory_text(MEMORY_LIMIT if limit is None else limit)
