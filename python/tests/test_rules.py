"""The builder of rule files: what it writes is what was said, for the program and for other readers of YAML."""

from __future__ import annotations

import collections.abc
import datetime
import functools
import inspect
import json
import pathlib
import pickle
import random
import re
import typing
from decimal import Decimal
from typing import Any

import pytest
from conftest import needs

import sluicegate as sg
from sluicegate import _builder, _rule_file, _rules, _sluicegate, _yaml

ROOT = pathlib.Path(__file__).parents[2]

# What some reader of YAML takes for something else, or cannot read at all without quotes.
NASTY = [
    "no", "No", "YES", "on", "off", "y", "n", "true", "True", "FALSE", "null", "Null", "~", "", " ", " a", "a ",
    "017", "0o17", "0x1F", "0b1", "1e3", "1E3", "1_000", "-5", "+5", "5", "5.", ".5", "1.0", ".inf", "-.Inf", ".nan", "nan",
    "inf", "12:30", "190:20:30", "2026-01-01", "2026-1-1", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00", "1e", "e1", "1.2.3",
    "-", "- a", "?", "? a", ":", "a: b", "a:", ": a", "#", "a #b", "a#b", "&a", "*", "*a", "!", "!!str 1", "|", ">", "%", "@a", "`a`",
    "'", "''", '"', 'a"b', "it's", "\\", "\\d+", "^\\d{3}$", "a\\nb", "{", "}", "[", "]", "{a: b}", "[1, 2]", "a, b", ",", "a,b",
    "\n", "a\nb", "a\n\nb\n", "\t", "\ta", "a\tb", "\r", "a\r\nb", "\x00", "\x07", "\x1b[1m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029",
    "\ufeff", "\ufeffa", "\u200b", "é", "e\u0301", "日本語", "٣", "１２", "🎉", "\U0010ffff", "---", "...", "--- a", "%YAML 1.2", "<<", "=",
    "1%", "36h", "5 points", "20 rows", "1% and 20 rows", "30 batches", "decimal(15,2)", "timestamp(ms, UTC)", "price > 0",
    "status = 'paid'", "a*b", "s3://bucket/x/*.parquet", "${SLUICEGATE_NOTIFY_URL}", "a" * 300, "x" * 200 + " " + "y" * 200, "a  b",
]  # fmt: skip


def start() -> sg.Rules:
    return sg.rules("orders")


def marked(text: str) -> Any:
    """The text as the program reads it: each single value begins with `q` if it is quoted, with `p` if it is plain."""
    return json.loads(_sluicegate.rules_marked(text, "rules.yaml"))


def reads_as_text(plain: str) -> bool:
    """Whether YAML 1.2 (core schema) takes a plain value for text."""
    number = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    word = r"null|Null|NULL|~||true|True|TRUE|false|False|FALSE"
    return re.fullmatch(f"{number}|{word}", plain) is None


def is_same(read: Any, meant: Any) -> bool:
    if isinstance(meant, dict):
        return (
            isinstance(read, dict)
            and list(read) == [str(k) for k in meant]
            and all(is_same(read[str(k)], v) for k, v in meant.items())
        )
    if isinstance(meant, list):
        return isinstance(read, list) and len(read) == len(meant) and all(map(is_same, read, meant))
    if meant is None or read is None:
        return meant is read
    mark, text = read[0], read[1:]
    if isinstance(meant, str):
        return text == meant and (mark == "q" or reads_as_text(text))
    if mark != "p":
        return False
    if isinstance(meant, bool):
        return text == str(meant).lower()
    if isinstance(meant, datetime.date):
        return type(meant).fromisoformat(text) == meant
    return not reads_as_text(text) and (
        Decimal(text) == meant if isinstance(meant, Decimal) else type(meant)(text) == meant
    )


METHODS = [name for name in vars(_rules.Rules) if not name.startswith("_") and callable(vars(_rules.Rules)[name])]


