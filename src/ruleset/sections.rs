//! The sections of a rule file beside its rules.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::delta_section::DeltaSection;
use super::examples::Examples;
use super::notify::NotifySection;
use super::profile::Profile;
use super::resolve::Template;
use super::several::TablesWord;
use super::source_words::{DialectWord, FixedWord, HeaderWord};
use super::tables::{self, Compaction, MergeSection};
use super::web::HttpSection;
use super::windows::WindowSection;
use super::{EventsSection, RuleItem};
use crate::diagnostic::{Code, Fault, Faults};
use crate::rules::schema::{Evolution, SchemaSection};
use crate::rules::words::{BatchCount, Literal, Ordered, Texts, Tolerance};
use crate::source::{ContractColumn, Delimiter, Encoding, Format, ReadOptions};
use crate::yaml::Spanned;

/// More failing rows than these are never shown of a finding.
pub const SAMPLES_MAX: usize = 100;

/// Failing rows shown of a finding where the rule file does not say how many.
const SAMPLES: usize = 10;

/// A rule file: the contract, the rules, and what the gate does.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Sluicegate rule file")]
pub struct Sections {
    /// The name of the data set; it stands at the head of every report.
    pub dataset: String,
    /// What the data set holds. If left out: nothing is shown.
    pub description: Option<String>,
    /// Who answers for it. If left out: nobody is shown.
    pub owner: Option<String>,
    /// Labels. If left out: none.
    pub tags: Option<Texts>,
    /// Where to read what to do when the gate closes. If left out: nothing is shown.
    pub runbook: Option<String>,
    /// Other files, each beside the one that names it: their sections and rules are read as if they stood here. If left out: no other file.
    #[serde(rename = "include")]
    _include: Option<Texts>,
    /// How to read the data. If left out: the command line names the data.
    #[serde(default)]
    pub source: SourceSection,
    /// The contract: which columns there are, of which types.
    /// If left out: the destination's table is the contract; without one, the columns of the baseline, else of the last recorded run;
    /// without these, any columns are right.
    pub schema: Option<Spanned<SchemaSection>>,
    /// Rows to leave out before anything is judged; they are counted. If left out: nothing is left out.
    #[serde(default)]
    pub clean: Vec<Spanned<CleanStep>>,
    /// Columns to add: name and SQL expression, in order. If left out: nothing is added.
    #[serde(default)]
    pub transform: Ordered<Spanned<String>>,
    /// Rules with parameters, by name; a rule `use` puts them in its place. If left out: none.
    #[serde(default, rename = "templates")]
    _templates: Ordered<Template>,
    /// Rows by which `sluicegate rules test` tests the rules. If left out: none.
    #[serde(rename = "examples")]
    _examples: Option<Examples>,
    #[serde(rename = "rules")]
    #[schemars(skip)]
    _rules: Option<IgnoredAny>,
    /// How many failing rows a finding shows with their values: 100 at most, 0 for none. If left out: 10.
    #[schemars(range(max = 100))]
    pub samples: Option<Spanned<usize>>,
    /// Whether findings say in which values of other columns their failing rows concentrate. If left out: `true`.
    pub why: Option<bool>,
    /// What the report says of columns beside the rules. If left out: `basic`.
    pub profile: Option<Spanned<Profile>>,
    /// What batches are compared with where a rule says no other thing. If left out: each rule says `against`.
    pub baseline: Option<BaselineSection>,
    /// Other data that rules speak of, by name: files, globs, directories or Delta tables, read as the batch is. If left out: rules name
    /// paths.
    #[serde(default)]
    pub sources: Ordered<Spanned<Texts>>,
    /// Tables that are judged and gated as one, by name. If left out: the rule file is about one data set.
    #[serde(rename = "tables")]
    _tables: Option<TablesWord>,
    /// Failures that are known and for now accepted. If left out: none.
    #[serde(default)]
    pub known: Vec<Spanned<KnownIssue>>,
    /// Where rows go. If left out: `--publish` names the destination.
    #[serde(default)]
    pub gate: GateSection,
    /// What events hold together that come in several batches: judged beside the batches. If left out: each batch alone is judged.
    #[serde(default)]
    pub windows: Vec<WindowSection>,
    /// The directory, or `s3://BUCKET/PATH`, in which each run is recorded. If left out: `--record`, else runs are not recorded.
    pub history: Option<String>,
    /// Who is told when the state of the data set changes. If left out: nobody is.
    #[serde(default)]
    pub notify: Vec<Spanned<NotifySection>>,
}

