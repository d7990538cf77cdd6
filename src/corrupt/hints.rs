//! Rules that might notice an error, made from the rows as they are. A trial tells only those that do.

use std::collections::BTreeSet;

use super::class::{Class, Made};
use super::sample::{Kind, Sample, SampleColumn};
use crate::types::type_name;

/// A rule to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// One item of the list `rules`.
    pub rule: String,
    /// The same without a value of the data.
    pub without_values: String,
}

impl Candidate {
    fn plain(rule: String) -> Self {
        Self { without_values: rule.clone(), rule }
    }
}

/// Rules that might notice `made`, the most fitting first.
pub(super) fn candidates(sample: &Sample, class: Class, column: Option<usize>, made: &Made) -> Vec<Candidate> {
    let Some(column) = column else { return vec![Candidate::plain("duplicates: {}".to_owned())] };
    let at = &sample.columns[column];
    let name = in_yaml(&at.name);
    match class {
        Class::Missing => vec![missing(at)],
        Class::Duplicate => vec![Candidate::plain(format!("duplicates: {{ key: [{name}] }}"))],
        Class::Swapped => {
            let other = made.with.map(|with| &sample.columns[with]);
            let order = other.and_then(|other| in_order(at, other));
            let of_each = [Some(at), other].into_iter().flatten().flat_map(|column| [values(column), range(sample, column), shape(column)]);
            order.into_iter().chain(of_each.flatten()).collect()
        }
        Class::Tenfold | Class::Thousandfold | Class::Fahrenheit => {
            let fences = ["method: mad", "method: iqr", "method: mad, log: true"];
            let outliers = fences.map(|method| Candidate::plain(format!("outliers: {{ column: {name}, {method} }}")));
            range(sample, at).into_iter().chain(outliers.into_iter().filter(|_| at.kind != Kind::Time)).collect()
        }
        Class::Typo | Class::Category => [values(at), shape(at), of_type(sample, at), range(sample, at)].into_iter().flatten().collect(),
        Class::Format => {
            let unpadded = Candidate::plain(format!(r"pattern: {{ column: {name}, regex: '^\S(.*\S)?$' }}"));
            let unpadded = (at.kind == Kind::Text).then_some(unpadded);
            [values(at), shape(at), unpadded, of_type(sample, at)].into_iter().flatten().collect()
        }
        Class::Shifted => {
            let next = sample.columns.get(column + 1);
            let of_each = [Some(at), next].into_iter().flatten().flat_map(|c| [values(c), of_type(sample, c), range(sample, c), shape(c)]);
            std::iter::once(missing(at)).chain(of_each.flatten()).collect()
        }
    }
}

