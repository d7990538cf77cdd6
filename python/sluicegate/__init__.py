"""Sluicegate: a data-quality gate.

Judges frames and files by declared rules, publishes what may pass, and sets the rest aside with reasons::

    import sluicegate as sg

    report = sg.check(df, "rules/orders.yaml")
    good, bad = report.split()
    report.raise_for_verdict()

The command-line program comes with it: ``sluicegate``, or ``python -m sluicegate``.
"""

from ._errors import Fault, Rejected
from ._fold import Fold, fold, judge, merge
from ._gated import gated
from ._report import Finding, Report, Table
from ._rule_text import RuleText
from ._rules import Rules, rules
from ._run import check, gate, profile
from ._sluicegate import __version__

__all__ = [
    "Fault",
    "Finding",
    "Fold",
    "Rejected",
    "Report",
    "RuleText",
    "Rules",
    "Table",
    "__version__",
    "check",
    "fold",
    "gate",
    "gated",
    "judge",
    "merge",
    "profile",
    "rules",
]
