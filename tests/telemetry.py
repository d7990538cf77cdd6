"""Reads metrics and lineage with the parsers of those who defined them, and prints what they read as JSON.

    telemetry.py openmetrics FILE     by the parsers of prometheus_client, of both formats
    telemetry.py openlineage FILE     by the classes of openlineage-python, which are generated from the JSON Schemas
"""

import importlib
import json
import pkgutil
import sys
import types
import typing

import attr


def samples(families):
    read = [[sample.name, dict(sorted(sample.labels.items())), sample.value] for family in families for sample in family.samples]
    return sorted(read, key=json.dumps)


def openmetrics(text):
    from prometheus_client import parser as classic
    from prometheus_client.openmetrics import parser as strict

    families = list(strict.text_string_to_metric_families(text))
    both = samples(families), samples(classic.text_string_to_metric_families(text))
    assert json.dumps(both[0]) == json.dumps(both[1]), "the two formats differ"
    return {"samples": both[0], "types": sorted({family.type for family in families})}


def facets():
    """The classes of facets, by the URL of their schema."""
    import openlineage.client.generated as generated
    from openlineage.client.generated.base import BaseFacet

    known = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for member in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(member, type) and issubclass(member, BaseFacet):
                known[member._get_schema()] = member
    return known


FACETS = None


def built(cls, value, at):
    """An object of the class, of JSON that has exactly its fields, of their types."""
    assert isinstance(value, dict), f"{at}: no object"
    hints, fields = typing.get_type_hints(cls), attr.fields_dict(cls)
    arguments = {}
    for key, entry in value.items():
        if key in ("_producer", "_schemaURL", "producer", "schemaURL"):
            assert isinstance(entry, str) and entry.startswith("https://"), f"{at}.{key}: no URL"
            continue
        assert key in fields, f"{at}.{key}: {cls.__name__} has no such field"
        arguments[key] = typed(hints[key], entry, f"{at}.{key}")
    for key in ("_producer", "_schemaURL") if "_producer" in fields else ("producer", "schemaURL") if "producer" in fields else ():
        assert key in value, f"{at}: {key} is missing"
    schema = value.get("_schemaURL", value.get("schemaURL"))
    assert schema is None or schema == cls._get_schema(), f"{at}: {schema} is not {cls._get_schema()}"
    return cls(**arguments)


def typed(hint, value, at):
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        assert value is not None, f"{at}: null"
        return typed([t for t in inner if t is not type(None)][0], value, at)
    if origin is list:
        assert isinstance(value, list), f"{at}: no list"
        return [typed(inner[0], item, f"{at}[{i}]") for i, item in enumerate(value)]
    if origin is dict:
        assert isinstance(value, dict), f"{at}: no object"
        return {key: typed(inner[1], item, f"{at}.{key}") for key, item in value.items()}
    if hint is typing.Any:
        return value
    if attr.has(hint):
        if "_schemaURL" in value:
            cls = FACETS.get(value["_schemaURL"])
            assert cls is not None, f"{at}: no schema {value['_schemaURL']}"
            assert issubclass(cls, hint), f"{at}: {cls.__name__} is no {hint.__name__}"
            return built(cls, value, at)
        return built(hint, value, at)
    if isinstance(hint, type) and hint.__name__ == "EventType":
        return hint(value)
    kinds = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}[hint]
    assert isinstance(value, kinds) and (hint is bool or not isinstance(value, bool)), f"{at}: {value!r} is no {hint.__name__}"
    return value


def openlineage(text):
    global FACETS
    from openlineage.client.generated.base import RunEvent

    FACETS = facets()
    events = [json.loads(line) for line in text.splitlines()]
    for number, event in enumerate(events):
        built(RunEvent, event, f"event {number}")
    return events


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8", newline="") as file:
        print(json.dumps({"openmetrics": openmetrics, "openlineage": openlineage}[sys.argv[1]](file.read())))
