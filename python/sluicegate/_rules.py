# Written by `just regenerate` from the list of rules, `src/rules/mod.rs`: change what a rule says of itself.
"""The builder of rule files: one method a rule, and one a section."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict

from . import _builder as build

__all__ = [
    "Against",
    "AgainstBaseline",
    "AgainstPublished",
    "AgainstPublishedLast",
    "AgainstRuns",
    "AgainstRunsWords",
    "Allowed",
    "Apart",
    "BatchCount",
    "Between",
    "ByteSize",
    "Cardinality",
    "Change",
    "ColumnContract",
    "ColumnContractWords",
    "Columns",
    "ColumnsType",
    "Compaction",
    "Count",
    "DeltaSource",
    "Duration",
    "Elsewhere",
    "ElsewhereWords",
    "Email",
    "Encoding",
    "EventColumn",
    "Events",
    "Every",
    "FailExample",
    "FixedColumn",
    "Format",
    "Http",
    "Kind",
    "Margin",
    "Merge",
    "Near",
    "Norm",
    "NormBounds",
    "Of",
    "Overlap",
    "Paging",
    "PersonalKind",
    "Points",
    "QuantileBounds",
    "Reference",
    "Replace",
    "Rules",
    "Set",
    "SetFile",
    "SetWords",
    "Share",
    "Test",
    "Tolerance",
    "TypeName",
    "Value",
    "Window",
    "rules",
]

Value: TypeAlias = str | float | Decimal | datetime.date
"""A value of a column: it is read as the column's type."""

BatchCount: TypeAlias = int | str
"""A count of batches or runs, such as `30 batches`."""


class FailExample(TypedDict):
    """A row that must break rules."""

    row: Mapping[str, Any]
    rules: str | Iterable[str]


class Compaction(TypedDict, total=False):
    """When small files are put together, and into how large ones."""

    files: int
    rows: int


class _Merge(TypedDict):
    key: str | Iterable[str]
    sequence: str


class Merge(_Merge, total=False):
    """How rows of change data become those of a table."""

    delete: str


Tolerance: TypeAlias = float | str
"""A share or a count of rows, or both: `1%`, `0.01`, `10 rows`, `1% and 10 rows`."""


class Replace(TypedDict):
    """Which published rows a batch takes the place of."""

    partition: str


_Email = TypedDict(
    "_Email",
    {
        "from": str,
        "server": str,
        "to": str | Iterable[str],
    },
)


class Email(_Email, total=False):
    """A mail, and the server that takes it."""

    password: str
    username: str


class ColumnsType(TypedDict):
    type: Literal["numeric", "string", "boolean", "temporal"]


Columns: TypeAlias = str | Iterable[str] | ColumnsType
"""A column, a list of columns and globs, `"*"`, or `{ type: numeric }`."""


class AgainstPublishedLast(TypedDict):
    last: BatchCount


class AgainstPublished(TypedDict):
    published: AgainstPublishedLast


class AgainstBaseline(TypedDict):
    baseline: str


class _AgainstRunsWords(TypedDict):
    last: BatchCount


class AgainstRunsWords(_AgainstRunsWords, total=False):
    season: Literal["weekday"]


class AgainstRuns(TypedDict):
    runs: AgainstRunsWords


Against: TypeAlias = str | Iterable[str] | AgainstPublished | AgainstBaseline | AgainstRuns
"""What the batch is compared with: a path, glob or directory (or a list of them), or a name of the section
`sources`; `published`, or `{ published: { last: 30 batches } }`; `baseline`, or `{ baseline: FILE }`; `{ runs:
{ last: 14, season: weekday } }`.
"""
TypeName: TypeAlias = str
"""The name of a type: `int64`, `decimal(15,2)`, `timestamp(ms, UTC)`, …"""


class ColumnContractWords(TypedDict, total=False):
    """What a column, or the field at a path (`address.city`, `items[].price`), must be."""

    description: str
    format: str
    mask: Literal[True, "hash", "partial"]
    required: bool
    type: TypeName


ColumnContract: TypeAlias = ColumnContractWords | TypeName


class FixedColumn(TypedDict, total=False):
    """Where a column of fixed width stands."""

    start: int
    width: int


class DeltaSource(TypedDict, total=False):
    """A state of a Delta table, by one of its keys."""

    as_of: Value
    version: int


Encoding: TypeAlias = Literal["utf-16le", "utf-16be", "utf-8", "utf-16", "latin-1", "windows-1252"]
"""How text is encoded."""
EventColumn: TypeAlias = Literal["key", "headers", "partition", "offset", "timestamp"]
"""What of a record becomes a column beside its value."""


class Events(TypedDict, total=False):
    """How the records of a topic become rows."""

    columns: Iterable[EventColumn] | EventColumn
    key: Literal["text", "binary"]
    registry: str
    tombstones: Literal["malformed", "skip"]
    value: Literal["json", "avro", "text"]


Format: TypeAlias = Literal["csv", "tsv", "parquet", "orc", "fixed", "ndjson", "json", "arrow", "avro", "excel"]
"""How a file's bytes are laid out."""
ByteSize: TypeAlias = int | str
"""A size: `512MB`, `1GiB`, or a number of bytes."""
Duration: TypeAlias = str
"""A stretch of time: `90s`, `15m`, `36h`, `7d`, `2w`."""


class _Paging(TypedDict):
    by: Literal["link", "page", "cursor"]


class Paging(_Paging, total=False):
    """How an answer goes on that comes in pages."""

    at: str | Iterable[str]
    first: int
    pages_max: int
    parameter: str
    until: Literal["empty"]


class Http(TypedDict, total=False):
    """How data on the web is fetched: `https://…` and `http://…`."""

    bytes_max: ByteSize
    decoded_max: ByteSize
    headers: Mapping[str, str]
    idle_max: Duration
    length: Literal["required", "optional"]
    paging: Paging
    redirects_max: int
    retries: int
    time_max: Duration
    wait_max: Duration


class Window(TypedDict):
    """Published rows that are not too old."""

    column: str
    last: Duration


Share: TypeAlias = float | str
"""A share: `1%` or `0.01`."""


class _Near(TypedDict):
    column: str


class Near(_Near, total=False):
    """Texts that are nearly the same."""

    similarity: Share


class NormBounds(TypedDict, total=False):
    max: float
    min: float


Norm: TypeAlias = str | NormBounds
"""The lengths that vectors may have: `unit`, which is 1 within 0.001, or `{ min: …, max: … }`."""


class SetFile(TypedDict):
    file: str


class _SetWords(TypedDict):
    source: str | Iterable[str]


class SetWords(_SetWords, total=False):
    column: str


Set: TypeAlias = Iterable[Value] | Value | str | SetFile | SetWords
"""A list of values; `{ file: PATH }`, a file with a value on each line; or a column of other data:
`SOURCE.COLUMN`, where `sources` names SOURCE, or `{ source: PATH, column: NAME }`.
"""
Kind: TypeAlias = Literal[
    "datetime",
    "number",
    "json",
    "uuid",
    "email",
    "ipv4",
    "ipv6",
    "url",
    "iban",
    "card",
    "isbn",
    "vin",
    "country",
    "currency",
    "language",
]


class Cardinality(TypedDict, total=False):
    """How many children a parent may have."""

    max: int
    min: int


class _ElsewhereWords(TypedDict):
    source: str | Iterable[str]


class ElsewhereWords(_ElsewhereWords, total=False):
    column: str
    columns: str | Iterable[str]


Elsewhere: TypeAlias = str | ElsewhereWords
"""Columns of other data: `SOURCE.COLUMN`, where `sources` names SOURCE, or `{ source: PATH, column: NAME }`."""
Allowed: TypeAlias = str
"""Days or hours: `sunday`, `2026-12-25`, `12-25` (each year), `2026-12-24..2026-12-26`, `22:00..06:00`."""
Every: TypeAlias = str
"""A period of time, such as `1h`, `1d`, `1w`, `1mo`."""
_Overlap = TypedDict(
    "_Overlap",
    {
        "from": str,
        "to": str,
    },
)


class Overlap(_Overlap, total=False):
    """The columns between whose values ranges lie."""

    inclusive: bool


Change: TypeAlias = float | str
"""How far a figure may be from another: `10%` of that one, `2 points` from a share, or a number in its own unit."""
Of: TypeAlias = Literal[
    "min",
    "max",
    "mean",
    "median",
    "stddev",
    "sum",
    "quantile",
    "distinct",
    "distinct_share",
    "unique_share",
    "most_common",
    "correlation",
    "cramers_v",
]


class QuantileBounds(TypedDict, total=False):
    """The bounds of one quantile."""

    above: Value
    below: Value
    max: Value
    min: Value


Test: TypeAlias = Literal[
    "auto",
    "ks",
    "chi2",
    "psi",
    "js",
    "hellinger",
    "linf",
    "wasserstein",
    "null_share",
    "cardinality",
    "new_values",
]
"""How a column is compared."""
Apart: TypeAlias = float | str
"""How far a value may be from the other: `0.01` in its own unit, `1%` of the other value, `5s` between times."""
Reference: TypeAlias = Literal["equal", "baseline"] | str | Mapping[str, Share | Literal[1] | str | Mapping[str, Any]]
"""`equal`, `baseline`, the share of each group (nested for several grouping columns), or a file of shares."""
Margin: TypeAlias = str
"""A distance from a share: `5 points` (absolute) or `20%` (of the reference)."""
Points: TypeAlias = str
"""A distance between two shares: `5 points`."""


class Between(TypedDict, total=False):
    above: int
    below: int
    max: int
    min: int


Count: TypeAlias = int | Between
"""A number, or bounds of one."""
PersonalKind: TypeAlias = Literal[
    "email",
    "phone",
    "card",
    "iban",
    "ssn",
    "nino",
    "dni",
    "pesel",
    "codice_fiscale",
    "bsn",
    "cpf",
    "ip",
]
"""A kind of personal data."""