def some(kind: Any, chance: random.Random) -> Any:
    """Some value of a type."""
    origin, of = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return chance.choice(of)
    if typing.is_typeddict(kind):
        hints, required = typing.get_type_hints(kind, vars(_rules)), kind.__required_keys__
        return {key: some(hint, chance) for key, hint in hints.items() if key in required or chance.random() < 0.7}
    if origin is collections.abc.Iterable:
        return [some(of[0], chance) for _ in range(chance.randrange(4))]
    if origin is collections.abc.Mapping:
        return {chance.choice(NASTY): some(of[1], chance) for _ in range(chance.randrange(4))}
    if of:
        return some(chance.choice([one for one in of if one is not type(None)]), chance)
    choices: dict[Any, Any] = {
        str: lambda: chance.choice(NASTY),
        bool: lambda: chance.random() < 0.5,
        int: lambda: chance.choice([0, 1, -1, 17, 10**30]),
        float: lambda: chance.choice([0.0, -0.0, 0.1, 1e-05, 1e300, 5e-324, 1e16, 123456789.125, 3]),
        Decimal: lambda: chance.choice([Decimal("0.10"), Decimal("-1E+3"), Decimal("1E-7"), Decimal("5")]),
        datetime.date: lambda: chance.choice([datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, 12, 30, 5, 6, datetime.timezone.utc)]),
        Any: lambda: chance.choice([None, "no", 1]),
    }  # fmt: skip
    return choices[kind]()


@functools.cache
def parameters(name: str) -> dict[str, inspect.Parameter]:
    method = inspect.unwrap(getattr(_rules.Rules, name))
    return {
        p.name: p
        for p in inspect.signature(method, eval_str=True, globals=vars(_rules)).parameters.values()
        if p.name != "self"
    }


@pytest.mark.parametrize("name", METHODS)
def test_whatever_a_method_is_given_comes_back_from_the_program_as_it_was(name: str) -> None:
    for seed in range(150):
        chance = random.Random(f"{name} {seed}")
        given = {
            p.name: some(p.annotation, chance)
            for p in parameters(name).values()
            if name != "transform" and (p.default is p.empty or chance.random() < 0.4)
        }
        args = [some(parameters(name)["entries"].annotation, chance)] if name == "transform" else []
        if "column" in parameters(name):
            given["column"] = given.get("column") or "a"
            given.pop("columns", None)
        rules = getattr(start(), name)(*args, **given)
        text = rules.to_yaml()
        assert is_same(marked(text), rules.to_dict()), f"{given}\n{text}"
        again = sg.Rules.from_yaml(text)
        assert again == rules and again.to_yaml() == text, text
        assert again.owner("x").to_yaml() == rules.owner("x").to_yaml(), text


@pytest.mark.parametrize("text", NASTY)
def test_text_is_text_to_every_reader_of_yaml_wherever_it_stands(text: str) -> None:
    yaml = needs("yaml")
    rules = start().values("a", in_=[text]).transform({text: text}).known(text, where=text, reason=text)
    rules = rules.values("a", in_=[text], description="x" * 150).schema({text: "int64"})
    assert is_same(marked(rules.to_yaml()), rules.to_dict())
    # PyYAML reads YAML 1.1, where `no` is false and `012` is 10.
    assert yaml.safe_load(rules.to_yaml()) == rules.to_dict()


