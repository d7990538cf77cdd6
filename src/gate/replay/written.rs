//! The rows that a replay judges, written down as files, and the mended ones among them.

use std::collections::HashSet;
use std::path::PathBuf;

use super::ReplayedBatch;
use super::judged::Judged;
use super::rows::{Scratch, Taken, ToJudge};
use crate::diagnostic::{Code, Fault, Faults};
use crate::quarantine;

/// What was written down to be judged.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Rows of the part.
    pub rows: u64,
    /// Of each row that is judged, in the part's order, the mended one that takes its place.
    pub judged: Vec<Option<usize>>,
    /// Mended rows that take the place of records without values.
    pub never_read: HashSet<usize>,
    /// Records that cannot be judged.
    pub unreadable: u64,
    pub joined_before: u64,
}

impl ReplayedBatch<'_> {
    /// Writes the published rows and those to be judged as two files of the source's columns.
    pub(super) fn write_down(&self) -> Result<(Vec<PathBuf>, Written), Faults> {
        let mut paths = Vec::new();
        if let Some(published) = &self.published {
            let path = self.request.scratch.join("0-published.parquet");
            let mut out = Scratch::new(&path, &self.columns)?;
            for batch in published.read()? {
                out.write(&batch?)?;
            }
            out.close()?;
            paths.push(path);
        }
        let path = self.request.scratch.join("1-set-aside.parquet");
        let (mut out, mut written) = (Scratch::new(&path, &self.columns)?, Written::default());
        for batch in self.part.batches(None)? {
            let batch = batch?;
            let taken = self.to_judge.of(&batch);
            let has_values = quarantine::has_values(&batch);
            written.rows += batch.num_rows() as u64;
            for (row, taken) in taken.iter().enumerate() {
                match taken {
                    Taken::Not if self.request.mended.is_some() => {}
                    Taken::Not => written.unreadable += 1,
                    Taken::Own => written.judged.push(None),
                    Taken::Mended(index) => {
                        written.judged.push(Some(*index));
                        written.never_read.extend((!has_values.value(row)).then_some(*index));
                    }
                }
            }
            out.write(&self.to_judge.rows(&batch, &taken)?)?;
        }
        out.close()?;
        paths.push(path);
        self.check_mended(&mut written)?;
        Ok((paths, written))
    }

    /// Every mended row has a row to take the place of, and just one; but for those that joined the batch before.
    fn check_mended(&self, written: &mut Written) -> Result<(), Faults> {
        let (Some(file), ToJudge::Mended(mended)) = (self.request.mended, &self.to_judge) else { return Ok(()) };
        let joined = self.done.iter().any(|done| done.mended.as_ref() == Some(&file.digest));
        let mut faults = Faults::default();
        let mut times = vec![0; mended.len()];
        written.judged.iter().flatten().for_each(|&index| times[index] += 1);
        for (index, times) in times.into_iter().enumerate() {
            let (place, row) = mended.place_of(index);
            match times {
                1 if written.never_read.contains(&index) && mended.is_empty(index) => {
                    let fault =
                        Fault::new(Code::InvalidMended, format!("{place}: {row} could not be read, and there are no values for it"));
                    faults.push(fault.hint("write its values down, or leave the row out"));
                }
                1 => {}
                0 if joined => written.joined_before += 1,
                0 => {
                    let what = format!("{place}: {row} is not set aside in batch `{}`", self.part.stamp.batch_id);
                    let hint = if self.done.is_empty() { "it never was" } else { "it never was, or it has joined the batch already" };
                    faults.push(Fault::new(Code::InvalidMended, what).hint(hint));
                }
                _ => {
                    let what = format!("{place}: {row} is {times} rows of batch `{}`, which holds a file twice", self.part.stamp.batch_id);
                    faults.push(
                        Fault::new(Code::InvalidMended, what).hint("these cannot be told apart; gate the mended source with `--supersede`"),
                    );
                }
            }
        }
        faults.or_ok(())
    }

    /// The mended rows that stay set aside, and why.
    pub(super) fn not_mended(&self, judged: &Judged, written: &Written) -> Vec<(String, String, String)> {
        let ToJudge::Mended(mended) = &self.to_judge else { return Vec::new() };
        let told = |(i, index): (usize, &Option<usize>)| {
            let (place, row) = mended.place_of(index.filter(|_| !judged.passes[i])?);
            let why = match (judged.rules[i].is_empty(), &judged.reasons[i]) {
                (true, _) => "`clean` leaves out what it was mended to".to_owned(),
                (false, None) => format!("as mended it fails {}", judged.rules[i].join(", ")),
                (false, Some(reason)) => format!("as mended it fails {}: {reason}", judged.rules[i].join(", ")),
            };
            Some((place.to_owned(), row, why))
        };
        written.judged.iter().enumerate().filter_map(told).collect()
    }
}
