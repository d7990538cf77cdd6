//! `sluicegate stream`

mod input;
mod reports;
mod run;
mod sink;
mod topics;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use clap::Args;

use super::choices::Meant;
use super::feeds;
use super::output::{self, Form};
use super::reports::{Reports, named};
use super::run::{Means, Trust, ensure_mask_key, mask_key, read_rules_with};
use crate::audit::{RowJudge, Standing};
use crate::cli::exit::ExitCode;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::kafka::Settings;
use crate::ruleset::RuleFile;
use crate::source::{Encoding, EventReader, Format};
use crate::stream::{Remembered, Stream, Terms};
use crate::yaml::{Position, Spanned};

/// So much of a sample is looked at.
const SAMPLE_BYTES_MAX: u64 = 16 << 20;

/// Bytes that a remembered key takes.
const KEY_BYTES: u64 = 80;

/// Options of `stream`.
#[derive(Debug, Args)]
pub(super) struct StreamCommand {
    /// Events, one JSON object a line: a file, a named pipe, `-` for standard input; or kafka://HOST:PORT/TOPIC, whose values are
    /// JSON objects
    #[arg(value_name = "EVENTS", default_value = "-")]
    events: String,
    /// The rule file
    #[arg(short, long, value_name = "RULES")]
    rules: String,
    /// Events that are set aside: a file that lines are added to
    #[arg(long, value_name = "PATH")]
    bad: PathBuf,
    /// Events that pass: a file that lines are added to; standard output if left out
    #[arg(long, value_name = "PATH")]
    good: Option<PathBuf>,
    /// The topic for events that pass: kafka://HOST:PORT/TOPIC
    #[arg(long, value_name = "URL", conflicts_with = "good")]
    kafka_out: Option<String>,
    /// Where it is kept how far a topic was read. The topic is read from its beginning if this file is not there yet
    #[arg(long, value_name = "FILE")]
    positions: Option<PathBuf>,
    /// Of a topic: end once all is judged that is there now
    #[arg(long)]
    drain: bool,
    /// A file of such events, whose values tell the types of columns that the rule file does not
    #[arg(long, value_name = "FILE")]
    like: Option<PathBuf>,
    /// How far back keys are remembered by rules that look for repeated ones: a number of events, or a time
    #[arg(long, value_name = "EVENTS|TIME", default_value = "1000000")]
    window: Remembered,
    /// Report each so often: a number of events, or a time. Without it there is one report, at the end
    #[arg(long, value_name = "EVENTS|TIME")]
    summary: Option<Remembered>,
    #[arg(
        long = "report",
        value_name = "[FORMAT=]PATH",
        help = "Write the last report; the format is named, or follows the extension; may be given again"
    )]
    reports: Vec<PathBuf>,
    /// What becomes of reports: text, on standard error; or JSON, a line each on standard output, where events that pass must go
    /// elsewhere
    #[arg(long = "output", value_name = "text|json", value_enum, default_value_t = Form::Text, hide_possible_values = true)]
    form: Form,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    trust: Trust,
    /// Let an event that is set aside, or a warning, count as a failure
    #[arg(long)]
    strict: bool,
    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Also print what passes, and how each rule is judged
    #[arg(short, long)]
    verbose: bool,
}

impl StreamCommand {
    pub(super) fn run(self) -> ExitCode {
        match self.prepare() {
            Ok(prepared) => self.run_prepared(prepared),
            Err(faults) => {
                output::complain(&faults);
                ExitCode::from(2)
            }
        }
    }

