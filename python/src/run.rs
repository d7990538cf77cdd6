//! Runs of `check`, `gate` and `profile`: on a thread of their own, without Python's lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3_arrow::input::AnyRecordBatch;
use sluicegate::cli::embedded::{self, Done, Given, RulesText};
use sluicegate::diagnostic::Faults;
use sluicegate::engine::Cancel;

use crate::faults::raised;
use crate::frames::Frames;
use crate::report::Report;

/// How long nobody looks whether Ctrl-C was pressed.
const PIECE: Duration = Duration::from_millis(50);

/// How long a run that was asked to end is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Rules and types may be nested deep, and are walked by recursion.
const STACK: usize = 64 << 20;

/// Runs the program's command `arguments[0]` with the options behind it. `rules` is a text and its name; `frames` are objects that
/// give Arrow streams; `progress` is called with bytes done, bytes in all, and rows done.
#[pyfunction]
#[pyo3(signature = (arguments, rules=None, frames=None, is_stream=false, progress=None))]
pub(crate) fn run(
    py: Python<'_>,
    arguments: Vec<String>,
    rules: Option<(String, String)>,
    frames: Option<Vec<AnyRecordBatch>>,
    is_stream: bool,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Report> {
    let frames = frames.map(|frames| Frames::of(py, frames)).transpose()?;
    let (cancel, done) = (Cancel::default(), Arc::new([const { AtomicU64::new(0) }; 3]));
    let heard = done.clone();
    let given = Given {
        rules: rules.map(|(text, name)| RulesText { text, name }),
        rows: None,
        cancel: cancel.clone(),
        progress: Some(Arc::new(move |bytes, all, rows| {
            [bytes, all, rows].iter().zip(heard.iter()).for_each(|(count, heard)| heard.store(*count, Ordering::Relaxed));
        })),
    };
    let (tell, told) = mpsc::channel();
    // Only this thread asks; Python's bindings want to know that it could be any.
    let told = Mutex::new(told);
    let worker = std::thread::Builder::new().name("sluicegate".to_owned()).stack_size(STACK);
    worker.spawn(move || {
        // Whoever waits has gone only with the whole process.
        _ = tell.send(judged(&arguments, given, frames, is_stream));
    })?;
    let mut shown = 0;
    let ran = loop {
        match py.detach(|| told.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PIECE)) {
            Ok(ran) => break ran,
            Err(RecvTimeoutError::Disconnected) => break (Err(embedded::internal().into()), Vec::new()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let counts: Vec<u64> = done.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let heard = py.check_signals().and_then(|()| match &progress {
            Some(progress) if counts[0] != shown => progress.call1((counts[0], counts[1], counts[2])).map(drop),
            Some(_) | None => Ok(()),
        });
        shown = counts[0];
        if let Err(error) = heard {
            cancel.cancel();
            // What is under way is ended first: either nothing is published, or all of it. A source that does not answer is not
            // waited for: once it does, the run ends.
            py.detach(|| told.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE)).ok();
            return Err(error);
        }
    };
    let (done, notes) = ran;
    done.map(|done| Report::of(done, notes)).map_err(|faults| raised(py, faults))
}

/// The rules of a file by name, as JSON; `rules` is a text and its name, where it is no file.
#[pyfunction]
#[pyo3(signature = (path, rules=None))]
pub(crate) fn listed(py: Python<'_>, path: &str, rules: Option<(String, String)>) -> PyResult<String> {
    let text = rules.map(|(text, name)| RulesText { text, name });
    py.detach(|| embedded::listed(path, text.as_ref())).map_err(|faults| raised(py, faults))
}

fn judged(arguments: &[String], given: Given, frames: Option<Frames>, is_stream: bool) -> (Result<Done, Faults>, Vec<String>) {
    match frames.map(|frames| frames.rows(is_stream)).transpose() {
        Ok(rows) => embedded::run(arguments, Given { rows, ..given }),
        Err(fault) => (Err(fault.into()), Vec::new()),
    }
}
