"""What a run raises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._report import Report


class Fault(Exception):
    """The data could not be judged, or something that was asked for could not be done.

    The text names every fault, one a line, with its place and what to do about it. Bad data is no fault: a report says
    what is wrong with it.

    Attributes:
        faults: one dict a fault: ``code``, ``what``, ``place`` and ``hint`` (either may be None), ``span``.
    """

    def __init__(self, text: str, faults: str = "[]") -> None:
        super().__init__(text, faults)
        self.faults: list[dict[str, Any]] = json.loads(faults)

    def __str__(self) -> str:
        return str(self.args[0])


class Rejected(Exception):
    """The data did not pass.

    Attributes:
        report: the report that says why.
    """

    def __init__(self, text: str, report: Report) -> None:
        super().__init__(text, report)
        self.report = report

    def __str__(self) -> str:
        return str(self.args[0])
