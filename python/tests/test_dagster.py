"""One asset check a rule, run by Dagster in this process's child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from own_process import GOOD_ORDERS, ORDERS, RULES, environment, needs_installed, result_of

SCRIPT = """
import json
import dagster as dg
import polars as pl
from sluicegate.dagster import asset_checks

days = dg.StaticPartitionsDefinition(["2026-11-19", "2026-11-20"])

@dg.asset
def orders():
    return pl.read_csv("orders.csv")

@dg.asset(deps=[orders])
def behind():
    return 1

@dg.asset(partitions_def=days)
def daily(context):
    return None

@dg.asset(io_manager_key="none")
def refunds():
    return None

def told(result):
    checks = {}
    for check in result.get_asset_check_evaluations():
        metadata = {name: value.value for name, value in check.metadata.items()}
        checks[check.check_name] = {"passed": check.passed, "severity": check.severity.value, "description": check.description, "metadata": metadata}
    return checks

said = {}
of_orders = asset_checks("rules.yaml", asset=orders, reports="reports")
said["specs"] = {spec.name: [spec.description, spec.blocking] for spec in of_orders.check_specs}
result = dg.materialize([orders, behind, of_orders], raise_on_error=False)
said["orders"] = told(result)
said["ran"] = result.success

of_days = asset_checks("rules.yaml", asset=daily, data="{partition}.csv", reports="reports")
for day in ("2026-11-19", "2026-11-20"):
    result = dg.materialize([daily, of_days], partition_key=day)
    said[day] = told(result)

blocking = asset_checks("rules.yaml", asset="orders", data=lambda context: pl.read_csv("orders.csv"), blocking=True, name="stop")
result = dg.materialize([orders, behind, blocking], raise_on_error=False)
said["blocked"] = [event.asset_key.to_user_string() for event in result.get_asset_materialization_events()]

one = asset_checks("rules.yaml", asset=orders, data="none.csv", name="faulty")
result = dg.materialize([orders, one], raise_on_error=False)
said["fault"] = [result.success, *[str(event.event_specific_data.error.cause.message) for event in result.all_events if event.is_step_failure]]

chosen = dg.Definitions(assets=[orders], asset_checks=[of_orders], jobs=[dg.define_asset_job(
    "one", selection=dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("orders"), "missing_email")) | dg.AssetSelection.assets("orders").without_checks())])
said["chosen"] = list(told(chosen.resolve_job_def("one").execute_in_process(raise_on_error=False)))
try:
    asset_checks({"dataset": "d", "rules": [{"rnage": {"column": "x"}}]}, asset=orders)
except Exception as error:
    said["wrong"] = [type(error).__name__, str(error)]
print()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    needs_installed("dagster", "polars")
    place: Path = tmp_path_factory.mktemp("dagster")
    (place / "orders.csv").write_text(ORDERS)
    (place / "2026-11-19.csv").write_text(GOOD_ORDERS)
    (place / "2026-11-20.csv").write_text(ORDERS)
    (place / "rules.yaml").write_text(RULES)
    return {**result_of(SCRIPT, place, environment(place / "home")), "place": place}


def test_there_is_a_check_a_rule_and_one_for_the_batch(said: dict[str, Any]) -> None:
    assert list(said["specs"]) == ["range_price", "missing_email", "duplicates", "batch"]
    assert said["specs"]["range_price"] == ["the $0 purchase", False]


def test_the_assets_value_is_judged_and_severities_follow_from_the_rules(said: dict[str, Any]) -> None:
    checks = said["orders"]
    assert {name: (check["passed"], check["severity"]) for name, check in checks.items()} == {
        "range_price": (False, "ERROR"),
        "missing_email": (False, "WARN"),
        "duplicates": (True, "ERROR"),
        "batch": (True, "ERROR"),
    }
    assert checks["range_price"]["description"] == "range-price: 2 of 4 rows (50.0%) not above 0"
    metadata = checks["range_price"]["metadata"]
    assert (metadata["failing_rows"], metadata["rows_read"], metadata["verdict"]) == (2, 4, "quarantine")
    assert "the row of index 1: order_id=2, price=0" in metadata["failing_rows_shown"]
    assert Path(metadata["report"]).read_text().startswith("<!")
    assert checks["duplicates"]["metadata"]["figure: duplicate_rows"] == 0
    assert said["ran"] is True, "a check that fails does not fail the run"


def test_a_partitions_key_is_the_batchs_id_and_chooses_its_data(said: dict[str, Any]) -> None:
    good, bad = said["2026-11-19"], said["2026-11-20"]
    assert all(check["passed"] for check in good.values())
    assert not bad["range_price"]["passed"]
    assert (good["batch"]["metadata"]["batch_id"], bad["batch"]["metadata"]["batch_id"]) == ("2026-11-19", "2026-11-20")
    assert bad["batch"]["metadata"]["report"].endswith("reports/daily-2026-11-20.html")


def test_a_blocking_check_keeps_back_what_is_behind_its_asset(said: dict[str, Any]) -> None:
    assert said["blocked"] == ["orders"]


def test_what_cannot_be_judged_fails_the_step(said: dict[str, Any]) -> None:
    succeeded, *messages = said["fault"]
    assert succeeded is False
    assert any("none.csv" in message for message in messages), messages
    assert said["wrong"][0] == "Fault" and "rnage" in said["wrong"][1]


def test_one_check_can_be_run_alone(said: dict[str, Any]) -> None:
    assert said["chosen"] == ["missing_email"]
