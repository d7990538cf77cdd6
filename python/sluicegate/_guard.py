"""What may be told of a library that could not hand over its rows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator

from ._errors import Fault


@contextlib.contextmanager
def guarded(rules: Callable[[], str]) -> Generator[None, None, None]:
    """Hand rows over within this.

    Args:
        rules: gives the text of the rule file.

    Raises:
        Fault: as the engine raises it, but without what a library says where the rules mask columns: it may quote a value.
            Also where a library of Rust breaks: that is no ``Exception``, and nobody would catch it.
    """
    try:
        yield
    except Fault as fault:
        if not any(one["code"] == "unreadable" for one in fault.faults) or "mask" not in rules():
            raise
        told = _fault(
            "unreadable", "cannot read the batches; what the library says may hold values, and the rules mask some"
        )
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        hint = "please report it; until then, hand over `pyarrow.table(frame)`"
        told = _fault("internal", "the frame cannot be taken over: an internal error", hint)
    else:
        return
    # A traceback would show what was caught.
    raise told from None


def _fault(code: str, what: str, hint: str | None = None) -> Fault:
    text = what if hint is None else f"{what}; {hint}"
    return Fault(text, json.dumps([{"code": code, "place": None, "what": what, "hint": hint, "span": None}]))
