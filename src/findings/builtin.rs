//! Kinds of findings that need no rule, and the ids that are theirs alone.

use super::FindingCode;

/// A kind of finding that no rule of the file makes.
#[derive(Debug)]
pub struct Builtin {
    pub code: FindingCode,
    /// What its findings name as their rule.
    pub rule: &'static str,
    pub ids: Ids,
    /// When there is such a finding, in a sentence.
    pub meaning: &'static str,
}

/// How the findings of a kind are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// There is one at most, of this id.
    One(&'static str),
    /// There is one at most, of the first id, or of the second where a rule's finding bears the first.
    OneOf(&'static str, &'static str),
    /// One a column or condition, whose name follows behind a hyphen.
    Each(&'static str),
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $rule:literal, $ids:expr, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub static $name: Builtin = Builtin { code: FindingCode::new($code), rule: $rule, ids: $ids, meaning: $meaning };)*
        /// Every kind, in the order of the documentation.
        pub static ALL: &[&Builtin] = &[$(&$name),*];
    };
}

kinds! {
    MALFORMED = "malformed", "malformed", Ids::One("malformed"), "Records that cannot be read.";
    EMPTY = "rows/empty", "rows", Ids::OneOf("rows", "rows-empty"), "The batch has no rows, and no rule says that it may.";
    PREPARE = "prepare", "prepare", Ids::One("prepare"), "Steps of `clean` or `transform` that the batch's columns do not allow.";
    SOURCE = "source", "source", Ids::One("source"), "Oddities of the files that were read.";
    KNOWN = "known", "known", Ids::One("known"), "Known issues past their last day, or close to it.";
    SCHEMA = "schema", "schema", Ids::One("schema"), "The columns differ from the contract's, or the table's where there is no contract.";
    SCHEMA_TABLE = "schema/table", "schema", Ids::One("schema-table"), "The table cannot take the columns, whatever the contract says.";
    REQUIRED = "contract/required", "missing", Ids::Each("required"), "Rows without a value that the contract requires.";
    NOT_NULL = "table/not-null", "missing", Ids::Each("not-null"), "Rows without a value of a column that is NOT NULL in the table.";
    HELD = "table/held", "schema", Ids::Each("held"), "Rows with a value that the table's type cannot hold.";
    CONSTRAINT = "table/constraint", "expression", Ids::Each("constraint"), "Rows that do not meet a constraint of the table.";
    COMPARE = "compare", "compare", Ids::Each("compare"), "What two data sets share, and what only one of them has: in reports of `sluicegate compare`.";
    GATE_BIAS = "gate/bias", "gate_bias", Ids::Each("gate-bias"), "What setting rows aside does to the groups that rules declare: where rows are set aside.";
    INVARIANT = "table/invariant", "expression", Ids::Each("invariant"), "Rows that do not meet an invariant of the table.";
}

impl Builtin {
    /// The id of its only finding; of many, what their ids begin with.
    pub fn id(&self) -> &'static str {
        match self.ids {
            Ids::One(id) | Ids::OneOf(id, _) | Ids::Each(id) => id,
        }
    }

    /// The id of its only finding, where those in `taken` are others'.
    pub fn id_beside(&self, taken: impl Fn(&str) -> bool) -> &'static str {
        match self.ids {
            Ids::OneOf(first, second) if taken(first) => second,
            Ids::One(id) | Ids::OneOf(id, _) | Ids::Each(id) => id,
        }
    }

    /// The id of its finding about `name`.
    pub fn id_of(&self, name: &str) -> String {
        format!("{}-{name}", self.id())
    }

    fn owns(&self, id: &str) -> bool {
        match self.ids {
            Ids::One(own) => id == own,
            Ids::OneOf(first, second) => id == first || id == second,
            Ids::Each(own) => id.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
        }
    }
}

/// The reserved ids, as the alternatives of a regular expression.
pub fn reserved() -> String {
    let ids = ALL.iter().map(|kind| match kind.ids {
        Ids::One(id) => id.to_owned(),
        Ids::OneOf(first, second) => format!("{first}|{second}"),
        Ids::Each(id) => format!("{id}(-.*)?"),
    });
    ids.collect::<Vec<_>>().join("|")
}

/// The kind that the id is reserved for, if there is one.
pub fn owner_of(id: &str) -> Option<&'static Builtin> {
    ALL.iter().copied().find(|kind| kind.owns(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_ids_are_known_with_what_follows_them() {
        let code = |id: &str| owner_of(id).map(|kind| kind.code.as_str());
        assert_eq!(code("malformed"), Some("malformed"));
        assert_eq!(code("required-email"), Some("contract/required"));
        assert_eq!(code("not-null-address.city"), Some("table/not-null"));
        assert_eq!(code("required"), Some("contract/required"));
        for free in ["requirements", "malformed-2", "rows-of-today", "missing-email", ""] {
            assert_eq!(code(free), None, "{free}");
        }
    }

    #[test]
    fn no_id_belongs_to_two_kinds() {
        for (i, kind) in ALL.iter().enumerate() {
            assert_eq!(ALL.iter().position(|other| other.owns(kind.id())), Some(i), "{}", kind.code);
        }
    }
}
