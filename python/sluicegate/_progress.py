"""How far a run is, in a notebook or at a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

#: Runs that are over before this many seconds show nothing.
_PATIENCE = 1.0
_WIDTH = 30


class Bar:
    """A line that says how far the run is, and goes when it ends."""

    def __init__(self, wanted: bool | Callable[[int, int, int], object] | None) -> None:
        self.listener: Callable[[int, int, int], object] | None = None
        self._began = time.monotonic()
        self._handle: Any = None
        self._is_shown = False
        self._is_asked = wanted is True
        if callable(wanted):
            self.listener = wanted
        elif wanted is not False and (self._is_asked or _is_notebook() or sys.stderr.isatty()):
            self.listener = self._show

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
        elif self._is_shown:
            sys.stderr.write("\r" + " " * 78 + "\r")
            sys.stderr.flush()

    def _show(self, done: int, total: int, rows: int) -> None:
        seconds = time.monotonic() - self._began
        if seconds < _PATIENCE and not self._is_asked:
            return
        share = min(done / total, 1.0) if total else 0.0
        filled = round(share * _WIDTH)
        line = f"[{'=' * filled}{' ' * (_WIDTH - filled)}] {share:4.0%}, {rows:,} rows, {rows / max(seconds, 1e-3):,.0f} rows/s"
        self._is_shown = True
        if _is_notebook():
            self._tell_notebook(line)
        else:
            sys.stderr.write("\r" + line)
            sys.stderr.flush()

    def _tell_notebook(self, line: str) -> None:
        from IPython.display import display  # type: ignore[import-not-found,unused-ignore]

        if self._handle is None:
            self._handle = display({"text/plain": line}, raw=True, display_id=True)  # pyright: ignore
        else:
            self._handle.update({"text/plain": line}, raw=True)


def _is_notebook() -> bool:
    """Whether this runs in a notebook's kernel."""
    ipython: Any = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