    /// Reads the rules, and binds them to the columns of events.
    fn prepare(&self) -> Result<Prepared, Faults> {
        let (mut reports, mut faults) = Reports::at(&self.reports, None);
        faults.extend(reports.keep_off("the rule file is", &self.rules));
        faults.extend(reports.keep_off("events come from", &self.events));
        for path in std::iter::once(&self.bad).chain(&self.good) {
            faults.extend(reports.keep_off("events go", &path.display().to_string()));
        }
        faults.extend(self.places_differ().err());
        faults.extend(self.output_is_free().err());
        faults.extend(self.meaningless());
        let confines = self.trust.confines()?;
        let rules = faults.take(read_rules_with(&self.rules, confines.as_ref(), &self.meant.choices()));
        let Some(mut rules) = rules else { return Err(faults) };
        // Events are gone when a report is made; those that failed are set aside whole.
        rules.sections.samples = Some(Spanned { at: Position::default(), value: 0 });
        faults.extend(ensure_mask_key(&rules).err());
        faults.extend(is_of_events(&rules).err());
        let stream = faults.take(self.bind(&rules));
        match stream {
            Some((stream, judge, schema)) => faults.or_ok(Prepared { rules, stream, judge, schema, reports }),
            None => Err(faults),
        }
    }

    /// Options that belong to topics, where events come from elsewhere.
    fn meaningless(&self) -> Vec<Fault> {
        let options = [("--drain", self.drain), ("--positions", self.positions.is_some())];
        let given = options.into_iter().filter(|(_, is_given)| *is_given && !Settings::is_meant_by(&self.events));
        let fault = |(option, _)| feeds::meaningless(option, "a topic, and events come from elsewhere");
        let mut faults: Vec<Fault> =
            given.map(|given| fault(given).hint("a topic is kafka://HOST:PORT/TOPIC; other input ends by itself")).collect();
        faults.extend(feeds::ensure_no_timeout(&self.means).err());
        faults
    }

    fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// Reports and events are not mixed on standard output.
    fn output_is_free(&self) -> Result<(), Fault> {
        if !self.is_json() || self.good.is_some() || self.kafka_out.is_some() {
            return Ok(());
        }
        let fault = Fault::new(Code::ConflictingOptions, "`--output json` and events that pass would both go to standard output");
        Err(fault.hint("let the events go to a file or a topic, with `--good PATH` or `--kafka-out URL`"))
    }

    /// No file is written to twice, or read and written.
    fn places_differ(&self) -> Result<(), Fault> {
        let places = [
            Some(&self.bad),
            self.good.as_ref(),
            self.positions.as_ref(),
            Some(&PathBuf::from(&self.rules)),
            Some(&PathBuf::from(&self.events)),
        ];
        let names: Vec<PathBuf> = places.into_iter().flatten().filter_map(|path| named(path)).collect();
        let is_file = |path: &Path| !path.exists() || path.is_file();
        for (i, path) in names.iter().enumerate().filter(|(_, path)| is_file(path)) {
            if names[..i].contains(path) {
                let fault = Fault::new(Code::ConflictingOptions, format!("{} is named twice", path.display()));
                return Err(fault.hint("good events, bad events, the rule file and the input are different files"));
            }
        }
        Ok(())
    }

    fn bind(&self, rules: &RuleFile) -> Result<(Stream, Arc<RowJudge>, SchemaRef), Faults> {
        let options = rules.sections.read_options(&rules.path)?;
        let reader = EventReader::new(&rules.contract(), &self.sample()?, &options);
        let hint = "a stream knows its columns beforehand: write them in `schema: { columns: { id: int64 } }`, or give `--like FILE`, \
                    a file of such events";
        if let Some(column) = reader.untyped().first() {
            let fault = Fault::new(Code::MissingWord, format!("nothing says which type the column `{column}` is of"));
            return Err(fault.at(Place::file(&rules.path)).hint(hint).into());
        }
        if reader.schema().fields().is_empty() {
            let fault = Fault::new(Code::MissingWord, "nothing says which columns events have");
            return Err(fault.at(Place::file(&rules.path)).hint(hint).into());
        }
        let schema = reader.schema().clone();
        let judge = RowJudge::new(rules, &schema, self.means.clock()).map_err(|faults| {
            let with_hint = |fault: Fault| if fault.code == Code::UnknownColumn { fault.hint(hint) } else { fault };
            Faults(faults.0.into_iter().map(with_hint).collect())
        })?;
        let judge = Arc::new(judge);
        let is_of_batch = judge.standings().iter().any(|(_, standing)| *standing == Standing::Batch);
        let memory = self.means.memory_limit.0;
        let privacy = rules.privacy_in(schema.fields().iter().map(|field| field.name().as_str()), mask_key()?);
        let key_rules = judge.key_rules().len().max(1) as u64;
        let terms = Terms {
            reader,
            judge: judge.clone(),
            remembered: self.window,
            keys_max: usize::try_from(memory / 4 / KEY_BYTES / key_rules).unwrap_or(usize::MAX),
            kept_bytes_max: is_of_batch.then(|| usize::try_from(memory / 4).unwrap_or(usize::MAX)),
            privacy,
        };
        Ok((Stream::new(terms), judge, schema))
    }

