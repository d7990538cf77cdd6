//! `sluicegate quarantine`

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value as Json, json};

use super::exit::ExitCode;
use super::output::{self, ListOptions};
use super::reports::named;
use super::run::{mask_key, surroundings};
use crate::diagnostic::{Code, Fault, Faults};
use crate::quarantine::{self, Exported, Form, Listing, Part};
use crate::shown::counted;
use crate::store::{self, Location, ReplayedRows};
use crate::visible::{self, NAME_MAX};

/// Options of `quarantine`.
#[derive(Debug, Args)]
pub(super) struct Quarantine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the batches that left rows there
    List {
        /// The quarantine: a directory, or s3://BUCKET/PATH
        directory: String,
        #[command(flatten)]
        output: ListOptions,
    },
    /// Show rows of a batch, and why they are there
    Show {
        /// The quarantine: a directory, or s3://BUCKET/PATH
        directory: String,
        /// The batch's id
        batch: String,
        /// Only rows that this rule set aside
        #[arg(long, value_name = "ID")]
        rule: Option<String>,
        /// How many rows at most
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Take rows out, to mend them and let them join their batch with `replay --mended`
    Export {
        /// The quarantine: a directory, or s3://BUCKET/PATH
        directory: String,
        /// Ids of batches; all if none is named
        batches: Vec<String>,
        /// Where to: a name that ends in .csv, .ndjson, .jsonl or .parquet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Only rows that this rule set aside
        #[arg(long, value_name = "ID")]
        rule: Option<String>,
        /// Without the columns that say why a row is there; those that say which row it is stay
        #[arg(long)]
        only_values: bool,
        /// Put a ' before cells of .csv that a spreadsheet would run; such a file is for reading, not for the gate
        #[arg(long)]
        for_spreadsheets: bool,
        /// With the values of columns that the rule file masks
        #[arg(long)]
        unmasked: bool,
        /// Where records go that were never read, and so have no values: their text, and why; a name that ends likewise
        #[arg(long, value_name = "FILE")]
        malformed_to: Option<PathBuf>,
    },
}

impl Quarantine {
    pub(super) fn run(self) -> ExitCode {
        let listed = match &self.command {
            Command::List { output, .. } => Some(*output),
            Command::Show { .. } | Command::Export { .. } => None,
        };
        let done = self.command.run().map_err(Faults::from);
        match listed {
            Some(options) => output::ended_list(done, options),
            None => output::ended(done),
        }
    }
}

impl Command {
    fn run(self) -> Result<String, Fault> {
        match self {
            Self::List { directory, output } if output.is_json() => list_as_json(&opened(&directory)?),
            Self::List { directory, output: _ } => list(&opened(&directory)?),
            Self::Show { directory, batch, rule, limit } => show(&opened(&directory)?, batch, rule.as_deref(), limit),
            Self::Export { directory, batches, to, rule, only_values, for_spreadsheets, unmasked, malformed_to } => {
                let parts = quarantine::parts_of(&opened(&directory)?, &batches)?;
                let form = Form { only_values, for_spreadsheets, unmasked, mask_key: mask_key()? };
                export(&parts, rule.as_deref(), &form, &to, malformed_to.as_deref())
            }
        }
    }
}

