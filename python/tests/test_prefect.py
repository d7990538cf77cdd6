"""The tasks, run by Prefect's own test harness: an SQLite database in a temporary directory, no server left running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from own_process import GOOD_ORDERS, ORDERS, RULES, environment, needs_installed, result_of

SCRIPT = """
import json, pathlib
import polars
import sluicegate
from prefect import flow
from prefect.artifacts import Artifact
from prefect.testing.utilities import prefect_test_harness
from sluicegate.prefect import check_task, gate_task

@flow
def gated(data, **options):
    return gate_task(data, "rules.yaml", **options)

@flow
def checked(data, **options):
    task = check_task.with_options(retries=2, retry_delay_seconds=0)
    return task(data, "rules.yaml", **options)

@flow
def framed():
    frame = polars.read_csv("orders.csv")
    rules = {"dataset": "Frames & more", "rules": [{"range": {"column": "price", "above": 0}}]}
    return check_task.submit(frame, rules, raises=False).result()

@flow
def tried(calls, raised):
    from sluicegate import prefect
    def check(data, rules, **options):
        calls.append(data)
        return real(data, rules, **options)
    real, sluicegate.check = sluicegate.check, check
    try:
        task = check_task.with_options(retries=2, retry_delay_seconds=0)
        task(raised, "rules.yaml")
    finally:
        sluicegate.check = real

said = {}
with prefect_test_harness(server_startup_timeout=120):
    good = gated("good.csv", publish="lake", batch_id="orders-1", report="good.html")
    said["good"] = [good.verdict, good.batch_id, good.rows.published]
    try:
        checked("orders.csv")
    except sluicegate.Rejected as error:
        said["bad"] = [str(error), error.report["range-price"].failing_rows]
    said["not raised"] = checked(None, raises=False, artifact="my-own").verdict
    for word, data in (("rejected", "orders.csv"), ("fault", "none.csv")):
        calls = []
        state = tried(calls, data, return_state=True)
        said[word] = [state.type.value, len(calls)]
    said["frame"] = framed()["range-price"].failing_rows
    for key in ("sluicegate-orders", "my-own", "sluicegate-frames-more"):
        artifact = Artifact.get(key)
        said[key] = [artifact.type, artifact.data, artifact.description]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    needs_installed("prefect", "polars")
    place: Path = tmp_path_factory.mktemp("prefect")
    (place / "orders.csv").write_text(ORDERS)
    (place / "good.csv").write_text(GOOD_ORDERS)
    (place / "rules.yaml").write_text(RULES)
    told = result_of(SCRIPT, place, environment(place / "home"))
    return {**told, "place": place}


def test_a_good_batch_is_published(said: dict[str, Any]) -> None:
    assert said["good"] == ["accept", "orders-1", 2]
    assert any((said["place"] / "lake").rglob("*.parquet"))
    assert "<html" in (said["place"] / "good.html").read_text()


def test_a_batch_that_may_not_pass_raises_with_its_report(said: dict[str, Any]) -> None:
    text, failing = said["bad"]
    assert failing == 2
    assert "range-price" in text and "quarantine" in text
    assert said["not raised"] == "quarantine"


def test_a_rejection_is_final_and_what_could_not_be_judged_is_tried_again(said: dict[str, Any]) -> None:
    assert said["rejected"] == ["FAILED", 1]
    assert said["fault"] == ["FAILED", 3], "the first try and two more"


def test_each_run_leaves_its_report_as_a_markdown_artifact(said: dict[str, Any]) -> None:
    kind, text, headline = said["sluicegate-orders"]
    assert kind == "markdown"
    assert "range-price" in text and "Quarantine" in text
    assert headline == "orders: quarantine, 4 rows read, 2 quarantined"
    assert said["my-own"][0] == "markdown"


def test_a_frame_is_judged_on_a_worker(said: dict[str, Any]) -> None:
    assert said["frame"] == 2
    assert said["sluicegate-frames-more"][2] == "Frames & more: quarantine, 4 rows read, 2 quarantined"