    /// The text of `--like`, to the end of a line.
    fn sample(&self) -> Result<Vec<u8>, Fault> {
        let Some(path) = &self.like else { return Ok(Vec::new()) };
        let cannot = |e: std::io::Error| Fault::new(Code::of_reading(&e), format!("{}: cannot read: {e}", path.display()));
        let mut text = Vec::new();
        let file = std::fs::File::open(path).map_err(cannot)?;
        std::io::Read::read_to_end(&mut std::io::Read::take(file, SAMPLE_BYTES_MAX), &mut text).map_err(cannot)?;
        if text.len() as u64 == SAMPLE_BYTES_MAX {
            text.truncate(memchr::memrchr(b'\n', &text).map_or(0, |n| n + 1));
        }
        Ok(text)
    }

    /// Says which rules are judged otherwise than event by event.
    fn announce(&self, stream: &Stream) {
        if self.quiet {
            return;
        }
        let standings = stream.standings();
        let window = format!("an event whose key is that of one of {} is set aside", self.window);
        let kinds = [
            (Standing::EachRow, "judged event by event; events that fail are set aside", self.verbose),
            (Standing::EachRowWarned, "judged event by event; events that fail pass, and are counted", self.verbose),
            (
                Standing::EachRowTolerated,
                "some failing events are tolerated, so they pass; whether too many fail is told by each report",
                true,
            ),
            (Standing::Keys, window.as_str(), true),
            (Standing::Batch, "judged over the events of each report, when these have passed", true),
            (Standing::Not, "not judged: the columns do not allow it", true),
        ];
        for (kind, says, is_said) in kinds {
            let ids: Vec<String> = standings.iter().filter(|(_, standing)| *standing == kind).map(|(id, _)| format!("`{id}`")).collect();
            if is_said && !ids.is_empty() {
                output::note(&format!("{}: {says}", ids.join(", ")));
            }
        }
    }
}

/// What a stream needs before the first event.
struct Prepared {
    rules: RuleFile,
    stream: Stream,
    judge: Arc<RowJudge>,
    schema: SchemaRef,
    reports: Reports,
}

/// Events are lines of JSON in UTF-8.
fn is_of_events(rules: &RuleFile) -> Result<(), Fault> {
    let options = rules.sections.read_options(&rules.path).map_err(Faults::into_first)?;
    let what = match (options.format, options.encoding, options.json_path.is_empty()) {
        (None | Some(Format::Ndjson), Encoding::Utf8, true) => return Ok(()),
        (Some(format), ..) if format != Format::Ndjson => format!("the rule file says that the data is {}", format.name()),
        (_, _, false) => "the rule file says that records are in an array (`json_path`)".to_owned(),
        (_, _, true) => "the rule file says that the data is not UTF-8".to_owned(),
    };
    let fault = Fault::new(Code::WrongFormat, what).at(Place::file(&rules.path));
    Err(fault.hint("`stream` reads one JSON object a line, in UTF-8; `gate` reads other formats"))
}