fn opened(directory: &str) -> Result<store::Quarantine, Fault> {
    Ok(store::Quarantine { directory: Location::new(directory, &surroundings())? })
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

fn printed(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn list(directory: &store::Quarantine) -> Result<String, Fault> {
    let Listing { parts, foreign } = quarantine::listing(directory)?;
    let mut text = String::new();
    if parts.is_empty() {
        text = format!("{}: no rows are set aside\n", visible::line(&directory.directory.to_string()));
    } else {
        let mut out = table(&["batch", "data set", "rows", "done", "rules"]);
        for Part { stamp, rows, rules, done, .. } in &parts {
            let rules: Vec<String> = rules.iter().map(|(rule, rows)| format!("{} {rows}", shortened(rule, NAME_MAX))).collect();
            let rules = visible::line(&rules.join(", ")).into_owned();
            let (batch, dataset) = (shortened(&stamp.batch_id, NAME_MAX), shortened(&stamp.dataset, NAME_MAX));
            out.add_row([batch, dataset, rows.to_string(), published(done), rules]);
        }
        text += &printed(&out);
    }
    let not_ours =
        |place: &Location| format!("{}: Sluicegate did not write this file; it is left alone\n", visible::line(&place.to_string()));
    Ok(text + &foreign.iter().map(not_ours).collect::<String>())
}

/// The same for programs.
fn list_as_json(directory: &store::Quarantine) -> Result<String, Fault> {
    let Listing { parts, foreign } = quarantine::listing(directory)?;
    let sum = |done: &[ReplayedRows], is_mended: bool| done.iter().filter(|d| d.mended.is_some() == is_mended).map(|d| d.rows).sum::<u64>();
    let one = |Part { place, stamp, rows, done, rules }: &Part| {
        json!({
            "batch": stamp.batch_id, "dataset": stamp.dataset, "place": place.to_string(), "rows": rows, "rules": rules,
            "replayed": sum(done, false), "mended": sum(done, true), "rules_digest": stamp.rules_digest,
        })
    };
    let parts: Vec<Json> = parts.iter().map(one).collect();
    let foreign: Vec<String> = foreign.iter().map(Location::to_string).collect();
    Ok(format!("{:#}\n", json!({ "quarantine": directory.directory.to_string(), "batches": parts, "other_files": foreign })))
}

/// What replays have published of a part, in words.
fn published(done: &[ReplayedRows]) -> String {
    let sum = |is_mended: bool| done.iter().filter(|d| d.mended.is_some() == is_mended).map(|d| d.rows).sum::<u64>();
    let said = [(sum(true), "mended"), (sum(false), "replayed")];
    let said: Vec<String> = said.iter().filter(|(rows, _)| *rows > 0).map(|(rows, how)| format!("{rows} {how}")).collect();
    if said.is_empty() { "-".to_owned() } else { said.join(", ") }
}

fn show(directory: &store::Quarantine, batch: String, rule: Option<&str>, limit: usize) -> Result<String, Fault> {
    let mut out = String::new();
    for part in quarantine::parts_of(directory, &[batch])? {
        let total = match rule {
            None => part.rows,
            Some(rule) => part.rules.get(rule).copied().ok_or_else(|| {
                let known: Vec<&str> = part.rules.keys().map(String::as_str).collect();
                Fault::new(Code::UnknownRule, format!("no row is there for `{rule}`"))
                    .hint(format!("rules with rows there: {}", known.join(", ")))
            })?,
        };
        let privacy = part.privacy(mask_key()?)?;
        let mut rows: Option<Table> = None;
        let mut left = limit;
        for batch in part.batches(rule)? {
            let batch = batch?;
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            add_rows(&mut rows, &quarantine::shown(&batch, &privacy)?)?;
            if left == 0 {
                break;
            }
        }
        out += &rows.as_ref().map(printed).unwrap_or_default();
        let shown = (limit - left) as u64;
        if shown < total {
            out += &format!("{shown} of {total} rows; `--limit` shows more\n");
        }
    }
    Ok(out)
}

/// Adds the rows: where each came from and why it is there, then its values.
fn add_rows(rows: &mut Option<Table>, batch: &RecordBatch) -> Result<(), Fault> {
    let failed = |e: arrow::error::ArrowError| Fault::new(Code::Internal, format!("cannot show rows: {e}"));
    let batch = quarantine::as_text(batch, false)?;
    let schema = batch.schema();
    let values: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).filter(|name| !quarantine::is_ours(name)).collect();
    let why = [quarantine::FILE, quarantine::LINE, quarantine::ROW, quarantine::RULES, quarantine::REASON];
    let names = [&["file", "line", "row", "rules", "reason"], values.as_slice(), &["record as it came"]].concat();
    let names: Vec<String> = names.iter().map(|name| shortened(name, VALUE_MAX)).collect();
    let rows = rows.get_or_insert_with(|| table(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let options = FormatOptions::new().with_null("");
    let columns = why.iter().chain(&values).chain(&[quarantine::RAW]).filter_map(|name| batch.column_by_name(name));
    let cells = columns.map(|c| ArrayFormatter::try_new(c.as_ref(), &options)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    for row in 0..batch.num_rows() {
        rows.add_row(cells.iter().map(|cell| shortened(&cell.value(row).to_string(), VALUE_MAX)));
    }
    Ok(())
}

/// So much is shown of a value in a table.
const VALUE_MAX: usize = 60;

/// A value on one line of a table.
fn shortened(text: &str, characters: usize) -> String {
    visible::cut(text, characters).into_owned()
}

fn export(parts: &[Part], rule: Option<&str>, form: &Form, to: &Path, malformed_to: Option<&Path>) -> Result<String, Fault> {
    if malformed_to.is_some_and(|other| other == to || named(other).is_some_and(|other| named(to) == Some(other))) {
        return Err(Fault::new(
            Code::ConflictingOptions,
            format!("{}: one file cannot hold both rows and malformed records", to.display()),
        ));
    }
    let Exported { rows, malformed } = quarantine::export(parts, rule, form, to)?;
    let shown = |path: &Path| visible::line(&path.display().to_string()).into_owned();
    let mut text = format!("{}: {}\n", shown(to), counted(rows, "row"));
    match malformed_to {
        Some(to) => {
            let records = quarantine::export_malformed(parts, rule, form, to)?;
            text += &format!("{}: {}\n", shown(to), counted(records, "malformed record"));
        }
        None if malformed > 0 => {
            let (are, were) = if malformed == 1 { ("is", "it was") } else { ("are", "they were") };
            let records = counted(malformed, "malformed record");
            text += &format!("{records} {are} not in {}, since {were} never read; `--malformed-to FILE` writes the text\n", shown(to));
        }
        None => {}
    }
    Ok(text)
}
