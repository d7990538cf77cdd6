"""Reports: what a run found."""

from __future__ import annotations

import difflib
import html
import json
import os
from functools import cached_property
from typing import Any

from . import _sluicegate
from ._errors import Fault, Rejected
from ._profile_page import profile_page
from ._visible import line


class Table:
    """Rows in Arrow's form. Frame libraries read them without copying: ``polars.DataFrame(table)``,
    ``pyarrow.table(table)``, or one of the methods here."""

    def __init__(self, native: _sluicegate.Table) -> None:
        self._native = native

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        return f"<sluicegate.Table: {len(self)} rows, {len(self.column_names)} columns>"

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return self._native.column_names

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._native.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._native.__arrow_c_schema__()

    def to_arrow(self) -> Any:
        """The rows as a ``pyarrow.Table``."""
        import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return pyarrow.table(self)  # pyright: ignore

    def to_polars(self) -> Any:
        """The rows as a ``polars.DataFrame``."""
        import polars  # type: ignore[import-not-found,unused-ignore]

        return polars.DataFrame(self)  # pyright: ignore

    def to_pandas(self) -> Any:
        """The rows as a ``pandas.DataFrame``; needs pyarrow too."""
        return self.to_arrow().to_pandas()


class _Fields:
    """A part of the report's JSON, of which each field is an attribute."""

    #: Fields that may be absent, which is None.
    _optional: frozenset[str] = frozenset()

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        # Asked for while it is being copied, there are none yet.
        fields: dict[str, Any] = self.__dict__.get("_fields", {})
        if name in fields:
            return fields[name]
        if name in self._optional:
            return None
        near = difflib.get_close_matches(name, fields, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(fields)}"
        raise AttributeError(f"{type(self).__name__} has no `{name}`; {hint}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._fields]


class Finding(_Fields):
    """What one rule found of one column, or of the whole batch.

    Every field of the report's JSON is an attribute: see ``Finding.to_dict()``, and the JSON Schema of reports.
    """

    _optional = frozenset(
        {"code", "description", "follows_from", "known_reasons", "messages", "owner", "runbook", "span", "taken_over"}
        | {"warming_up", "written"}
    )

    def __repr__(self) -> str:
        return line(f"<Finding {self.id}: {self.status}: {self.message}>")

    @property
    def id(self) -> str:
        """The name of the finding: the rule's id and the column."""
        return str(self._fields["id"])

    @property
    def status(self) -> str:
        """``pass``, ``fail`` (of a rule that only warns too: ``severity`` tells), ``warn``, ``no_data``, ``known``, ``not_judged`` or ``insufficient_evidence``: the JSON's
        ``outcome``."""
        return str(self._fields["outcome"])

    @property
    def message(self) -> str:
        """What was found, in words."""
        return str(self._fields["message"])

    @property
    def failing_rows(self) -> int | None:
        """How many rows fail; None where the rule speaks of no rows."""
        return self._fields.get("failing_rows")

    def to_dict(self) -> dict[str, Any]:
        """The fields, as they stand in the report's JSON."""
        return self._fields


class Report:
    """What a run found: the verdict, and why.

    A report of :func:`sluicegate.check` also keeps the judged rows for :meth:`split`, and what they lie in, as long as
    it lives. A copy by ``pickle``, or one read from JSON, is without them.
    """

    def __init__(self, native: _sluicegate.Report) -> None:
        self._native = native

    @cached_property
    def _fields(self) -> dict[str, Any]:
        return json.loads(self.to_json())

    @staticmethod
    def from_json(text: str) -> Report:
        """Read a report back.

        Raises:
            Fault: the text is no report.
        """
        # The engine reads it first: it says what is wrong with a text that is no report.
        _sluicegate.read_report(text, False)
        return Report(_sluicegate.read_report(text, _passes(text)))

    @property
    def verdict(self) -> str:
        """``accept``, ``quarantine``, ``reject`` or ``undecided``."""
        return str(self._fields["verdict"])

    @property
    def ok(self) -> bool:
        """Whether the program would have ended with 0: of ``check`` for an accepted batch; of ``gate`` also where rows
        were set aside. With ``strict`` a warning counts too."""
        return self._native.is_ok

    @property
    def mode(self) -> str:
        """``check``, ``gate``, ``dry_run`` or ``profile``."""
        return str(self._fields["mode"])

    @property
    def dataset(self) -> str:
        """The name of the data set, as the rule file gives it."""
        return str(self._fields["dataset"])

    @property
    def batch_id(self) -> str:
        """The name of the batch."""
        return str(self._fields["batch"]["id"])

    @property
    def notes(self) -> list[str]:
        """What the program would have noted on standard error."""
        return self._native.notes

    @property
    def reasons(self) -> list[str]:
        """Why the verdict is no plain accept, in words."""
        return list(self._fields.get("reasons", []))

    def _beside_findings(self) -> list[str]:
        """Reasons that no finding says itself."""
        said = {f"{finding.id}: {finding.message}" for finding in self.findings}
        return [reason for reason in self.reasons if reason not in said]

    def __bool__(self) -> bool:
        raise TypeError("a report is neither true nor false: ask for `report.ok`, or call `report.raise_for_verdict()`")

    @cached_property
    def rows(self) -> Rows:
        """How many rows were read, and where they went."""
        return Rows(self._fields["rows"])

    @cached_property
    def findings(self) -> list[Finding]:
        """One a rule and column, in the order of the report."""
        return [Finding(fields) for fields in self._fields["findings"]]

    @property
    def columns(self) -> list[dict[str, Any]]:
        """What is known of each column, as far as the rule file's ``profile`` wants it."""
        return self._fields.get("columns", [])

    def __getitem__(self, id: str) -> Finding:
        for finding in self.findings:
            if finding.id == id:
                return finding
        near = difflib.get_close_matches(id, [finding.id for finding in self.findings], 3)
        raise KeyError(f"no finding `{id}`" + (f"; near: {', '.join(near)}" if near else ""))

    def __contains__(self, id: object) -> bool:
        return any(finding.id == id for finding in self.findings)

    def __repr__(self) -> str:
        if self.mode == "profile":
            return f"<sluicegate.Report {line(self.dataset)}: profile of {len(self.columns)} columns, {self.rows.read} rows>"
        return f"<sluicegate.Report {line(self.dataset)}: {self.verdict}, {len(self.findings)} findings, {self.rows.read} rows>"

    def to_dict(self) -> dict[str, Any]:
        """The report as its JSON says it (``reports/report.schema.json``)."""
        return self._fields

    def to_json(self) -> str:
        """The report as JSON."""
        return self._native.render("json")

    def to_html(self) -> str:
        """The report as a page, in one file."""
        return self._native.render("html")

    def render(self, format: str) -> str:
        """The report in any format that ``--report`` knows: ``json``, ``html``, ``markdown``, ``junit``, ``sarif``, …

        Raises:
            Fault: there is no such format.
        """
        return self._native.render(format)

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the report to a file, whole or not at all. Without ``format`` the name's extension says it.

        Raises:
            Fault: no format has that extension.
            OSError: the file cannot be written.
        """
        path = os.fspath(path)
        text = self._native.render(format or _sluicegate.format_of(path))
        draft = f"{path}.{os.getpid()}.draft"
        try:
            with open(draft, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.replace(draft, path)
        except BaseException:
            if os.path.exists(draft):
                os.remove(draft)
            raise

    def split(self) -> tuple[Table, Table]:
        """The rows that may pass, and those that may not.

        The first are as they would be published: with what ``clean`` and ``transform`` make of them. The second are as
        they came, with the rules that each failed, and where it stands (columns that begin with ``_sluicegate_``). Both are in
        the order of the data. Rows that ``clean`` drops are in neither. Whether the batch as a whole may be used is
        another question: ``ok`` answers it.

        Raises:
            Fault: the rows are not at hand any more: the report was read back or pickled, or is of ``gate``, which has
                put them where they belong.
        """
        if not self._native.has_rows:
            raise Fault(
                "the judged rows are not at hand; `split` is for reports of `check` that were not read back or pickled"
            )
        good, bad = self._native.split()
        return Table(good), Table(bad)

    def raise_for_verdict(self) -> Report:
        """Raise :class:`sluicegate.Rejected` unless the report is ``ok``.

        Returns:
            the report.
        """
        if not self.ok:
            raise Rejected(self.summary(), self)
        return self

    def summary(self) -> str:
        """The verdict and what led to it, in a few lines."""
        rows = self.rows
        kept_back = "rejected as a whole" if self.verdict == "reject" else f"{rows.quarantined:,} set aside"
        lines = [
            f"{self.dataset}: {self.verdict}: {rows.read:,} rows, {kept_back}",
            *(f"  {why}" for why in self._beside_findings()),
        ]
        decisive = [f for f in self.findings if f.status in ("fail", "no_data")] or [
            f for f in self.findings if f.status == "warn"
        ]
        # What stops the batch first: it is easily one among many.
        decisive.sort(key=lambda finding: finding.on_fail != "reject")
        lines += [f"  {finding.id}: {finding.message}" for finding in decisive[:10]]
        if len(decisive) > 10:
            lines.append(f"  and {len(decisive) - 10} more")
        return "\n".join(map(line, lines))

    def _repr_html_(self) -> str:
        return profile_page(self.dataset, self.rows.read, self.columns) if self.mode == "profile" else _small_page(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _read_back, (self.to_json(), self.ok)


class Rows(_Fields):
    """How many rows were read, and where they went."""

    def __repr__(self) -> str:
        return f"<Rows {self._fields}>"


def _read_back(text: str, is_ok: bool) -> Report:
    return Report(_sluicegate.read_report(text, is_ok))


def _passes(text: str) -> bool:
    fields = json.loads(text)
    passing = ("accept", "quarantine") if fields.get("mode") == "gate" else ("accept",)
    return fields.get("verdict") in passing or fields.get("mode") == "profile"


_COLOURS = {"accept": "#1a7f37", "quarantine": "#9a6700", "reject": "#cf222e", "undecided": "#6e7781"}
_SHOWN = 12


def _small_page(report: Report) -> str:
    """A small table for notebooks: escaped, without scripts and styles of its own that could reach the page."""
    escape = html.escape
    order = {"fail": 0, "no_data": 1, "warn": 2, "insufficient_evidence": 2}
    findings = sorted(report.findings, key=lambda f: (order.get(f.status, 3), f.on_fail != "reject"))
    reasons = "".join(f"<li>{escape(reason[:300])}</li>" for reason in report._beside_findings()[:3])
    status = {(f.id): "warning" if f.status == "fail" and f.severity == "warning" else f.status for f in findings}
    cell = "padding:2px 10px;text-align:left;max-width:60em;overflow-wrap:break-word"
    rows = "".join(
        f'<tr><td style="{cell}">{escape(status[f.id])}</td><td style="{cell}">{escape(f.id)}</td>'
        f'<td style="{cell}">{escape(f.message[:300])}</td></tr>'
        for f in findings[:_SHOWN]
    )
    left_out = len(findings) - _SHOWN
    more = f"<p>and {left_out} more finding{'s' if left_out > 1 else ''}</p>" if left_out > 0 else ""
    colour = _COLOURS.get(report.verdict, "#6e7781")
    return (
        f'<div><p><b>{escape(report.dataset)}</b>: <b style="color:{colour}">{escape(report.verdict)}</b>, '
        f"{report.rows.read:,} rows, {report.rows.quarantined:,} set aside</p>{f'<ul>{reasons}</ul>' if reasons else ''}"
        f'<table><thead><tr><th style="{cell}">status</th><th style="{cell}">finding</th><th style="{cell}">what was found</th>'
        f"</tr></thead><tbody>{rows}</tbody></table>{more}</div>"
    )
