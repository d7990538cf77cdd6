//! The rules: one file each, and one list of them.
//!
//! A rule's file holds its configuration (what a rule file may say), its documentation, how it
//! binds to the data's schema, its row test, and how it judges. Adding one touches its file, one
//! entry in the list below, and one folder under `tests/rules/`.

pub mod alike;
mod alone;
mod beside;
mod binder;
pub mod bounds;
mod column;
mod column_set;
mod common;
mod compared;
mod conflicts;
mod diff;
mod drift;
mod duplicates;
mod earlier;
mod exact_keys;
pub mod explained;
mod expression;
pub mod facts;
mod files;
mod foreign_key;
mod freshness;
mod gaps;
mod gate_bias;
pub mod held;
mod json_schema;
pub mod judgement;
mod key_lookup;
mod labels;
mod length;
mod limits;
pub mod missing;
mod narrow;
mod of_batch;
mod order;
mod outcome;
mod outliers;
pub mod paired;
mod parse;
mod pattern;
mod pii;
pub mod published;
pub mod quantiles;
pub mod queried;
mod query;
mod questions;
mod range;
mod representation;
pub mod requests;
mod rows;
pub mod schema;
mod split;
mod statistic;
mod stuck;
mod r#type;
mod values;
mod vectors;
pub mod words;

use arrow::buffer::BooleanBuffer;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

pub use alone::Alone;
pub(crate) use beside::Out;
pub use beside::{Answer, BesideAnswer, Each, Why};
pub use binder::{Binder, Subject};
pub use column::BoundColumn;
pub use common::Judges;
pub use earlier::EarlierLimit;
pub use explained::{Explanation, Told};
pub use facts::{Facts, GroupFacts, InputHandle, Judge, QueryHandle, RepeatedKey, SecondPass, SetAside, SinglePass, Unfit, Wanted};
pub use files::Files;
pub use judgement::{ByChance, Judgement, RowsJudged, TestCounts};
pub use published::{OtherColumns, OtherData};
pub use questions::{Question, TestQuestion};
pub use requests::{Asking, Beside, BesideRequest, Condition, Handle, Policy, Requests, Scope, StateRequest, TestHandle, TestRequest};

use crate::diagnostic::Faults;
use crate::metric::{Column, ColumnStatistics};
use crate::rows::Mask;
use crate::yaml::{Node, Spanned};
use words::OnFail;

/// A rule, as its configuration in a rule file.
pub trait Rule: DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static {
    /// Its key in a rule file.
    const NAME: &'static str;
    /// What one finding of it is about.
    const SUBJECT: Subject;
    /// Whether it can say which rows fail.
    const NAMES_ROWS: bool;
    /// What follows when it fails, unless the rule file says otherwise.
    const ON_FAIL: OnFail = if Self::NAMES_ROWS { OnFail::Quarantine } else { OnFail::Reject };
    /// Whether that depends on its words; its documentation says how.
    const ON_FAIL_DEPENDS: bool = false;
    /// What it looks at when it judges: which common words it takes follows from it.
    const JUDGES: Judges = if Self::NAMES_ROWS { Judges::Rows } else { Judges::Measures };
    /// Whether it also measures rows together, with some of its words: then it takes `over`.
    const ALSO_MEASURES: bool = false;
    /// What `warn` is for it.
    const WARN: EarlierLimit = if Self::NAMES_ROWS { EarlierLimit::Rows } else { EarlierLimit::None };
    /// Common words that this rule gives a meaning of its own.
    const CLAIMS: &'static [&'static str] = &[];
    /// Words of its own with which it speaks of rows rather than of one column.
    const ABOUT_ROWS: &'static [&'static str] = &[];
    /// Whether it cannot judge a column whose values are of another kind than the contract's.
    const MINDS_KIND: bool = true;
    /// Whether it can judge each group of `by` by itself.
    const TAKES_GROUPS: bool = true;
    /// Whether its columns tell rows apart, so that samples of every finding show them.
    const NAMES_KEY: bool = false;
    /// Whether it judges how many rows there are.
    const COUNTS_ROWS: bool = false;
    /// The key that a value by itself stands for: `- name: VALUE` is `- name: { KEY: VALUE }` then.
    const SHORT: Option<&'static str> = None;

    /// Binds the rule to the schema: asks for row tests and states, and gives what will judge them.
    ///
    /// # Errors
    /// What of the configuration does not fit the data's schema.
    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults>;

    /// Reads the files that it names, before it binds.
    ///
    /// # Errors
    /// One cannot be read, or is not what it should be.
    fn read_files(&mut self, files: &mut Files<'_>) -> Result<(), Faults> {
        let _ = files;
        Ok(())
    }

    /// Says what is wrong with it whatever the data is, beside what reading it has shown: its SQL, its patterns.
    fn validate(&self, alone: &mut Alone<'_>) {
        let _ = alone;
    }

    /// Whether it says that a batch may have no rows at all.
    fn permits_empty(&self) -> bool {
        false
    }

    /// Whether it fails where there are no rows.
    fn demands_rows(&self) -> bool {
        false
    }

    /// Whether it judges a row by those that stand before it, so that the order of rows matters.
    fn minds_order(&self) -> bool {
        false
    }

    /// The other data in which it looks for keys.
    fn looks_into(&self) -> Vec<Spanned<words::Elsewhere>> {
        Vec::new()
    }

    /// How a finding of it came to its outcome, from the numbers of its report.
    fn explain(told: &Told<'_>) -> Explanation {
        explained::general(told)
    }
}

