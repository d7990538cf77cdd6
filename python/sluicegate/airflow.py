# pyright: basic, reportMissingImports=false
"""A gate as a task of Apache Airflow, 2 or 3.

```python
from sluicegate.airflow import SluicegateOperator

gate = SluicegateOperator(
    task_id="gate",
    data="s3://landing/orders/{{ ds }}/*.parquet",
    rules="rules/orders.yaml",
    publish="s3://lake/orders",
    batch_id="orders-{{ ds }}",
    report="reports/orders-{{ ds }}.html",
)
```

A rejected batch fails the task at once: no retry makes bad data good. What could not be judged (a server that is down, an undecided
batch) fails it too, and is tried again as often as `retries` says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

try:
    from airflow.sdk import BaseOperator
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException  # pyright: ignore
    from airflow.models import BaseOperator  # pyright: ignore

if TYPE_CHECKING:
    from . import Report

__all__ = ["REPORT_KEY", "XCOM_BYTES_MAX", "SluicegateOperator"]

REPORT_KEY = "report"
"""The XCom that holds the report."""

XCOM_BYTES_MAX = 48 * 1024
"""More of a report is not pushed to XCom, if an operator says nothing else."""


class SluicegateOperator(BaseOperator):
    """Judges data by a rule file, and publishes what is sound.

    Args:
        rules: The rule file: a path, its text or a dict.
        data: A path, a glob or a list of paths; also the output of an earlier task. If left out: the `source` of the rule file.
        load: A function of the context that returns anything `sluicegate.check` takes, such as a frame; it is called on the worker.
        mode: `gate` publishes sound rows and sets the others aside; `check` only judges. If left out: `gate` if `publish` is
            given, else `check`.
        publish: Where sound rows go, of `gate`. If left out: the rule file's `gate: { publish }`.
        quarantine: Where rows that are set aside go, of `gate`. If left out: beside the published rows, as the rule file says.
        batch_id: What the batch is called. With `orders-{{ ds }}` a task that is cleared and run again publishes nothing twice.
            If left out: a digest of the data and the rules.
        report: One path or several to save the report to; the extension chooses the format.
        on_reject: What becomes of the task if the batch may not pass (`reject`; of `check` also `quarantine`): `fail` fails it
            without a retry, `skip` skips it and what follows, `pass` lets it succeed: what follows reads the verdict from XCom.
        xcom_bytes_max: A larger report is pushed without its columns and failing rows, and if that is not enough without its
            findings; it then says `cut: true`, and `path` names the saved report.
        options: Further options of `sluicegate.check` or `sluicegate.gate`, such as `{"memory_limit": "2GB"}`.
        **kwargs: Those of every Airflow operator.

    The report's JSON is pushed as XCom `report` before the task ends, whatever its verdict. The task returns a summary: `verdict`, `ok`,
    `batch_id`, `rows`, the ids of the findings that are a `problem`, and the `path` of the saved report.

    Raises:
        AirflowFailException: The batch may not pass, and `on_reject` is `fail`.
        AirflowSkipException: The same, and `on_reject` is `skip`.
        AirflowException: The batch is undecided.
        sluicegate.Fault: It could not be judged.
        ValueError: Arguments contradict each other; raised where the operator is made.
    """

    template_fields: Sequence[str] = ("data", "rules", "publish", "quarantine", "batch_id", "report", "options")
    template_fields_renderers = {"options": "json"}
    # A rule file named by its path stays a path: it is no template.
    template_ext: Sequence[str] = ()
    ui_color = "#d5ecea"

    def __init__(
        self,
        *,
        rules: Any,
        data: Any = None,
        load: Callable[[Any], Any] | None = None,
        mode: Literal["check", "gate"] | None = None,
        publish: str | None = None,
        quarantine: str | None = None,
        batch_id: str | None = None,
        report: str | os.PathLike[str] | Sequence[str] | None = None,
        on_reject: Literal["fail", "skip", "pass"] = "fail",
        xcom_bytes_max: int = XCOM_BYTES_MAX,
        options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mode not in (None, "check", "gate"):
            raise ValueError(f"mode is `check` or `gate`, not `{mode}`")
        if on_reject not in ("fail", "skip", "pass"):
            raise ValueError(f"on_reject is `fail`, `skip` or `pass`, not `{on_reject}`")
        if mode == "check" and (publish or quarantine):
            raise ValueError("`publish` and `quarantine` are for `mode='gate'`: a check writes no rows")
        if data is not None and load is not None:
            raise ValueError("`data` and `load` both say what is judged: give one")
        self.rules = rules
        self.data = data
        self.load = load
        self.mode = mode
        self.publish = publish
        self.quarantine = quarantine
        self.batch_id = batch_id
        self.report = report
        self.on_reject = on_reject
        self.xcom_bytes_max = xcom_bytes_max
        self.options = options

    def execute(self, context: Any) -> dict[str, Any]:
        """Runs the gate; see the class."""
        from . import _by_rule

        report = self._judge(context)
        paths = self._paths()
        context["ti"].xcom_push(
            key=REPORT_KEY, value=for_xcom(report, self.xcom_bytes_max, paths[0] if paths else None)
        )
        self._tell(report)
        if report.ok:
            return summary(report, paths)
        said = "; ".join([_by_rule.headline(report), *_by_rule.reasons(report)[:5]])
        where = f" (report: {paths[0]})" if paths else ""
        if report.verdict == "undecided":
            raise AirflowException(f"{said}{where}")
        if self.on_reject == "fail":
            raise AirflowFailException(f"{said}{where}")
        if self.on_reject == "skip":
            raise AirflowSkipException(f"{said}{where}")
        return summary(report, paths)

    def _judge(self, context: Any) -> Report:
        import sluicegate

        data = self.load(context) if self.load is not None else self.data
        options = {"batch_id": self.batch_id, "report": self._paths() or None, **(self.options or {})}
        if self.mode == "check" or (self.mode is None and self.publish is None):
            return sluicegate.check(data, self.rules, **options)
        return sluicegate.gate(data, self.rules, publish=self.publish, quarantine=self.quarantine, **options)

    def _paths(self) -> list[str]:
        if self.report is None:
            return []
        return (
            [os.fspath(self.report)]
            if isinstance(self.report, str | os.PathLike)
            else [os.fspath(one) for one in self.report]
        )

    def _tell(self, report: Report) -> None:
        """Writes to the task's log what is to be known without opening the report."""
        from . import _by_rule

        self.log.info("%s", _by_rule.headline(report))
        for finding in report.findings:
            weight = _by_rule.weight(finding)
            if weight == "fail":
                self.log.error("%s: %s", finding.id, finding.message)
            elif weight == "warn":
                self.log.warning("%s: %s", finding.id, finding.message)


