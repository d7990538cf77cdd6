"""What builds rule files. The methods for rules and sections are generated from the program's own list: `_rules.py`."""

from __future__ import annotations

import datetime
import difflib
import enum
import functools
import inspect
import keyword
import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from decimal import Decimal
from typing import Any, TypeVar, cast

from . import _shapes, _yaml

Self = TypeVar("Self", bound="Builder")
Method = TypeVar("Method", bound=Callable[..., Any])


class Builder:
    """A rule file in the making. It never changes: each method gives a new one."""

    _file: dict[str, Any]
    _text: str | None
    path: str | None
    """The file that it was read from, if it was: what messages call it."""

    def __init__(self, dataset: str) -> None:
        if not _is_name(dataset):
            raise TypeError("the name of the data set is a text: sg.rules('orders')")
        self._file, self._text, self.path = {"dataset": dataset}, None, None

    @classmethod
    def from_dict(cls: type[Self], file: Mapping[str, Any]) -> Self:
        """The rule file that a mapping holds, as a reader of YAML or JSON gives it."""
        return cls._of(cast("dict[str, Any]", plain(file)))

    @classmethod
    def from_yaml(cls: type[Self], text: str, path: str | None = None) -> Self:
        """The rule file of this text; `path` says what it is called in messages.

        Unchanged, it gives the same text again, with its comments. What is added to it changes the layout, and takes the
        comments away.
        """
        from . import _rule_file

        made = cls._of(_rule_file.read(text, path or "rules.yaml"))
        made._text, made.path = text, path
        return made

    @classmethod
    def from_file(cls: type[Self], path: str | os.PathLike[str]) -> Self:
        """The rule file at a path."""
        with open(path, encoding="utf-8", newline="") as file:
            return cls.from_yaml(file.read(), os.fspath(path))

    @classmethod
    def _of(cls: type[Self], file: dict[str, Any]) -> Self:
        made = cls.__new__(cls)
        made._file, made._text, made.path = file, None, None
        return made

    def rule(self: Self, name: str, /, **words: Any) -> Self:
        """Adds a rule by its name; the words are those of the method of this name."""
        if name not in RULES:
            raise TypeError(f"there is no rule `{name}`{nearest(name, RULES)}")
        return cast(Self, getattr(self, name)(**words))

    def to_dict(self) -> dict[str, Any]:
        """The rule file as a mapping: what a reader of YAML would give. Changing it changes nothing here."""
        return cast("dict[str, Any]", plain(self._file))

    def to_yaml(self) -> str:
        """The rule file as text.

        Each text is quoted that some reader of YAML would take for a number, a date or a truth value. Sections and words
        stand in the order in which they were given.
        """
        return self._text if self._text is not None else _yaml.dump(self._file)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the rule file; one that is there is replaced in one step."""
        target = os.fspath(path)
        draft = f"{target}.{os.getpid()}.tmp"
        try:
            with open(draft, "x", encoding="utf-8", newline="") as file:
                file.write(self.to_yaml())
            os.replace(draft, target)
        except BaseException:
            if os.path.exists(draft):
                os.unlink(draft)
            raise

    @property
    def digest(self) -> str:
        """The digest that reports and published batches keep of the rules: that of a file that says the same."""
        from . import _rule_file

        return _rule_file.digest(self.to_yaml(), self.path or "rules.yaml")

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, whatever the order of words and the quotes around texts."""
        return _meant(self._file) == _meant(other._file) if isinstance(other, Builder) else NotImplemented

    def __hash__(self) -> int:
        return hash(_meant(self._file))

    def __str__(self) -> str:
        return self.to_yaml()

    def __repr__(self) -> str:
        count = len(self._file.get("rules") or [])
        return f"<sluicegate.Rules of {self._file.get('dataset')!r}: {count} {'rule' if count == 1 else 'rules'}>"

    def _with(self: Self, section: str, value: Any) -> Self:
        made = self._of({**self._file, section: value})
        made.path = self.path
        return made

    def _append(self: Self, section: str, item: Any) -> Self:
        there: Any = self._file.get(section) or []
        return self._with(section, [*there, item] if _yaml.is_list(there) else [there, item])

    def _merged(self: Self, section: str, words: Mapping[str, Any], short: str | None) -> Self:
        there = self._file.get(section)
        if not _yaml.is_mapping(there):
            there = {} if there is None or short is None else {short: there}
        return self._with(section, {**there, **words})


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


RULES: list[str] = []
"""The names of the rules."""


def rule(method: Method) -> Method:
    """A method that adds a rule of its own name."""
    RULES.append(method.__name__)
    return _method(method, lambda self, name, words: self._append("rules", {name: words}))


def column_rule(method: Method) -> Method:
    """A method that adds a rule which needs columns."""

    def add(self: Builder, name: str, words: dict[str, Any]) -> Builder:
        if not {"column", "columns"} & words.keys():
            raise TypeError(f"{name}() needs a column: {name}('price', …)")
        return self._append("rules", {name: words})

    RULES.append(method.__name__)
    return _method(method, add)


def section(short: str | None = None) -> Callable[[Method], Method]:
    """A method that gives words of a section. Where `short` is the only word, its value is all that is written."""

    def add(self: Builder, name: str, words: dict[str, Any]) -> Builder:
        if short is not None and list(words) == [short] and name not in self._file:
            return self._with(name, words[short])
        return self._merged(name, words, short)

    return lambda method: _method(method, add)


