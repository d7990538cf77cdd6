"""Spark: DataFrames are judged where their partitions lie.

::

    import sluicegate.spark

    report = sluicegate.spark.check(df, "rules/orders.yaml")
    marked = sluicegate.spark.reasons(df, "rules/orders.yaml")     # with a column of reasons
    good, bad = sluicegate.spark.split(df, "rules/orders.yaml")

Executors fold their partitions (``mapInArrow``) and send what was counted; the driver merges that and judges. Rows stay where
they are. Every executor needs the package ``sluicegate``.
"""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from . import _sluicegate
from ._errors import Fault
from ._fold import Run, answer, drive, ensure_order, terms_of
from ._optional import package
from ._report import Report
from ._rule_text import RulesLike, RuleText
from ._words import Time, time

#: A ``pyspark.sql.DataFrame``.
DataFrame = Any

logger = logging.getLogger("sluicegate")

#: What executors send: pieces of answers, since Spark passes on rows of a moderate size only.
_ANSWERS = "partition int, is_fault boolean, piece int, bytes binary"
_PIECE_BYTES = 4 << 20
#: The driver fetches so many bytes of answers at a time.
_FETCH_BYTES = 64 << 20
#: Another executor may have what this one lacks: Spark tries again.
_RETRIED = frozenset({"scratch-failed", "no-space", "permission-denied", "internal"})


def check(
    df: DataFrame,
    rules: RulesLike,
    *,
    order_by: str | Sequence[str] | None = None,
    in_order: bool = False,
    cache: bool = False,
    batch_id: str | None = None,
    now: Time | None = None,
    as_of: Time | None = None,
    memory_limit: str | int | None = None,
) -> Report:
    """Judge a DataFrame by rules.

    Verdict, counts and figures are those of :func:`sluicegate.check` over the same rows. A row is called by its partition and
    its index there. Where rules must look at the data again, further jobs run: whenever the DataFrame is computed, it must
    give the same rows in the same partitions. If it does not, that is noticed by the number of rows alone, so give
    ``cache=True`` where it reads what changes, or computes random numbers.

    Args:
        df: the DataFrame. Only the columns that rules ask for go to Python.
        rules: as for :func:`sluicegate.check`. Files that it names must be there on every machine.
        order_by: columns by which rows are sorted first, for rules that mind the order (``order``, ``stuck``, runs of
            missing values, ``duplicates`` that keep the last). Rows that are equal in these come in any order. Implies
            ``cache``.
        in_order: the rows are in order already: within each partition, and partition after partition.
        cache: keep what was computed (``df.persist()``) until it is judged.
        batch_id: the name of the batch.
        now: the clock of the run.
        as_of: what ``freshness`` measures ages against; the clock if left out.
        memory_limit: memory for exact keys before they spill to disk: of each task, and of the driver.

    Raises:
        Fault: the data could not be judged; rules mind the order, and nothing says which.
    """
    schema = _arrow_schema(df)
    terms = terms_of(rules, now=now, as_of=as_of, memory_limit=memory_limit)
    hint = (
        'give `order_by="column"`, since the partitions of a DataFrame have no order that means something, or `in_order=True` if the '
        "rows are in order, partition after partition"
    )
    ensure_order(terms, schema, order_by is not None or in_order, hint)
    if order_by is not None:
        df = df.sort(*([order_by] if isinstance(order_by, str) else order_by))
    keeps = (cache or order_by is not None) and not df.is_cached
    if keeps:
        df = df.persist()
    try:
        run = _runner(df, schema, memory_limit)
        text = RuleText(terms.rules, terms.name)
        return drive(schema, text, run, batch_id=batch_id, now=now, as_of=as_of, memory_limit=memory_limit)
    finally:
        if keeps:
            df.unpersist()


def _runner(df: DataFrame, schema: Any, memory_limit: str | int | None) -> Run:
    def run(order: bytes, columns: list[str], only: list[int] | None) -> tuple[int, Iterable[tuple[int, bytes]]]:
        # One column at least: rows without any cannot be sent.
        names = columns or [schema.names[0]]
        chosen = df.select(*[f"`{name.replace('`', '``')}`" for name in names])
        fields = [schema.field(name) for name in names]
        folded = chosen.mapInArrow(_folding(order, fields, columns, only, memory_limit), _ANSWERS)
        try:
            rdd = folded.rdd
        except Exception as error:
            if "CONNECT" not in type(error).__module__.upper() and "NOT_IMPLEMENTED" not in str(error):
                raise
            raise Fault(
                "Spark Connect does not tell how many partitions there are, so nobody could notice that one is missing; "
                "use a classic session"
            ) from error
        return rdd.getNumPartitions(), _answers(rdd, only)

    return run


