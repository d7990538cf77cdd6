# pyright: basic, reportMissingImports=false
"""Rules as tests: `pytest --sluicegate rules/` judges the data of every rule file in the directory, a test a rule.

The data is the `source: { path }` of the rule file, relative to the working directory, as for the command line. Each file is judged
once. A rule that sets rows aside or rejects fails its test; one that only warns is a warning of pytest. The last test of a file, `batch`,
holds what no rule says: columns, records that cannot be read, and the verdict.

The fixture `sluicegate_check` judges data that a test has: `sluicegate_check(frame, "rules/orders.yaml")`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from . import Report
    from ._by_rule import Judged, Rule

_ROWS_MAX = 5
_SUFFIXES = (".yaml", ".yml")


class SluicegateWarning(UserWarning):
    """A rule that only warns does."""


class RuleFailed(AssertionError):
    """A rule does not hold."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--sluicegate` and `--sluicegate-reports`."""
    group = parser.getgroup("sluicegate")
    group.addoption(
        "--sluicegate",
        action="append",
        default=[],
        metavar="PATH",
        help="judge the data of this rule file, or of every rule file (.yaml, .yml) below this directory: a test a rule",
    )
    group.addoption("--sluicegate-reports", metavar="DIR", help="keep the HTML report of each rule file here")


def pytest_configure(config: pytest.Config) -> None:
    """Has pytest collect the rule files beside the tests that it collects anyhow.

    Raises:
        pytest.UsageError: There is no such file or directory.
    """
    for path in _paths(config):
        if not path.exists():
            raise pytest.UsageError(f"--sluicegate: no such file or directory: {path}")
        config.args.append(str(path))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Takes the rule files that `--sluicegate` names."""
    if file_path.suffix not in _SUFFIXES:
        return None
    is_named = any(path == file_path or path in file_path.parents for path in _paths(parent.config))
    return RuleFile.from_parent(parent, path=file_path) if is_named else None


def _paths(config: pytest.Config) -> list[Path]:
    return [
        Path(os.path.abspath(config.invocation_params.dir / path)) for path in config.getoption("--sluicegate") or []
    ]


class RuleFile(pytest.File):
    """A rule file: a test a rule."""

    _report: Report | None = None
    _fault: Exception | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """The rules, and the batch as a whole.

        Raises:
            CollectError: The rule file is wrong.
        """
        from . import Fault, _by_rule

        try:
            self.listed = _by_rule.listed(self._named())
        except Fault as fault:
            raise self.CollectError(_by_rule.visible(str(fault))) from None
        for rule in self.listed:
            yield RuleItem.from_parent(self, name=rule.name, rule=rule)

    def report(self) -> Report:
        """The report, made once.

        Raises:
            sluicegate.Fault: The data cannot be judged: the same fault for every rule.
        """
        import sluicegate

        if self._fault is not None:
            raise self._fault
        if self._report is None:
            try:
                self._report = sluicegate.check(None, self._named())
            except sluicegate.Fault as fault:
                self._fault = fault
                raise
            self._save(self._report)
        return self._report

    def _named(self) -> str:
        """The rule file as a user would name it here, so that messages do."""
        return os.path.relpath(self.path)

    def _save(self, report: Report) -> None:
        directory = self.config.getoption("--sluicegate-reports")
        if directory:
            os.makedirs(directory, exist_ok=True)
            parts = Path(os.path.relpath(self.path, self.config.rootpath)).with_suffix("").parts
            report.save(os.path.join(directory, "-".join(part for part in parts if part != "..") + ".html"))


class RuleItem(pytest.Item):
    """A rule, or the batch as a whole."""

    def __init__(self, *, rule: Rule, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rule = rule

    def runtest(self) -> None:
        """Passes if the rule holds.

        Raises:
            RuleFailed: It does not.
            sluicegate.Fault: The data cannot be judged.
        """
        from . import _by_rule

        file = self.parent
        assert isinstance(file, RuleFile)
        judged = next(one for one in _by_rule.judged(file.report(), file.listed) if one.rule == self.rule)
        if judged.weight == "fail":
            raise RuleFailed(in_words(judged))
        if judged.weight == "warn":
            # pytest shows the line of the rule file by itself.
            self.warn(SluicegateWarning(in_words(judged, with_rule=False)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The finding in words; of our own mistakes, the traceback."""
        from . import Fault, _by_rule

        if isinstance(excinfo.value, RuleFailed | Fault):
            return _by_rule.visible(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the rule stands."""
        return self.path, max(self.rule.line - 1, 0), f"{self.path.name}: {self.rule.name}"


@pytest.fixture
def sluicegate_check() -> Callable[..., Report]:
    """A function that judges data by rules, as `sluicegate.check` does, and fails the test if the batch is not accepted. Rules that warn
    are warnings of pytest. It returns the report."""

    def check(data: Any, rules: Any, **options: Any) -> Report:
        import sluicegate

        from . import _by_rule

        report = sluicegate.check(data, rules, **options)
        all_judged = _by_rule.judged(report, _by_rule.listed(rules))
        for judged in all_judged:
            if judged.weight == "warn":
                warnings.warn(SluicegateWarning(in_words(judged)), stacklevel=2)
        if not report.ok:
            failed = [in_words(judged) for judged in all_judged if judged.weight == "fail"]
            pytest.fail("\n".join([_by_rule.headline(report), *failed]), pytrace=False)
        return report

    return check


def in_words(judged: Judged, with_rule: bool = True) -> str:
    """What was found, the first failing rows, and the rule as it is written."""
    from . import _by_rule

    rows = [
        f"    {line}"
        for finding in judged.findings
        if _by_rule.weight(finding) in ("fail", "warn")
        for line in _by_rule.rows_in_words(finding, _ROWS_MAX)
    ]
    written = (
        [finding.to_dict().get("written") or "" for finding in judged.findings[:1]]
        if with_rule and judged.rule.rule
        else []
    )
    rule = ["  the rule:", *(f"  {line}" for text in written for line in text.splitlines())] if any(written) else []
    return _by_rule.visible("\n".join([judged.message, *rows, *rule]))