def summary(report: Report, paths: Sequence[str]) -> dict[str, Any]:
    """What a task returns of a report: a few plain values."""
    from . import _by_rule

    problems = [finding.id for finding in report.findings if _by_rule.weight(finding) in ("fail", "warn")]
    return {
        "verdict": report.verdict,
        "ok": report.ok,
        "dataset": report.dataset,
        "batch_id": report.batch_id,
        "rows": report.to_dict()["rows"],
        "problems": problems,
        "path": paths[0] if paths else None,
    }


def for_xcom(report: Report, bytes_max: int, path: str | None) -> dict[str, Any]:
    """The report's JSON, or as much of it as `bytes_max` bytes hold: XCom is kept in Airflow's database. What was cut says `cut: true` and
    names the saved report as `path`."""
    whole = report.to_dict()
    if _bytes(whole) <= bytes_max:
        return whole
    cut = {"cut": True, "path": path}
    lean = (
        "id",
        "rule",
        "columns",
        "on_fail",
        "severity",
        "outcome",
        "observed",
        "limit",
        "unit",
        "failing_rows",
        "message",
    )
    findings = [{key: finding[key] for key in lean if key in finding} for finding in whole["findings"]]
    short = {**whole, "columns": [], "findings": findings, **cut}
    if _bytes(short) <= bytes_max:
        return short
    head = ("schema_version", "sluicegate_version", "mode", "dataset", "began", "verdict", "rows")
    return {**{key: whole[key] for key in head if key in whole}, "batch_id": report.batch_id, "findings": [], **cut}


def _bytes(value: Any) -> int:
    return len(json.dumps(value).encode())