def _folding(
    order: bytes, fields: list[Any], columns: list[str], only: list[int] | None, memory_limit: str | int | None
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """What an executor does with a partition."""

    def fold(batches: Iterator[Any]) -> Iterator[Any]:
        pa = package("pyarrow")
        context = package("pyspark").TaskContext.get()
        if context is None:
            raise RuntimeError("this is no task of Spark")
        partition = context.partitionId()
        if only is not None and partition not in only:
            return
        raised: list[BaseException] = []

        def watched(first: Any) -> Iterator[Any]:
            try:
                if first is not None:
                    yield first.select(columns)
                for batch in batches:
                    yield batch.select(columns)
            except BaseException as error:
                raised.append(error)
                raise

        first = next(batches, None)
        there = first.schema if first is not None else pa.schema(fields)
        reader = pa.RecordBatchReader.from_batches(pa.schema([there.field(name) for name in columns]), watched(first))
        is_fault = False
        try:
            told = answer(order, partition, reader, memory_limit)
        except Fault as fault:
            # What Spark itself raised, and what another machine may do better, is left to it: it tries again.
            if raised:
                raise raised[0] from None
            if any(of["code"] in _RETRIED for of in fault.faults):
                raise
            told, is_fault = json.dumps([str(fault), fault.faults]).encode(), True
        for piece, start in enumerate(range(0, len(told), _PIECE_BYTES)):
            values: list[Any] = [partition, is_fault, piece, told[start : start + _PIECE_BYTES]]
            types = [pa.int32(), pa.bool_(), pa.int32(), pa.binary()]
            arrays = [pa.array([value], type) for value, type in zip(values, types, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, ["partition", "is_fault", "piece", "bytes"])

    return fold


def _answers(rdd: Any, only: list[int] | None) -> Iterator[tuple[int, bytes]]:
    """Computes all answers at once. Large ones are fetched some at a time, so that the driver need not hold all."""
    rdd.persist(package("pyspark").StorageLevel.DISK_ONLY)
    try:
        large: list[tuple[int, int]] = []
        for number, size, rows in _small(rdd, only):
            if rows is None:
                large.append((number, size))
            elif rows:
                yield number, _joined(rows)
        while large:
            chosen: list[int] = []
            room = _FETCH_BYTES
            while large and (not chosen or large[0][1] <= room):
                number, size = large.pop(0)
                chosen.append(number)
                room -= size
            pieces: dict[int, list[Any]] = {}
            for row in rdd.context.runJob(rdd, list, chosen):
                pieces.setdefault(row.partition, []).append(row)
            for number, rows in sorted(pieces.items()):
                yield number, _joined(rows)
    finally:
        rdd.unpersist()


def _small(rdd: Any, only: list[int] | None) -> list[tuple[int, int, list[Any] | None]]:
    """How many bytes each partition sends, and these bytes where all partitions together may send as many."""
    each = _FETCH_BYTES // max(1, rdd.getNumPartitions())

    def small(number: int, rows: Iterable[Any]) -> list[tuple[int, int, list[Any] | None]]:
        sent = list(rows)
        size = sum(len(row.bytes) for row in sent)
        return [(number, size, sent if size <= each else None)]

    return sorted(rdd.context.runJob(rdd.mapPartitionsWithIndex(small), list, only))


def _joined(rows: list[Any]) -> bytes:
    """The answer that came in pieces."""
    told = b"".join(bytes(row.bytes) for row in sorted(rows, key=lambda row: row.piece))
    if rows[0].is_fault:
        raise _fault_of(rows[0].partition, told)
    return told


def _fault_of(partition: int, told: bytes) -> Fault:
    text, faults = json.loads(told)
    return Fault(text if f"partition {partition}" in text else f"partition {partition}: {text}", json.dumps(faults))


def reasons(df: DataFrame, rules: RulesLike, *, column: str = "reasons", now: Time | None = None) -> DataFrame:
    """The same rows with a column that says what is wrong with each: an array of texts, empty for good rows.

    Only rules that judge row by row speak there; a warning in the log names the others. A row that ``clean`` drops has null.

    Args:
        column: what the column is called.

    Raises:
        Fault: the rules do not fit the columns.
    """
    return _marked(df, rules, column, None, now)


def split(
    df: DataFrame, rules: RulesLike, *, column: str = "reasons", now: Time | None = None
) -> tuple[DataFrame, DataFrame]:
    """Rows that pass, and those that do not, with their reasons: by the rules that judge row by row and set aside.

    A rule that only warns, or tolerates some failing rows, sets no row aside here. Rows that ``clean`` drops are in neither.
    Each of both judges the rows when it is computed: persist ``df`` if that is dear.
    """
    passes = "__sluicegate_passes"
    marked = _marked(df, rules, column, passes, now)
    good = marked.filter(f"`{passes}`").drop(passes, column)
    return good, marked.filter(f"NOT `{passes}`").drop(passes)


def _marked(df: DataFrame, rules: RulesLike, column: str, passes: str | None, now: Time | None) -> DataFrame:
    types = package("pyspark.sql.types")
    added = [name for name in (column, passes) if name is not None]
    taken = [name for name in added if name in df.columns]
    if taken:
        raise ValueError(f"the DataFrame has a column `{taken[0]}` already: give another name as `column`")
    when = time(now if now is not None else datetime.datetime.now(datetime.timezone.utc))
    terms = terms_of(rules, now=when)
    silent = _sluicegate.RowReasons(terms, _arrow_schema(df)).silent()
    if silent:
        logger.warning("not judged row by row, so never among the reasons: %s", ", ".join(silent))
    text, name = terms.rules, terms.name

    def mark(batches: Iterator[Any]) -> Iterator[Any]:
        pa = package("pyarrow")
        bound: _sluicegate.RowReasons | None = None
        for batch in batches:
            bound = bound or _sluicegate.RowReasons(terms_of(RuleText(text, name), now=when), batch.schema)
            told, sound = bound.of(batch)
            arrays = [*batch.columns, pa.array(told), *([pa.array(sound)] if passes is not None else [])]
            yield pa.RecordBatch.from_arrays(arrays, [*batch.schema.names, *added])

    fields = [*df.schema.fields, types.StructField(column, types.ArrayType(types.StringType()))]
    fields += [types.StructField(passes, types.BooleanType())] if passes is not None else []
    return df.mapInArrow(mark, types.StructType(fields))


def _arrow_schema(df: DataFrame) -> Any:
    try:
        return package("pyspark.sql.pandas.types").to_arrow_schema(df.schema)
    except Exception as error:
        raise Fault(f"a column cannot be handed over as Arrow: {error}; leave it out, or cast it") from error
