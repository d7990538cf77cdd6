"""The pages "coming from …": both sides run on the same frame, and find what stands on the page.

Deequ runs on a JVM and is not run here: of its page only our side is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pages
import pytest
from conftest import needs

import sluicegate as sg

FOLDER = pages.ROOT / "docs" / "coming-from"


def of_great_expectations(names: dict[str, Any], code: str) -> str:
    result = names["batch"].validate(eval(code, names))
    raised = [
        info
        for info in (result.exception_info or {}).values()
        if isinstance(info, dict) and info.get("raised_exception")
    ]
    assert not raised, raised
    if result.success or "unexpected_count" not in result.result:
        return "passes" if result.success else "fails"
    return str(result.result["unexpected_count"])


def of_pandera(names: dict[str, Any], code: str) -> str:
    pa = names["pa"]
    schema = (
        eval(code, names)
        if code.startswith("pa.DataFrameSchema")
        else pa.DataFrameSchema(eval("{" + code + "}", names))
    )
    try:
        schema.validate(names["orders"], lazy=True)
    except pa.errors.SchemaErrors as failed:
        rows = failed.failure_cases["index"].dropna()
        return str(rows.nunique()) if len(rows) else "fails"
    return "passes"


def of_pointblank(names: dict[str, Any], code: str) -> str:
    validation = eval(f"pb.Validate(orders){code}.interrogate()", names)
    step = validation.validation_info[-1]
    assert not step.eval_error, code
    if step.n in (None, 1) or step.all_passed:
        return "passes" if step.all_passed else "fails"
    return str(validation.n_failed(i=step.i, scalar=True))


def of_ours(names: dict[str, Any], code: str) -> str:
    rules = (
        f"dataset: orders\n{code}\n"
        if code.startswith(("schema:", "clean:"))
        else f"dataset: orders\nrules:\n  - {code}\n"
    )
    report = sg.check(names["orders"], sg.RuleText(rules, name="row.yaml"))
    failed = [finding for finding in report.findings if finding.status == "fail"]
    if not failed:
        return "passes"
    rows = sum(finding.failing_rows or 0 for finding in failed)
    return str(rows) if rows else "fails"


SIDES: dict[str, tuple[str, Callable[[dict[str, Any], str], str] | None]] = {
    "great-expectations.md": ("great_expectations", of_great_expectations),
    "pandera.md": ("pandera", of_pandera),
    "pointblank.md": ("pointblank", of_pointblank),
    "deequ.md": ("pandas", None),
}


@pytest.mark.parametrize("page", SIDES)
def test_both_sides_run_and_find_what_the_page_says(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, theirs = SIDES[page]
    for name in ("pandas", "polars", package):
        needs(name)
    # Great Expectations would send usage statistics.
    monkeypatch.setitem(os.environ, "GX_ANALYTICS_ENABLED", "false")
    monkeypatch.setitem(os.environ, "GX_HOME", str(tmp_path))
    names = pages.run(FOLDER / page, tmp_path)
    rows = pages.pairs(FOLDER / page)
    assert len(rows) >= 10, "ten things at least"
    wrong = []
    for row in rows:
        found = (theirs(names, row.theirs) if theirs else row.found_by_theirs, of_ours(names, row.ours))
        if found != (row.found_by_theirs, row.found_by_ours):
            wrong.append(f"{page}:{row.line}: {row.what}: found {found[0]} · {found[1]}")
    assert not wrong, "\n".join(wrong)