/// A name as YAML reads it back, inside braces too.
fn in_yaml(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_word = matches!(name.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if is_plain && !is_word { name.to_owned() } else { in_quotes(name) }
}

/// As JSON writes it, which YAML reads.
fn in_quotes(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn in_sql(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn missing(column: &SampleColumn) -> Candidate {
    let (absent, rows) = (column.values.len() - column.present, column.values.len().max(1));
    let tolerate = match absent {
        0 => String::new(),
        // To the next tenth of a percent.
        _ => format!(", tolerate: {}%", (absent * 1000).div_ceil(rows) as f64 / 10.0),
    };
    Candidate::plain(format!("missing: {{ column: {}{tolerate} }}", in_yaml(&column.name)))
}

/// The values there are, where these are few.
fn values(column: &SampleColumn) -> Option<Candidate> {
    if !column.is_category() {
        return None;
    }
    let all: BTreeSet<&String> = column.values.iter().flatten().collect();
    let is_text = column.kind == Kind::Text;
    let listed: Vec<String> = all.into_iter().map(|value| if is_text { in_quotes(value) } else { value.clone() }).collect();
    let of = |listed: &str| format!("values: {{ column: {}, in: [{listed}] }}", in_yaml(&column.name));
    Some(Candidate { rule: of(&listed.join(", ")), without_values: of("…") })
}

/// From the smallest to the largest value.
fn range(sample: &Sample, column: &SampleColumn) -> Option<Candidate> {
    let form = sample.numbers();
    let (low, high) = match column.kind {
        Kind::Number { .. } => {
            let plain = column.values.iter().flatten().filter_map(|value| Some(form.plain(value)?.into_owned()));
            let numbers: Vec<(f64, String)> = plain.filter_map(|text| Some((text.parse().ok()?, text))).collect();
            let by_number = |a: &&(f64, String), b: &&(f64, String)| a.0.total_cmp(&b.0);
            (numbers.iter().min_by(by_number)?.1.clone(), numbers.iter().max_by(by_number)?.1.clone())
        }
        // A contract's own way to write dates does not sort as text.
        Kind::Time if column.format.is_none() => {
            (column.values.iter().flatten().min()?.clone(), column.values.iter().flatten().max()?.clone())
        }
        Kind::Text | Kind::Time | Kind::Flag | Kind::Other => return None,
    };
    let of = |low: &str, high: &str| format!("range: {{ column: {}, min: {low}, max: {high} }}", in_yaml(&column.name));
    Some(Candidate { rule: of(&bound(&low), &bound(&high)), without_values: of("…", "…") })
}

/// A bound as YAML reads it: what holds a colon stands in quotes.
fn bound(text: &str) -> String {
    if text.contains([':', ' ']) { in_quotes(text) } else { text.to_owned() }
}

/// Two columns of which one is never above the other.
fn in_order(a: &SampleColumn, b: &SampleColumn) -> Option<Candidate> {
    let pairs = || a.values.iter().zip(&b.values).filter_map(|(a, b)| Some((a.as_ref()?, b.as_ref()?)));
    let number = |text: &String| text.parse::<f64>().ok();
    let never = |is_wrong: &dyn Fn(std::cmp::Ordering) -> bool| match a.kind {
        Kind::Number { .. } => pairs().all(|(a, b)| number(a).zip(number(b)).is_some_and(|(a, b)| !is_wrong(a.total_cmp(&b)))),
        Kind::Time => a.format.is_none() && pairs().all(|(a, b)| !is_wrong(a.cmp(b))),
        Kind::Text | Kind::Flag | Kind::Other => false,
    };
    let sign = if never(&std::cmp::Ordering::is_gt) { "<=" } else { Some(">=").filter(|_| never(&std::cmp::Ordering::is_lt))? };
    let sql = format!("{} {sign} {}", in_sql(&a.name), in_sql(&b.name));
    Some(Candidate::plain(format!("expression: {{ sql: {} }}", in_quotes(&sql))))
}

/// A pattern that all values share: the same kinds of characters one behind the other.
fn shape(column: &SampleColumn) -> Option<Candidate> {
    /// With more parts a pattern is no shape but a listing.
    const PARTS_MAX: usize = 12;
    if column.kind != Kind::Text || column.distinct < 3 {
        return None;
    }
    let mut shared: Option<Vec<(Part, usize, usize)>> = None;
    for value in column.values.iter().flatten() {
        let parts = parts(value)?;
        match &mut shared {
            None => shared = Some(parts.into_iter().map(|(part, len)| (part, len, len)).collect()),
            Some(shared) => {
                if shared.len() != parts.len() || shared.iter().zip(&parts).any(|(a, b)| a.0 != b.0) {
                    return None;
                }
                shared.iter_mut().zip(&parts).for_each(|(all, (_, len))| (all.1, all.2) = (all.1.min(*len), all.2.max(*len)));
            }
        }
    }
    let shared = shared.filter(|parts| !parts.is_empty() && parts.len() <= PARTS_MAX)?;
    let regex: String = shared.iter().map(|(part, min, max)| part.regex(*min, *max)).collect();
    let of = |regex: &str| format!("pattern: {{ column: {}, regex: {regex} }}", in_yaml(&column.name));
    Some(Candidate { rule: of(&format!("'^{}$'", regex.replace('\'', "''"))), without_values: of("…") })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Upper,
    Lower,
    Digit,
    One(char),
}

impl Part {
    fn regex(self, min: usize, max: usize) -> String {
        let one = match self {
            Self::Upper => "[A-Z]".to_owned(),
            Self::Lower => "[a-z]".to_owned(),
            Self::Digit => "[0-9]".to_owned(),
            Self::One(c) => regex::escape(&c.to_string()),
        };
        match (min, max) {
            (1, 1) => one,
            (min, max) if min == max => format!("{one}{{{min}}}"),
            _ => format!("{one}+"),
        }
    }
}

/// The kinds of characters of an ASCII text, with how many follow each other.
fn parts(text: &str) -> Option<Vec<(Part, usize)>> {
    let mut parts: Vec<(Part, usize)> = Vec::new();
    for c in text.chars() {
        let part = match c {
            'A'..='Z' => Part::Upper,
            'a'..='z' => Part::Lower,
            '0'..='9' => Part::Digit,
            c if c.is_ascii() && !c.is_ascii_control() => Part::One(c),
            _ => return None,
        };
        match parts.last_mut().filter(|last| last.0 == part) {
            Some(last) => last.1 += 1,
            None => parts.push((part, 1)),
        }
    }
    Some(parts)
}

/// The column's type, where text could be read as another.
fn of_type(sample: &Sample, column: &SampleColumn) -> Option<Candidate> {
    let data_type = column.data_type.as_ref().filter(|_| sample.is_text() && column.kind != Kind::Text)?;
    Some(Candidate::plain(format!("type: {{ column: {}, is: {} }}", in_yaml(&column.name), in_yaml(&type_name(data_type)))))
}
