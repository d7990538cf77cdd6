//! The pages of one data set.

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use super::brief::{Bad, Brief, Head};
use super::directory::{Digest, Directory};
use super::drawing::{Cell, Strip, axis_end, line};
use super::findings::{Findings, findings};
use super::lists::{List, lists};
use super::page::{Pages, given};
use super::{changes, columns};
use crate::diagnostic::Fault;
use crate::findings::Unit;
use crate::report::model::Mode;
use crate::report::since::shown;
use crate::shown::{count, percent};
use crate::verdict::Verdict;

/// Runs whose verdicts and rows are drawn; those that each finding is looked at over; those that the page lists; those that the
/// first page of the site draws.
const DRAWN: usize = 200;
const WINDOW: usize = 60;
const LISTED: usize = 30;
const INDEX_DRAWN: usize = 40;
/// Lists that the page links to; each of them links to the one before.
const LINKED: usize = 60;

/// A run in a list.
#[derive(Debug, Serialize)]
struct RunRow<'a> {
    file: String,
    time: Option<&'a str>,
    batch: &'a str,
    mode: Mode,
    verdict: Verdict,
    read: u64,
    published: u64,
    aside: u64,
    aside_share: String,
    rejected: u64,
    failed: u64,
    warned: u64,
    passed: u64,
    faults: u64,
    why: &'a str,
    bad: Option<&'a Bad>,
}

impl<'a> RunRow<'a> {
    fn of(head: &'a Head) -> Self {
        Self {
            file: format!("runs/{}.html", head.name),
            time: head.time.as_deref(),
            batch: &head.batch,
            mode: head.mode,
            verdict: head.verdict,
            read: head.rows.read,
            published: head.rows.published,
            aside: head.rows.quarantined,
            aside_share: percent(head.rows.quarantined.min(head.rows.read), head.rows.read.max(1)),
            rejected: head.rows.rejected,
            failed: head.failed,
            warned: head.warned,
            passed: head.passed,
            faults: head.faults,
            why: &head.why,
            bad: head.bad.as_ref(),
        }
    }
}

/// What the first page of the site says of a data set.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub directory: String,
    pub name: String,
    pub owner: Option<String>,
    pub verdict: Verdict,
    pub time: Option<String>,
    pub batch: String,
    pub read: u64,
    pub aside: u64,
    pub failed: u64,
    pub warned: u64,
    pub why: String,
    pub is_bad: bool,
    pub runs: usize,
    /// What has changed since the run before, if there is one.
    pub since: Option<Vec<(&'static str, usize)>>,
    pub strip: Strip,
    pub strip_says: String,
    /// Of all that the row shows.
    #[serde(skip)]
    pub digest: Digest,
}

/// A chart of lines over runs.
#[derive(Debug, Serialize)]
struct Chart {
    title: &'static str,
    low: String,
    high: String,
    series: Vec<Series>,
}

#[derive(Debug, Serialize)]
struct Series {
    name: &'static str,
    class: &'static str,
    path: String,
    now: String,
}

/// The size of a chart's drawing; it is stretched to the page.
const CHART: (f64, f64) = (600.0, 120.0);

