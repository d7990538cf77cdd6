"""The operator, run by Airflow's own task runner with a database in a temporary directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from own_process import GOOD_ORDERS, ORDERS, RULES, environment, needs_installed, python

DAG = """
import datetime, json, pathlib
import polars
from airflow.sdk import DAG
from sluicegate.airflow import SluicegateOperator

with DAG("orders", schedule=None, start_date=datetime.datetime(2026, 11, 1)) as dag:
    gate = SluicegateOperator(task_id="gate", data="{{ params.which }}.csv", rules="rules.yaml", publish="lake", batch_id="orders-{{ ds }}",
                              report="reports/{{ ds }}.html", params={"which": "good"})
    bad = SluicegateOperator(task_id="bad", rules="rules.yaml", report=["bad.html", "bad.json"], retries=3)
    behind = SluicegateOperator(task_id="behind", rules="rules.yaml", data="good.csv")
    skipped = SluicegateOperator(task_id="skipped", rules="rules.yaml", on_reject="skip")
    passed = SluicegateOperator(task_id="passed", load=lambda context: polars.read_csv(context["params"]["file"]), params={"file": "orders.csv"}, rules="rules.yaml", on_reject="pass", options={"now": "2026-11-20T00:00:00Z"})
    bad >> behind

if __name__ == "__main__":
    run = dag.test(logical_date=datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc))
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    with create_session() as session:
        xcoms = {f"{row.task_id}.{row.key}": XComModel.deserialize_value(row) for row in session.scalars(select(XComModel))}
    pathlib.Path("result.json").write_text(json.dumps({"states": states, "xcoms": xcoms}))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_installed("airflow", "polars")
    place = tmp_path_factory.mktemp("airflow")
    (place / "orders.csv").write_text(ORDERS)
    (place / "good.csv").write_text(GOOD_ORDERS)
    (place / "rules.yaml").write_text(RULES)
    return place


@pytest.fixture(scope="module")
def result(place: Path) -> dict[str, Any]:
    env = environment(place / "home")
    file = Path(env["AIRFLOW_HOME"], "dags", "orders.py")
    file.write_text(DAG)
    migrated = python("-m", "airflow", "db", "migrate", cwd=place, env=env)
    assert migrated.returncode == 0, migrated.stderr[-4000:]
    done = python(str(file), cwd=place, env=env)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return json.loads((place / "result.json").read_text())


def test_a_good_batch_is_published_and_its_task_succeeds(result: dict[str, Any], place: Path) -> None:
    assert result["states"]["gate"] == "success"
    told = result["xcoms"]["gate.return_value"]
    assert (told["verdict"], told["ok"], told["batch_id"], told["problems"]) == (
        "accept",
        True,
        "orders-2026-11-20",
        [],
    )
    assert told["rows"]["published"] == 2
    assert told["path"] == "reports/2026-11-20.html", "templates are rendered"
    assert "<html" in (place / told["path"]).read_text()
    assert any((place / "lake").rglob("*.parquet"))


def test_a_rejected_batch_fails_its_task_without_a_retry_and_what_follows_does_not_run(
    result: dict[str, Any], place: Path
) -> None:
    assert (result["states"]["bad"], result["states"]["behind"]) == ("failed", "upstream_failed")
    report = result["xcoms"]["bad.report"]
    assert report["verdict"] == "quarantine"
    failing = {finding["id"]: finding["failing_rows"] for finding in report["findings"] if finding["outcome"] == "fail"}
    assert failing == {"range-price": 2, "missing-email": 1}
    assert json.loads((place / "bad.json").read_text())["findings"] == report["findings"]
    assert "bad.return_value" not in result["xcoms"]


def test_a_rejected_batch_can_skip_or_pass_by_choice(result: dict[str, Any]) -> None:
    assert (result["states"]["skipped"], result["states"]["passed"]) == ("skipped", "success")
    told = result["xcoms"]["passed.return_value"]
    assert (told["verdict"], told["ok"], told["problems"]) == ("quarantine", False, ["range-price", "missing-email"])
    assert result["xcoms"]["passed.report"]["began"] == "2026-11-20T00:00:00Z", "options reach the run"


def test_a_large_report_is_cut_to_what_xcom_may_hold_and_names_the_whole(place: Path) -> None:
    rows = _in_airflow(
        place,
        """
        rules = {"dataset": "wide", "rules": [{"missing": {"id": f"m{i}", "column": "email"}} for i in range(300)], "gate": {"reject_above": "100%"}}
        report = sluicegate.check("orders.csv", rules)
        whole = for_xcom(report, 10_000_000, "r.html")
        assert whole == report.to_dict()
        lean = for_xcom(report, 150_000, "r.html")
        head = for_xcom(report, 2_000, "r.html")
        said = [len(json.dumps(value)) for value in (whole, lean, head)]
        assert lean["cut"] and lean["path"] == "r.html" and len(lean["findings"]) == len(whole["findings"])
        assert head["cut"] and head["verdict"] == "quarantine" and head["findings"] == []
        """,
    )
    assert rows[0] > 150_000 >= rows[1] > 2_000 >= rows[2]


def test_what_cannot_be_judged_raises_a_fault_that_airflow_tries_again(place: Path) -> None:
    said = _in_airflow(
        place,
        """
        from airflow.sdk.exceptions import AirflowException, AirflowFailException
        class Ti:
            def xcom_push(self, key, value): pass
        said = []
        blind = {"dataset": "o", "clean": [{"drop_where": "price < 100"}], "rules": [{"statistic": {"column": "price", "of": "mean", "min": 0}}]}
        for data, rules in (("none.csv", "rules.yaml"), ("orders.csv", blind)):
            try:
                SluicegateOperator(task_id="t", data=data, rules=rules).execute({"ti": Ti()})
            except AirflowFailException:
                said.append("final")
            except (AirflowException, sluicegate.Fault) as error:
                said.append([type(error).__name__, str(error)])
        for wrong in ({"mode": "look"}, {"on_reject": "ignore"}, {"mode": "check", "publish": "lake"}):
            try:
                SluicegateOperator(task_id="t", rules="rules.yaml", **wrong)
            except ValueError as error:
                said.append(str(error))
        """,
    )
    assert said[0][0] == "Fault" and "none.csv" in said[0][1]
    assert said[1][0] == "AirflowException" and "undecided" in said[1][1]
    assert [text.split()[0] for text in said[2:]] == ["mode", "on_reject", "`publish`"]


def _in_airflow(place: Path, body: str) -> Any:
    import textwrap

    script = (
        "import json, sluicegate\nfrom sluicegate.airflow import SluicegateOperator, for_xcom\n"
        + textwrap.dedent(body)
        + "\nprint(json.dumps(said))"
    )
    done = python("-c", script, cwd=place, env=environment(place / "other-home"))
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
