//! `sluicegate quarantine`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};

use super::output;
use super::run::surroundings;
use crate::diagnostic::Fault;
use crate::quarantine::{self, Form, Part};
use crate::shown::counted;
use crate::store::{self, Location};
use crate::visible::{self, NAME_MAX};

/// Options of `quarantine`.
#[derive(Debug, Args)]
pub struct Quarantine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the batches that left rows there
    List {
        /// The quarantine: a directory, or s3://BUCKET/PATH
        directory: String,
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
    /// Take rows out, to mend them and gate them again
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
        /// Without the columns that say where a row came from and why it is there
        #[arg(long)]
        only_values: bool,
        /// Put a ' before cells of .csv that a spreadsheet would run; such a file is for reading, not for the gate
        #[arg(long)]
        for_spreadsheets: bool,
    },
}

impl Quarantine {
    pub fn run(self) -> ExitCode {
        match self.command.run() {
            Ok(text) => {
                output::print(&text);
                ExitCode::SUCCESS
            }
            Err(fault) => {
                output::complain(&fault.into());
                ExitCode::from(2)
            }
        }
    }
}

impl Command {
    fn run(self) -> Result<String, Fault> {
        match self {
            Self::List { directory } => list(&opened(&directory)?),
            Self::Show { directory, batch, rule, limit } => show(&opened(&directory)?, batch, rule.as_deref(), limit),
            Self::Export { directory, batches, to, rule, only_values, for_spreadsheets } => {
                export(&opened(&directory)?, &batches, rule.as_deref(), Form { only_values, for_spreadsheets }, &to)
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
    // What a replay has published all of is no longer set aside.
    let parts: Vec<Part> = quarantine::parts(directory)?.into_iter().filter(|part| part.rows > 0).collect();
    if parts.is_empty() {
        return Ok(format!("{}: no rows are set aside\n", visible::line(&directory.directory.to_string())));
    }
    let mut out = table(&["batch", "data set", "rows", "rules"]);
    for Part { stamp, rows, rules, .. } in &parts {
        let rules: Vec<String> = rules.iter().map(|(rule, rows)| format!("{} {rows}", shortened(rule, NAME_MAX))).collect();
        let rules = visible::line(&rules.join(", ")).into_owned();
        out.add_row([shortened(&stamp.batch_id, NAME_MAX), shortened(&stamp.dataset, NAME_MAX), rows.to_string(), rules]);
    }
    Ok(printed(&out))
}

fn show(directory: &store::Quarantine, batch: String, rule: Option<&str>, limit: usize) -> Result<String, Fault> {
    let mut out = String::new();
    for part in quarantine::parts_of(directory, &[batch])? {
        let total = match rule {
            None => part.rows,
            Some(rule) => part.rules.get(rule).copied().ok_or_else(|| {
                let known: Vec<&str> = part.rules.keys().map(String::as_str).collect();
                Fault::new(format!("no row is there for `{rule}`")).hint(format!("rules with rows there: {}", known.join(", ")))
            })?,
        };
        let mut rows: Option<Table> = None;
        let mut left = limit;
        for batch in part.batches(rule)? {
            let batch = batch?;
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            add_rows(&mut rows, &batch)?;
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
    let failed = |e: arrow::error::ArrowError| Fault::new(format!("cannot show rows: {e}"));
    let batch = quarantine::as_text(batch, false)?;
    let schema = batch.schema();
    let is_ours = |name: &str| quarantine::COLUMNS.contains(&name);
    let values: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).filter(|name| !is_ours(name)).collect();
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

fn export(directory: &store::Quarantine, batches: &[String], rule: Option<&str>, form: Form, to: &Path) -> Result<String, Fault> {
    let parts = quarantine::parts_of(directory, batches)?;
    let rows = quarantine::export(&parts, rule, form, to)?;
    let to = to.display().to_string();
    Ok(format!("{}: {}\n", visible::line(&to), counted(rows, "row")))
}
