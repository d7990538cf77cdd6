//! `sluicegate contract`

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use chrono::Utc;
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::exit::ExitCode;
use super::output::{self, ListOptions};
use super::run::{ensure_mask_key, mask_key, read_rules};
use super::scratch::Scratch;
use crate::audit::{self, Budget, Job, NoSink};
use crate::baseline;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::rules::schema::diff::{Columns, Difference, FoundColumns, diff};
use crate::rules::schema::{Evolution, SchemaSection};
use crate::ruleset::{Profile, ProfileMap, RuleFile};
use crate::shown::counted;
use crate::source::{self, ReadOptions, Spool};
use crate::summary::{Column, Summary};
use crate::types::parse_type;
use crate::visible::{self, MESSAGE_MAX};
use crate::yaml::{Position, Spanned};

/// Options of `contract`.
#[derive(Debug, Args)]
pub(super) struct Contract {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what changed between two contracts, and what that breaks for whom
    ///
    /// Exit code: 0 nothing, or only what the new contract's `evolution` allows; 1 a change that it does not allow; 2 one of the
    /// two could not be read.
    Diff {
        /// The old contract: a rule file (.yaml, .yml) with a `schema` section, a baseline file, or data
        old: String,
        /// The new contract, likewise
        new: String,
        #[command(flatten)]
        output: ListOptions,
    },
}

impl Contract {
    pub(super) fn run(self) -> ExitCode {
        let Command::Diff { old, new, output: form } = self.command;
        match compared(&old, &new) {
            Ok(comparison) => {
                match form.is_json() {
                    true => output::print_json(&comparison.json()),
                    false => output::print(&comparison.page()),
                }
                ExitCode::from(u8::from(!comparison.compatible))
            }
            Err(faults) => {
                output::complain(&faults);
                ExitCode::from(2)
            }
        }
    }
}

/// What came of comparing two contracts.
#[derive(Serialize)]
struct Comparison {
    old: String,
    new: String,
    evolution: Evolution,
    /// Whether `evolution` allows every change.
    compatible: bool,
    changes: Vec<Difference>,
}

fn compared(old: &str, new: &str) -> Result<Comparison, Faults> {
    let mut faults = Faults::default();
    let sides = [old, new].map(|path| faults.take(Side::open(path)));
    faults.or_ok(())?;
    let [Some(before), Some(after)] = &sides else {
        return Err(Fault::new(Code::Internal, "internal error: a contract is neither there nor a fault").into());
    };
    let evolution = after.evolution().or(before.evolution()).unwrap_or_default();
    let (found_before, found_after) = (before.found(after)?, after.found(before)?);
    let changes = diff(before.columns(found_before.as_ref())?, after.columns(found_after.as_ref())?, evolution);
    let compatible = changes.iter().all(|difference| difference.change.compatible);
    Ok(Comparison { old: old.to_owned(), new: new.to_owned(), evolution, compatible, changes })
}

/// One of the two.
enum Side {
    Rules(Box<RuleFile>, Box<SchemaSection>),
    /// The path of data.
    Data(String),
    /// The columns of a baseline.
    Baseline(Box<FoundColumns>),
}

impl Side {
    fn open(path: &str) -> Result<Self, Faults> {
        let extension = Path::new(path).extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
        if !matches!(extension.as_deref(), Some("yaml" | "yml")) {
            return Ok(match is_summary(path) {
                true => Self::Baseline(Box::new(columns_of(&baseline::read(path)?.unwrap_or_default()))),
                false => Self::Data(path.to_owned()),
            });
        }
        let rules = read_rules(path, None)?;
        let Some(section) = rules.sections.schema.as_ref().map(|s| s.value.clone()).filter(|section| !section.columns.0.is_empty()) else {
            let fault = Fault::new(Code::MissingOption, "its `schema` section names no column, so there is nothing to compare");
            return Err(fault.at(Place::file(path)).hint("write `schema: { columns: … }`, or name data instead of the rule file").into());
        };
        Ok(Self::Rules(Box::new(rules), Box::new(section)))
    }

    fn evolution(&self) -> Option<Evolution> {
        match self {
            Self::Rules(_, section) => Some(section.evolution),
            Self::Data(_) | Self::Baseline(_) => None,
        }
    }

    fn columns<'a>(&'a self, found: Option<&'a FoundColumns>) -> Result<Columns<'a>, Fault> {
        match (self, found) {
            (Self::Rules(_, section), _) => Ok(Columns::Contract(section)),
            (Self::Baseline(found), _) => Ok(Columns::Found(found)),
            (Self::Data(_), Some(found)) => Ok(Columns::Found(found)),
            (Self::Data(_), None) => Err(Fault::new(Code::Internal, "internal error: data was not looked at")),
        }
    }

