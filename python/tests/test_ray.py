"""Ray: datasets are judged block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import needs
from partitions import NOW, all_rules, differences, figures, frame

import sluicegate as sg


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    needs("pyarrow")
    ray = needs("ray")
    needs("ray.data")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield ray
    ray.shutdown()


def test_twenty_blocks_give_verdict_counts_and_figures_of_the_local_run(ray: Any, tmp_path: Path) -> None:
    import sluicegate.ray

    rules, rows = all_rules(tmp_path), frame()
    dataset = ray.data.from_arrow([rows.slice(start, 100) for start in range(0, rows.num_rows, 100)])
    there = sluicegate.ray.check(dataset, rules, now=NOW, in_order=True, batch_id="b")
    here = sg.check(rows, rules, now=NOW, batch_id="b")
    assert there.verdict == "quarantine" and there.rows.read == 2000
    assert differences(figures(here), figures(there)) == []
    assert {sample["origin"]["partition"] for sample in there["pattern-note"].samples} <= set(range(20))


def test_rules_that_mind_the_order_need_one_and_faults_come_through(ray: Any) -> None:
    import sluicegate.ray

    dataset = ray.data.from_arrow([frame().slice(0, 10)])
    with pytest.raises(sg.Fault, match="mind the order of rows: `order-id`"):
        sluicegate.ray.check(dataset, {"dataset": "d", "rules": [{"order": {"column": "id"}}]})
    with pytest.raises(sg.Fault, match="cannot tell whether this holds"):
        rules = {"dataset": "d", "rules": [{"range": {"column": "id", "max": 7, "where": "10 / (id - 3) > 1"}}]}
        sluicegate.ray.check(dataset, rules)