/// How to read the data; the command line can name other paths.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSection {
    /// Files, globs, directories, URLs, or `-` for standard input. If left out: the command line names the data.
    pub path: Option<Spanned<Texts>>,
    /// How the bytes are laid out. If left out: it follows from the file's name.
    pub format: Option<Spanned<Format>>,
    /// What stands between fields of delimited text: one or more characters, or `blanks` for any run of blanks and tabs.
    /// If left out: `,` for csv, a tab for tsv.
    pub(super) delimiter: Option<Spanned<String>>,
    /// The character around fields that hold delimiters; empty for none. If left out: `"`.
    pub(super) quote: Option<Spanned<String>>,
    /// The character that takes its meaning from a quote, delimiter, line end or escape behind it. If left out: none; a doubled
    /// quote inside quotes is one quote.
    pub(super) escape: Option<Spanned<String>>,
    /// What lines begin with that are no records; they are counted. If left out: no line is a comment.
    pub(super) comment: Option<Spanned<String>>,
    /// Whether the first line names the columns, or how many lines do. If left out: `true`.
    pub(super) header: Option<HeaderWord>,
    /// What stands between the parts of a name that several header lines give. If left out: `_`.
    pub(super) header_separator: Option<String>,
    /// Lines before the header that are passed over. If left out: none.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) skip_rows: Option<Spanned<u64>>,
    /// Lines at the end that are passed over, blank ones not counted. If left out: none.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) skip_footer: Option<Spanned<u64>>,
    /// The columns of the format `fixed`: a width in characters each, or `{ start, width }`. If left out: the format `fixed`
    /// needs it.
    #[serde(default)]
    pub(super) columns: Ordered<Spanned<FixedWord>>,
    /// The character before the fraction of numbers. If left out: `.`.
    pub(super) decimal: Option<Spanned<String>>,
    /// The character between groups of three digits. If left out: none.
    pub(super) thousands: Option<Spanned<String>>,
    /// `sniff`: what is not written here is found out from the first rows, and said. If left out: what is not written is as
    /// described here.
    pub(super) dialect: Option<DialectWord>,
    /// Texts that are read as missing. If left out: the empty field of delimited text.
    missing_values: Option<Texts>,
    /// How text is encoded. If left out: `utf-8`, or UTF-16 where a byte order mark says so.
    encoding: Option<Encoding>,
    /// Which state of a Delta table is read. If left out: the last one.
    delta: Option<Spanned<DeltaSection>>,
    /// The sheet of a workbook, by its name or its number from 1. If left out: the only sheet with data.
    sheet: Option<Literal>,
    /// Where in a JSON document the array of records is: `data.items`. If left out: at the top.
    json_path: Option<Spanned<String>>,
    /// The time zone of timestamps that have none: `UTC` or an offset such as `+02:00`. If left out: `UTC`.
    timezone: Option<Spanned<String>>,
    /// How data is fetched whose path is a URL, `https://…`. If left out: one answer of each URL, without headers.
    http: Option<HttpSection>,
    /// How the records of a topic become rows. If left out: their values are JSON.
    events: Option<EventsSection>,
}

/// One step of `clean`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanStep {
    /// SQL: rows for which it is true are left out. If left out: required unless `keep_where` is given.
    pub drop_where: Option<Spanned<String>>,
    /// SQL: rows for which it is not true are left out. If left out: required unless `drop_where` is given.
    pub keep_where: Option<Spanned<String>>,
}

/// Rows that fail a rule for a known reason: counted apart, and published.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Known")]
pub struct KnownIssue {
    /// The id of the finding.
    pub rule: Spanned<String>,
    /// SQL: the rows it is known of.
    pub r#where: Spanned<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Where it is followed up. If left out: nowhere.
    pub ticket: Option<String>,
    /// The last day on which it is accepted, such as `2027-01-31`. If left out: it is accepted for ever.
    pub until: Option<Spanned<Literal>>,
}

