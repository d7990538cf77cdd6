//! `sluicegate rules test`

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value as Json, json};

use super::choices::Meant;
use super::exit::ExitCode;
use super::output::{self, ListOptions};
use super::run::{self, Means, read_rules_with};
use super::scratch::Scratch;
use crate::audit::{RowJudge, Standing};
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::findings::builtin;
use crate::gate::{self, Wanted};
use crate::rules::schema::ChangeKind;
use crate::ruleset::{Choices, Example, RuleFile};
use crate::shown::counted;
use crate::source::{self, Format, ReadOptions, Source, Spool};
use crate::visible;

/// Options of `rules test`.
#[derive(Debug, Args)]
pub(super) struct TestRules {
    /// Rule files with examples
    #[arg(required = true)]
    rules: Vec<String>,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    output: ListOptions,
}

/// What came of the examples of a rule file.
#[derive(Default)]
struct Tested {
    examples: usize,
    /// Examples that came out otherwise, each with its place.
    wrong: Vec<(Place, String)>,
    /// What examples could not tell.
    notes: Vec<String>,
}

/// What one rule says of one row.
enum Said {
    Passes,
    Fails,
    /// It cannot be asked about one row, and why; and what its finding is called, where the row tells that.
    Nothing {
        why: String,
        called: Option<String>,
    },
}

impl TestRules {
    pub(super) fn run(self) -> ExitCode {
        let choices = self.meant.shared(&self.rules);
        let (mut code, mut told) = (0, Vec::new());
        for path in &self.rules {
            let tested = self.tested(path, &choices);
            code = code.max(match &tested {
                Ok(tested) => u8::from(!tested.wrong.is_empty()),
                Err(_) => 2,
            });
            match (tested, self.output.is_json()) {
                (Ok(tested), true) => told.push(tested.json(path)),
                (Ok(tested), false) => output::print(&tested.text(path)),
                (Err(faults), true) => told.push(json!({ "path": path, "faults": faults.0 })),
                (Err(faults), false) => output::complain(&faults),
            }
        }
        if self.output.is_json() {
            output::print_json(&format!("{:#}\n", Json::from(told)));
        }
        ExitCode::from(code)
    }

    fn tested(&self, path: &str, choices: &Choices) -> Result<Tested, Faults> {
        let now = self.means.clock();
        let rules = read_rules_with(path, None, choices)?;
        run::ensure_mask_key(&rules)?;
        if rules.examples.is_empty() {
            let fault = Fault::new(Code::MissingWord, "there are no examples to test the rules by").at(Place::file(path));
            return Err(fault
                .hint("write `examples: { pass: [{ price: 5 }], fail: [{ row: { price: -1 }, rules: [range-price] }] }`")
                .into());
        }
        let alone = (0..rules.items.len()).map(|index| Ok::<_, Faults>(read_rules_with(path, None, choices)?.with_rule(index)));
        let alone: Vec<RuleFile> = alone.collect::<Result<_, Faults>>()?;
        let mut tested = Tested { examples: rules.examples.len(), ..Tested::default() };
        let mut unasked: Vec<(String, String)> = Vec::new();
        for example in &rules.examples {
            let mut lacks = None;
            let said = alone.iter().map(|alone| Ok::<_, Faults>((alone, self.said(alone, example, now, &mut lacks)?)));
            let said: Vec<(&RuleFile, Said)> = said.collect::<Result<_, Faults>>()?;
            tested.compare(&rules, example, &said, &mut unasked);
            if let Some(columns) = lacks {
                let (place, what) = (example.at.in_file(&rules.path), format!("the contract requires a value of {columns}"));
                match example.must_break.is_empty() {
                    true => tested.wrong.push((place, format!("{what}, and the row must pass"))),
                    false => tested.notes.push(format!("{place}: {what}")),
                }
            }
        }
        for (rule, why) in unasked {
            tested.notes.push(format!("`{rule}` was not asked: {why}"));
        }
        Ok(tested)
    }

