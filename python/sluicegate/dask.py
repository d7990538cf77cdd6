"""Dask: DataFrames are judged partition by partition, wherever Dask's scheduler runs.

::

    import sluicegate.dask

    report = sluicegate.dask.check(ddf, "rules/orders.yaml")

Workers fold their partitions and send what was counted; the process that calls merges that and judges. With Dask's distributed
scheduler every worker needs the package ``sluicegate``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from ._errors import Fault
from ._fold import answer, drive, ensure_order, terms_of
from ._optional import package
from ._report import Report
from ._rule_text import RulesLike, RuleText
from ._words import Time


def check(
    ddf: Any,
    rules: RulesLike,
    *,
    in_order: bool = False,
    batch_id: str | None = None,
    now: Time | None = None,
    as_of: Time | None = None,
    memory_limit: str | int | None = None,
    at_once: int | None = None,
) -> Report:
    """Judge a Dask DataFrame by rules.

    Verdict, counts and figures are those of :func:`sluicegate.check` over the same rows. A row is called by its partition and
    its index there; the frame's index is no column. Where rules must look at the data again, it is computed again:
    ``ddf.persist()`` keeps it.

    Args:
        ddf: the DataFrame. Only the columns that rules ask for are computed.
        rules: as for :func:`sluicegate.check`. Files that it names must be there on every machine.
        in_order: the rows are in order, within each partition, and partition after partition. Rules that mind the order need
            it: sort the frame, or say that it is so.
        batch_id: the name of the batch.
        now: the clock of the run.
        as_of: what ``freshness`` measures ages against; the clock if left out.
        memory_limit: memory for exact keys before they spill to disk: of each partition, and of this process.
        at_once: how many partitions are asked before their answers are merged; four a core if left out.

    Raises:
        Fault: the data could not be judged; rules mind the order, and nothing says that there is one.
    """
    dask, pa = package("dask"), package("pyarrow")
    schema = pa.Schema.from_pandas(ddf._meta_nonempty, preserve_index=False)
    schema = pa.schema([field.with_nullable(True) for field in schema])
    terms = terms_of(rules, now=now, as_of=as_of, memory_limit=memory_limit)
    hint = "give `in_order=True` if the rows are in order, partition after partition (`ddf.sort_values(…)` sorts them)"
    ensure_order(terms, schema, in_order, hint)
    together = at_once or 4 * (os.cpu_count() or 1)

    def run(order: bytes, columns: list[str], only: list[int] | None) -> tuple[int, Iterable[tuple[int, bytes]]]:
        parts = ddf[columns or [schema.names[0]]].to_delayed()
        return len(parts), answers(order, columns, parts, list(range(len(parts))) if only is None else only)

    def answers(order: bytes, columns: list[str], parts: list[Any], numbers: list[int]) -> Iterator[tuple[int, bytes]]:
        fold = dask.delayed(_folded, pure=False)
        chosen = pa.schema([schema.field(name) for name in columns])
        for start in range(0, len(numbers), together):
            some = numbers[start : start + together]
            asked = [fold(parts[number], order, number, chosen, memory_limit) for number in some]
            yield from zip(some, dask.compute(*asked), strict=True)

    return drive(
        schema,
        RuleText(terms.rules, terms.name),
        run,
        batch_id=batch_id,
        now=now,
        as_of=as_of,
        memory_limit=memory_limit,
    )


def _folded(part: Any, order: bytes, partition: int, schema: Any, memory_limit: str | int | None) -> bytes:
    pa = package("pyarrow")
    try:
        if len(schema) == 0:
            rows = pa.Table.from_batches([pa.RecordBatch.from_struct_array(pa.array([{}] * len(part), pa.struct([])))])
        else:
            rows = pa.Table.from_pandas(part, schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        hint = "let all partitions have the same columns, as the frame's `dtypes` say"
        raise Fault(f"partition {partition}: its values are not of the columns' types: {error}; {hint}") from error
    return answer(order, partition, rows, memory_limit)
