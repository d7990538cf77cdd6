"""Ray: datasets are judged block by block, wherever Ray's tasks run.

::

    import sluicegate.ray

    report = sluicegate.ray.check(dataset, "rules/orders.yaml")

Tasks fold blocks and send what was counted; the process that calls merges that and judges. Every worker needs the package
``sluicegate``.
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
    dataset: Any,
    rules: RulesLike,
    *,
    in_order: bool = False,
    batch_id: str | None = None,
    now: Time | None = None,
    as_of: Time | None = None,
    memory_limit: str | int | None = None,
    at_once: int | None = None,
) -> Report:
    """Judge a Ray dataset by rules.

    Verdict, counts and figures are those of :func:`sluicegate.check` over the same rows. A row is called by its block and its
    index there. The dataset is computed once, and held in Ray's object store until it is judged: further looks ask the same
    blocks.

    Args:
        dataset: a ``ray.data.Dataset``.
        rules: as for :func:`sluicegate.check`. Files that it names must be there on every machine.
        in_order: the rows are in order, within each block, and block after block. Rules that mind the order need it.
        batch_id: the name of the batch.
        now: the clock of the run.
        as_of: what ``freshness`` measures ages against; the clock if left out.
        memory_limit: memory for exact keys before they spill to disk: of each task, and of this process.
        at_once: how many blocks are asked before their answers are merged; four a core if left out.

    Raises:
        Fault: the data could not be judged; rules mind the order, and nothing says that there is one.
    """
    pa, ray = package("pyarrow"), package("ray")
    held = dataset.materialize()
    of: Any = held.schema()
    if of is None:
        schema = pa.schema([])
    elif isinstance(of.base_schema, pa.Schema):
        schema = of.base_schema
    else:
        schema = pa.schema(list(zip(of.names, of.types, strict=True)))
    terms = terms_of(rules, now=now, as_of=as_of, memory_limit=memory_limit)
    hint = "give `in_order=True` if the rows are in order, block after block (`dataset.sort(…)` sorts them)"
    ensure_order(terms, schema, in_order, hint)
    blocks = held.to_arrow_refs()
    together = at_once or 4 * (os.cpu_count() or 1)
    fold = ray.remote(_folded)

    def run(order: bytes, columns: list[str], only: list[int] | None) -> tuple[int, Iterable[tuple[int, bytes]]]:
        return len(blocks), answers(order, columns, list(range(len(blocks))) if only is None else only)

    def answers(order: bytes, columns: list[str], numbers: list[int]) -> Iterator[tuple[int, bytes]]:
        sent = ray.put(order)
        for start in range(0, len(numbers), together):
            some = numbers[start : start + together]
            told = ray.get([fold.remote(blocks[number], sent, number, columns, memory_limit) for number in some])
            for number, (data, fault) in zip(some, told, strict=True):
                if fault is not None:
                    raise Fault(*fault)
                yield number, data

    return drive(
        schema,
        RuleText(terms.rules, terms.name),
        run,
        batch_id=batch_id,
        now=now,
        as_of=as_of,
        memory_limit=memory_limit,
    )


def _folded(
    block: Any, order: bytes, number: int, columns: list[str], memory_limit: str | int | None
) -> tuple[bytes, tuple[str, str] | None]:
    try:
        # A block without rows may have no columns.
        rows = block.select(
            [name for name in columns if name in block.column_names] if block.num_rows == 0 else columns
        )
        return answer(order, number, rows, memory_limit), None
    except Fault as fault:
        return b"", (str(fault.args[0]), str(fault.args[1]))