    /// The columns of data, read as the `other` side would read them; none of a rule file.
    fn found(&self, other: &Self) -> Result<Option<FoundColumns>, Faults> {
        let Self::Data(path) = self else { return Ok(None) };
        match other {
            Self::Rules(rules, _) => found(path, rules).map(Some),
            Self::Data(_) | Self::Baseline(_) => found(path, &RuleFile::parse("dataset: data\n", "no rule file")?).map(Some),
        }
    }
}

/// Whether the file begins as a baseline does.
fn is_summary(path: &str) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(256).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains("\"sluicegate_summary\"")
}

/// The columns that a summary is of; of types that have no name in rule files nothing is said.
fn columns_of(summary: &Summary) -> FoundColumns {
    let field = |column: &Column| Field::new(&column.name, parse_type(&column.data_type).unwrap_or(DataType::Null), column.nullable);
    let schema = Schema::new(summary.columns.iter().map(field).collect::<Vec<_>>());
    FoundColumns { schema, missing: BTreeMap::new(), contradicted: Vec::new(), are_ordered: false }
}

/// The columns of the data at `path`: text is read to its end, since its types follow from all values.
fn found(path: &str, rules: &RuleFile) -> Result<FoundColumns, Faults> {
    ensure_mask_key(rules)?;
    let scratch = Scratch::new()?;
    // The two may be of different formats, and only one of them as the rule file says.
    let options = ReadOptions { refuses_idle_words: false, ..super::run::read_options(rules)? };
    let data = source::open(&[path.to_owned()], &options, &rules.contract(), &Spool::new(&scratch.path))?;
    let counting = counting(rules)?;
    let budget = Arc::new(Budget::new(1 << 30, scratch.path.clone()));
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let job = Job { threads, mask_key: mask_key()?, ..Job::new(&counting, data, Utc::now(), budget) };
    let audited = audit::audit(&job, &NoSink::default())?;
    let known = audited.source.known();
    let mut contradicted = known.contradicted.clone();
    contradicted.iter_mut().filter(|(path, _)| audited.privacy.mask_of(path).is_some()).for_each(|(_, examples)| examples.clear());
    let missing: BTreeMap<String, u64> = audited.columns.iter().map(|column| (column.name.clone(), column.missing)).collect();
    Ok(FoundColumns { schema: known.schema.as_ref().clone(), missing, contradicted, are_ordered: known.columns_have_order })
}

/// Rules that judge nothing but the columns, and count what is missing of them.
fn counting(rules: &RuleFile) -> Result<RuleFile, Faults> {
    let text = "dataset: data\nrules: [{ missing: { columns: \"*\", on_fail: info, on_no_data: pass } }]\n";
    let mut counting = RuleFile::parse(text, &rules.path)?;
    counting.sections.schema.clone_from(&rules.sections.schema);
    counting.sections.profile = Some(Spanned { at: Position::default(), value: Profile::Map(ProfileMap::default()) });
    Ok(counting)
}

impl Comparison {
    fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names and words are JSON") + "\n"
    }

    fn page(&self) -> String {
        let [old, new] = [&self.old, &self.new].map(|path| visible::line(path));
        let evolution = serde_json::to_value(self.evolution).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
        if self.changes.is_empty() {
            return format!("{old} and {new} say the same of the columns\n");
        }
        let breaking = self.changes.iter().filter(|d| !d.change.compatible).count() as u64;
        let verdict = match breaking {
            0 => "compatible".to_owned(),
            _ => format!("{} not compatible", counted(breaking, "change")),
        };
        let mut text = format!("{old} to {new}, evolution `{evolution}`: {verdict}\n\n");
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(["", "change", "breaks"]);
        let (bad, fine): (Vec<&Difference>, Vec<&Difference>) = self.changes.iter().partition(|d| !d.change.compatible);
        for difference in bad.into_iter().chain(fine) {
            let mark = if difference.change.compatible { "ok" } else { "FAIL" };
            let whom: Vec<&str> = difference.breaks.iter().map(|broken| broken.who()).collect();
            let whom = if whom.is_empty() { "nobody".to_owned() } else { whom.join("; ") };
            table.add_row([mark.to_owned(), visible::cut(&difference.change.told(), MESSAGE_MAX).into_owned(), whom]);
        }
        text.extend(table.lines().map(|line| format!("{}\n", line.trim_end())));
        text
    }
}
