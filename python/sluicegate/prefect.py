# pyright: basic, reportMissingImports=false
"""Gates as tasks of Prefect.

```python
from prefect import flow
from sluicegate.prefect import gate_task

@flow
def orders():
    gate_task("in/*.csv", "rules/orders.yaml", publish="lake/orders")
```

A batch that may not pass raises `sluicegate.Rejected`, which is not tried again, however many retries the task has; what could not be
judged (`sluicegate.Fault`) is. Each run leaves its report as a Markdown artifact.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from . import _by_rule

if TYPE_CHECKING:
    from . import Report

__all__ = ["ARTIFACT_BYTES_MAX", "check_task", "gate_task"]

ARTIFACT_BYTES_MAX = 200_000
"""Of a longer report in Markdown, the artifact has the verdict and its reasons alone."""


def _may_try_again(_task: Any, _run: Any, state: Any) -> bool:
    """Whether another try could come out otherwise: bad data stays bad."""
    from . import Rejected

    # Prefect keeps what was raised in a record of the result.
    raised = state.data if isinstance(state.data, Exception) else getattr(state.data, "result", None)
    return not isinstance(raised, Rejected) or raised.report.verdict == "undecided"


# NO_CACHE: Prefect would otherwise pickle the whole data to make a key of it.
@task(name="sluicegate-check", cache_policy=NO_CACHE, retry_condition_fn=_may_try_again)
def check_task(data: Any, rules: Any, *, artifact: str | None = None, raises: bool = True, **options: Any) -> Report:
    """Judges `data` by `rules`, and writes nothing.

    Args:
        data: As for `sluicegate.check`; None is the `source` of the rule file.
        rules: As for `sluicegate.check`.
        artifact: The artifact's key: lowercase letters, digits and hyphens. If left out: `sluicegate-` and the data set.
        raises: Whether a batch that may not pass fails the task. With False, read `report.verdict`.
        **options: Those of `sluicegate.check`.

    Raises:
        sluicegate.Rejected: The batch is not accepted; it holds the report.
        sluicegate.Fault: It could not be judged.
    """
    import sluicegate

    return _finished(sluicegate.check(data, rules, **options), artifact, raises)


@task(name="sluicegate-gate", cache_policy=NO_CACHE, retry_condition_fn=_may_try_again)
def gate_task(data: Any, rules: Any, *, artifact: str | None = None, raises: bool = True, **options: Any) -> Report:
    """Publishes the sound rows of `data`, and sets the others aside.

    Args:
        data: As for `sluicegate.gate`; None is the `source` of the rule file.
        rules: As for `sluicegate.gate`.
        artifact: The artifact's key: lowercase letters, digits and hyphens. If left out: `sluicegate-` and the data set.
        raises: Whether a rejected batch fails the task. With False, read `report.verdict`.
        **options: Those of `sluicegate.gate`, such as `publish`, `quarantine` and `batch_id`.

    Raises:
        sluicegate.Rejected: The batch is rejected or undecided, and nothing is published; it holds the report.
        sluicegate.Fault: It could not be judged.
    """
    import sluicegate

    return _finished(sluicegate.gate(data, rules, **options), artifact, raises)


def _finished(report: Report, artifact: str | None, raises: bool) -> Report:
    logger = get_run_logger()
    logger.info("%s", _by_rule.headline(report))
    for reason in _by_rule.reasons(report) if not report.ok else []:
        logger.error("%s", reason)
    create_markdown_artifact(
        key=artifact or artifact_key(report.dataset), markdown=_markdown(report), description=_by_rule.headline(report)
    )
    if raises and not report.ok:
        report.raise_for_verdict()
    return report


def artifact_key(dataset: str) -> str:
    """The key of a data set's artifacts, as Prefect wants it."""
    return f"sluicegate-{re.sub(r'[^a-z0-9]+', '-', dataset.lower()).strip('-') or 'report'}"


def _markdown(report: Report) -> str:
    text = report.render("markdown")
    if len(text.encode()) <= ARTIFACT_BYTES_MAX:
        return text
    lines = [_by_rule.headline(report), *_by_rule.reasons(report)]
    # Indented text: what the data holds is not read as Markdown.
    return "\n".join("    " + line for line in lines)[:ARTIFACT_BYTES_MAX]