class Rules(build.Builder):
    """A rule file in the making: `sg.rules("orders").range("price", above=0).missing("email", tolerate="1%")`.

    It never changes: each method gives a new builder, so that a beginning can be shared. Each rule is a method,
    and so is each section of a rule file; `None` is a word that is left out. A word that is a keyword of Python
    has an underscore behind it: `in_`. Strings are text, also those that YAML would take for something else;
    numbers, `Decimal`, `date` and `datetime` are written as such.

    A builder and a file have the same digest if they say the same in the same order: sections, and words of a
    rule. Quotes count: the builder sets them around text that a reader of YAML could take for something else,
    and around text with other characters than letters, digits, `_`, `.`, `/`, `+`, `-`, `%` and single spaces.
    `Rules.from_file(…)` has the digest of its file, whatever it looks like.

    Most rules have these words beside their own:
    - `id`: The finding's name. Some are reserved for findings that need no rule. If left out: the rule and its
      columns, `range-price`.
    - `description`: What the rule is for; shown with its findings. If left out: nothing is shown.
    - `owner`: Who answers for it. If left out: nobody is shown.
    - `tags`: Labels. If left out: none.
    - `runbook`: Where to read what to do about it. If left out: nothing is shown.
    - `column`: The column the rule is about. If left out: required unless `columns` is given.
    - `columns`: Several columns; one finding each. If left out: required unless `column` is given.
    - `where`: SQL: the rows that the rule judges. A row for which it cannot be computed (a division by zero) is
      a fault, exit code 2. If left out: all rows.
    - `by`: Columns whose values make groups, each judged by itself. If left out: all rows are one group.
    - `on_fail`: What follows when the rule fails. If left out: `quarantine` for rules that name rows, `reject`
      for others; each rule says.
    - `tolerate`: How many failing rows may stay. If left out: none.
    - `warn`: A stricter limit that only warns: with `tolerate: 2%`, `warn: 1%`. If left out: no earlier limit.
    - `nulls`: Whether rows whose value is missing pass. If left out: `pass`.
    - `on_no_data`: What follows when there is nothing to judge: no rows, no values, a column that is not there.
      If left out: `stop` if `on_fail` is `quarantine` or `reject`, else `warn`; an empty `where` or group
      warns.
    - `min_rows`: A batch, or a group of `by`, with fewer rows than this is shown and not judged: it neither
      fails nor warns. Rows are counted as the rule sees them, within `where` and `over`; where there is none at
      all, `on_no_data` decides. If left out: few rows are judged too.
    - `require_evidence`: Whether what cannot be judged for want of data fails: a group below `min_rows`, a
      group without values, a sample too small to tell. If left out: `false`.
    - `over`: Which rows a measure of the batch is taken over. If left out: `sound`.
    """

    @build.section()
    def baseline(
        self,
        path: str,
        *,
        advance: Literal["on_accept"] | None = None,
        anchor: str | None = None,
        first: Literal["learn"] | None = None,
        window: BatchCount | None = None,
    ) -> Rules:
        """What batches are compared with where a rule says no other thing. If left out: each rule says `against`.

        A later call adds words, and replaces those it names.

        - `advance`: `on_accept`: each batch that the gate accepts goes into the baseline. If left out: it
          changes only when it is told to.
        - `anchor`: A baseline file that never advances: what compares with the baseline is also held against
          it, so that slow drift cannot move the limit along. If left out: none.
        - `first`: `learn`: where the file is not there yet, the first batch that the gate accepts becomes the
          baseline; until then what compares with it is warming up. If left out: a file that is not there is a
          fault.
        - `path`: The file; `sluicegate baseline capture` makes one.
        - `window`: How many batches an advancing baseline holds: `30 batches`. If left out: all of them.
        """
        ...

    @build.item
    def clean(
        self,
        *,
        drop_where: str | None = None,
        keep_where: str | None = None,
    ) -> Rules:
        """Rows to leave out before anything is judged; they are counted. If left out: nothing is left out.

        Each call adds one.

        - `drop_where`: SQL: rows for which it is true are left out. If left out: required unless `keep_where`
          is given.
        - `keep_where`: SQL: rows for which it is not true are left out. If left out: required unless
          `drop_where` is given.
        """
        ...

    @build.value
    def description(
        self,
        value: str,
    ) -> Rules:
        """What the data set holds. If left out: nothing is shown."""
        ...

    @build.section()
    def examples(
        self,
        *,
        fail: Iterable[FailExample] | None = None,
        pass_: Iterable[Mapping[str, Any]] | None = None,
    ) -> Rules:
        """Rows by which `sluicegate rules test` tests the rules. If left out: none.

        A later call adds words, and replaces those it names.

        - `fail`: Rows that break rules, with the rules that each must break. If left out: none.
        - `pass_`: Rows that break no rule, each a mapping from column to value. If left out: none.
        """
        ...

    @build.section()
    def gate(
        self,
        publish: str | None = None,
        *,
        compact: Compaction | None = None,
        format: Literal["delta", "parquet"] | None = None,
        merge: Merge | None = None,
        on_reject: Literal["halt", "dead_letter"] | None = None,
        partition_by: str | Iterable[str] | None = None,
        quarantine: str | None = None,
        reject_above: Tolerance | None = None,
        replace: Replace | None = None,
        summaries: Literal["none", "asked", "full"] | None = None,
    ) -> Rules:
        """Where rows go. If left out: `--publish` names the destination.

        A later call adds words, and replaces those it names.

        - `compact`: When the small files of a Delta table are put together, after a batch: for those that come
          often. Each batch stays known. If left out: never.
        - `format`: How a directory keeps batches. If left out: `delta`, unless it holds plain parts already.
        - `merge`: The batch is change data: its rows insert, update and delete those of a Delta table by their
          key, in one commit. If left out: it adds rows.
        - `on_reject`: What becomes of a batch that does not pass as a whole, where batches keep coming. If left
          out: `halt`.
        - `partition_by`: Columns by whose values the rows of a new Delta table are divided into files, so that
          readers skip those they need not: a date, say. A batch has at most 500 of their values. If left out: a
          table that is there stays as it is, and a new one has no partitions.
        - `publish`: Where passing rows go. A directory is a Delta table; a path ending in `.parquet` is one
          file. If left out: `--publish`.
        - `quarantine`: The directory for rows set aside. If left out: `--quarantine`, else a directory beside
          the destination.
        - `reject_above`: More rows set aside than this reject the batch; of a share and a count, both must be
          exceeded. `100%` turns it off. Rows whose key is published already do not count. A batch of which no
          row is left is rejected whatever stands here. If left out: `50% and 20 rows`.
        - `replace`: The batch takes the place of published rows, in one commit; Delta tables only. If left out:
          it adds rows.
        - `summaries`: What is kept beside each published batch, for `against: published` and `check
          --published`: nothing, what the rules ask of it anyway, or all that a summary can hold of every
          column. If left out: `asked`.
        """
        ...

    @build.value
    def history(
        self,
        value: str,
    ) -> Rules:
        """The directory, or `s3://BUCKET/PATH`, in which each run is recorded. If left out: `--record`, else runs
        are not recorded.
        """
        ...

    @build.value
    def include(
        self,
        value: str | Iterable[str],
    ) -> Rules:
        """Other files, each beside the one that names it: their sections and rules are read as if they stood here.
        If left out: no other file.
        """
        ...

    @build.item
    def known(
        self,
        rule: str,
        *,
        reason: str,
        where: str,
        ticket: str | None = None,
        until: Value | None = None,
    ) -> Rules:
        """Failures that are known and for now accepted. If left out: none.

        Each call adds one.

        - `reason`: Why it is accepted.
        - `rule`: The id of the finding.
        - `ticket`: Where it is followed up. If left out: nowhere.
        - `until`: The last day on which it is accepted, such as `2027-01-31`. If left out: it is accepted for
          ever.
        - `where`: SQL: the rows it is known of.
        """
        ...

    @build.item
    def notify(
        self,
        *,
        email: Email | None = None,
        slack: str | None = None,
        values: bool | None = None,
        webhook: str | None = None,
    ) -> Rules:
        """Who is told when the state of the data set changes. If left out: nobody is.

        Each call adds one.

        - `email`: A mail, sent through a server. If left out: `webhook` or `slack` is given.
        - `slack`: The URL of an incoming webhook of Slack, from a variable of the environment. If left out:
          `webhook` or `email` is given.
        - `values`: Whether messages of findings are told, which may hold values of the data; those of masked
          columns never do. If left out: `false`.
        - `webhook`: A URL that a JSON document is posted to, from a variable of the environment:
          `${SLUICEGATE_NOTIFY_URL}`. If left out: `slack` or `email` is given.
        """
        ...

    @build.value
    def owner(
        self,
        value: str,
    ) -> Rules:
        """Who answers for it. If left out: nobody is shown."""
        ...

    @build.section("level")
    def profile(
        self,
        level: Literal["none", "basic", "full"] | None = None,
        *,
        basic: Columns | None = None,
        correlations: bool | None = None,
        distinct: Columns | None = None,
        full: Columns | None = None,
        histogram: Columns | None = None,
        log: Columns | None = None,
        quantiles: Columns | None = None,
        top_values: Columns | None = None,
    ) -> Rules:
        """What the report says of columns beside the rules. If left out: `basic`.

        A later call adds words, and replaces those it names.

        - `basic`: Rows, missing, minimum, maximum, mean, standard deviation. If left out: no column.
        - `correlations`: Whether the report says how columns go together: correlations, and which columns name
          rows. Also looks again at columns of many different texts. If left out: `false`.
        - `distinct`: How many different values there are. If left out: no column.
        - `full`: Everything. If left out: no column.
        - `histogram`: A histogram of numbers, dates and times. If left out: no column.
        - `level`: What all columns get that no other word names. If left out: `none`.
        - `log`: A histogram whose bins each end at a multiple of where they begin. If left out: bins are
          equally wide.
        - `quantiles`: Quartiles and outer quantiles. If left out: no column.
        - `top_values`: The most frequent values. If left out: no column.
        """
        ...

    @build.value
    def runbook(
        self,
        value: str,
    ) -> Rules:
        """Where to read what to do when the gate closes. If left out: nothing is shown."""
        ...

    @build.value
    def samples(
        self,
        value: int,
    ) -> Rules:
        """How many failing rows a finding shows with their values: 100 at most, 0 for none. If left out: 10."""
        ...

    @build.section()
    def schema(
        self,
        columns: Mapping[str, ColumnContract] | None = None,
        *,
        against: Against | None = None,
        evolution: Literal["exact", "backward", "forward", "full", "any"] | None = None,
        json_schema: str | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
    ) -> Rules:
        """The contract: which columns there are, of which types. If left out: the destination's table is the
        contract; without one, the columns of the baseline, else of the last recorded run; without these, any
        columns are right.

        A later call adds words, and replaces those it names.

        - `against`: What the columns are compared with in the place of all else: a path, `published`,
          `baseline`, `{ runs: { last: 14 } }` (the last of them). If left out: the contract's columns, else the
          destination's table, else the baseline, else the last run.
        - `columns`: The columns, in order; names may be paths of nested fields. If left out: the destination's
          table is the contract.
        - `evolution`: Which changes are compatible, in the Confluent schema registry's meanings.
        - `json_schema`: The file of a JSON Schema that the records keep: the same as the rule `- json_schema:
          FILE`, by whose name its finding goes. If left out: the contract names none.
        - `on_fail`: What follows an incompatible change. If left out: `reject`.
        """
        ...

    @build.section("path")
    def source(
        self,
        path: str | Iterable[str] | None = None,
        *,
        columns: Mapping[str, int | FixedColumn] | None = None,
        comment: str | None = None,
        decimal: str | None = None,
        delimiter: str | None = None,
        delta: DeltaSource | None = None,
        dialect: Literal["sniff"] | None = None,
        encoding: Encoding | None = None,
        escape: str | None = None,
        events: Events | None = None,
        format: Format | None = None,
        header: bool | int | None = None,
        header_separator: str | None = None,
        http: Http | None = None,
        json_path: str | None = None,
        missing_values: str | Iterable[str] | None = None,
        quote: str | None = None,
        sheet: Value | None = None,
        skip_footer: int | None = None,
        skip_rows: int | None = None,
        thousands: str | None = None,
        timezone: str | None = None,
    ) -> Rules:
        """How to read the data. If left out: the command line names the data.

        A later call adds words, and replaces those it names.

        - `columns`: The columns of the format `fixed`: a width in characters each, or `{ start, width }`. If
          left out: the format `fixed` needs it.
        - `comment`: What lines begin with that are no records; they are counted. If left out: no line is a
          comment.
        - `decimal`: The character before the fraction of numbers. If left out: `.`.
        - `delimiter`: What stands between fields of delimited text: one or more characters, or `blanks` for any
          run of blanks and tabs. If left out: `,` for csv, a tab for tsv.
        - `delta`: Which state of a Delta table is read. If left out: the last one.
        - `dialect`: `sniff`: what is not written here is found out from the first rows, and said. If left out:
          what is not written is as described here.
        - `encoding`: How text is encoded. If left out: `utf-8`, or UTF-16 where a byte order mark says so.
        - `escape`: The character that takes its meaning from a quote, delimiter, line end or escape behind it.
          If left out: none; a doubled quote inside quotes is one quote.
        - `events`: How the records of a topic become rows. If left out: their values are JSON.
        - `format`: How the bytes are laid out. If left out: it follows from the file's name.
        - `header`: Whether the first line names the columns, or how many lines do. If left out: `true`.
        - `header_separator`: What stands between the parts of a name that several header lines give. If left
          out: `_`.
        - `http`: How data is fetched whose path is a URL, `https://…`. If left out: one answer of each URL,
          without headers.
        - `json_path`: Where in a JSON document the array of records is: `data.items`. If left out: at the top.
        - `missing_values`: Texts that are read as missing. If left out: the empty field of delimited text.
        - `path`: Files, globs, directories, URLs, or `-` for standard input. If left out: the command line
          names the data.
        - `quote`: The character around fields that hold delimiters; empty for none. If left out: `"`.
        - `sheet`: The sheet of a workbook, by its name or its number from 1. If left out: the only sheet with
          data.
        - `skip_footer`: Lines at the end that are passed over, blank ones not counted. If left out: none.
        - `skip_rows`: Lines before the header that are passed over. If left out: none.
        - `thousands`: The character between groups of three digits. If left out: none.
        - `timezone`: The time zone of timestamps that have none: `UTC` or an offset such as `+02:00`. If left
          out: `UTC`.
        """
        ...

    @build.named
    def sources(
        self,
        entries: Mapping[str, str] | None = None,
        /,
        **more: str,
    ) -> Rules:
        """Other data that rules speak of, by name: files, globs, directories or Delta tables, read as the batch
        is. If left out: rules name paths.
        """
        ...

    @build.named
    def tables(
        self,
        entries: Mapping[str, str] | None = None,
        /,
        **more: str,
    ) -> Rules:
        """Tables that are judged and gated as one, by name. If left out: the rule file is about one data set."""
        ...

    @build.value
    def tags(
        self,
        value: str | Iterable[str],
    ) -> Rules:
        """Labels. If left out: none."""
        ...

    @build.named
    def templates(
        self,
        entries: Mapping[str, str] | None = None,
        /,
        **more: str,
    ) -> Rules:
        """Rules with parameters, by name; a rule `use` puts them in its place. If left out: none."""
        ...

    @build.named
    def transform(
        self,
        entries: Mapping[str, str] | None = None,
        /,
        **more: str,
    ) -> Rules:
        """Columns to add: name and SQL expression, in order. If left out: nothing is added."""
        ...

    @build.value
    def why(
        self,
        value: bool,
    ) -> Rules:
        """Whether findings say in which values of other columns their failing rows concentrate. If left out:
        `true`.
        """
        ...

    @build.item
    def windows(
        self,
        *,
        every: Duration | None = None,
        lateness: Duration | None = None,
        rows: int | None = None,
        rules: Iterable[str] | str | None = None,
        time: str | None = None,
    ) -> Rules:
        """What events hold together that come in several batches: judged beside the batches. If left out: each
        batch alone is judged.

        Each call adds one.

        - `every`: How long each window is: it holds the events whose `time` lies in it. If left out: `rows`
          says how many events it holds.
        - `lateness`: How much later than others an event may come; a window is judged once an event is so much
          later than its end. Events that come even later are counted and named. If left out: `0s`.
        - `rows`: How many events each window holds, in the order in which they come. If left out: `every` says
          how long it is.
        - `rules`: The ids of the rules that judge a window. If left out: all of them do.
        - `time`: The column that says when an event happened: a timestamp or a date. If left out: `every` needs
          it.
        """
        ...

    @build.rule
    def missing(
        self,
        column: Columns | None = None,
        *,
        blank: bool | None = None,
        disguised: bool | None = None,
        max_run: int | None = None,
        must_be: Literal["missing"] | None = None,
        together: Iterable[str] | str | None = None,
        tokens: Iterable[str] | str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Values that are not there.

        Missing is null, NaN in float columns, and the tokens the source declares as missing. The figure
        `completeness` is the share of rows that have a value (Deequ's definition).

        `together` names columns that must be missing together or not at all; rows with some of them fail.
        `disguised` looks for values that stand in for a missing one instead: words such as `unknown` or `n/a`,
        and numbers and dates such as −1, 0, 999 or 1970-01-01 if they are a spike: there at least three times,
        and more than three times as often as the most frequent of the other values. −99 and nines from ±999 on
        must also stand apart from the other values, or beside ten different ones. −1, −9, 0, 9 and 99 must
        stand beside ten different ones, and apart from them, or be the only negative ones; 0 must be no more
        frequent than all others together. So flags, codes, small counts and columns that are mostly 0 pass. A
        value stands apart if it lies beyond all others by more than 1 % of their span (0.6/√n of it among n
        values below 3,600), and is not the next whole number. It warns unless `on_fail` says more, since it is
        a suspicion: on healthy columns (flags, counts, zero-inflated or skewed ones, 30 to 10,000 rows) it does
        so less than 1 % of the time.

        - Missing values and NaN: they fail; that is what the rule is for.
        - Infinities: they are values.
        - No rows: `no_data`.

        Why: a model trained on a column that is half empty learns the hole, not the thing.

        ```python
        rules.missing(["email", "phone"], tolerate="1%")
        rules.missing("reading", by=["sensor"], max_run=10)
        rules.missing(together=["latitude", "longitude"])
        rules.missing("*", disguised=True)
        ```

        - `blank`: Whether text of white space alone is missing.
        - `disguised`: Looks for values that stand in for missing ones, instead of missing ones.
        - `max_run`: The longest run of consecutive missing values, in source order, that is still right: beyond
          it a sensor is dead. With `max_run` and no `tolerate`, single missing values do not fail. All rows in
          scope count, those that other rules set aside among them; rows that `where` leaves out, or of another
          group, are passed over. If left out: runs are not judged.
        - `must_be`: `missing` inverts the rule: every value must be missing. If left out: values must be there.
        - `together`: Columns of which a row has all values or none; stands instead of `column`. If left out:
          required unless `column` is given.
        - `tokens`: Further texts that mean missing, for this rule alone.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.rule
    def duplicates(
        self,
        key: Iterable[str] | str | None = None,
        *,
        across: str | Iterable[str] | None = None,
        keep: Literal["first", "last", "none"] | None = None,
        normalize: Iterable[Literal["trim", "lowercase", "nfc"]] | Literal["trim", "lowercase", "nfc"] | None = None,
        nulls: Literal["distinct", "equal"] | None = None,
        order_by: str | None = None,
        window: Window | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Rows that share a key with another row.

        Exact, up to a collision of 128-bit hashes over canonical values: int32 equals int64, −0 equals 0. Rows
        with a missing part in their key are no duplicates, unless `nulls: equal`. Figures: duplicate rows =
        rows − distinct keys, and duplicated groups, over the rows that are compared. `distinctness` = distinct
        / rows, `uniqueness` = keys occurring once / rows and `unique_value_ratio` = keys occurring once /
        distinct are Deequ's, over what Deequ takes them over: rows with any part of the key, where a missing
        part equals a missing part.

        Of the rows with one key the first in source order stays, with `keep: last` the last. With `order_by` it
        is the one with the smallest or the largest value of that column, where several have it the first or the
        last of them in source order. A row without such a value stays only where no row of its key has one.
        Rows that come in that order already take no memory beyond that of the keys; else the rows are held in
        memory to be sorted, within `--memory-limit`, and a batch for which that is too little is not judged.
        Events are not judged one by one then: which row stays is known at the end alone.

        With `across`, rows fail too whose key occurs in other data, whatever `keep` says: a path, a glob, a
        directory, a list of them, or a source that the section `sources` names. So a training split is kept
        free of what is tested with. There the columns of the key have the same names. Other data without a
        whole key are `no_data`.

        With `across: published`, rows whose key a published row has fail too, whatever `keep` says: rows of the
        table that `gate: { publish: … }` names, but for those of the same batch. `window` leaves out published
        rows that are older than the batch's newest by more than that (rows without a time are never too old).
        Keys are compared by value: 2 is 2.0, and −0 is 0. A key of another kind than the table's (text against
        numbers) is a fault. Only the columns of the key are read, and files whose statistics rule them out are
        not opened.

        - Missing values and NaN: a key with a missing part differs from every other key; with `nulls: equal`,
          missing equals missing.
        - Infinities: they are values, and each equals itself.
        - No rows: `no_data`.

        Why: an order inserted twice is revenue counted twice; a row in the training set twice weighs double.

        ```python
        rules.duplicates(["order_id"], keep="first")
        rules.duplicates(["email"], normalize=["trim", "lowercase"], keep="last")
        rules.duplicates()
        rules.duplicates(["order_id"], keep="last", order_by="updated_at")
        rules.duplicates(["event_id"], across="published", window={"column": "event_time", "last": "7d"})
        rules.duplicates(["text"], normalize=["trim", "lowercase"], across="data/test.parquet")
        ```

        - `across`: Other rows that must not have the key: `published`, those of the gate's table; or a path,
          several, or a source by its name. If left out: only the batch itself.
        - `keep`: Which row of a group stays, in source order or that of `order_by`; the others fail.
        - `key`: The columns that together must be unique. If left out: every column.
        - `normalize`: What is done to text before it is compared: `trim`, `lowercase`, `nfc` (Unicode's
          composed form). If left out: nothing.
        - `nulls`: Whether a missing key value equals a missing one, or makes its row distinct from all others.
          If left out: `distinct`.
        - `order_by`: The column that says which row of a group is the first and which the last: numbers, dates
          or times. If left out: the order of the source.
        - `window`: How far back published rows count. If left out: all published rows count.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `tolerate`, `warn`,
        `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.rule
    def conflicts(
        self,
        key: Iterable[str] | str,
        *,
        on: Iterable[str] | str,
        keep: Literal["none", "majority"] | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Rows with one key and different values.

        A key determines the values of `on`: all rows that share the key have the same. Where they have not,
        each of them fails, since nobody knows which is right; with `keep: majority` the rows stay that have the
        value of more than half of the key's rows. Each column of `on` is judged by itself; a row fails if one
        of them does. The figures say how many keys there are, how many come with several values, and of several
        columns how many rows each fails. Keys are compared by 128-bit hashes over canonical values (int32
        equals int64), the values by 64-bit ones. All rows are held in memory, within `--memory-limit`; a batch
        for which that is too little is not judged.

        - Missing values and NaN: a row without a part of its key is passed over, and so is a missing value: it
          is no other value.
        - Infinities: they are values, and each equals itself.
        - No rows: `no_data`.

        Why: one postcode in two cities, one product with two names, one text with two labels: one of the two is
        wrong, and a model learns both.

        ```python
        rules.conflicts(["text"], on=["label"])
        rules.conflicts(["zip"], on=["city", "state"], keep="majority")
        ```

        - `keep`: Which rows of a key with several values stay: `none`, or those with the value that more than
          half of them have. If left out: `none`.
        - `key`: The columns that together determine the values.
        - `on`: The columns whose values follow from the key.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `tolerate`, `warn`,
        `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.column_rule
    def labels(
        self,
        column: Columns | None = None,
        *,
        against: Against | None = None,
        classes: Iterable[Value] | Value | None = None,
        min_rows: int | None = None,
        min_share: Share | None = None,
        unseen: Literal["fail", "warn", "pass"] | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: Value | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """The classes of a label: whether each has rows enough, and whether all are there.

        Each different value of the column is a class. Its share is its rows / rows with a label. With
        `min_share` each class must have such a share, with `min_rows` so many rows (here that is a limit for
        each class). `classes` lists the classes there should be, or `against` takes them from other data: then
        `unseen` says what follows where one of them has no row, and a class that is not among them fails.
        `warn` beside one of `min_share` and `min_rows` is an earlier limit: a class with less than that is a
        warning. Without `classes` and `against`, `unseen` compares with the baseline. The figures count the
        classes, the rows without a label, and how many times more rows the largest class has than the smallest
        (`imbalance`). Shares are those of these very rows, so there are no intervals; `representation` asks
        whether a sample is like its population.

        - Missing values and NaN: they are no class; they are counted apart, and `missing` judges them.
        - No rows: `no_data`; so are rows without any label, and more than 10,000 classes.

        Why: a class of five examples is not learned, and a class that is gone from the training data is
        forgotten without a word.

        ```python
        rules.labels("label", min_share="5%", min_rows=100)
        rules.labels("diagnosis", classes=["benign", "malignant"], unseen="fail")
        rules.labels("species", against="train/2025.parquet", unseen="fail", on_fail="warn")
        ```

        - `against`: Other data that have the classes there should be. If left out: those of `classes`, or any.
        - `classes`: The classes there should be. If left out: those of `against`, or any.
        - `min_rows`: How many rows each class must have. If left out: any number.
        - `min_share`: The least share that each class must have. If left out: any.
        - `unseen`: What follows where a class that should be there has no row: `fail`, `warn` or `pass`. If
          left out: `warn`.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `warn`, `on_no_data`, `over`.
        """
        ...

    @build.rule
    def split(
        self,
        key: Iterable[str] | str | None = None,
        *,
        against: Against | None = None,
        group: str | None = None,
        near: Near | None = None,
        time: str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Rows, groups, times or texts that two splits of training data share.

        `against` names the other split: a path, a glob, a directory, or a source that the section `sources`
        names. A row fails

        - with `key` if its key occurs there: the same example in both;
        - with `group` if the value of that column occurs there: the same person, device or document in both;
        - with `time` if it lies between the first and the last time there, both among them: splits by time
          follow each other. A batch with rows on both sides fails too, whatever the tolerance;
        - with `near` if its text is nearly one of the other split's; without `against`, nearly that of an
          earlier row of the batch.

        Several may be given; the figures tell how many rows each fails. Keys and groups are compared as
        `foreign_key` does it, in bounded memory; times as values of the batch's type.

        Texts are compared by MinHash (Broder 1997): how alike they are is the Jaccard similarity of their runs
        of five characters, in lower case and with any white space as one blank. It is estimated from 128
        hashes, the same in every run, with a standard error of √(s(1−s)/128), 0.035 at 80%: near the limit some
        texts are taken for nearer or farther than they are. Only texts are compared that share one of 32 bands
        of 4 hashes, with the first 1,000 of it; so of two texts that are alike by s a share of (1−s⁴)³² is
        missed, below one in a million from 80% on and 0.3% at 60%. Each text takes 520 bytes, within
        `--memory-limit`; a batch for which that is too little is not judged.

        - Missing values and NaN: a row that lacks a part of its key, its group, time or text passes that test.
        - Infinities: they are values, and each equals itself.
        - No rows: `no_data`. So is another split without rows.

        Why: what a model has seen in training it knows by heart, so its score on such rows is no measure of
        what it has learned.

        ```python
        rules.split(["text"], against="data/test.parquet", group="user_id")
        rules.split(against="data/test.parquet", time="created_at", on_fail="reject")
        rules.split(against="data/test.parquet", near={"column": "text", "similarity": "85%"})
        rules.split(near={"column": "text"}, on_fail="warn")
        ```

        - `against`: The other split: a path or several, or a source by its name. If left out: texts are
          compared within the batch.
        - `group`: The column of the groups that must not be in both. If left out: groups are not compared.
        - `key`: The columns that together make an example. If left out: examples are not compared.
        - `near`: Texts that must not be nearly the same. If left out: texts are not compared.
        - `time`: The column of times; dates or timestamps. If left out: times are not compared.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `tolerate`, `warn`,
        `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.column_rule
    def vectors(
        self,
        column: Columns | None = None,
        *,
        against: Against | None = None,
        dim: int | None = None,
        max_centroid_shift: float | None = None,
        norm: Norm | None = None,
        zero: Literal["fail", "pass"] | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        nulls: Literal["pass", "fail"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Embeddings: lists of numbers, one vector a row.

        A row fails whose vector holds a number that is missing, NaN or infinite; has another length than `dim`;
        has a length as a vector (the Euclidean norm) outside `norm`; or is zero throughout, unless `zero:
        pass`. `norm: unit` asks for vectors of length 1, within 0.001; `{ min: …, max: … }` gives the limits,
        both of them allowed. Columns of lists and of lists of fixed size are judged, of floats or integers.

        With `max_centroid_shift`, the mean of the batch's vectors is held against that of the other data: their
        cosine distance, 1 less the cosine of the angle between them (from 0 to 2), may be no more than that.
        Both means are exact sums, rounded once, over the sound rows whose vectors are whole. Where it is more,
        the rule fails whatever the tolerance, and no row is to blame: so `max_centroid_shift` rejects the batch
        unless `on_fail` says `warn` or `info`. Where it cannot be told (there is nothing to compare with, or a
        mean is zero), the rule fails if rows do, and is `no_data` otherwise.

        - Missing values: a missing vector passes, unless `nulls: fail`.
        - No rows: `no_data`.

        Why: a model that fails returns zeros, a model that was replaced returns other vectors, and a search
        over both finds nothing that belongs together.

        ```python
        rules.vectors("embedding", dim=768, norm="unit")
        rules.vectors("embedding", dim=768, max_centroid_shift=0.05, against="embeddings/last.parquet", on_fail="warn")
        ```

        - `against`: The other data. If left out: required beside `max_centroid_shift`.
        - `dim`: How many numbers each vector has. If left out: any number.
        - `max_centroid_shift`: How far the mean may be from that of other data, as cosine distance. If left
          out: means are not compared.
        - `norm`: The lengths that vectors may have: `unit`, or `{ min: …, max: … }`. If left out: any.
        - `zero`: Whether a vector of zeros fails. If left out: `fail`.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `nulls`, `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.column_rule
    def range(
        self,
        column: Columns | None = None,
        *,
        above: Value | None = None,
        below: Value | None = None,
        max: Value | None = None,
        min: Value | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        nulls: Literal["pass", "fail"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Values outside fixed bounds.

        For numbers, decimals, dates, timestamps, times of day, durations and strings. Bounds are read as the
        column's type, so `0.1` against a decimal is exact, and against a float32 is the float32 nearest to it.
        A time of day is `08:00`, `17:30:00` or `17:30:00.5`, up to `24:00`, the end of the day. A duration is a
        number and its unit: `90s`, `15m`, `36h`, `7d`, `2w`, and `250ms`, `10us`, `5ns` below a second; it may
        be negative or a fraction, as `-1.5h`. Both are exact too, whatever the unit of the column. `min` and
        `max` are allowed values, `above` and `below` are not. Text is compared byte by byte. Bounds between
        which no value of the column's type lies are a mistake: nothing could pass.

        - Missing values and NaN: they pass, unless `nulls: fail`.
        - Infinities: they are compared as the smallest and the largest number.
        - No rows: `no_data`.

        Why: the $0 purchase and the 200-year-old user are rare, plausible to a parser, and poison to a mean.

        ```python
        rules.range("price", above=0)
        rules.range("age", min=0, max=120)
        rules.range("day", min=date(2026, 1, 1), below=date(2027, 1, 1))
        rules.range("opened_at", min="08:00", below="17:30")
        rules.range("took", min="0s", max="36h")
        ```

        - `above`: Values must be greater than this. If left out: no bound.
        - `below`: Values must be less than this. If left out: no bound.
        - `max`: The largest value allowed. If left out: no bound.
        - `min`: The smallest value allowed. If left out: no bound.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `nulls`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.column_rule
    def values(
        self,
        column: Columns | None = None,
        *,
        against: Against | None = None,
        in_: Set | None = None,
        must_contain: Set | None = None,
        must_equal: Set | None = None,
        not_in: Set | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        nulls: Literal["pass", "fail"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Values against a set: only these, none of these, at least these, or exactly these.

        `in` and `not_in` judge row by row: a row fails whose value is not of the set, or is of it.
        `must_contain` judges the batch: each member must occur at least once, among the sound rows in scope
        (those that no other rule sets aside), with `by` in each group; the finding names the members that are
        absent. `must_equal` does both: a value outside the set fails its row, and each member must occur. An
        absent member is no row that could be set aside, so `must_contain` and `must_equal` reject the batch
        unless `on_fail` says `warn` or `info`; for rows set aside, write `in` and `must_contain` as two rules.

        A set may be long: `{ file: PATH }` is a text file with a member on each line, as it stands there; empty
        lines are passed over, and `null` is a text. A path starts at the directory in which the program runs;
        the file is read with the rule file, and a change of it makes another one. A set may also be the values
        of a column of other data, however many: `customers.id`, of a source that the section `sources` names,
        or `{ source: PATH, column: NAME }`. Such a set is looked up as `foreign_key` does it, over the sound
        rows, and missing values are not judged; values that do not occur are counted and not named. Other data
        without a value are `no_data` for `not_in` and `must_contain`.

        `against` takes the set from other data, the column of the same name: a row fails whose value does not
        occur there. Both may have up to a million different texts, or 4,096 different numbers (65,536 values in
        all are told apart in any case); a baseline file keeps fewer, and where it keeps too few the rule says
        `needs a scan`.

        Members are read as the column's type: `1` matches `1.00` in a decimal column, and `N` is a string even
        though some YAML readers take it for false. Where `null` is a member, missing values are in the set,
        whatever `nulls` says. Quoted, `"null"` is a text. The set may be empty: with `in: []` or `must_equal:
        []` every value fails, with `not_in: []` or `must_contain: []` none.

        - Missing values and NaN: they pass, unless `nulls: fail` or the set names `null`.
        - Infinities: they are values like others.
        - No rows: `no_data`.

        Why: a new status code no consumer knows, a country spelled two ways, a region whose file did not
        arrive.

        ```python
        rules.values("status", in_=["open", "paid", "shipped"])
        rules.values("country", not_in=["XX", "??"])
        rules.values("plan", in_=["free", "pro", None], nulls="fail")
        rules.values("region", must_contain=["north", "south"])
        rules.values("label", must_equal=[0, 1])
        rules.values("currency", in_={"file": "rules/currencies.txt"})
        rules.values("email", not_in={"source": "data/unsubscribed.csv", "column": "address"})
        rules.values("region", must_contain={"source": "data/regions.csv", "column": "code"})
        rules.values("shop", against="yesterday.csv", tolerate="0.1%")
        ```

        - `against`: Other data whose values are the only ones allowed. If left out: required unless a set is
          given.
        - `in_`: The only values allowed. If left out: required unless another set is given.
        - `must_contain`: Values each of which must occur at least once. If left out: required unless another
          set is given.
        - `must_equal`: The values that must occur, and the only ones allowed. If left out: required unless
          another set is given.
        - `not_in`: Values that are not allowed. If left out: required unless another set is given.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `nulls`, `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.column_rule
    def pattern(
        self,
        column: Columns | None = None,
        *,
        like: str | Iterable[str] | None = None,
        match: Literal["any", "all", "none"] | None = None,
        regex: str | Iterable[str] | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        nulls: Literal["pass", "fail"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        r"""Text that does not look as it should.

        A regular expression matches anywhere in the text unless it is anchored with `^` and `$`. A LIKE pattern
        matches the whole text: `%` is any text, `_` one character, a backslash takes the next character as it
        is. Matching takes time linear in the text, whatever the expression. An empty text is a text.

        - Missing values: missing text passes, unless `nulls: fail`.
        - No rows: `no_data`.

        Why: e-mail addresses without an `@`, blank comments, identifiers of another system.

        ```python
        rules.pattern("email", regex="^[^@ ]+@[^@ ]+$")
        rules.pattern("comment", regex="^\\s*$", match="none")
        rules.pattern("code", like=["A-%", "B-___"])
        ```

        - `like`: A LIKE pattern, or a list of them. If left out: required unless `regex` is given.
        - `match`: How many of the expressions must match.
        - `regex`: A regular expression, or a list of them. If left out: required unless `like` is given.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `nulls`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.column_rule
    def length(
        self,
        column: Columns | None = None,
        *,
        above: int | None = None,
        below: int | None = None,
        max: int | None = None,
        min: int | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        nulls: Literal["pass", "fail"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Text that is too short or too long.

        Counted are the characters of a string (Unicode code points), the bytes of a binary value, and the
        elements of a list. Bounds are whole numbers (`3.0` is 3); an empty text has length 0.

        - Missing values: missing text passes, unless `nulls: fail`.
        - No rows: `no_data`.

        Why: a body cut off at 255 characters, a postcode of four digits, an order without items.

        ```python
        rules.length("country", min=2, max=2)
        rules.length("items", above=0, below=100)
        ```

        - `above`: Longer than this. If left out: no bound.
        - `below`: Shorter than this. If left out: no bound.
        - `max`: At most so long. If left out: no bound.
        - `min`: At least so long. If left out: no bound.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `nulls`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.column_rule
    def parse(
        self,
        column: Columns | None = None,
        *,
        as_: Kind,
        dayfirst: bool | None = None,
        format: str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        nulls: Literal["pass", "fail"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Text that cannot be read as what it should be.

        `datetime` is ISO 8601, a date alone or with a time, unless `format` gives another (strftime); `number`
        is decimal digits with a sign, a point, an exponent; `json` any JSON value; `uuid` the form 8-4-4-4-12;
        `email` what an HTML form accepts (WHATWG); `url` an absolute URL with a host. `iban`, `card`, `isbn`
        and `vin` are numbers that check themselves, `country`, `currency` and `language` codes of a list;
        below. White space around a value is never taken away. An empty text is no date, number or address.

        ISO 8601 is read as `2026-01-31`, or that, then `T`, `t` or a space, then `17:45`, `17:45:01` or
        `17:45:01.5` (up to nine digits), then nothing, `Z`, `UTC`, `+02`, `+0200` or `+02:00`. With `format:
        common` a space may stand before the zone, and with `dayfirst` beside it these are dates too:
        `31/1/2026`, `31-01-2026`, `31.01.2026` with `dayfirst: true`, `1/31/2026` and the like with `dayfirst:
        false`, alone or with a space and a time as above. The year has four digits. Nothing else is common: no
        names of months, no `5:45 PM`, no `31/1/26`, no `2026/01/31`.

        Numbers that check themselves, each as its standard writes it:

        - `iban` (ISO 13616): what the IBAN registry says of the country, its length and where digits and
          letters stand, and check digits that leave 1 when the number is divided by 97 (ISO 7064). In capitals,
          without blanks or in groups of four (`GB82 WEST 1234 …`).
        - `card` (ISO/IEC 7812-1): 10 to 19 digits, the last of which is Luhn's check digit; single blanks or
          hyphens may stand between them.
        - `isbn` (ISO 2108): 13 digits that begin with 978 or 979, or 10 as up to 2006, the last of which may be
          `X`; without hyphens, or with one (or a blank) between any two of its parts. 979-0 is printed music.
          How long each part is, is not asked.
        - `vin` (ISO 3779): 17 digits and capitals without I, O and Q, the last four of them digits. Its check
          digit must be right where law demands one: in numbers given out in the United States, Canada, Mexico
          and China. European ones have none.

        Codes, in the case in which the standard writes them: capitals for countries and currencies, small
        letters for languages. `format` says which list:

        - `country` (ISO 3166-1, 249 countries as of 2026-01): `alpha2` (`DE`, the default), `alpha3` (`DEU`) or
          `numeric` (`276`). Codes that anyone may use as he likes, such as `XK`, and reserved ones, such as
          `UK` and `EU`, are none.
        - `currency` (ISO 4217, list one of 2026-01-01): `alpha3` (`EUR`, the default) or `numeric` (`978`).
          Currencies of the past are none.
        - `language` (ISO 639): `alpha2` (`de`, set 1, the default) or `alpha3` (`deu`, set 3 of 2026-07-15).
          Codes that only libraries use, such as `ger`, codes of families of languages, and tags such as `de-AT`
          are none.

        - Missing values: missing text passes, unless `nulls: fail`.
        - No rows: `no_data`.

        Why: what is stored as text is parsed by whoever comes next, and fails there.

        ```python
        rules.parse("created", as_="datetime", format="%d.%m.%Y %H:%M")
        rules.parse("joined", as_="datetime", format="common", dayfirst=True)
        rules.parse(["payload", "context"], as_="json")
        rules.parse("account", as_="iban")
        rules.parse("country", as_="country", format="alpha3")
        ```

        - `as_`: What the text must be.
        - `dayfirst`: Of `format: common`: whether the day stands before the month in dates such as `2/3/2026`.
          Those are no dates if it is left out. If left out: only ISO 8601 dates are read.
        - `format`: How a `datetime` is written, in strftime's terms, or `common`; which list a code is of:
          `alpha2`, `alpha3`, `numeric`. If left out: ISO 8601; for codes see above.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `nulls`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.rule
    def json_schema(
        self,
        column: str | None = None,
        *,
        schema: str | Mapping[str, Any] | bool,
        draft: Literal[4, 6, 7, "2019-09", "2020-12"] | str | None = None,
        formats: bool | None = None,
        omit_missing: bool | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        nulls: Literal["pass", "fail"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Records, or values of one column, that a JSON Schema does not allow.

        Without `column` each row is one JSON object, its columns are the keys. With `column` it is the value of
        that column: of text the JSON that it writes, of a struct, a list or any other type the value itself. A
        row fails if the schema does not allow its JSON, or if a text is not JSON. The finding names the most
        frequent reasons, each with the path of what fails (`items[].price`), the keyword and how many rows it
        fails; for that the failing batch is read a second time. All columns are read.

        Rows become JSON so: numbers as numbers (a decimal as a whole number or the nearest float, and whole
        numbers beyond 64 bits as floats), booleans as such, text as text, dates as `2026-01-31`, timestamps as
        `2026-01-31T17:45:00Z` (one without a zone is UTC), times as `17:45:00`, binary values as hexadecimal
        digits, structs and maps as objects, lists as arrays. In JSON text the last of two equal keys counts.

        A missing value (NaN is one) is `null`: `type: string` fails it. With `omit_missing: true` it is a key
        that is absent: `required` fails it, `type` does not. A file of JSON records does not tell the two apart
        once it is read, since a key that some records lack is a column that they have no value in. Missing
        elements of lists are always `null`.

        Drafts 4, 6, 7, 2019-09 and 2020-12, as `$schema` or `draft` says; 2020-12 if neither does. `format` is
        checked with `formats: true` only, whatever the draft; a format that is not known is then a mistake.
        Patterns are regular expressions in linear time, without look-around and back references. The schema is
        one file: a `$ref` may lead to another place in it, such as `$defs`, and not to other files or
        addresses, which are never read. A changed schema file is a changed rule file.

        `- json_schema: schemas/order.json` is short for `- json_schema: { schema: schemas/order.json }`. Beside
        a contract, `schema: { json_schema: schemas/order.json }` is that rule too.

        - Missing values and NaN: `null` in the record (with `column`, a missing value passes, unless `nulls:
          fail`).
        - Infinities: JSON has none, so the row fails.
        - No rows: `no_data`.

        Why: a producer and its consumers agreed on a schema, and the payload in a column is what they agreed
        on.

        ```python
        rules.json_schema(schema="schemas/order.json")
        rules.json_schema("payload", schema="schemas/event.json", draft=7, formats=True)
        rules.json_schema("tags", schema={"type": "array", "minItems": 1, "items": {"type": "string"}})
        ```

        - `column`: The column whose values are judged. If left out: the whole record.
        - `draft`: The draft that the schema is of: 4, 6, 7, 2019-09 or 2020-12. If left out: `$schema` of the
          schema, else 2020-12.
        - `formats`: Whether `format` is checked.
        - `omit_missing`: Whether a missing value is a key that is absent, rather than `null`.
        - `schema`: The JSON Schema: the path of a file, or the schema itself.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `tolerate`, `warn`,
        `nulls`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.rule
    def expression(
        self,
        sql: str,
        *,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        nulls: Literal["pass", "fail"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Rows for which a condition does not hold.

        The condition is SQL over the row, true for good rows. Where it is null (a value it needs is missing)
        the row passes, unless `nulls: fail`. A row on which it cannot be computed fails: a division by zero, a
        sum that its type cannot hold, a cast of text that is no number. A part that cannot be computed on any
        row (`q / 0`) is a fault. Names keep their case; `now()` is the run's clock. docs/formats.md says more
        of SQL.

        - Missing values and NaN: both are null in SQL; a condition that is null passes, unless `nulls: fail`.
        - Infinities: they are values; one that arithmetic makes is an error, and the row fails.
        - No rows: `no_data`.

        Why: most of what makes a row right is how its columns stand to each other.

        ```python
        rules.expression("shipped_at >= ordered_at")
        rules.expression("total = quantity * price", nulls="fail")
        ```

        - `sql`: The condition, true for good rows.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `tolerate`, `warn`,
        `nulls`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.rule
    def foreign_key(
        self,
        column: Columns | None = None,
        *,
        in_: Elsewhere,
        cardinality: Cardinality | None = None,
        key: Iterable[str] | str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Rows whose key does not occur in other data.

        As a foreign key of SQL: each key must be one of `in`, a column of a source that the section `sources`
        names (`customers.id`), or `{ source: PATH, column: NAME }`: a file, a glob, a directory or a Delta
        table, read as the batch is. For a key of several columns write `key` and as many `columns`; without
        names there, they are called as here. Values are read as the batch's columns are (so `007` stays a text
        where it is one here, and 2 equals 2.0); what cannot be read so is no key. Text against numbers is
        `no_data` with the reason. `clean` and `transform` are for the batch, not for the other data.

        `in` also takes a column of another table of the rule file, where it has several (`tables`). Then the
        key must be that of a row that passes there, or that is published already; a row that lacks its parent
        since that one was set aside says so.

        `cardinality: { max: 1 }` is one to one: at most one row of the batch has a key. Of a key that more rows
        have, all of them fail. `cardinality: { min: 1 }` asks for a row of each key there. A key without rows
        is no row that could be set aside, so such a rule rejects the batch unless `on_fail` says otherwise; all
        keys there are held then, or spilled.

        Neither side is held in memory: keys are 128-bit hashes over canonical values, which spill to disk past
        `--memory-limit`. With `by`, the other data are read once for each group. The figures count the
        different keys that do not occur (`absent_keys`).

        - Missing values and NaN: a row that lacks a part of its key passes, as in SQL (`match simple`);
          `missing` judges those. A missing value there is no key.
        - Infinities: they are values, and each equals itself.
        - No rows: `no_data`, also where no row has a complete key. Where the other data have no rows, every key
          is absent and fails.

        Why: an order of a customer who is not there falls out of every join, and nobody sees it go.

        ```python
        rules.foreign_key("customer_id", in_="customers.id")
        rules.foreign_key("shop", in_={"source": "data/shops.csv", "column": "code"}, tolerate="0.1%")
        rules.foreign_key("order_id", in_="orders.id", cardinality={"max": 1})
        rules.foreign_key(key=["country", "zip"], in_={"source": "data/places.parquet", "columns": ["country", "code"]})
        ```

        - `cardinality`: How many rows may have one key. If left out: any number.
        - `in_`: Where the key must occur.
        - `key`: The columns that together make the key. If left out: `column` is the key.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.rule
    def query(
        self,
        sql: str,
        *,
        max: int | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Rows that a query returns: each of them is bad.

        The query is SQL over the table `batch` (the rows left by `clean`, with what `transform` adds) and over
        the sources that the section `sources` names, each a table of its name, as its files hold it. It may
        join, group and nest as it likes; docs/formats.md says more of its SQL. It only reads: there are no
        other tables, and no functions that differ from run to run. `now()` is the run's clock.

        Where each row that it returns is a row of the batch, that row fails: it can be set aside, and
        `tolerate` counts it, once however often it is returned. So it is with a query of the batch alone, or
        joined with other tables, whatever its conditions, windows, order and limit; which columns it selects
        does not matter, and nothing of these is computed. Of a join on the side of which rows are made up (the
        right one of a `LEFT JOIN`) the rows of the batch cannot be told; of a batch that is joined with itself
        the left one fails.

        Where the query makes other rows (by `GROUP BY`, `DISTINCT`, `UNION`, an aggregate), no row of the batch
        fails: the number of rows that it returns is held against `max`, and the first of them are shown, unless
        a masked column is read. More than that rejects the batch unless `on_fail` says `warn` or `info`.

        The query sees the sound rows (with `over: all` all of them), with `where` those it speaks of. All rows
        of the columns that it reads are held in memory, within `--memory-limit`, beside what the query itself
        needs; a batch for which that is too little is not judged. What a type cannot hold, a division by zero
        and text that is no number are faults; a condition holds them back from those behind it: `q <> 0 AND p /
        q > 1`.

        - Missing values and NaN: both are null in SQL, and a condition that is null returns no row.
        - Infinities: they are values; one that arithmetic makes is a fault.
        - No rows: `no_data`. A source without rows is an empty table.

        Why: some mistakes show only across rows and tables, and whoever knows them can write them in SQL.

        ```python
        rules.query("SELECT * FROM batch WHERE shipped_at < ordered_at")
        rules.query("SELECT b.* FROM batch b LEFT JOIN customers c ON b.customer = c.id WHERE c.id IS NULL", tolerate="1%")
        rules.query("SELECT country, count(*) FROM batch GROUP BY country HAVING count(*) < 10", max=2, on_fail="warn")
        ```

        - `max`: How many rows a query may return that are no rows of the batch. If left out: none.
        - `sql`: The query, whose rows are bad.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `on_fail`, `tolerate`, `warn`,
        `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.column_rule
    def order(
        self,
        column: Columns | None = None,
        *,
        direction: Literal["increasing", "decreasing"] | None = None,
        strict: bool | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Rows whose value steps back.

        A row breaks the order if its value is less than that of the row before it that has one, in source order
        (`strict`: not greater), with `by` within its group. For numbers, dates, times and strings. All rows in
        scope are judged, those that other rules set aside among them; rows that `where` leaves out are passed
        over.

        - Missing values and NaN: they are passed over; the next value is compared with the last one before.
        - Infinities: they are compared as the smallest and the largest number.
        - No rows: `no_data`.

        Why: a log with a clock that was set back, a file put together from pieces in the wrong order.

        ```python
        rules.order("event_time", by=["device"])
        rules.order("sequence", strict=True)
        ```

        - `direction`: Which way values go.
        - `strict`: Whether equal neighbours break the order too.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.column_rule
    def stuck(
        self,
        column: Columns | None = None,
        *,
        max_run: int,
        order_by: str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """The same value too many times in a row.

        All rows of a run that is longer than `max_run` fail. Rows follow each other in source order, or as
        `order_by` sorts them; rows without an order value come first, ties keep source order. A missing value
        ends a run. All rows in scope count, those that other rules set aside among them; rows that `where`
        leaves out, or of another group, are passed over. Rows that come in order already take constant memory;
        others are held in memory to be sorted, within `--memory-limit`.

        - Missing values and NaN: they end a run.
        - Infinities: they are values, and each equals itself.
        - No rows: `no_data`.

        Why: a frozen sensor delivers values that are each beyond suspicion.

        ```python
        rules.stuck("temperature", max_run=30, by=["sensor"], order_by="time")
        ```

        - `max_run`: So many times in a row are still right.
        - `order_by`: The column that says in which order rows follow each other. If left out: the order of the
          source.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.rule
    def gaps(
        self,
        column: Columns | None = None,
        *,
        allow: Iterable[Allowed] | Allowed | None = None,
        every: Every | None = None,
        overlap: Overlap | None = None,
        timezone: str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Days, hours or months without a row; ranges that overlap.

        With `every`: each period between the first and the last value of the column must have a row, with `by`
        in each group between the first and last of the group. What is before and after is not expected:
        `freshness` and `rows` judge that. Periods are days, weeks from Monday, calendar months and years, and
        hours, minutes and seconds. Days of timestamps with a time zone are those of that zone, or of `timezone`
        if it is given: the days on which clocks are set have 23 or 25 hours, and so many are expected. Dates
        and timestamps without a zone are taken as they stand. A period that is missing is no row that could be
        set aside, so it rejects the batch unless `on_fail` says `warn` or `info`.

        `allow` names what may be missing: weekdays, dates, days of each year, ranges of dates, hours of the day
        by the local clock. Of a period longer than a day each day must be allowed. The figures say how many
        periods are expected, and how many of these are missing.

        With `overlap`: a row fails whose range, from the value of one column up to and without that of another,
        has something in common with that of another row (of its group), and a row whose range ends before it
        begins. All of them fail, since nobody knows which is right. All ranges are held in memory (24 bytes a
        row), within `--memory-limit`; a batch for which that is too little is not judged.

        All rows in scope are judged, those that other rules set aside among them.

        - Missing values and NaN: with `every` they are left out; of a range a missing end is open, and a row
          without both is passed over.
        - No rows: `no_data`; so are no dates, and no ranges.

        Why: a day that was never loaded is missing from every sum, and no row says so; a price that is valid
        twice is joined twice.

        ```python
        rules.gaps("day", every="1d", by=["store"], allow=["sunday", "12-25", "2026-08-03..2026-08-14"])
        rules.gaps("measured_at", every="1h", timezone="Europe/Berlin", on_fail="warn")
        rules.gaps(overlap={"from": "valid_from", "to": "valid_to"}, by=["product"])
        ```

        - `allow`: Days and hours that may be without a row. If left out: none.
        - `every`: How long a period is, such as `1h`, `1d`, `1w`, `1mo`. If left out: required unless `overlap`
          is given.
        - `overlap`: The columns between whose values ranges lie that must not overlap. If left out: periods are
          judged.
        - `timezone`: By whose clock days begin, such as `Europe/Berlin` or `+02:00`. If left out: that of the
          column.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `on_no_data`, `min_rows`, `require_evidence`.
        """
        ...

    @build.column_rule
    def outliers(
        self,
        column: Columns | None = None,
        *,
        against: Against | None = None,
        fallback: Literal["mean_ad"] | None = None,
        k: float | None = None,
        log: bool | None = None,
        method: Literal["iqr", "mad", "zscore", "quantile"] | None = None,
        q: Iterable[float] | None = None,
        side: Literal["both", "low", "high"] | None = None,
        threshold: float | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Values far from the bulk of the batch.

        `iqr`: Tukey's fences Q1 − k·IQR and Q3 + k·IQR, with quartiles by linear interpolation (Hyndman and
        Fan's type 7). `mad`: the modified z-score 0.6745·|x − median| / MAD beyond `threshold` (Iglewicz and
        Hoaglin 1993); where the MAD is 0, `fallback: mean_ad` takes |x − median| / (1.253314 · mean absolute
        deviation). `zscore`: |x − mean| / s beyond `threshold`. With `log` the statistics are of ln x, for
        positive skewed data; values of 0 or less are outliers on the low side. A row is an outlier if the
        definition says so: nothing is rounded before.

        If `k`, `threshold`, `log`, `fallback` or `tolerate` is written, that definition decides alone (k is
        then 3 unless written, the outer fence; `threshold` 3.5 for `mad` and 3 for `zscore`). If none of them
        is written, the fences are widened for the number of values and for their skew, so that at most 1 % of
        healthy batches have any outlier; docs/statistics.md has the formula, and how often it is wrong and
        right. The skew of fewer than 10 values is unknown: the definition decides alone then, and with `by`
        such groups are not judged.

        With `against` the fences come from other data: from their quartiles (`iqr`), their median and median
        absolute deviation (`mad`), their mean and standard deviation (`zscore`), or with `method: quantile`
        from two of their quantiles, `q`; some of any data lie outside these, so `tolerate` must say how many
        may. `against: batch` means the batch itself, as if it were left out. No summary tells what `mad`, and
        `zscore` with `log`, need: they take it from the rows of a path, or of a source that the section
        `sources` names. `mad` holds each different value in memory, within `--memory-limit`; of data for which
        that is too little nothing is said. Quantiles of more than 65,536 values, and those of a summary, lie
        within a cell of what is kept (docs/statistics.md). A batch of one value is held against such fences
        like any other.

        Infinities stay out of the statistics and are always outliers. A column of one value has none. Where
        there is no spread though values differ, or there are too few values for any to lie outside, the outcome
        is `no_data`.

        - Missing values and NaN: they are left out.
        - Infinities: they are always outliers.
        - No rows: `no_data`; so are no finite values.

        Why: a price with a slipped decimal point. A warning by default, since far out is not yet wrong.

        ```python
        rules.outliers("price", method="iqr")
        rules.outliers("price", k=1.5, by=["category"], on_fail="quarantine")
        rules.outliers("income", method="mad", log=True, side="high", threshold=5)
        rules.outliers("price", method="mad", against="last_month.csv")
        rules.outliers("price", method="quantile", against="last_month.csv", q=[0.001, 0.999], tolerate="1%")
        ```

        - `against`: Other data whose values say where the fences are: a path, `published`, `baseline`, …; or
          `batch`. If left out: those of the batch.
        - `fallback`: What `mad` does where more than half of the values are equal. If left out: the outcome is
          `no_data`.
        - `k`: For `iqr`: how many interquartile ranges beyond the quartiles the fences stand. If left out: 3,
          and a tolerance that follows from the number of rows.
        - `log`: Whether to take logarithms first. If left out: `false`.
        - `method`: How the fences are found. If left out: `iqr`.
        - `q`: For `quantile`: the two probabilities. If left out: `[0.001, 0.999]`.
        - `side`: On which side values may be outliers.
        - `threshold`: For `mad` and `zscore`: the largest score that is still right. If left out: 3.5 for
          `mad`, 3 for `zscore`, and a tolerance that follows from the number of rows.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `tolerate`, `warn`, `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.column_rule
    def statistic(
        self,
        column: Columns | None = None,
        *,
        above: Value | None = None,
        against: Against | None = None,
        below: Value | None = None,
        change: Change | None = None,
        limit: float | None = None,
        max: Value | None = None,
        min: Value | None = None,
        min_change: Change | None = None,
        of: Of | None = None,
        q: float | None = None,
        quantiles: Mapping[str, QuantileBounds] | None = None,
        with_: str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: Value | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """A figure of a column within bounds.

        `min` and `max` of the values (of text, dates and times too, with bounds of the column's type), `mean`,
        `median`, `stddev` (the sample's, n − 1), `sum`, `quantile` at `q` (linear interpolation, Hyndman and
        Fan's type 7), `distinct` (different values, exactly), `distinct_share` (different values, of all
        values: Deequ's distinctness), `unique_share` (values that occur once, of all values: Deequ's
        uniqueness), `most_common` (the share of the most frequent value), `correlation` (Pearson's) and
        `cramers_v` (without correction) `with` another column. `quantiles` holds several quantiles within
        bounds. Booleans count as 0 and 1, text is ordered by its characters' code points. Missing values are
        left out; infinities count for `min`, `max` and the counts alone.

        With `against` the figure is compared with the same figure of other data: `change` says how far it may
        be from it. A sum is compared with the average of the other data's batches. `against: { runs: { last: 30
        } }` judges by what is usual: the batch fails if its robust z, 0.6745·(x − median)/MAD over the figures
        of the last runs (Iglewicz and Hoaglin 1993), is beyond `limit`, and the figure is further than
        `min_change` from their median. Fewer than 14 runs do not tell what is usual: the outcome is `no_data`,
        and blocks nothing. What a summary keeps may be an estimate (distinct values beyond 128 have a standard
        error of 3.3 %, quantiles lie within a cell of the 256 that are kept): where its error could change the
        outcome, that is `insufficient_evidence`.

        - Missing values and NaN: they are left out.
        - Infinities: they count for `min`, `max` and the counts alone.
        - No rows: `no_data`.

        Why: a mean that moves, a column that turned constant, two features that became one.

        ```python
        rules.statistic("price", of="mean", min=10, max=20)
        rules.statistic("latency", of="quantile", q=0.99, below=2.5)
        rules.statistic("latency", quantiles={"0.5": {"max": 1}, "0.99": {"max": 2.5}})
        rules.statistic("day", of="min", min=date(2026, 1, 1))
        rules.statistic("label", of="most_common", max="80%")
        rules.statistic("height", of="correlation", with_="weight", above=0.3)
        rules.statistic("price", of="mean", against="last_month.csv", change="10%")
        rules.statistic("label", of="most_common", against={"runs": {"last": 28}}, min_change="2 points")
        ```

        - `above`: The figure must be greater. If left out: no bound.
        - `against`: What the figure is compared with: a path, `published`, `baseline`, `{ runs: { last: 14 }
          }`, … If left out: nothing, or the baseline where `change` is given.
        - `below`: The figure must be less. If left out: no bound.
        - `change`: How far the figure may be from that of `against`: a share of it (`10%`), a number in its own
          unit, or for figures that are shares `2 points`. If left out: `against` needs it, unless it names
          runs.
        - `limit`: Beside runs: the largest robust z that is still usual. If left out: 5.
        - `max`: The largest figure allowed. If left out: no bound.
        - `min`: The smallest figure allowed. If left out: no bound.
        - `min_change`: Beside runs: what changes by no more than this passes, however unusual it is. If left
          out: 10% of the runs' median, and for figures that are shares 0.1 points.
        - `of`: The figure. If left out: `quantiles` says which.
        - `q`: The quantile's probability, 0 to 1. If left out: none, and `of: quantile` needs one.
        - `quantiles`: Several quantiles: by probability, 0 to 1, the bounds of each. If left out: `of` says
          which figure.
        - `with_`: The other column, of `correlation` and `cramers_v`. If left out: none, and those two need
          one.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `warn`, `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.column_rule
    def drift(
        self,
        column: Columns | None = None,
        *,
        against: Against | None = None,
        alpha: Share | None = None,
        max: Value | None = None,
        min_effect: Share | None = None,
        test: Test | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: Value | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Columns whose values are distributed otherwise than before.

        | `test` | what is compared | it fails | what it takes | |---|---|---|---| | `auto` | `ks` where the
        baseline holds numbers, dates or times, else `chi2`. The message says which | | `alpha`, `min_effect` |
        | `ks` | the largest distance D of the distribution functions (Kolmogorov and Smirnov) | p below `alpha`
        and D at least `min_effect` | `alpha`, `min_effect` | | `chi2` | counts of categories (Pearson's χ² of
        homogeneity); those with an expected count below 5 are pooled | p below `alpha` and Cramér's V at least
        `min_effect` | `alpha`, `min_effect` | | `psi` | the population stability index Σ (p − q)·ln(p / q), no
        share below 0.0001 | beyond `max` | `max` (0.2), `warn` (0.1) | | `js` | the Jensen–Shannon distance:
        the root, in base 2, 0 to 1 | beyond `max` | `max`, `warn` | | `hellinger` | Hellinger's distance, 0 to
        1 | beyond `max` | `max`, `warn` | | `linf` | the largest difference of a category's shares | beyond
        `max` | `max`, `warn` | | `wasserstein` | the Wasserstein distance W₁, in standard deviations of the
        baseline | beyond `max` | `max`, `warn` | | `null_share` | the share of rows without a value | it
        differs by more than `max`, and p is below `alpha` | `max` (1 point), `alpha` | | `cardinality` | how
        many different values there are | it differs by more than `max`, a share | `max`, `warn` | |
        `new_values` | rows whose value the baseline never had | there are more than `max` | `max` (none),
        `warn` |

        - `auto` does not judge what moves on by nature, and says so: dates and times of which half lie behind
          all of the baseline, and whole numbers that nearly all differ and count on or leave few out, such as
          ids. A test that is named judges them.
        - A p-value alone never decides: of enough rows, a difference that nobody minds has a small one. It is
          adjusted to the number of columns and groups of this rule (Benjamini and Hochberg), and the effect
          must be at least `min_effect`. V is that of samples of one size, so that it does not shrink where the
          baseline is much larger than the batch. The p-value of `ks` is that of scipy's
          `ks_2samp(method="asymp")`, that of `null_share` is Fisher's exact one.
        - `psi`, `js` and `hellinger` put numbers into the deciles of the baseline, with open ends; a value that
          several deciles fall on is a bin of its own. Text and booleans are categories. Of these `psi` pools
          those that have less than 1 % of the baseline, and those that the baseline has not. Where the baseline
          has many values once, as many new ones are expected (Good 1953); they are no drift.
        - Tests that a p-value decides (`auto`, `ks`, `chi2`, `null_share`) warn; the others reject. `on_fail`
          says otherwise.
        - `linf` and `chi2` take each value as a category, also of numbers.
        - Too few rows: `insufficient_evidence`, with the number of rows that would do. `psi` needs χ²₀.₉₅(bins
          − 1)·(1/n + 1/m) below `max`: what one of 20 healthy batches exceeds. The other distances need the
          same of their own noise.
        - A summary keeps cells of values. Where what lies inside of cells could change the verdict, it is
          withheld: `insufficient_evidence`.
        - Missing values and NaN: they are left out; `null_share` counts them.
        - Infinities: they lie at the ends; `wasserstein` leaves them out.
        - One value only in the baseline: `no_data`; there is no spread to compare with.
        - No rows: `no_data`, here or in the baseline.

        [statistics.md](statistics.md#drift) has definitions, false alarms and power.

        Why: a model meets data that it was not trained on, a unit changes, a source dries up, and each row by
        itself looks well.

        ```python
        rules.drift("*")
        rules.drift("price", test="psi", warn=0.1, max=0.2)
        rules.drift("country", test="new_values", max="1%", against="data/last-month/*.parquet")
        ```

        - `against`: What the batch is compared with. If left out: the rule file's `baseline`.
        - `alpha`: Chance explains what is at least as probable as this. If left out: 0.001.
        - `max`: The largest distance that is fine: a number; for `null_share` points, for `cardinality` a
          share, for `new_values` a share or rows. If left out: 0.2 for `psi`, 1 point for `null_share`, none
          for `new_values`; the other tests that take it need it.
        - `min_effect`: The smallest D or V that matters. If left out: 0.1.
        - `test`: How it is compared. If left out: `auto`.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `warn`, `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.rule
    def diff(
        self,
        key: str | Iterable[str],
        *,
        against: Against,
        columns: str | Iterable[str] | None = None,
        max_added: Tolerance | None = None,
        max_changed: Tolerance | None = None,
        max_removed: Tolerance | None = None,
        tolerance: Mapping[str, Apart] | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: Value | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
    ) -> Rules:
        """Rows that were added, removed or changed beside other data, by their key.

        The rows of the batch and of `against` are paired by `key`, whatever their order. A row is *added* if
        only the batch has its key, *removed* if only the other data have it, *changed* if both have it and a
        compared column differs. All rows left by `clean` are compared; with `where`, those of both that it
        speaks of. Exact up to a collision of 128-bit hashes, in bounded memory.

        Values are compared as values: an int32 2 is an int64 2 and a decimal 2.00, −0 is 0, a date is the
        midnight of a timestamp. A decimal equals the float nearest to it. Timestamps without a zone are taken
        as UTC. Lists and records are equal if all that lies in them is. Columns of kinds without a value in
        common (text and numbers) are not compared, and that is said. `tolerance` lets numbers be apart: `0.01`
        in the column's unit, |here − there| ≤ 0.01; `1%` of the other value, |here − there| ≤ 0.01·|there|;
        times by `5s`. Integers and decimals are compared exactly, floats as floats are.

        Rows whose key occurs several times on one side, or lacks a part, cannot be paired: they are counted,
        and the rule fails. `max_changed` is held against the keys in both, `max_added` against the batch's
        rows, `max_removed` against the other's. Where none of the three is given, no difference is allowed, of
        columns neither; where one is, only what has a limit is judged, and the rest is said. Beside one of them
        `warn` is an earlier limit.

        - Missing values and NaN: equal to each other, and to no value; a missing part makes a key no key.
        - Infinities: they are values, and each equals itself, whatever the tolerance.
        - No rows: `no_data`, here or there.

        Why: a refactored job must give what it gave before; a snapshot must not change its past.

        ```python
        rules.diff("id", against="yesterday.parquet", max_changed="1%", max_removed=0)
        rules.diff(["order_id", "line"], against="old.csv", columns=["price", "status"], tolerance={"price": 0.01})
        rules.diff("id", against="expected.parquet", tolerance={"*": 0.001})
        ```

        - `against`: What the batch is compared with: a path, a glob or a directory, a list of them, or a name
          of the section `sources`.
        - `columns`: The columns that are compared. If left out: all that both have.
        - `key`: The columns that tell rows apart: one, or a list.
        - `max_added`: So many of the batch's rows may be added. If left out: see above.
        - `max_changed`: So many of the keys in both may be changed. If left out: see above.
        - `max_removed`: So many of the other's rows may be removed. If left out: see above.
        - `tolerance`: How far values may be apart, by column or pattern of columns: `0.01`, `1%`, `5s`. If left
          out: they must be equal.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `on_fail`, `warn`, `on_no_data`.
        """
        ...

    @build.rule
    def representation(
        self,
        groups: Iterable[str] | str,
        *,
        tolerance: Margin,
        against: Against | None = None,
        confidence: Share | None = None,
        correction: Literal["holm"] | None = None,
        reference: Reference | None = None,
        unit: str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: Margin | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Groups whose share of the rows is far from what it should be.

        Each group's share comes with its Wilson score interval (`confidence`).

        | the interval lies | outcome of the group | |---|---| | wholly outside reference ± `tolerance` | `fail`
        | | wholly inside | `pass` | | across the bound | `insufficient_evidence`, a warning. The message says
        how many rows would be enough, or "on the border" if even 1,000 times as many would not |

        - An unseen group fails where chance does not explain it: (1 − p)ⁿ < 1 − confidence, for a reference
          share p and n rows, whatever the tolerance. Else it is `insufficient_evidence`.
        - A group that the reference does not name has the reference 0, and is judged as any other: a few stray
          rows within the tolerance pass, and are named. Where the tolerance is relative, that of the smallest
          share of the reference holds for it.
        - Groups with fewer rows than `min_rows` are shown and not judged, but for unseen ones that chance does
          not explain.
        - `require_evidence: true`: `insufficient_evidence` and groups that are not judged fail.
        - Several columns form intersections. A missing value is a group, written `(missing)`.
        - Given shares must add up to 1 ± 0.005. They are divided by their sum; these shares are what is
          compared and shown. Their keys are read as the column's type: `1` is 1.0 and the decimal 1.00, −0 is
          0.
        - Shares may stand in a file: `reference: census.csv`, with the columns of `groups` and one called
          `share`, a group on each line (an empty value is `(missing)`, other columns are passed over); or
          `census.json` or `census.yaml`, with the mapping that would stand in the rule file. It is read with
          the rule file, and a change of it makes another one.
        - `against` compares with the groups of other data: a file, the baseline (`reference: baseline` is the
          same), what is published, or recorded runs. Then the interval is Newcombe's, of the difference of two
          shares, since the reference is a sample too; and an unseen group fails where the chance that none of
          its rows fell into the batch is below 1 − confidence.
        - `equal` gives the same share to each group that was observed and is judged; groups with a missing
          value have the reference 0.
        - `unit: user_id` counts different people rather than events: each value of the column counts once a
          group, however many rows it has. One that is in several groups counts in each, which is said; rows
          without a value are left out. `min_rows` counts units then. Up to 10,000 units a group are counted
          exactly, and integers within 262,144 of each other always. More are counted by HyperLogLog with a
          standard error of 0.8 % (3.3 % where a summary took part), and intervals widen by that of the share,
          p·(1 − p)·√2·0.8 %.
        - `correction: holm` is for many groups: that one of them fails or passes by chance is then as unlikely
          as `confidence` says for one alone (Holm 1979). A group's p-value is the smallest 1 − confidence at
          which its interval still decides. In the order of their p-values, the first of m groups is judged at 1
          − (1 − confidence)/m, the next at 1 − (1 − confidence)/(m − 1), and so on. Where the first is
          undecided, all that follow are. Intervals are shown at the confidence that was used.

        Over all: total variation distance, Jensen–Shannon distance, chi-square goodness of fit with Cohen's w.
        With `by`, each group of `by` has these figures, and behind it stand its own groups.

        - Missing values and NaN: they are a group, `(missing)`.
        - Infinities: each is a group.
        - No rows: `no_data`.

        Why: a model trained on people who are not the people it will judge is wrong about those who are
        missing.

        ```python
        rules.representation(["gender"], reference={"f": 0.5, "m": 0.5}, tolerance="5 points", min_rows=50)
        rules.representation(["region", "gender"], reference="equal", tolerance="20%", correction="holm")
        rules.representation(["region", "gender"], reference="census.csv", tolerance="5 points")
        rules.representation(["gender"], against="training/2025.parquet", tolerance="3 points")
        rules.representation(["gender"], unit="user_id", reference={"f": 0.5, "m": 0.5}, tolerance="5 points")
        ```

        - `against`: Other data whose shares are the reference. If left out: `reference` gives the shares.
        - `confidence`: The confidence of the intervals. If left out: 95%.
        - `correction`: What keeps the risk of a wrong decision the same however many groups there are. If left
          out: nothing, each group is judged by itself.
        - `groups`: The columns whose combined values are the groups.
        - `reference`: The shares that should be: given (nested for several columns), a file of them, `equal`
          over the groups observed, or `baseline`. If left out: `against` says what to compare with.
        - `tolerance`: How far a share may lie from its reference: `5 points`, or `20%` of the reference.
        - `unit`: The column whose different values are counted, such as people. If left out: rows are counted.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `warn`, `on_no_data`,
        `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.rule
    def outcome(
        self,
        groups: Iterable[str] | str,
        *,
        label: str,
        confidence: Share | None = None,
        demographic_parity: Points | None = None,
        equal_opportunity: Points | None = None,
        equalized_odds: Points | None = None,
        four_fifths: bool | None = None,
        min_ratio: Share | None = None,
        positive: Value | None = None,
        prediction: str | None = None,
        reference_group: Value | Iterable[Value] | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: Value | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Groups that come off worse than others: in who is selected, and in whom errors hit.

        The selection rate of a group is the share of its rows with the positive outcome: of the `label`, or of
        the `prediction` where there is one. It comes with its Wilson interval. Each group is compared with all
        others together ("the rest"), or with `reference_group`. Names and definitions are Fairlearn's.

        | limit | a group's … must be | |---|---| | `demographic_parity: 10 points` | selection rate within 10
        points of the other one, up or down | | `min_ratio: 80%` | selection rate at least 80 % of the other one
        | | `four_fifths: true` | the same: the four-fifths rule of US employment law (29 CFR 1607.4 D) | |
        `equal_opportunity: 10 points` | true positive rate within 10 points: of those with the positive label,
        who is selected | | `equalized_odds: 10 points` | true and false positive rates within 10 points |

        At least one limit must be given; `equal_opportunity` and `equalized_odds` need a `prediction`.

        | the interval lies | outcome of the group | |---|---| | wholly beyond the limit | `fail` | | wholly
        within | `pass` | | across it | `insufficient_evidence`, a warning. The message says about how many rows
        of the group would be enough, if all groups grew alike, or "on the border" if even 1,000 times as many
        would not |

        `warn` beside one limit is an earlier one in its unit (`warn: 5 points`, `warn: 90%`): a group that
        keeps to the limit, and whose interval lies wholly beyond `warn`, is a warning.

        - The interval of a difference is Newcombe's (1998, method 10), that of a ratio Katz's (1978): ln r ±
          z·√(1/x₁ − 1/n₁ + 1/x₂ − 1/n₂). Where a part is 0, half a row is added to every count; where a part is
          the whole, that variance would be 0 however few rows there are, and the interval follows from Wilson's
          two (Donner and Zou 2012, MOVER-R).
        - `p_value` is that of the two-proportion test with the pooled share. It is shown, and decides nothing.
        - Groups with fewer rows than `min_rows` are shown and not judged, but are part of the rest. Where what
          a group is compared with has fewer rows than that, it is `insufficient_evidence`. A group without any
          row that a rate is a share of (no positive label, say) cannot be compared by it:
          `insufficient_evidence`.
        - `require_evidence: true`: `insufficient_evidence` and groups that are not judged fail.
        - Several columns of `groups` form intersections. A missing value is a group, written `(missing)`.

        Over all, between the groups that are judged: `demographic_parity_difference` (the largest selection
        rate less the smallest) and `demographic_parity_ratio` (the smallest by the largest),
        `equal_opportunity_difference` and `_ratio` of true positive rates, `equalized_odds_difference` (the
        larger of those of true and false positive rates) and `equalized_odds_ratio` (the smaller). They equal
        Fairlearn's `between_groups` where every group has positive and other labels; where Fairlearn takes a
        rate of no rows as 0, it has no value here and is left out.

        - Missing values and NaN: a row without a label, or without a prediction where there is one, is no part
          of any rate. How many a group has is told: labels that lack in one group alone are a bias too.
        - Infinities: each is a label of its own.
        - No rows: `no_data`. So are no row with a label, one group with labels alone, and a positive value that
          never occurs: in what is selected, or in the labels where true and false positive rates are compared.

        Why: a model learns the decisions that it is shown. If these favoured a group, it will; and a model that
        is right on average may be wrong for one group alone.

        ```python
        rules.outcome(["gender"], label="hired", positive="yes", demographic_parity="10 points", min_rows=50)
        rules.outcome(["race", "gender"], label="hired", four_fifths=True, reference_group=["white", "m"])
        rules.outcome(["gender"], label="repaid", prediction="approved", equalized_odds="5 points")
        ```

        - `confidence`: The confidence of the intervals. If left out: 95%.
        - `demographic_parity`: How far selection rates may lie apart. If left out: any distance.
        - `equal_opportunity`: How far true positive rates may lie apart. If left out: any distance.
        - `equalized_odds`: How far true positive rates, and false positive rates, may lie apart. If left out:
          any distance.
        - `four_fifths`: Whether a selection rate must be four fifths of the other one at least. If left out:
          no.
        - `groups`: The columns whose combined values are the groups.
        - `label`: The column that says what became of a row.
        - `min_ratio`: How small a selection rate may be, as a share of the other one. If left out: any share.
        - `positive`: The value of `label` and `prediction` that is the favourable outcome. If left out: `true`,
          or 1 among numbers.
        - `prediction`: The column with what a model predicted of the row. If left out: the labels themselves
          are compared.
        - `reference_group`: The group that all others are compared with; of several columns a list. If left
          out: each group is compared with all others together.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `warn`, `on_no_data`,
        `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.rule
    def gate_bias(
        self,
        groups: Iterable[str] | str,
        *,
        confidence: Share | None = None,
        max: Points | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: Value | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
    ) -> Rules:
        """Groups that lose more of their rows to the gate than others.

        Each group's rejection rate, the share of its rows that are set aside, is compared with that of all
        other rows together, with Newcombe's interval of the difference (1998, method 10). Beside it stand the
        group's share of the rows before the gate and behind it.

        Every run that sets rows aside has such a finding for the groups that its rules declare (`groups` of
        `representation` and `outcome`), whether the rule file has this rule or not; what the rule file says of
        these groups takes its place. It only reports, unless `max` is given:

        | the interval of the difference lies | outcome of the group with `max: 5 points` | |---|---| | wholly
        beyond 5 points, up or down | `fail` | | wholly within | `pass` | | across it | `insufficient_evidence`,
        a warning |

        `warn: 3 points` beside `max` is an earlier limit: a group that is within `max` and wholly beyond it is
        a warning.

        - All rows left by `clean` are looked at, whatever other rules do with them; those that are set aside
          fail a rule with `on_fail: quarantine`. Records that cannot be read are in no group, since it is not
          known which.
        - Groups with fewer rows than `min_rows` are shown and not judged, but are part of the rest.
          `require_evidence: true`: `insufficient_evidence` and groups that are not judged fail.
        - Several columns form intersections. A missing value is a group, written `(missing)`.
        - Judged is a batch as a whole. Of published batches, and of windows of a stream, nobody knows what was
          set aside: `no_data`.

        Over all: the rejection rate, and the total variation distance of the groups' shares behind the gate
        from those before it.

        - Missing values and NaN: they are a group, `(missing)`.
        - Infinities: each is a group.
        - No rows: `no_data`; so is one group alone, with `max`. Where no row is set aside, the rule passes.

        Why: a gate that mostly drops the rows of one group makes the data worse for it, whatever its rules are
        about: people with long names, with an old form, from the one site with the broken sensor.

        ```python
        rules.gate_bias(["gender"])
        rules.gate_bias(["site", "gender"], max="5 points", min_rows=100, on_fail="warn")
        ```

        - `confidence`: The confidence of the intervals. If left out: 95%.
        - `groups`: The columns whose combined values are the groups.
        - `max`: How far a group's rejection rate may lie from that of all others. If left out: any distance,
          and the rule only reports.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `warn`, `on_no_data`,
        `min_rows`, `require_evidence`.
        """
        ...

    @build.rule
    def rows(
        self,
        *,
        above: int | None = None,
        against: Against | None = None,
        below: int | None = None,
        change: Change | None = None,
        limit: float | None = None,
        max: int | None = None,
        min: int | None = None,
        min_change: Change | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: int | str | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
    ) -> Rules:
        """How many rows there are.

        Rows left by `clean`, those that other rules set aside among them; with `where` those it speaks of, with
        `by` those of each group. Bounds are whole numbers (`3.0` is 3). A batch without rows is undecided,
        unless `rows: { min: 0 }` permits it.

        With `against` the number is compared with that of other data: `change` says how far it may be from it.
        Rows that other rules set aside do not count then, neither here nor there; where the other data are
        several batches, their average counts. `against: { runs: { last: 30 } }` judges by what is usual: the
        batch fails if its robust z, 0.6745·(x − median)/MAD over the numbers of the last runs, is beyond
        `limit`, and the number is further than `min_change` from their median. Fewer than 14 runs do not tell
        what is usual: the outcome is `no_data`, and blocks nothing.

        - Missing values and NaN: their rows count.
        - Infinities: their rows count.
        - No rows: `no_data` (verdict `undecided`), unless `min: 0` permits it.

        Why: half a delivery looks like a whole one to every rule about values.

        ```python
        rules.rows(min=1000, max=2000000)
        rules.rows(above=0, where="status = 'paid'")
        rules.rows(against="published", change="50%")
        rules.rows(against={"runs": {"last": 28, "season": "weekday"}})
        ```

        - `above`: More than so many. If left out: no bound.
        - `against`: What the number of rows is compared with: a path, `published`, `baseline`, `{ runs: { last:
          14 } }`, … If left out: nothing, or the baseline where `change` is given.
        - `below`: Fewer than so many. If left out: no bound.
        - `change`: How far the number of rows may be from that of `against`: a share of it (`20%`) or a number
          of rows. If left out: `against` needs it, unless it names runs.
        - `limit`: Beside runs: the largest robust z that is still usual. If left out: 5.
        - `max`: At most so many. If left out: no bound.
        - `min`: At least so many. If left out: no bound.
        - `min_change`: Beside runs: what changes by no more than this passes, however unusual it is. If left
          out: 10% of the runs' median.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `where`, `by`, `on_fail`, `warn`, `on_no_data`.
        """
        ...

    @build.column_rule
    def freshness(
        self,
        column: Columns | None = None,
        *,
        max_age: Duration,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        warn: Duration | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """How old the newest value is.

        The age of the newest date or timestamp, at the time given by `--as-of` (the run's clock if left out). A
        date counts as its midnight, a timestamp without a zone as UTC. What lies in the future has a negative
        age, which is fresh. `max_age` itself is allowed.

        - Missing values and NaN: they are left out.
        - No rows: `no_data`; so are no dates.

        Why: a pipeline that delivers yesterday's file again passes every other rule.

        ```python
        rules.freshness("updated_at", max_age="36h")
        ```

        - `max_age`: The newest value may be so old.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `warn`, `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.rule
    def column_set(
        self,
        *,
        contains: Iterable[str] | str | None = None,
        count: Count | None = None,
        exactly: Iterable[str] | str | None = None,
        set: Iterable[str] | str | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
    ) -> Rules:
        """Which columns there are.

        The columns that rules see: those of the data, then those that `transform` adds. Fields of structs are
        no columns.

        - No rows: judged all the same: the rule is about columns.

        Why: a loader that matches columns by place takes one for another without a word.

        ```python
        rules.column_set(contains=["id", "price"])
        rules.column_set(exactly=["id", "name", "price"])
        rules.column_set(set=["price", "id", "name"], count=3)
        rules.column_set(count={"min": 3, "below": 10})
        ```

        - `contains`: At least these. If left out: not judged.
        - `count`: How many. If left out: not judged.
        - `exactly`: These, in this order, and no others. If left out: not judged.
        - `set`: These, in any order, and no others. If left out: not judged.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `on_fail`.
        """
        ...

    @build.column_rule
    def type(
        self,
        column: Columns | None = None,
        *,
        is_: TypeName,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
    ) -> Rules:
        """The type a column has.

        Of Parquet, Arrow and Avro it is the file's; of text it is the contract's or what all values together
        look like.

        - No rows: judged all the same: the rule is about the column.

        Why: a number that arrives as text sorts, joins and averages as text. The `schema` section says the same
        of all columns at once; this rule is for one column alone.

        ```python
        rules.type("user_id", is_="int64")
        rules.type("tags", is_="list<string>", on_fail="warn")
        ```

        - `is_`: The type it must have.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `on_fail`, `on_no_data`.
        """
        ...

    @build.column_rule
    def pii(
        self,
        column: Columns | None = None,
        *,
        kinds: Iterable[PersonalKind] | PersonalKind | None = None,
        id: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        columns: Columns | None = None,
        where: str | None = None,
        by: str | Iterable[str] | None = None,
        on_fail: Literal["reject", "warn", "info"] | None = None,
        on_no_data: Literal["stop", "warn", "pass"] | None = None,
        min_rows: int | None = None,
        require_evidence: bool | None = None,
        over: Literal["sound", "all"] | None = None,
    ) -> Rules:
        """Columns that hold personal data and are not masked.

        It looks for e-mail addresses, telephone numbers, payment cards, IBANs, IP addresses, and national
        numbers: the American SSN, the British NINO, the Spanish DNI and NIE, the Polish PESEL, the Italian
        codice fiscale, the Dutch BSN, the Brazilian CPF. It judges the column and not each value: a thousand
        different values at most are looked at (those with the smallest hashes, so the order of rows does not
        matter), and no value is shown.

        Where a number has check digits, chance must not explain that they are right: one in ten of any numbers
        of 16 digits passes for a card. So four in five of the values with the shape must pass, and as many as
        chance would give less often than once in a million columns (a Chernoff bound). Numbers without check
        digits need a form that others do not have: a telephone number a plus, or the area and exchange of a
        North American one. Where the name of the column speaks of the kind (`phone`, `iban`, `ssn`), less will
        do. `docs/statistics.md` says how often it is right.

        A column of the contract with `mask` passes: its values are shown nowhere. Columns of other types than
        text and whole numbers pass. It warns unless `on_fail` says more, since it is a suspicion.

        - Missing values: they are left out; a column without values passes.
        - No rows: `no_data`.

        Why: a report, a log or a training set that shows who somebody is cannot be taken back.

        ```python
        rules.pii("*")
        rules.pii("*", kinds=["email", "phone", "card"], on_fail="reject")
        ```

        - `kinds`: What to look for. If left out: every kind.

        Also: `id`, `description`, `owner`, `tags`, `runbook`, `column`, `columns`, `where`, `by`, `on_fail`,
        `on_no_data`, `min_rows`, `require_evidence`, `over`.
        """
        ...

    @build.rule
    def malformed(
        self,
        *,
        description: str | None = None,
        owner: str | None = None,
        tags: str | Iterable[str] | None = None,
        runbook: str | None = None,
        on_fail: Literal["info", "warn", "quarantine", "reject"] | None = None,
        tolerate: Tolerance | None = None,
        warn: Tolerance | None = None,
    ) -> Rules:
        """Records that cannot be read: what follows, and how many are tolerated. They are set aside in any case.

        Also: `description`, `owner`, `tags`, `runbook`, `on_fail`, `tolerate`, `warn`.
        """
        ...

    @build.rule
    def use(
        self,
        *,
        template: str,
        with_: Mapping[str, Any] | None = None,
    ) -> Rules:
        """The rules of a template in this place.

        - `template`: The name of the template, as `templates` has it.
        - `with_`: What its parameters stand for, by name.

        Also: `description`, `owner`, `tags`, `runbook`, `on_fail`, `tolerate`, `warn`.
        """
        ...


def rules(dataset: str) -> Rules:
    """Begins a rule file for the data set of this name."""
    return Rules(dataset)
