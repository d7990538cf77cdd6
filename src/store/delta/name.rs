//! What the name of a data file says.

use std::collections::BTreeMap;

use super::paths::file_name;
use crate::store::summaries::LiveFile;

/// How names begin of files in which the rows of several batches were put together; a digest follows. What such a file holds, its
/// footer says.
pub(super) const COMPACTED: &str = "compacted-";

/// Whether rows of several batches may be in this file.
pub(super) fn is_compacted(path: &str) -> bool {
    let rest = file_name(path).strip_prefix(COMPACTED).and_then(|rest| rest.split_once('.'));
    rest.is_some_and(|(digest, _)| is_digest(digest))
}

/// Which rows a data file holds, as its name says: `BATCH.DIGEST.parquet`, or with more before the end.
pub(super) fn named(path: &str, since: i64) -> LiveFile {
    let parts = parts(path);
    let rows = digest_in(&parts).map(|at| (parts[..at].join("."), parts[at][..16].to_owned()));
    let (batch_id, content) = rows.unzip();
    LiveFile { batch_id, content, since, name: path.to_owned() }
}

/// Which file of how many of a batch in a partitioned table it is; none of one that has all rows of its batch.
pub(super) fn part_of(path: &str) -> Option<(u32, u32)> {
    let parts = parts(path);
    let (part, all) = parts.get(digest_in(&parts)? + 1)?.split_once("of")?;
    let (part, all) = (part.parse().ok()?, all.parse().ok()?);
    (1..=all).contains(&part).then_some((part, all))
}

/// The name's ending that [`part_of`] reads.
pub(super) fn part(number: usize, all: usize) -> String {
    format!(".{}of{all}", number + 1)
}

fn parts(path: &str) -> Vec<&str> {
    file_name(path).strip_suffix(".parquet").unwrap_or_default().split('.').collect()
}

fn digest_in(parts: &[&str]) -> Option<usize> {
    // What follows the digest is which part it is, the version of the table, and the name of one gate's file.
    (1..parts.len()).rev().take(4).find(|i| is_digest(parts[*i]))
}

fn is_digest(part: &str) -> bool {
    part.len() == 32 && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The files of a partitioned table batch by batch: several that hold all of a batch count as one file with these rows.
pub(super) fn gathered(files: Vec<LiveFile>) -> Vec<LiveFile> {
    let (mut gathered, mut divided) = (Vec::new(), BTreeMap::<(Option<String>, u32, String), Vec<(u32, LiveFile)>>::new());
    for file in files {
        match part_of(&file.name) {
            None => gathered.push(file),
            Some((part, all)) => {
                // Files of one batch have one digest, and those of its content before have another.
                let digest = named(&file.name, 0).content.unwrap_or_default();
                divided.entry((file.batch_id.clone(), all, digest)).or_default().push((part, file));
            }
        }
    }
    for ((batch_id, all, _), files) in divided {
        let mut parts: Vec<u32> = files.iter().map(|(part, _)| *part).collect();
        parts.sort_unstable();
        parts.dedup();
        let is_whole = parts.len() == all as usize && files.iter().all(|(_, file)| file.content.is_some());
        let since = files.iter().map(|(_, file)| file.since).min().unwrap_or_default();
        let Some((_, first)) = files.into_iter().next() else { continue };
        gathered.push(LiveFile { batch_id, content: first.content.filter(|_| is_whole), since, name: first.name });
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_batch_is_whole_only_with_all_its_files() {
        let path = |part: &str| format!("day=1%20x/b.{DIGEST}.{part}.7.parquet");
        assert_eq!(part_of(&path("2of3")), Some((2, 3)));
        assert_eq!(part_of(&format!("b.{DIGEST}.7.parquet")), None);
        assert_eq!(part_of(&path("4of3")), None);
        let all: Vec<LiveFile> = [("1of3", 9), ("2of3", 7), ("3of3", 8)].map(|(part, since)| named(&path(part), since)).into();
        let whole = gathered(all.clone());
        assert_eq!(whole.len(), 1);
        assert_eq!((whole[0].content.as_deref(), whole[0].since, whole[0].batch_id.as_deref()), (Some(&DIGEST[..16]), 7, Some("b")));
        assert!(is_compacted(&format!("day=1/compacted-{DIGEST}.7.parquet")) && !is_compacted("compacted-x.7.parquet"));
        let rest = gathered(all[1..].to_vec());
        assert_eq!((rest.len(), rest[0].content.as_deref()), (1, None));
    }
}