/// A test of single rows.
pub trait RowTest: Send + Sync {
    /// Tests rows given the columns that were asked for, in that order.
    fn test(&self, columns: &[&Column], len: usize) -> Tested;

    /// Whether what is certain of its one column proves that no row fails.
    fn passes_by_statistics(&self, statistics: &ColumnStatistics) -> bool {
        let _ = statistics;
        false
    }
}

/// What a row test found.
#[derive(Debug, Clone, PartialEq)]
pub struct Tested {
    /// Rows that fail.
    pub fails: Mask,
    /// Rows that cannot be judged, since a value is missing; `nulls` decides on them.
    pub unknown: Mask,
}

impl Tested {
    /// From elements to rows: a row fails if any of its elements does, and is unknown if any is unknown and none
    /// fails. `ends` says how many elements there are up to and with each row.
    #[must_use]
    pub fn by_rows(&self, ends: &[u32]) -> Self {
        let elements = ends.last().map_or(0, |&end| end as usize);
        let any = |mask: &Mask| {
            let bits = mask.bits(elements);
            let row = |i: usize| {
                let start = if i == 0 { 0 } else { ends[i - 1] as usize };
                bits.slice(start, ends[i] as usize - start).count_set_bits() > 0
            };
            if mask.is_none() { Mask::None } else { Mask::new(BooleanBuffer::collect_bool(ends.len(), row)) }
        };
        let fails = any(&self.fails.without(&self.unknown));
        Self { unknown: any(&self.unknown).without(&fails), fails }
    }
}

/// Reads a rule's configuration from a node of the file that is named.
type ReadRule = fn(&Node, &str) -> Result<Box<dyn AnyRule>, Faults>;

/// A rule as the list knows it.
pub struct RuleEntry {
    pub name: &'static str,
    pub subject: Subject,
    pub names_rows: bool,
    pub on_fail: OnFail,
    pub on_fail_depends: bool,
    pub judges: Judges,
    pub also_measures: bool,
    pub warn: EarlierLimit,
    pub claims: &'static [&'static str],
    pub about_rows: &'static [&'static str],
    pub minds_kind: bool,
    pub takes_groups: bool,
    pub names_key: bool,
    pub counts_rows: bool,
    pub short: Option<&'static str>,
    /// The JSON Schema of its configuration, documentation included.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Reads its configuration.
    pub read: ReadRule,
    /// See [`Rule::explain`].
    pub explain: fn(&Told<'_>) -> Explanation,
}

/// A configured rule of any kind.
pub trait AnyRule: Send + Sync {
    /// See [`Rule::bind`].
    ///
    /// # Errors
    /// See [`Rule::bind`].
    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults>;

