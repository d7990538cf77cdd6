"""A report taken apart by the rules of its file: for programs that show each rule by itself, before and after a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from . import _sluicegate
from ._rule_text import RulesLike, given

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._report import Finding, Report

Weight = Literal["pass", "info", "warn", "fail"]
_ORDER: tuple[Weight, ...] = ("pass", "info", "warn", "fail")

BATCH = "batch"
"""The name of what no rule of the file says: columns, records that cannot be read, and whether the batch as a whole may pass."""


@dataclass(frozen=True)
class Rule:
    """A rule of a file, or the batch as a whole."""

    name: str
    rule: str
    description: str | None
    line: int
    column: int

    def says(self) -> str:
        """What it is for, in words."""
        if self.name == BATCH and not self.rule:
            return "the batch as a whole: its columns, records that cannot be read, and the verdict"
        return self.description or f"rule `{self.rule}`, line {self.line}"


@dataclass(frozen=True)
class Judged:
    """What came of a rule."""

    rule: Rule
    weight: Weight
    findings: tuple[Finding, ...]
    message: str
    """What was found, a line a finding that is a problem; of a rule that passes, a line a finding."""


def listed(rules: RulesLike) -> list[Rule]:
    """The rules of a file by name, in its order; the last one is the batch as a whole.

    Raises:
        sluicegate.Fault: The rules cannot be read, or say something wrong.
    """
    found = [
        Rule(one["name"], one["rule"], one["description"], one["line"], one["column"])
        for one in json.loads(_sluicegate.listed(*given(rules)))
    ]
    taken = {rule.name for rule in found}
    whole = next(name for name in (BATCH, "whole-batch", "whole-batch-of-all-rules") if name not in taken)
    return [*found, Rule(whole, "", None, 0, 0)]


def judged(report: Report, rules: Iterable[Rule]) -> list[Judged]:
    """What came of each of `rules`, in their order. Nothing in the report is left out: a finding that is no listed rule's is the
    batch's, and so is a verdict that no other finding explains."""
    rules = list(rules)
    places = {(rule.line, rule.column): rule for rule in rules if rule.rule}
    findings: dict[Rule, list[Finding]] = {rule: [] for rule in rules}
    batch = next(rule for rule in rules if not rule.rule)
    for finding in report.findings:
        span: dict[str, Any] = finding.to_dict().get("span") or {}
        findings[places.get((span.get("line", 0), span.get("column", 0)), batch)].append(finding)
    out = [_judged(rule, found) for rule, found in findings.items() if rule is not batch]
    explained = any(one.weight == "fail" for one in out)
    return [*out, _whole(report, batch, findings[batch], explained)]


def weight(finding: Finding) -> Weight:
    """How much a finding weighs: `fail` where it keeps rows or the batch back, `warn`, `info` or `pass`."""
    told = finding.to_dict()
    outcome, on_fail, severity = told["outcome"], told["on_fail"], told["severity"]
    if outcome in ("pass", "known", "not_judged"):
        return "pass"
    if outcome in ("warn", "insufficient_evidence"):
        return "info" if on_fail == "info" else "warn"
    return {"error": "fail", "warning": "warn"}.get(severity, "info")  # type: ignore[return-value]


def rows_in_words(finding: Finding, most: int = 3) -> list[str]:
    """The first failing rows, a line each: where the row is, its values, and why it fails where rows have reasons of their own."""
    samples: list[dict[str, Any]] = finding.to_dict().get("samples") or []
    lines = [visible(_row(sample)).replace("\n", "\\n") for sample in samples[:most]]
    left = (finding.failing_rows or 0) - len(lines)
    if lines and left > 0:
        lines.append(f"… and {left:,} more")
    return lines


def visible(text: str) -> str:
    """Text as a terminal may show it: characters that control it, or that hide or reorder text, as escapes; lines stay lines."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text
    )


def headline(report: Report, name: str | None = None) -> str:
    """The verdict on a line, behind the data set's name or another."""
    rows = report.to_dict()["rows"]
    aside = ", ".join(f"{rows[word]:,} {word}" for word in ("quarantined", "rejected") if rows.get(word))
    return f"{name or report.dataset}: {report.verdict}, {rows['read']:,} rows read" + (f", {aside}" if aside else "")


def reasons(report: Report) -> list[str]:
    """Why the verdict is what it is, in a sentence each."""
    return list(report.to_dict().get("reasons") or [])


def _judged(rule: Rule, findings: list[Finding]) -> Judged:
    weights = [weight(finding) for finding in findings]
    worst: Weight = "pass"
    for one in _ORDER:
        worst = one if one in weights else worst
    shown = [finding for finding, own in zip(findings, weights, strict=True) if own == worst or own in ("warn", "fail")]
    lines = [f"{finding.id}: {finding.message}" for finding in shown]
    if not findings and rule.rule:
        worst, lines = "warn", ["the report has no finding of this rule"]
    return Judged(rule, worst, tuple(findings), "\n".join(lines))


def _whole(report: Report, rule: Rule, findings: list[Finding], explained: bool) -> Judged:
    own = _judged(rule, findings)
    stopped = report.verdict in ("reject", "undecided")
    if stopped or (not report.ok and not explained and own.weight != "fail"):
        lines = [f"verdict {report.verdict}: {reason}" for reason in reasons(report)] or [headline(report)]
        told = [line for line in own.message.splitlines() if own.weight in ("warn", "fail")]
        return Judged(rule, "fail", own.findings, "\n".join([*lines, *told]))
    return own if own.weight in ("warn", "fail") else Judged(rule, own.weight, own.findings, headline(report))


def _row(sample: dict[str, Any]) -> str:
    values = ", ".join(f"{name}={_value(value)}" for name, value in sample["values"])
    said = [part for part in (values, sample.get("raw") and f"record: {sample['raw']}", sample.get("reason")) if part]
    return f"{_place(sample['origin'])}: {'; '.join(said)}" if said else _place(sample["origin"])


def _value(value: Any) -> str:
    return "missing" if value is None else value if isinstance(value, str) else json.dumps(value)


def _place(origin: dict[str, Any]) -> str:
    """Where a row came from, as the program says it."""
    if "index" in origin:
        within = f" in partition {origin['partition']}" if origin.get("partition") is not None else ""
        return f"the row of index {origin['index']}{within}"
    if "topic" in origin:
        return f"{origin['topic']}[{origin['partition']}]@{origin['offset']}"
    return f"{origin['file']}:{origin['line']}" if origin.get("line") else f"{origin['file']} row {origin['row']}"
