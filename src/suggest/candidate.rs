//! A rule that may be suggested.

use super::yaml::scalar;

/// In which part of the file a rule stands: the order of what a reader asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    Missing,
    Keys,
    Dependencies,
    Sets,
    Formats,
    Ranges,
    Pairs,
}

impl Part {
    /// The heading of the part.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Missing => "Values that must be there",
            Self::Keys => "Keys, and the order of rows",
            Self::Dependencies => "Columns that follow from others",
            Self::Sets => "Sets of values",
            Self::Formats => "How values are written",
            Self::Ranges => "How large values are",
            Self::Pairs => "How columns stand to each other",
        }
    }
}

/// What was found of a pair of columns of which one seems to follow from the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    /// Rows whose group has two rows or more.
    pub shared: usize,
    pub groups: usize,
    /// Rows that differ from most of their group.
    pub broken: usize,
    /// Of these, rows whose pair of values is usual: that is no error.
    pub usual: usize,
    /// How many different values the first column has.
    pub values: usize,
}

/// A rule, with what speaks for it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub part: Part,
    pub rule: &'static str,
    /// The columns it is about.
    pub columns: Vec<String>,
    /// Its words, values as YAML writes them.
    pub words: Vec<(&'static str, String)>,
    /// What in the data speaks for it.
    pub why: String,
    /// The part of the rows that fails among those that it was made from.
    pub expected: f64,
    /// What was found of two columns, where it says that one follows from the other.
    pub followed: Option<Followed>,
    /// How many values it lists.
    pub members: usize,
    /// How many rows fail, and the first of them, once all were judged.
    pub failing: u64,
    pub first: Vec<String>,
}

/// Alike in all of these, two candidates are one rule.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Likeness<'a> {
    rule: &'static str,
    columns: &'a [String],
    words: Vec<&'static str>,
    /// Of rules about pairs, what they say too.
    values: Vec<&'a str>,
}

impl Candidate {
    /// A rule about one column.
    pub(super) fn about(
        part: Part,
        rule: &'static str,
        column: &str,
        words: Vec<(&'static str, String)>,
        why: String,
        expected: f64,
    ) -> Self {
        let mut all = vec![("column", scalar(column))];
        all.extend(words);
        Self::new(part, rule, vec![column.to_owned()], all, why, expected)
    }

    /// A rule about rows.
    pub(super) fn new(
        part: Part,
        rule: &'static str,
        columns: Vec<String>,
        words: Vec<(&'static str, String)>,
        why: String,
        expected: f64,
    ) -> Self {
        Self { part, rule, columns, words, why, expected, followed: None, members: 0, failing: 0, first: Vec::new() }
    }

    /// What makes it the same rule, whatever its figures are: it was found in another part of the data.
    pub(super) fn likeness(&self) -> Likeness<'_> {
        let values = self.words.iter().filter(|_| self.part == Part::Pairs);
        Likeness {
            rule: self.rule,
            columns: &self.columns,
            words: self.words.iter().map(|(word, _)| *word).collect(),
            values: values.map(|(_, value)| value.as_str()).collect(),
        }
    }

    /// The rule as a rule file writes it, with further words.
    pub(super) fn written(&self, more: &[(&str, String)]) -> String {
        let own = self.words.iter().map(|(word, value)| (*word, value));
        let words: Vec<String> =
            own.chain(more.iter().map(|(word, value)| (*word, value))).map(|(word, value)| format!("{word}: {value}")).collect();
        format!("{}: {{ {} }}", self.rule, words.join(", "))
    }
}
