"""What the tests have in common."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def needs(module: str) -> Any:
    """A package that a test needs. Without it the test is skipped, or fails where everything is required (CI).

    Returns:
        the module.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if os.environ.get("SLUICEGATE_REQUIRE_ALL"):
            pytest.fail(f"`{module}` is required here: {error}")
        pytest.skip(f"`{module}` is not installed", allow_module_level=True)


@pytest.fixture
def orders() -> dict[str, list[Any]]:
    """Columns of a few orders: two of four prices are bad, one email is missing."""
    return {"price": [1.5, 2.0, 0.0, -1.0] * 10, "email": ["a@b.de", None, "c@d.de", "e@f.de"] * 10}


@pytest.fixture
def rules() -> dict[str, Any]:
    return {
        "dataset": "orders",
        "rules": [{"range": {"column": "price", "above": 0}}, {"missing": {"column": "email", "tolerate": "30%"}}],
        "gate": {"reject_above": "100%"},
    }
