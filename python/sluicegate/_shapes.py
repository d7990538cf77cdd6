"""Mappings within a call of the builder: their words are known too."""

from __future__ import annotations

import collections.abc
import functools
import typing
from collections.abc import Callable, Mapping
from typing import Any

from . import _yaml

#: Types with arguments that are no alternatives.
CONTAINERS = (collections.abc.Iterable, collections.abc.Mapping, typing.Literal)


@functools.cache
def hints(of: Callable[..., Any]) -> dict[str, Any]:
    """The types of the parameters of a method, or of the keys of a mapping."""
    return typing.get_type_hints(of)


def unknown(kind: Any, value: Any) -> tuple[str, list[str]] | None:
    """A word of `value` that no mapping of this type has, with those that it has."""
    alternatives = typing.get_args(kind) if typing.get_origin(kind) not in (None, *CONTAINERS) else (kind,)
    if _yaml.is_list(value):
        items = [typing.get_args(one)[0] for one in alternatives if typing.get_origin(one) is collections.abc.Iterable]
        return _first(unknown(of, item) for of in items for item in value)
    if not _yaml.is_mapping(value):
        return None
    free = [typing.get_args(one)[1] for one in alternatives if typing.get_origin(one) is collections.abc.Mapping]
    if free:
        return _first(unknown(of, item) for of in free for item in value.values())
    shapes = [hints(one) for one in alternatives if typing.is_typeddict(one)]
    if not shapes:
        return None
    # The alternative that has the most of the words is the one that is meant.
    shape = max(shapes, key=lambda shape: sum(key in shape for key in value))
    if value and not any(key in shape for key in value):
        return str(next(iter(value))), [key for shape in shapes for key in shape]
    return _unknown_of(shape, value)


def _unknown_of(shape: Mapping[str, Any], value: Mapping[Any, Any]) -> tuple[str, list[str]] | None:
    for key, item in value.items():
        if key not in shape:
            return str(key), list(shape)
        if found := unknown(shape[key], item):
            return found
    return None


def _first(found: collections.abc.Iterable[tuple[str, list[str]] | None]) -> tuple[str, list[str]] | None:
    return next((one for one in found if one), None)
