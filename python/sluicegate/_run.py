"""Runs: check, gate, profile."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from . import _sluicegate
from ._frames import Data, Opened, opened
from ._guard import guarded
from ._progress import Bar
from ._report import Report
from ._rule_text import RulesLike, given, read
from ._visible import line
from ._words import Time, memory, time

logger = logging.getLogger("sluicegate")

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Progress = bool | Callable[[int, int, int], object] | None


def check(
    data: Data | None,
    rules: RulesLike,
    *,
    batch_id: str | None = None,
    now: Time | None = None,
    as_of: Time | None = None,
    threads: int | None = None,
    memory_limit: str | int | None = None,
    statistics: bool = True,
    strict: bool = False,
    record: str | os.PathLike[str] | None = None,
    notify: bool = False,
    root: Paths | None = None,
    report: Paths | None = None,
    failing_rows: str | os.PathLike[str] | None = None,
    format: str | None = None,
    var: Mapping[str, object] | None = None,
    set: Mapping[str, object] | None = None,
    only: str | Sequence[str] | None = None,
    progress: Progress = None,
) -> Report:
    """Judge data by rules. Nothing is written but the reports that are asked for.

    Bad data raises nothing: the report says what is wrong with it.

    Args:
        data: paths (globs, directories, URLs), or frames: anything with ``__arrow_c_stream__``. None for the data that
            the rule file names (``source: { path: … }``).
        rules: a path, the text of a rule file, a dict as a rule file would hold it, or ``sluicegate.rules(…)``.
        batch_id: the name of the batch; it follows from the content of text files if left out.
        now: the clock of the run, for reports that can be reproduced.
        as_of: what ``freshness`` measures ages against; the clock if left out.
        threads: all cores if left out. Changes nothing in the report.
        memory_limit: memory for exact keys before they spill to disk, and for streams before they are spooled:
            ``"1GB"``, or bytes.
        statistics: whether what files say of themselves may stand for reading them.
        strict: whether a warning counts as a failure for ``ok``.
        record: a directory where the run is recorded; the rule file's ``history`` if left out.
        notify: whether those are told whom the rule file's ``notify`` names.
        root: directories below which the rule file may read and write; for rule files that are not trusted.
        report: paths of reports to be written: ``"report.html"``, ``"junit=report.xml"``.
        failing_rows: a file for every row on which a rule fails (.parquet, .ndjson, .csv).
        format: the format of the files, whatever their names say.
        var: what variables of the rule file stand for: ``{"max": 5}`` for ``${max}``.
        set: parts of the rule file, written anew: ``{"gate.publish": "lake/orders"}``.
        only: the rules that are judged, by id or as ``"tag:NAME"``; the report names those that are left out.
        progress: True for a bar, False for none, or what is called with bytes done, bytes in all, and rows done. If left
            out, long runs in a notebook or at a terminal show a bar.

    Returns:
        the report; its rows can be told apart by ``split()``.

    Raises:
        Fault: the data could not be judged, or a report not be written.
        KeyboardInterrupt: Ctrl-C was pressed; nothing was written.
    """
    options = _common(locals())
    options += [] if statistics else ["--no-statistics"]
    return _run("check", data, rules, [*options, *(["--notify"] if notify else [])], progress)


def gate(
    data: Data | None,
    rules: RulesLike,
    *,
    publish: str | os.PathLike[str] | None = None,
    quarantine: str | os.PathLike[str] | None = None,
    publish_format: str | None = None,
    on_reject: str | None = None,
    supersede: bool = False,
    dry_run: bool = False,
    batch_id: str | None = None,
    now: Time | None = None,
    as_of: Time | None = None,
    threads: int | None = None,
    memory_limit: str | int | None = None,
    strict: bool = False,
    record: str | os.PathLike[str] | None = None,
    notify: bool = True,
    root: Paths | None = None,
    report: Paths | None = None,
    failing_rows: str | os.PathLike[str] | None = None,
    format: str | None = None,
    var: Mapping[str, object] | None = None,
    set: Mapping[str, object] | None = None,
    only: str | Sequence[str] | None = None,
    progress: Progress = None,
) -> Report:
    """Judge data by rules, publish what may pass, and set the rest aside, in one step.

    Killed at any instant and run again, each batch is there once. The same batch again changes nothing.

    Args:
        data, rules: as for :func:`check`.
        publish: where passing rows go: a directory or URL is a table, a path ending in .parquet one file; the rule
            file's ``gate`` section if left out.
        quarantine: the directory for rows set aside; beside the destination if nothing names it.
        publish_format: how a directory keeps batches: ``"delta"`` or ``"parquet"``.
        on_reject: what becomes of a rejected batch, as the rule file's ``gate: { on_reject: … }`` says it.
        supersede: whether the batch may take the place of another under its id.
        dry_run: judge, and say what would be done.
        notify: whether those are told whom the rule file's ``notify`` names.

    The other arguments are those of :func:`check`.

    Returns:
        the report. ``ok`` is true also where rows were set aside: all others are published.

    Raises:
        Fault: the data could not be judged, or rows not be published; then the destination is as it was.
        KeyboardInterrupt: Ctrl-C was pressed; either nothing is published, or all of it.
    """
    options = _common(locals())
    named = {
        "--publish": publish,
        "--quarantine": quarantine,
        "--publish-format": publish_format,
        "--on-reject": on_reject,
    }
    for option, value in named.items():
        options += [option, os.fspath(value)] if value is not None else []
    options += ["--supersede"] if supersede else []
    options += ["--dry-run"] if dry_run else []
    options += [] if notify else ["--no-notify"]
    return _run("gate", data, rules, options, progress)


def profile(
    data: Data,
    *,
    name: str | None = None,
    rules: RulesLike | None = None,
    now: Time | None = None,
    threads: int | None = None,
    memory_limit: str | int | None = None,
    report: Paths | None = None,
    format: str | None = None,
    progress: Progress = None,
) -> Report:
    """Describe data without judging it: columns, what is remarkable, keys, correlations.

    Args:
        data: as for :func:`check`.
        name: what the report calls the data.
        rules: a rule file that says how the data is read, cleaned and masked; a path only.

    The other arguments are those of :func:`check`.

    Raises:
        Fault: the data could not be read, or a report not be written.
    """
    options, path = _common(locals()), None
    if rules is not None:
        path, text = given(rules)
        if text is not None:
            raise TypeError("`profile` takes rules as a path")
        options += ["--rules", path]
    rows = opened(data)
    named = rows.paths or [name or "data"]
    return _judged("profile", rows, named, (path, None), options, progress)


def _run(command: str, data: Data | None, rules: RulesLike, options: list[str], progress: Progress) -> Report:
    path, text = given(rules)
    rows = opened(data) if data is not None else Opened([], None, False)
    return _judged(command, rows, rows.paths, (path, text), ["--rules", path, "--ci", "off", *options], progress)


def _judged(
    command: str,
    rows: Opened,
    paths: list[str],
    rules: tuple[str | None, tuple[str, str] | None],
    options: list[str],
    progress: Progress,
) -> Report:
    logger.debug("%s: begins: %s", command, line(" ".join(paths)) or "rows in memory")
    began = monotonic()
    with Bar(progress) as bar, guarded(lambda: read(*rules)):
        native = _sluicegate.run([command, *options, "--", *paths], rules[1], rows.frames, rows.is_stream, bar.listener)
    report = Report(native)
    for note in native.notes:
        logger.warning("%s", note.removeprefix("note: "))
    seconds = monotonic() - began
    logger.info("%s: %s: %s, %s rows, %.2f s", command, line(report.dataset), report.verdict, report.rows.read, seconds)
    return report


def _common(given: dict[str, Any]) -> list[str]:
    """The options that commands have in common, as the command line writes them."""
    options: list[str] = []
    plain = {"batch_id": "--batch-id", "threads": "--threads", "record": "--record", "failing_rows": "--failing-rows"}
    for name, option in {**plain, "format": "--format"}.items():
        value = given.get(name)
        options += [option, str(value)] if value is not None else []
    for name, option in {"now": "--now", "as_of": "--as-of"}.items():
        options += [option, time(given[name])] if given.get(name) is not None else []
    memory_limit = given.get("memory_limit")
    if memory_limit is not None:
        options += ["--memory-limit", memory(memory_limit)]
    for name, option in {"root": "--root", "report": "--report"}.items():
        for path in _paths(given.get(name)):
            options += [option, path]
    for name in ("var", "set"):
        pairs: dict[str, object] = given.get(name) or {}
        for key, value in pairs.items():
            options += [f"--{name}", f"{key}={_scalar(value)}"]
    only = given.get("only")
    for name in [only] if isinstance(only, str) else only or []:
        options += ["--only", name]
    return options + (["--strict"] if given.get("strict") else [])


def _scalar(value: object) -> str:
    """A value as a rule file writes it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _paths(paths: Paths | None) -> list[str]:
    if paths is None:
        return []
    if isinstance(paths, (str, os.PathLike)):
        return [os.fspath(paths)]
    return [os.fspath(path) for path in paths]
