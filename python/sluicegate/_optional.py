"""Packages of others, which nobody must have who does not use them."""

from __future__ import annotations

import importlib
from typing import Any


def package(name: str) -> Any:
    """The module of this name, imported where it is needed."""
    return importlib.import_module(name)