def test_a_rule_file_is_written_as_a_person_would_write_it() -> None:
    rules = (
        start()
        .source("in/*.csv", delimiter=";")
        .schema({"id": "int64", "price": {"type": "decimal(15,2)", "required": True}})
        .clean(drop_where="status = 'test'")
        .transform(total="price * quantity")
        .range("price", above=0)
        .missing(["email", "phone"], tolerate="1%")
        .values("status", in_=["paid", "no", "017"])
        .range("day", min=datetime.date(2026, 1, 1), below=datetime.datetime(2027, 1, 1, 12, 30))
        .pattern("sku", regex=r"^\d+$")
        .missing("*", disguised=True)
        .duplicates()
        .malformed(tolerate="1%")
        .profile("full")
        .gate("lake/orders", reject_above="10%")
    )
    assert rules.to_yaml() == (
        "dataset: orders\n"
        'source: { path: "in/*.csv", delimiter: ";" }\n'
        "schema:\n"
        '  columns: { id: int64, price: { type: "decimal(15,2)", required: true } }\n'
        "clean:\n"
        "  - drop_where: \"status = 'test'\"\n"
        'transform: { total: "price * quantity" }\n'
        "rules:\n"
        "  - range: { column: price, above: 0 }\n"
        "  - missing: { columns: [email, phone], tolerate: 1% }\n"
        '  - values: { column: status, in: [paid, "no", "017"] }\n'
        "  - range: { column: day, min: 2026-01-01, below: 2027-01-01T12:30:00 }\n"
        "  - pattern: { column: sku, regex: '^\\d+$' }\n"
        '  - missing: { columns: "*", disguised: true }\n'
        "  - duplicates: {}\n"
        "  - malformed: { tolerate: 1% }\n"
        "profile: full\n"
        "gate: { publish: lake/orders, reject_above: 10% }\n"
    )
    assert re.fullmatch("[0-9a-f]{32}", rules.digest)


def test_a_builder_and_a_file_that_says_the_same_have_one_digest(tmp_path: pathlib.Path) -> None:
    text = "# Ours\ndataset: orders\nrules:\n  - range:\n      column: price\n      above: 0\n  - missing: {column: email, tolerate: 1%}\n"
    built = start().range("price", above=0).missing("email", tolerate="1%")
    (tmp_path / "rules.yaml").write_text(text)
    read = sg.Rules.from_file(tmp_path / "rules.yaml")
    assert built.digest == read.digest and built == read and hash(built) == hash(read)
    assert read.to_yaml() == text, "with its comments"
    assert read.to_dict() == built.to_dict() == {
        "dataset": "orders",
        "rules": [{"range": {"column": "price", "above": 0}}, {"missing": {"column": "email", "tolerate": "1%"}}],
    }  # fmt: skip
    data = {"price": [1.0, 0.0], "email": ["a", None]}
    pyarrow = needs("pyarrow")
    reports = [
        sg.check(pyarrow.table(data), rules) for rules in (built, read, tmp_path / "rules.yaml", text, built.to_dict())
    ]
    assert {report.to_dict()["batch"]["rules_digest"] for report in reports} == {built.digest}
    assert len({report.verdict for report in reports}) == 1


def files() -> list[pathlib.Path]:
    """The rule files of the project's own tests and examples."""
    names = [
        path
        for folder in ("tests", "examples", "fixtures", "rules")
        for path in sorted((ROOT / folder).rglob("*.yaml"))
    ]
    return [path for path in names if re.search(r"^dataset:", path.read_text(), re.M)]


@pytest.mark.skipif(not (ROOT / "tests").exists(), reason="the project's own rule files are not here")
def test_what_is_read_and_written_anew_keeps_its_digest() -> None:
    kept, typed = 0, 0
    for path in files():
        try:
            read = sg.Rules.from_file(path)
            digest = read.digest
        except sg.Fault:
            continue
        assert read.to_yaml() == path.read_text()
        anew = _yaml.dump(read._file)
        assert _rule_file.digest(anew, str(path)) == digest, f"{path}\n{anew}"
        assert sg.Rules.from_yaml(anew) == read
        kept += 1
        typed += _rule_file.digest(_yaml.dump(json_like(read._file)), str(path)) == digest
    assert kept > 100 and typed > 0.9 * kept, f"{typed} of {kept} have the digest of a builder that says the same"


def json_like(value: Any) -> Any:
    """Without what says how a text was written."""
    if isinstance(value, dict):
        return {key: json_like(one) for key, one in value.items()}
    if isinstance(value, list):
        return [json_like(one) for one in value]
    return str(value) if isinstance(value, _yaml.Quoted) else value