/// The baseline: a summary of good data, in a file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Baseline")]
pub struct BaselineSection {
    /// The file; `sluicegate baseline capture` makes one.
    pub path: Spanned<String>,
    /// `learn`: where the file is not there yet, the first batch that the gate accepts becomes the baseline; until then what
    /// compares with it is warming up. If left out: a file that is not there is a fault.
    pub first: Option<First>,
    /// `on_accept`: each batch that the gate accepts goes into the baseline. If left out: it changes only when it is told to.
    pub advance: Option<Advance>,
    /// How many batches an advancing baseline holds: `30 batches`. If left out: all of them.
    pub window: Option<BatchCount>,
    /// A baseline file that never advances: what compares with the baseline is also held against it, so that slow drift
    /// cannot move the limit along. If left out: none.
    pub anchor: Option<Spanned<String>>,
}

/// What happens where there is no baseline yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum First {
    /// The first accepted batch becomes it.
    Learn,
}

/// When a baseline changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// With every accepted batch.
    OnAccept,
}

/// Where rows go.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateSection {
    /// Where passing rows go. A directory is a Delta table; a path ending in `.parquet` is one file. If left out: `--publish`.
    pub publish: Option<String>,
    /// How a directory keeps batches. If left out: `delta`, unless it holds plain parts already.
    pub format: Option<TableFormat>,
    /// The directory for rows set aside. If left out: `--quarantine`, else a directory beside the destination.
    pub quarantine: Option<String>,
    /// The batch takes the place of published rows, in one commit; Delta tables only. If left out: it adds rows.
    pub replace: Option<Replace>,
    /// The batch is change data: its rows insert, update and delete those of a Delta table by their key, in one commit.
    /// If left out: it adds rows.
    pub merge: Option<Spanned<MergeSection>>,
    /// Columns by whose values the rows of a new Delta table are divided into files, so that readers skip those they need not: a
    /// date, say. A batch has at most 500 of their values. If left out: a table that is there stays as it is, and a new one has no
    /// partitions.
    pub partition_by: Option<Texts>,
    /// When the small files of a Delta table are put together, after a batch: for those that come often. Each batch stays known.
    /// If left out: never.
    pub compact: Option<Spanned<Compaction>>,
    /// More rows set aside than this reject the batch; of a share and a count, both must be exceeded. `100%` turns it off.
    /// Rows whose key is published already do not count. A batch of which no row is left is rejected whatever stands here.
    /// If left out: `50% and 20 rows`.
    pub reject_above: Option<Tolerance>,
    /// What becomes of a batch that does not pass as a whole, where batches keep coming. If left out: `halt`.
    pub on_reject: Option<OnReject>,
    /// What is kept beside each published batch, for `against: published` and `check --published`: nothing, what the rules ask
    /// of it anyway, or all that a summary can hold of every column. If left out: `asked`.
    pub summaries: Option<KeptSummaries>,
}

/// What becomes of a batch that is rejected or undecided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnReject {
    /// Nothing of it is published or set aside, and no other batch follows it.
    #[default]
    Halt,
    /// All of it is set aside, and the next batch follows.
    DeadLetter,
}

/// What a summary beside a published batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeptSummaries {
    /// There is none.
    None,
    /// What the rules and the profile ask; it costs nothing.
    #[default]
    Asked,
    /// Also what rules may ask later: counts, distinct values, extremes, means of every column. All columns are read for it.
    Full,
}

/// Which published rows a batch takes the place of.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// A column: published rows with a value of it that the batch publishes go, whatever batch they came with.
    pub partition: String,
}

/// How a directory keeps batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// A Delta table: a log says which files count.
    Delta,
    /// Plain Parquet files, one a batch.
    Parquet,
}

impl Sections {
    /// How many failing rows a finding shows.
    pub fn samples(&self) -> usize {
        self.samples.as_ref().map_or(SAMPLES, |samples| samples.value)
    }

    /// Which changes of the schema are compatible, also where there is no `schema` section.
    pub fn evolution(&self) -> Evolution {
        self.schema.as_ref().map(|schema| schema.evolution).unwrap_or_default()
    }

