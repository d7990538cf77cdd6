//! A file of shares: CSV with the columns of the groups and `share`, or the mapping of a rule file as JSON or YAML.

use std::collections::BTreeMap;

use super::reference::{Reference, share};
use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::metric::groups::{GroupKey, group_name};
use crate::rules::Files;
use crate::yaml::{self, Node, Spanned};

/// The column of the shares.
const SHARE: &str = "share";

/// The shares that the file `path` gives the groups of these columns.
///
/// # Errors
/// It cannot be read, or is no file of shares.
pub(super) fn read(path: &Spanned<String>, groups: &[Spanned<String>], files: &mut Files<'_>) -> Result<Reference, Faults> {
    let text = files.text(path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let wrong = |why: Misread| files.fault_at(path, Code::InvalidValue, Misread { what: format!("`{}`: {}", path.value, why.what), ..why });
    if path.value.ends_with(".csv") {
        let groups: Vec<&str> = groups.iter().map(|name| name.value.as_str()).collect();
        return Ok(Reference::Shares(of_csv(text, &groups).map_err(wrong)?));
    }
    let tree = Node::parse(text, &path.value)?;
    match yaml::read::<Reference>(&tree, &path.value)? {
        Reference::Shares(shares) => Ok(Reference::Shares(shares)),
        Reference::Equal | Reference::Baseline | Reference::File(_) => {
            let fault: Fault = wrong(Misread::new("it is no mapping from group to share").hint("write `f: 0.5`, a group on each line"));
            Err(fault.into())
        }
    }
}

fn of_csv(text: &str, groups: &[&str]) -> Result<BTreeMap<GroupKey, f64>, Misread> {
    let mut records = records(text)?.into_iter();
    let (_, header) = records.next().ok_or_else(|| Misread::new("it is empty"))?;
    let place = |name: &str| {
        let found = header.iter().position(|column| column.trim() == name);
        found.ok_or_else(|| Misread::new(format!("it has no column `{name}`")).hint("its columns are those of `groups`, and `share`"))
    };
    let columns = groups.iter().map(|name| place(name)).collect::<Result<Vec<_>, _>>()?;
    let of_share = place(SHARE)?;
    let mut shares = BTreeMap::new();
    for (line, record) in records {
        let at_line = |why: Misread| Misread { what: format!("line {line}: {}", why.what), ..why };
        if record.len() != header.len() {
            let what = format!("{} values where the header names {}", record.len(), header.len());
            return Err(at_line(Misread::new(what)));
        }
        let name = |&column: &usize| Some(record[column].clone()).filter(|name| !name.is_empty() && name != "(missing)");
        let key: GroupKey = columns.iter().map(name).collect();
        let given = share(record[of_share].trim()).map_err(at_line)?;
        if shares.insert(key.clone(), given).is_some() {
            return Err(at_line(Misread::new(format!("the group `{}` has a share already", group_name(&key)))));
        }
    }
    if shares.is_empty() { Err(Misread::new("it gives no share")) } else { Ok(shares) }
}

/// The records, each with the line on which it begins (RFC 4180); empty lines are passed over.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, Misread> {
    let (mut records, mut record, mut value) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began, mut is_quoted, mut had_quotes) = (1, 1, false, false);
    let mut characters = text.chars().peekable();
    loop {
        let next = characters.next();
        match next {
            Some('"') if is_quoted && characters.next_if_eq(&'"').is_some() => value.push('"'),
            Some('"') if is_quoted => is_quoted = false,
            Some('"') if value.is_empty() && !had_quotes => (is_quoted, had_quotes) = (true, true),
            None if is_quoted => return Err(Misread::new(format!("line {began}: a quote is never closed"))),
            Some(character) if is_quoted => {
                line += usize::from(character == '\n');
                value.push(character);
            }
            Some(',') => {
                record.push(std::mem::take(&mut value));
                had_quotes = false;
            }
            Some('\r') if characters.peek() == Some(&'\n') => {}
            Some('\n') | None => {
                if !record.is_empty() || !value.is_empty() || had_quotes {
                    record.push(std::mem::take(&mut value));
                    records.push((began, std::mem::take(&mut record)));
                }
                line += 1;
                (began, had_quotes) = (line, false);
                if next.is_none() {
                    return Ok(records);
                }
            }
            Some(character) => value.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(text: &str, groups: &[&str]) -> Result<Vec<(String, f64)>, String> {
        let read = of_csv(text, groups).map_err(|why| why.what)?;
        Ok(read.into_iter().map(|(key, share)| (group_name(&key), share)).collect())
    }

    #[test]
    fn groups_are_found_by_their_column() {
        let text = "share,sex,region,note\r\n20%,f,\"north, \"\"upper\"\"\",x\r\n\r\n0.8,,south,\r\n";
        let named = |names: &[Option<&str>]| group_name(&names.iter().map(|name| name.map(str::to_owned)).collect::<GroupKey>());
        let both = vec![(named(&[None, Some("south")]), 0.8), (named(&[Some("f"), Some("north, \"upper\"")]), 0.2)];
        assert_eq!(shares(text, &["sex", "region"]), Ok(both));
        assert_eq!(shares("sex,share\nf,1", &["sex"]), Ok(vec![("f".to_owned(), 1.0)]));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let wrong = |text: &str| shares(text, &["sex"]).expect_err("a mistake");
        assert_eq!(wrong(""), "it is empty");
        assert_eq!(wrong("sex,share\n"), "it gives no share");
        assert_eq!(wrong("sex,shares\nf,1"), "it has no column `share`");
        assert!(wrong("sex,share\nf,0.5\n\nf,0.5").starts_with("line 4: the group `f` has a share already"));
        assert!(wrong("sex,share\nf,half").starts_with("line 2: "));
        assert!(wrong("sex,share\nf").starts_with("line 2: 1 values"));
        assert!(wrong("sex,share\n\"f,1").starts_with("line 2: a quote"));
    }
}