@pytest.mark.skipif(not (ROOT / "docs").exists(), reason="the project's documentation is not here")
@pytest.mark.parametrize("name", _builder.RULES)
def test_the_examples_of_a_method_say_what_those_of_its_rule_say(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc = inspect.getdoc(getattr(sg.Rules, name)) or ""
    assert doc.split("\n")[0].endswith(".") and "Also: `" in doc
    page = (ROOT / "docs" / "rules.md").read_text().split(f"\n## {name}\n")
    if len(page) == 1:
        assert name in ("malformed", "use")
        return
    calls = doc.split("```python\n")[1].split("```")[0]
    example = page[-1].split("```yaml\n")[1].split("```")[0]
    built = functools.reduce(
        lambda built, call: eval(call, {"rules": built, "date": datetime.date}), calls.splitlines(), start()
    )
    assert built == sg.Rules.from_yaml(
        f"dataset: orders\nrules:\n{example}".replace(f"- {name}\n", f"- {name}: {{}}\n")
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schemas").mkdir()
    for named in re.findall(r"schemas/\w+\.json", calls):
        (tmp_path / named).write_text("{}")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "currencies.txt").write_text("EUR\nUSD\n")
    (tmp_path / "census.csv").write_text("region,gender,share\nnorth,f,0.5\nsouth,m,0.5\n")
    assert re.fullmatch("[0-9a-f]{32}", built.digest), "without a mistake"


def test_unknown_words_fail_at_once_and_name_the_nearest() -> None:
    rules: Any = start()
    wrong = [
        (lambda: rules.range("price", abov=1), "range() has no word `abov`; did you mean `above`?"),
        (lambda: rules.values("a", ins=[1]), "values() has no word `ins`; did you mean `in_`?"),
        (lambda: rules.rule("rnage", column="a"), "there is no rule `rnage`; did you mean `range`?"),
        (lambda: rules.gate(publsih="x"), "gate() has no word `publsih`; did you mean `publish`?"),
        (lambda: rules.range(above=1), "range() needs a column: range('price', …)"),
        (lambda: rules.range("a", 1), "range() takes only `column` by its place; name the others: "),
        (lambda: rules.range("a", columns=["b"]), "range() takes `column` or `columns`, not both"),
        (lambda: rules.range("a", column="b"), "range(): `column` is given twice"),
        (lambda: rules.parse("a"), "parse() needs `as_`"),
        (lambda: rules.expression(), "expression() needs `sql`"),
        (lambda: rules.owner(), "owner() needs `value`"),
        (lambda: rules.range("a", max=object()), "a object cannot stand in a rule file: <object"),
        (lambda: rules.range("a", max=b"x"), "a bytes cannot stand in a rule file: b'x'"),
        (lambda: rules.schema({"b": {"typ": "date"}}), "schema(): `columns` has no word `typ`; did you mean `type`?"),
        (
            lambda: rules.rows(against={"published": {"lst": 3}}),
            "rows(): `against` has no word `lst`; did you mean `last`?",
        ),
        (
            lambda: rules.rows(against={"bseline": "x"}),
            "rows(): `against` has no word `bseline`; did you mean `baseline`?",
        ),
        (lambda: rules.notify(email={"form": "x"}), "notify(): `email` has no word `form`; did you mean `from`?"),
        (
            lambda: rules.source("x", http={"paging": {"bye": 1}}),
            "source(): `http` has no word `bye`; did you mean `by`?",
        ),
        (
            lambda: rules.statistic("x", quantiles={0.5: {"mx": 1}}),
            "statistic(): `quantiles` has no word `mx`; did you mean",
        ),
        (lambda: sg.rules(""), "the name of the data set is a text"),
        (lambda: sg.Rules(None), "the name of the data set is a text"),  # type: ignore[arg-type]
    ]
    for call, message in wrong:
        with pytest.raises(TypeError) as raised:
            call()
        assert str(raised.value).startswith(message)
    for value in (float("nan"), float("inf"), Decimal("NaN"), "\ud800"):
        with pytest.raises(ValueError, match="cannot stand in a rule file"):
            rules.range("a", max=value).to_yaml()


def test_what_the_program_finds_wrong_is_a_fault_with_its_place() -> None:
    with pytest.raises(sg.Fault, match="`wran`") as raised:
        _ = start().range("price", above=0, on_fail="wran").digest  # type: ignore[arg-type]
    assert raised.value.faults[0]["place"] is not None
    for text in ("", "- a\n", "a: [1", "dataset: a\ndataset: b\n"):
        with pytest.raises(sg.Fault):
            sg.Rules.from_yaml(text)


def test_a_builder_never_changes() -> None:
    columns, contract = ["a"], {"a": {"type": "int64"}}
    first = start().missing(columns).schema(contract)
    text = first.to_yaml()
    columns.append("b")
    contract["a"]["type"] = "string"
    held = first.to_dict()
    held["rules"].clear()
    first.range("x", max=1).owner("me").schema({"b": "int64"}).gate(publish="p")
    assert first.to_yaml() == text
    assert pickle.loads(pickle.dumps(first)) == first
    assert repr(first) == "<sluicegate.Rules of 'orders': 1 rule>"


def test_sections_grow_by_words_and_lists_by_items() -> None:
    rules = start().gate("a").gate(publish="b", on_reject="halt").profile("full").profile(histogram=["x"])
    rules = (
        rules.transform({"a": "b"}, c="d")
        .transform(a="e")
        .known("r", where="w", reason="x")
        .known("s", where="w", reason="x")
    )
    assert rules.to_dict() == {
        "dataset": "orders",
        "gate": {"publish": "b", "on_reject": "halt"},
        "profile": {"level": "full", "histogram": ["x"]},
        "transform": {"a": "e", "c": "d"},
        "known": [{"rule": "r", "where": "w", "reason": "x"}, {"rule": "s", "where": "w", "reason": "x"}],
    }
    assert sg.Rules.from_yaml("dataset: a\nsource: x.csv\n").source(delimiter=";").to_dict()["source"] == {
        "path": "x.csv",
        "delimiter": ";",
    }


def test_values_of_other_libraries_are_taken_as_what_they_are() -> None:
    numpy, pandas = needs("numpy"), needs("pandas")
    rules = (
        start()
        .values("a", in_=numpy.array([1, 2]))
        .values("a", in_=pandas.Series(["x", "no"]))
        .values("a", in_={"b", "a"})
    )
    rules = rules.range("a", min=numpy.float64(0.5), max=pandas.Timestamp("2026-01-01")).source(pathlib.Path("a/b.csv"))
    says = [next(iter(rule.values())) for rule in rules.to_dict()["rules"]]
    assert [words.get("in") for words in says] == [[1, 2], ["x", "no"], ["a", "b"], None]
    assert "min: 0.5, max: 2026-01-01T00:00:00 }" in rules.to_yaml() and "source: a/b.csv\n" in rules.to_yaml()
    with pytest.raises(ValueError, match="NaT cannot stand"):
        start().range("a", max=pandas.NaT)
    assert start().range("a", above=None, max=1).to_dict() == start().range("a", max=1).to_dict(), "None is left out"


def test_a_builder_is_saved_in_one_step(tmp_path: pathlib.Path) -> None:
    rules = start().range("price", above=0)
    path = tmp_path / "rules.yaml"
    path.write_text("old")
    rules.save(path)
    assert path.read_text() == rules.to_yaml() and sg.Rules.from_file(path) == rules
    assert [file.name for file in tmp_path.iterdir()] == ["rules.yaml"]
    with pytest.raises(FileNotFoundError):
        rules.save(tmp_path / "none" / "rules.yaml")


def test_every_rule_and_section_of_the_schema_has_a_method() -> None:
    if not (ROOT / "rules" / "rules.schema.json").exists():
        pytest.skip("the JSON Schema is not here")
    schema = json.loads((ROOT / "rules" / "rules.schema.json").read_text())
    sections = set(schema["properties"]) - {"dataset", "rules"}
    assert sections | set(_builder.RULES) == set(METHODS)
    own = {name for name in dir(_builder.Builder) if not name.startswith("_")}
    assert not own & set(METHODS), "a method of the builder itself would be hidden"