    /// What can be checked without data.
    pub(super) fn validate(&self, items: &[RuleItem], path: &str, faults: &mut Faults) {
        for step in &self.clean {
            if step.drop_where.is_some() == step.keep_where.is_some() {
                faults.push(Fault::new(Code::InvalidValue, "a step of `clean` is `drop_where` or `keep_where`").at(step.at.in_file(path)));
            }
        }
        if let Some(samples) = self.samples.as_ref().filter(|samples| samples.value > SAMPLES_MAX) {
            let what = format!("`samples: {}` is too many: a finding shows {SAMPLES_MAX} rows at most", samples.value);
            faults.push(Fault::new(Code::InvalidValue, what).at(samples.at.in_file(path)).hint("all of them are in the quarantine"));
        }
        if let Err(more) = self.read_options(path) {
            faults.extend(more);
        }
        let gate = &self.gate;
        tables::validate((gate.merge.as_ref(), gate.replace.is_some()), gate.compact.as_ref(), path, faults);
        for known in &self.known {
            if let Some(until) = &known.until
                && crate::text::date(&until.value.0).is_none()
            {
                let fault = Fault::new(Code::InvalidValue, format!("`{}` is not a day", until.value)).at(until.at.in_file(path));
                faults.push(fault.hint("write it as `2027-01-31`"));
            }
        }
        if let Some(schema) = &self.schema {
            schema.validate(path, faults);
        }
        let mut ids: Vec<&Spanned<String>> = items.iter().filter_map(|i| i.words.id.as_ref()).collect();
        ids.sort_by(|a, b| a.value.cmp(&b.value));
        for twice in ids.windows(2).filter(|w| w[0].value == w[1].value) {
            faults.push(Fault::new(Code::DuplicateId, format!("the id `{}` stands twice", twice[1].value)).at(twice[1].at.in_file(path)));
        }
    }

    /// How to read the data.
    ///
    /// # Errors
    /// A character is not one, words contradict each other, or a zone is unknown.
    pub fn read_options(&self, path: &str) -> Result<ReadOptions, Faults> {
        let source = &self.source;
        let mut faults = Faults::default();
        let timezone_seconds = source.timezone.as_ref().and_then(|zone| match crate::text::offset_seconds(&zone.value) {
            Some(Some(seconds)) => Some(seconds),
            Some(None) | None => {
                let fault =
                    Fault::new(Code::InvalidValue, format!("the time zone `{}` is not known", zone.value)).at(zone.at.in_file(path));
                faults.push(fault.hint("write `UTC` or an offset such as `+02:00`"));
                None
            }
        });
        let events = source.events.as_ref().map(|events| events.options(path, &mut faults)).unwrap_or_default();
        let table_state = source.delta.as_ref().and_then(|delta| faults.take(DeltaSection::state(delta, path)));
        let http = source.http.as_ref().map(|http| http.options(path, &mut faults)).unwrap_or_default();
        let options = ReadOptions {
            format: source.format.as_ref().map(|format| format.value),
            delimiter: source.delimiter.as_ref().map(|text| Delimiter::of(&text.value)),
            quote: source.quote_byte(path, &mut faults),
            header: source.header.map(|header| header.0),
            text: source.text_layout(path, &mut faults),
            refuses_idle_words: true,
            missing_values: source.missing_values.as_ref().map(|t| t.0.clone()),
            encoding: source.encoding.unwrap_or_default(),
            json_path: source.json_path.iter().flat_map(|p| p.value.split('.')).map(str::to_owned).collect(),
            table_state,
            sheet: source.sheet.as_ref().map(|sheet| sheet.0.clone()),
            timezone_seconds,
            http,
            cut: crate::source::Cut::default(),
            confines: None,
            surroundings: Default::default(),
            events,
        };
        source.ensure_fitting(&options, path, &mut faults);
        faults.or_ok(options)
    }

    /// The contract, as a source reads it.
    pub fn contract(&self) -> Vec<ContractColumn> {
        let columns = self.schema.iter().flat_map(|s| &s.columns.0);
        let column = |(name, contract): &(String, Spanned<crate::rules::schema::ColumnContract>)| ContractColumn {
            name: name.clone(),
            data_type: contract.r#type.as_ref().map(|t| t.0.clone()),
            format: contract.format.as_ref().map(|f| f.value.clone()),
            is_strict: false,
        };
        columns.map(column).collect()
    }
}
