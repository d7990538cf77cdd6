//! Lists of all runs of a data set, in parts that stay as they are: by month; by day where a month has too many; by hour; by
//! minute. A run that comes or goes touches one of them.

use serde::Serialize;

use super::brief::Head;

/// Runs in one list.
const RUNS_MAX: usize = 200;

/// Characters of a time that name a month, a day, an hour, a minute.
const LEVELS: [usize; 4] = ["2026-11".len(), "2026-11-27".len(), "2026-11-27T08".len(), "2026-11-27T08:15".len()];

/// A list of runs.
#[derive(Debug, Serialize)]
pub(super) struct List<'a> {
    /// The name of its file.
    pub file: String,
    pub title: String,
    #[serde(skip)]
    pub runs: &'a [Head],
    pub number: usize,
}

/// The lists of `runs`, which are in their order; the oldest list first.
pub(super) fn lists(runs: &[Head]) -> Vec<List<'_>> {
    let mut lists = Vec::new();
    divide(runs, &LEVELS, &mut lists);
    lists
}

fn divide<'a>(runs: &'a [Head], levels: &[usize], lists: &mut Vec<List<'a>>) {
    let [level, finer @ ..] = levels else { return };
    for group in runs.chunk_by(|a, b| period(a, *level) == period(b, *level)) {
        let key = period(&group[0], *level);
        if group.len() > RUNS_MAX && !finer.is_empty() && !key.is_empty() {
            divide(group, finer, lists);
            continue;
        }
        for (part, runs) in group.chunks(RUNS_MAX).enumerate() {
            let (name, said) = if key.is_empty() {
                ("undated".to_owned(), "without a time".to_owned())
            } else {
                (key.replace(':', "."), key.replace('T', " "))
            };
            let part = if group.len() > RUNS_MAX { (format!("-{}", part + 1), format!(", part {}", part + 1)) } else { Default::default() };
            let hour = if *level == LEVELS[2] && !key.is_empty() { ":00" } else { "" };
            lists.push(List {
                file: format!("runs-{name}{}.html", part.0),
                title: format!("{said}{hour}{}", part.1),
                runs,
                number: runs.len(),
            });
        }
    }
}

/// So much of the run's time; nothing where it has none.
fn period(run: &Head, level: usize) -> &str {
    run.time.as_deref().map_or("", |time| time.get(..level).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::{Mode, RowTotals};
    use crate::verdict::Verdict;

    fn runs(times: impl Iterator<Item = String>) -> Vec<Head> {
        let run = |time: String| Head {
            of: String::new(),
            name: time.clone(),
            dataset: "d".to_owned(),
            description: None,
            owner: None,
            time: Some(time).filter(|time| !time.is_empty()),
            batch: String::new(),
            mode: Mode::Check,
            verdict: Verdict::Accept,
            rows: RowTotals::default(),
            failed: 0,
            warned: 0,
            passed: 0,
            others: 0,
            faults: 0,
            why: String::new(),
            columns: 0,
            bad: None,
        };
        times.map(run).collect()
    }

    fn files(runs: &[Head]) -> Vec<(String, usize)> {
        lists(runs).into_iter().map(|list| (list.file, list.number)).collect()
    }

    #[test]
    fn a_month_of_many_runs_is_divided_by_day_hour_and_minute() {
        let daily = runs((1..=30).map(|day| format!("2026-11-{day:02}T08:00:00Z")));
        assert_eq!(files(&daily), [("runs-2026-11.html".to_owned(), 30)]);
        let hourly = runs((1..=10).flat_map(|day| (0..24).map(move |hour| format!("2026-11-{day:02}T{hour:02}:00:00Z"))));
        assert_eq!(files(&hourly).len(), 10);
        assert_eq!(files(&hourly)[1], ("runs-2026-11-02.html".to_owned(), 24));
        let rush = runs((0..450).map(|ms| format!("2026-11-27T08:15:30.{ms:03}Z")));
        let named = ["runs-2026-11-27T08.15-1.html", "runs-2026-11-27T08.15-2.html", "runs-2026-11-27T08.15-3.html"];
        assert_eq!(files(&rush), named.into_iter().map(str::to_owned).zip([200, 200, 50]).collect::<Vec<_>>());
        assert_eq!(files(&runs(["".to_owned()].into_iter())), [("runs-undated.html".to_owned(), 1)]);
    }

    #[test]
    fn a_run_that_comes_or_goes_touches_one_list() {
        let all = runs((0..600).map(|day| format!("20{:02}-{:02}-{:02}T08:00:00Z", 24 + day / 360, day / 30 % 12 + 1, day % 30 + 1)));
        let of = |runs: &[Head]| files(runs);
        let changed = |a: &[(String, usize)], b: &[(String, usize)]| a.iter().filter(|list| !b.contains(list)).count();
        assert_eq!(changed(&of(&all), &of(&all[1..])), 1);
        assert_eq!(changed(&of(&all), &of(&all[..599])), 1);
    }
}