def item(method: Method) -> Method:
    """A method that adds an item to a section that is a list."""
    return _method(method, lambda self, name, words: self._append(name, words))


def value(method: Method) -> Method:
    """A method that gives a section which is one value."""
    return _method(method, lambda self, name, words: self._with(name, words["value"]))


def named(method: Method) -> Method:
    """A method that adds entries to a section which is a mapping from names that the user chooses."""
    name = method.__name__

    @functools.wraps(method)
    def add(self: Builder, entries: Mapping[str, Any] | None = None, /, **more: Any) -> Builder:
        return self._merged(name, cast("dict[str, Any]", plain({**(entries or {}), **more})), None)

    return cast(Method, add)


def _method(method: Method, add: Callable[[Builder, str, dict[str, Any]], Builder]) -> Method:
    name, words = method.__name__, Words(method)

    @functools.wraps(method)
    def call(self: Builder, *args: Any, **given: Any) -> Builder:
        return add(self, name, words.read(args, given))

    return cast(Method, call)


class Words:
    """The words that a method takes, from its signature."""

    def __init__(self, method: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(method).parameters.values())[1:]
        self.name, self.method = method.__name__, method
        self.first = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.words = {p.name: word_of(p.name) for p in parameters}
        self.required = [p.name for p in parameters if p.default is p.empty]

    def read(self, args: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """What was given, by the words of the rule file, in the order in which it was given. None is what was left out."""
        if len(args) > len(self.first):
            takes = f"only `{self.first[0]}`" if self.first else "no word"
            raise TypeError(f"{self.name}() takes {takes} by its place; name the others: {', '.join(self.words)}")
        out: dict[str, Any] = {}
        for name, value in [*zip(self.first, args, strict=False), *given.items()]:
            word = self.words.get(name) or (name if name in self.words.values() else None)
            if word is None:
                raise TypeError(f"{self.name}() has no word `{name}`{nearest(name, self.words)}")
            if word == "column":
                word = _column_word(value, is_named=name in given, has_columns="columns" in self.words)
            if word in out:
                raise TypeError(f"{self.name}(): `{word}` is given twice")
            if value is not None:
                out[word] = plain(value)
                self._ensure_known(word, out[word])
        if "column" in out and "columns" in out:
            raise TypeError(f"{self.name}() takes `column` or `columns`, not both")
        lacking = [name for name in self.required if self.words[name] not in out]
        if lacking:
            raise TypeError(f"{self.name}() needs `{lacking[0]}`")
        return out

    def _ensure_known(self, word: str, value: Any) -> None:
        """Fails if a mapping within the value has a word that is not known."""
        if _yaml.is_mapping(value) or _yaml.is_list(value):
            name = next(name for name, known in self.words.items() if known == word)
            if found := _shapes.unknown(_shapes.hints(self.method)[name], value):
                raise TypeError(f"{self.name}(): `{word}` has no word `{found[0]}`{nearest(*found)}")


def word_of(name: str) -> str:
    """The word of the rule file that a parameter stands for: `in_` for `in`."""
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def _column_word(value: Any, *, is_named: bool, has_columns: bool) -> str:
    """One column is `column`; a list, a glob or a type is `columns`."""
    is_one = isinstance(value, str) and (is_named or "*" not in value)
    return "column" if is_one or value is None or not has_columns else "columns"


def nearest(name: str, known: Iterable[str]) -> str:
    """Which word may have been meant."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(known)}"


def plain(value: Any) -> Any:
    """A value as a rule file can hold it: copied, and of Python's own types."""
    if isinstance(value, (_yaml.Unquoted, _yaml.Quoted)) or value is None:
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, os.PathLike):
        return plain(os.fspath(cast("os.PathLike[str]", value)))
    if _yaml.is_mapping(value):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (float, Decimal, datetime.date, datetime.time)):
        if value != value:
            raise ValueError(f"{value} cannot stand in a rule file")
        _yaml.scalar(value)
        return float(value) if isinstance(value, float) else value
    if isinstance(value, Set):
        return sorted((plain(one) for one in cast("Set[Any]", value)), key=lambda one: (type(one).__name__, one))
    if callable(getattr(value, "tolist", None)):
        # NumPy's scalars and arrays, columns of pandas and pyarrow.
        return plain(value.tolist())
    if callable(getattr(value, "to_list", None)):
        return plain(value.to_list())
    if not isinstance(value, (bytes, bytearray)) and isinstance(value, Iterable):
        return [plain(one) for one in cast("Iterable[Any]", value)]
    raise TypeError(f"a {type(value).__name__} cannot stand in a rule file: {value!r}")


def _key(key: Any) -> Any:
    if isinstance(key, str):
        return plain(key)
    return _yaml.Unquoted(_yaml.scalar(plain(key)))


def _meant(value: Any) -> Hashable:
    """What a value says: its type and its text, without the order of words and the quotes."""
    if _yaml.is_mapping(value):
        return frozenset((str(key), _meant(one)) for key, one in value.items())
    if _yaml.is_list(value):
        return tuple(_meant(one) for one in value)
    is_text = isinstance(value, str) and not (isinstance(value, _yaml.Unquoted) and _yaml.MISREAD.fullmatch(value))
    return ("text", str(value)) if is_text else ("value", _yaml.scalar(value))