/// Writes the pages of a data set with these runs, the oldest first; gives what the first page of the site says of it.
///
/// # Errors
/// A page cannot be written, or a brief not read.
pub(super) fn write(directory: &Directory, pages: &Pages, name: &str, runs: &[Head]) -> Result<Row, Fault> {
    let lists = lists(runs);
    let last = &runs[runs.len() - 1];
    for (at, list) in lists.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &lists[at]);
        let digest = digest(list.runs, &[list.title.as_str(), last.dataset.as_str(), before.map_or("", |before| &before.file)]);
        directory.page(&format!("{name}/{}", list.file), digest, || {
            let rows: Vec<RunRow<'_>> = list.runs.iter().rev().map(RunRow::of).collect();
            pages.render(
                "site/runs.html",
                digest,
                &minijinja::context! { dataset => &last.dataset, list => given(list), before => given(before), runs => given(rows) },
            )
        })?;
    }
    let drawn = &runs[runs.len().saturating_sub(DRAWN)..];
    let digest =
        digest(drawn, &[&runs.len().to_string(), &lists.iter().map(|list| format!("{} {}\n", list.file, list.number)).collect::<String>()]);
    let compared = compared(runs);
    let mut window = Vec::new();
    let load = || -> Result<Vec<Brief>, Fault> {
        drawn[drawn.len().saturating_sub(WINDOW)..].iter().map(|run| directory.brief(name, &run.name)).collect()
    };
    directory.page(&format!("{name}/index.html"), digest, || {
        window = load()?;
        main_page(directory, pages, name, runs, &lists, &window, digest)
    })?;
    if last.columns > 0 {
        let digest = self::digest(&drawn[drawn.len().saturating_sub(WINDOW)..], &["columns"]);
        directory.page(&format!("{name}/columns.html"), digest, || {
            if window.is_empty() {
                window = load()?;
            }
            let (rows, left_out) = columns::columns(&window, WINDOW.min(window.len()));
            let head = RunRow::of(last);
            pages.render("site/columns.html", digest, &minijinja::context! { dataset => &last.dataset, columns => given(rows), left_out, last => given(head), runs => window.len() })
        })?;
    }
    let since = match compared {
        None => None,
        Some(then) => {
            let (then, now) = (directory.brief(name, &then.name)?, directory.brief(name, &last.name)?);
            Some(changes::counted(&changes::between(&then, &now)))
        }
    };
    Ok(row(name, runs, since, digest))
}

