"""Dask: DataFrames are judged partition by partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import needs
from partitions import NOW, all_rules, differences, figures, frame

import sluicegate as sg


@pytest.fixture
def ddf() -> Any:
    needs("pandas")
    needs("pyarrow")
    needs("dask")
    dd = needs("dask.dataframe")
    import pandas as pd
    import pyarrow as pa

    return dd.from_pandas(
        frame().to_pandas(types_mapper=lambda kind: pd.ArrowDtype(kind) if pa.types.is_date(kind) else None),
        npartitions=20,
    )


def test_twenty_partitions_give_verdict_counts_and_figures_of_the_local_run(ddf: Any, tmp_path: Path) -> None:
    import sluicegate.dask

    rules = all_rules(tmp_path)
    assert ddf.npartitions == 20
    there = sluicegate.dask.check(ddf, rules, now=NOW, in_order=True, batch_id="b")
    here = sg.check(frame(), rules, now=NOW, batch_id="b")
    assert there.verdict == "quarantine" and there.rows.read == 2000
    assert differences(figures(here), figures(there)) == []
    # How many are asked at once changes nothing.
    assert (
        sluicegate.dask.check(ddf, rules, now=NOW, in_order=True, batch_id="b", at_once=3).to_json() == there.to_json()
    )


def test_rules_that_mind_the_order_need_one(ddf: Any) -> None:
    import sluicegate.dask

    with pytest.raises(sg.Fault, match="mind the order of rows: `order-id`"):
        sluicegate.dask.check(ddf, {"dataset": "d", "rules": [{"order": {"column": "id"}}]})


def test_values_of_another_type_than_the_frame_promises_are_a_fault(ddf: Any) -> None:
    import sluicegate.dask

    def spoilt(part: Any) -> Any:
        return part.assign(size=part["size"].map(lambda size: "eight" if size == 8 else size))

    meta = ddf._meta
    with pytest.raises(sg.Fault, match="its values are not of the columns' types"):
        sluicegate.dask.check(
            ddf.map_partitions(spoilt, meta=meta), {"dataset": "d", "rules": [{"range": {"column": "size", "max": 7}}]}
        )