    /// What the rule of `alone` says of the row, and which columns it `lacks` that the contract requires.
    fn said(&self, alone: &RuleFile, example: &Example, now: DateTime<Utc>, lacks: &mut Option<String>) -> Result<Said, Faults> {
        let scratch = Scratch::new()?;
        let file = scratch.path.join("example.ndjson");
        std::fs::write(&file, format!("{}\n", example.row))
            .map_err(|e| Fault::new(Code::ScratchFailed, format!("the example cannot be written: {e}")))?;
        let options = ReadOptions { format: Some(Format::Ndjson), ..ReadOptions::default() };
        let spool = Spool::new(&scratch.path);
        let data: Arc<dyn Source> = source::open(&[file.display().to_string()], &options, &alone.contract(), &spool)?;
        let Some(item) = alone.items.first() else { return Ok(Said::Passes) };
        let judge = match RowJudge::new(alone, data.schema(), now) {
            Ok(judge) => judge,
            Err(faults) => return Ok(Said::nothing(first(faults))),
        };
        let whole = judge.standings().into_iter().filter(|(id, _)| item.is_called(id)).find(|(_, standing)| match standing {
            Standing::EachRow | Standing::EachRowTolerated | Standing::EachRowWarned => false,
            Standing::Keys | Standing::Batch | Standing::Not => true,
        });
        if let Some((id, _)) = whole {
            return Ok(Said::Nothing { why: "it judges whole batches, and an example is one row".to_owned(), called: Some(id) });
        }
        let job = self.means.job(now, alone, data, None, &scratch, &|_, _| {});
        let report = match gate::judge(&job, Wanted { place: None, batch_id: None, as_of: None, failing_rows: None }) {
            Ok((judged, _)) => judged.report,
            Err(faults) => return Ok(Said::nothing(first(faults))),
        };
        // Of one row, values of another type look like a column of another type.
        let types = [ChangeKind::TypeWidened, ChangeKind::TypeNarrowed, ChangeKind::TypeChanged];
        if report.rows.malformed > 0 || report.schema_changes.iter().any(|change| types.contains(&change.kind)) {
            return Ok(Said::nothing(MALFORMED));
        }
        if report.rows.filtered > 0 {
            return Ok(Said::nothing("`clean` leaves the row out"));
        }
        let lacking = report.findings.iter().find(|finding| finding.code == builtin::REQUIRED.code && finding.failing_rows > 0);
        *lacks = lacking.map(|finding| finding.columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "));
        let fails = report.findings.iter().any(|finding| item.is_called(&finding.id) && finding.failing_rows > 0);
        Ok(if fails { Said::Fails } else { Said::Passes })
    }
}

impl Said {
    fn nothing(why: impl Into<String>) -> Self {
        Self::Nothing { why: why.into(), called: None }
    }
}

const MALFORMED: &str = "the row cannot be read as the contract's types";

fn first(faults: Faults) -> String {
    faults.into_first().what
}

impl Tested {
    /// Compares what the rules say of an example with what they should.
    fn compare(&mut self, rules: &RuleFile, example: &Example, said: &[(&RuleFile, Said)], unasked: &mut Vec<(String, String)>) {
        let place = example.at.in_file(&rules.path);
        let is_malformed = said.iter().any(|(_, said)| matches!(said, Said::Nothing { why, .. } if why == MALFORMED));
        let wants = |name: &str| example.must_break.iter().any(|wanted| wanted == name);
        if is_malformed && !wants("malformed") {
            self.wrong.push((place, MALFORMED.to_owned()));
            return;
        }
        if !is_malformed && wants("malformed") {
            self.wrong.push((place.clone(), "the row can be read, and is to be malformed".to_owned()));
        }
        for (alone, said) in said {
            let Some(item) = alone.items.first() else { continue };
            let is_wanted = example.must_break.iter().any(|name| item.is_called(name));
            let name = item.name();
            match (said, is_wanted) {
                (Said::Fails, true) | (Said::Passes, false) => {}
                (Said::Passes, true) => self.wrong.push((place.clone(), format!("`{name}` passes, and must fail"))),
                (Said::Fails, false) if example.must_break.is_empty() => {
                    self.wrong.push((place.clone(), format!("`{name}` fails, and must pass")));
                }
                (Said::Fails, false) => self.notes.push(format!("{place}: `{name}` fails too")),
                (Said::Nothing { why, .. }, true) => self.wrong.push((place.clone(), format!("`{name}` cannot be asked: {why}"))),
                (Said::Nothing { why, called }, false) => {
                    let name = called.clone().unwrap_or(name);
                    if !unasked.iter().any(|(rule, known)| *rule == name && known == why) {
                        unasked.push((name, why.clone()));
                    }
                }
            }
        }
    }

    fn text(&self, path: &str) -> String {
        let came_out = match self.wrong.len() {
            0 => "all came out as they should".to_owned(),
            n => format!("{n} did not come out as they should"),
        };
        let mut out = format!("{}: {}, {came_out}\n", visible::line(path), counted(self.examples as u64, "example"));
        for (place, what) in &self.wrong {
            out.push_str(&format!("  {}\n", visible::line(&format!("{place}: {what}"))));
        }
        for note in &self.notes {
            out.push_str(&format!("  note: {}\n", visible::line(note)));
        }
        out
    }

    fn json(&self, path: &str) -> Json {
        let wrong: Vec<Json> = self.wrong.iter().map(|(place, what)| json!({ "place": place, "what": what })).collect();
        json!({ "path": path, "examples": self.examples, "wrong": wrong, "notes": self.notes, "faults": [] })
    }
}