fn row(name: &str, runs: &[Head], since: Option<Vec<(&'static str, usize)>>, digest: Digest) -> Row {
    let last = &runs[runs.len() - 1];
    let drawn = &runs[runs.len().saturating_sub(INDEX_DRAWN)..];
    Row {
        directory: name.to_owned(),
        name: last.dataset.clone(),
        owner: last.owner.clone(),
        verdict: last.verdict,
        time: last.time.clone(),
        batch: last.batch.clone(),
        read: last.rows.read,
        aside: last.rows.quarantined,
        failed: last.failed,
        warned: last.warned,
        why: last.why.clone(),
        is_bad: last.bad.is_some(),
        runs: runs.len(),
        since,
        strip: strip(drawn, INDEX_DRAWN),
        strip_says: in_words(drawn),
        digest,
    }
}

/// The run that the last one is compared with: the last before it that was judged and is not marked bad.
fn compared(runs: &[Head]) -> Option<&Head> {
    runs[..runs.len() - 1].iter().rev().find(|run| run.bad.is_none() && run.faults == 0)
}

fn main_page(
    directory: &Directory,
    pages: &Pages,
    name: &str,
    runs: &[Head],
    lists: &[List<'_>],
    window: &[Brief],
    digest: Digest,
) -> Result<String, Fault> {
    let drawn = &runs[runs.len().saturating_sub(DRAWN)..];
    let (last, now) = (&runs[runs.len() - 1], &window[window.len() - 1]);
    let then = compared(runs);
    let earlier = then.map(|then| directory.brief(name, &then.name)).transpose()?;
    let changes = earlier.as_ref().map(|earlier| changes::between(earlier, now)).unwrap_or_default();
    let findings: Findings = findings(window, &changes, WINDOW.min(runs.len()));
    let listed: Vec<RunRow<'_>> = runs.iter().rev().take(LISTED).map(RunRow::of).collect();
    let linked: Vec<&List<'_>> = lists.iter().rev().take(LINKED).collect();
    pages.render(
        "site/dataset.html",
        digest,
        &minijinja::context! {
            dataset => &last.dataset, last => given(RunRow::of(last)), description => &last.description, owner => &last.owner,
            since => earlier.is_some().then(|| given(changes::counted(&changes))), then => given(then.map(RunRow::of)),
            strip_of => given(strip(drawn, drawn.len())), strip_says => in_words(drawn), charts => given(charts(drawn)),
            drawn => drawn.len(), first => &drawn[0].time, findings => given(findings), runs => given(listed), total => runs.len(), lists => given(linked),
            lists_left_out => lists.len().saturating_sub(LINKED), columns => last.columns,
        },
    )
}

/// A digest of what a page shows: these runs, and these texts.
fn digest(runs: &[Head], texts: &[&str]) -> Digest {
    let mut digest = Xxh3::new();
    digest.update(&Pages::digest().to_le_bytes());
    for text in runs.iter().map(|run| run.of.as_str()).chain(texts.iter().copied()) {
        digest.update(&(text.len() as u64).to_le_bytes());
        digest.update(text.as_bytes());
    }
    digest.digest128()
}

fn strip(runs: &[Head], length: usize) -> Strip {
    let cells: Vec<Cell> = runs.iter().map(|run| Cell::of_verdict(run.verdict)).collect();
    Strip::of(&cells, length, |at| runs[at].bad.is_some())
}

/// What a strip of verdicts shows, for those who do not see it.
fn in_words(runs: &[Head]) -> String {
    let number = |verdict: Verdict| runs.iter().filter(|run| run.verdict == verdict).count();
    let verdicts = [
        (Verdict::Accept, "accepted"),
        (Verdict::Quarantine, "quarantined"),
        (Verdict::Reject, "rejected"),
        (Verdict::Undecided, "undecided"),
    ];
    let said: Vec<String> = verdicts
        .into_iter()
        .map(|(verdict, word)| (number(verdict), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let runs = if runs.len() == 1 { "The last run".to_owned() } else { format!("The last {} runs", runs.len()) };
    format!("{runs}: {}", said.join(", "))
}

fn charts(runs: &[Head]) -> [Chart; 2] {
    let points = |of: &dyn Fn(&Head) -> Option<f64>| runs.iter().map(of).collect::<Vec<_>>();
    let last = &runs[runs.len() - 1];
    let series = |name, class, points: &[Option<f64>], ends: (f64, f64), now: String| Series {
        name,
        class,
        path: line(points, runs.len(), CHART, ends),
        now,
    };

    let (read, published) = (points(&|run| Some(run.rows.read as f64)), points(&|run| Some(run.rows.published as f64)));
    let most = axis_end(read.iter().flatten().copied().fold(0.0, f64::max));
    let rows = Chart {
        title: "Rows",
        low: "0".to_owned(),
        high: count(most as u64),
        series: vec![
            series("read", "one", &read, (0.0, most), count(last.rows.read)),
            series(
                if last.mode == Mode::Gate || last.mode == Mode::Stream { "published" } else { "may be published" },
                "two",
                &published,
                (0.0, most),
                count(last.rows.published),
            ),
        ],
    };

    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let of_rows = points(&|run| share(run.rows.published, run.rows.read));
    let of_rules = points(&|run| share(run.passed, run.judged()));
    let least = of_rows.iter().chain(&of_rules).flatten().copied().fold(1.0, f64::min);
    let low = [0.99, 0.9, 0.5].into_iter().find(|low| least >= *low).unwrap_or(0.0);
    let said = |x: Option<f64>| x.and_then(|x| shown(&x.into(), &Unit::SHARE_OF_ROWS)).unwrap_or_else(|| "–".to_owned());
    let pass = Chart {
        title: "Share that passes",
        low: format!("{}%", low * 100.0),
        high: "100%".to_owned(),
        series: vec![
            series("of rows", "one", &of_rows, (low, 1.0), said(of_rows[of_rows.len() - 1])),
            series("of rules", "two", &of_rules, (low, 1.0), said(of_rules[of_rules.len() - 1])),
        ],
    };
    [rows, pass]
}