    /// See [`Rule::read_files`].
    ///
    /// # Errors
    /// See [`Rule::read_files`].
    fn read_files(&mut self, files: &mut Files<'_>) -> Result<(), Faults>;

    /// See [`Rule::validate`].
    fn validate(&self, alone: &mut Alone<'_>);

    /// See [`Rule::permits_empty`].
    fn permits_empty(&self) -> bool;

    /// See [`Rule::demands_rows`].
    fn demands_rows(&self) -> bool;

    /// See [`Rule::minds_order`].
    fn minds_order(&self) -> bool;

    /// See [`Rule::looks_into`].
    fn looks_into(&self) -> Vec<Spanned<words::Elsewhere>>;
}

impl<R: Rule> AnyRule for R {
    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        Rule::bind(self, to)
    }

    fn read_files(&mut self, files: &mut Files<'_>) -> Result<(), Faults> {
        Rule::read_files(self, files)
    }

    fn validate(&self, alone: &mut Alone<'_>) {
        Rule::validate(self, alone);
    }

    fn permits_empty(&self) -> bool {
        Rule::permits_empty(self)
    }

    fn demands_rows(&self) -> bool {
        Rule::demands_rows(self)
    }

    fn minds_order(&self) -> bool {
        Rule::minds_order(self)
    }

    fn looks_into(&self) -> Vec<Spanned<words::Elsewhere>> {
        Rule::looks_into(self)
    }
}

impl RuleEntry {
    const fn of<R: Rule>() -> Self {
        Self {
            name: R::NAME,
            subject: R::SUBJECT,
            names_rows: R::NAMES_ROWS,
            on_fail: R::ON_FAIL,
            on_fail_depends: R::ON_FAIL_DEPENDS,
            judges: R::JUDGES,
            also_measures: R::ALSO_MEASURES,
            warn: R::WARN,
            claims: R::CLAIMS,
            about_rows: R::ABOUT_ROWS,
            minds_kind: R::MINDS_KIND,
            takes_groups: R::TAKES_GROUPS,
            names_key: R::NAMES_KEY,
            counts_rows: R::COUNTS_ROWS,
            short: R::SHORT,
            schema: R::json_schema,
            read: |node, file| crate::yaml::read::<R>(node, file).map(|rule| Box::new(rule) as Box<dyn AnyRule>),
            explain: R::explain,
        }
    }
}

macro_rules! rules {
    ($($rule:ty),* $(,)?) => {
        /// Every rule, in the order of the documentation.
        pub const RULES: &[RuleEntry] = &[$(RuleEntry::of::<$rule>()),*];
    };
}

rules![
    missing::Missing,
    duplicates::Duplicates,
    conflicts::Conflicts,
    labels::Labels,
    split::Split,
    vectors::VectorsRule,
    range::Range,
    values::Values,
    pattern::Pattern,
    length::Length,
    parse::Parse,
    json_schema::RecordSchema,
    expression::Expression,
    foreign_key::ForeignKey,
    query::Query,
    order::Order,
    stuck::Stuck,
    gaps::Gaps,
    outliers::Outliers,
    statistic::Statistic,
    drift::Drift,
    diff::Diff,
    representation::Representation,
    outcome::OutcomeRule,
    gate_bias::GateBias,
    rows::RowCount,
    freshness::Freshness,
    column_set::ColumnSet,
    r#type::Type,
    pii::Pii,
];

/// The rule called `name`.
pub fn find(name: &str) -> Option<&'static RuleEntry> {
    RULES.iter().find(|r| r.name == name)
}

/// The entry of the rule that a table asks for, and no rule file.
pub(crate) static HELD: RuleEntry = RuleEntry::of::<held::Held>();

/// The entry of the rule that required columns imply.
pub(crate) static MISSING: RuleEntry = RuleEntry::of::<missing::Missing>();

/// The entry of the rule that holds records against a JSON Schema, which a contract may name.
pub(crate) static RECORD_SCHEMA: RuleEntry = RuleEntry::of::<json_schema::RecordSchema>();

/// The entry of the rule that a table's constraints are.
pub(crate) static EXPRESSION: RuleEntry = RuleEntry::of::<expression::Expression>();

/// The entry of the rule that follows where others declare groups.
pub(crate) static GATE_BIAS: RuleEntry = RuleEntry::of::<gate_bias::GateBias>();

/// `gate_bias` of these columns, with nothing more said.
pub(crate) fn gate_bias_of(groups: &[String]) -> Box<dyn AnyRule> {
    Box::new(gate_bias::GateBias::of(groups))
}

/// `missing` with nothing configured, as a contract's required columns imply it.
pub(crate) fn missing_default() -> Box<dyn AnyRule> {
    Box::new(missing::Missing::default())
}
