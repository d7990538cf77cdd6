//! Values against a set.

mod against;
mod contained;
mod set;
mod word;

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Deserialize;

use self::against::NewValues;
use self::contained::Contained;
use self::set::{Set, Written, shown};
use self::word::SetWord;
use super::explained::{self, Is, Test, by_group};
use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::key_lookup::KeyLookup;
use super::requests::{Handle, TestHandle};
use super::words::{Against, Elsewhere};
use super::{Binder, Explanation, Files, GroupFacts, Judge, RowTest, Rule, Subject, Tested, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, Unit, figures};
use crate::metric::Column;
use crate::metric::completeness::Completeness;
use crate::metric::keys::Lookup;
use crate::metric::members::{Member, Members};
use crate::rows::Mask;
use crate::yaml::Spanned;

/// Values against a set: only these, none of these, at least these, or exactly these.
///
/// `in` and `not_in` judge row by row: a row fails whose value is not of the set, or is of it.
/// `must_contain` judges the batch: each member must occur at least once, among the sound rows in
/// scope (those that no other rule sets aside), with `by` in each group; the finding names the
/// members that are absent. `must_equal` does both: a value outside the set fails its row, and each
/// member must occur. An absent member is no row that could be set aside, so `must_contain` and
/// `must_equal` reject the batch unless `on_fail` says `warn` or `info`; for rows set aside, write
/// `in` and `must_contain` as two rules.
///
/// A set may be long: `{ file: PATH }` is a text file with a member on each line, as it stands there; empty lines are passed over, and
/// `null` is a text. A path starts at the directory in which the program runs; the file is read with the rule file, and a change of it
/// makes another one. A set may also be the values of a column of other data, however many: `customers.id`, of a source that
/// the section `sources` names, or `{ source: PATH, column: NAME }`. Such a set is looked up as `foreign_key` does it, over the sound
/// rows, and missing values are not judged; values that do not occur are counted and not named. Other data without a value are
/// `no_data` for `not_in` and `must_contain`.
///
/// `against` takes the set from other data, the column of the same name: a row fails whose value does not occur there. Both may have up to a million
/// different texts, or 4,096 different numbers (65,536 values in all are told apart in any case); a baseline file keeps fewer,
/// and where it keeps too few the rule says `needs a scan`.
///
/// Members are read as the column's type: `1` matches `1.00` in a decimal column, and `N` is a
/// string even though some YAML readers take it for false. Where `null` is a member, missing values
/// are in the set, whatever `nulls` says. Quoted, `"null"` is a text. The set may be empty:
/// with `in: []` or `must_equal: []` every value fails, with `not_in: []` or `must_contain: []` none.
///
/// - Missing values and NaN: they pass, unless `nulls: fail` or the set names `null`.
/// - Infinities: they are values like others.
/// - No rows: `no_data`.
///
/// Why: a new status code no consumer knows, a country spelled two ways, a region whose file did not arrive.
///
/// ```yaml
/// - values: { column: status, in: [open, paid, shipped] }
/// - values: { column: country, not_in: [XX, "??"] }
/// - values: { column: plan, in: [free, pro, null], nulls: fail }
/// - values: { column: region, must_contain: [north, south] }
/// - values: { column: label, must_equal: [0, 1] }
/// - values: { column: currency, in: { file: rules/currencies.txt } }
/// - values: { column: email, not_in: { source: data/unsubscribed.csv, column: address } }
/// - values: { column: region, must_contain: { source: data/regions.csv, column: code } }
/// - values: { column: shop, against: yesterday.csv, tolerate: 0.1% }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Values {
    /// The only values allowed. If left out: required unless another set is given.
    r#in: Option<Spanned<SetWord>>,
    /// Values that are not allowed. If left out: required unless another set is given.
    not_in: Option<Spanned<SetWord>>,
    /// Values each of which must occur at least once. If left out: required unless another set is given.
    must_contain: Option<Spanned<SetWord>>,
    /// The values that must occur, and the only ones allowed. If left out: required unless another set is given.
    must_equal: Option<Spanned<SetWord>>,
    /// Other data whose values are the only ones allowed. If left out: required unless a set is given.
    against: Option<Spanned<Against>>,
}

impl Rule for Values {
    const NAME: &'static str = "values";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const ALSO_MEASURES: bool = true;

    fn explain(told: &Told<'_>) -> Explanation {
        by_group(told, |told, explanation| {
            if let Some(absent) = told.figure(&figures::ABSENT_VALUES) {
                explanation.asks("is there a member that does not occur?", Test::of(absent, Is::Above, 0u64), Outcome::Fail);
            }
            if let Some(lacking) = told.figure(&figures::LACKING_KEYS) {
                explanation.asks(
                    "is there a value of the other data that does not occur?",
                    Test::of(lacking, Is::Above, 0u64),
                    Outcome::Fail,
                );
            }
            match told.figure(&figures::ROWS_IN_SCOPE) {
                Some(_) => explained::rows(told, explanation),
                None => explanation.otherwise(Outcome::Pass),
            }
        })
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        if let Some(against) = &self.against {
            let has_set = self.r#in.is_some() || self.not_in.is_some() || self.must_contain.is_some() || self.must_equal.is_some();
            if has_set {
                let what = "`against` takes the set from other data, and a set is given too";
                return Err(to.fault_at(against, Code::ConflictingWords, what).hint("write two rules").into());
            }
            return Ok(Box::new(NewValues::bind(&against.value.0, to)?));
        }
        match (&self.r#in, &self.not_in, &self.must_contain, &self.must_equal) {
            (Some(set), None, None, None) => Self::row_by_row(set, true, to),
            (None, Some(set), None, None) => Self::row_by_row(set, false, to),
            (None, None, Some(set), None) => {
                to.names_no_rows("must_contain")?;
                if let Some(elsewhere) = column_of(set) {
                    let query = to.elsewhere(&elsewhere, &[to.column()])?;
                    return Ok(Box::new(Contained::bind(query, to)));
                }
                let absent = Absent::want(listed(set, to)?.0, to)?;
                let rows = to.want::<Completeness>((), &[]);
                Ok(Box::new(ContainCheck { absent, rows }))
            }
            (None, None, None, Some(set)) => {
                to.rejects_unless_given("must_equal", "write `in` and `must_contain` as two rules, the first of which sets rows aside")?;
                if let Some(elsewhere) = column_of(set) {
                    return Ok(Box::new(Self::looked_up(&elsewhere, Lookup::Absent, to)?.limited(Some(1), None)));
                }
                let (members, file) = listed(set, to)?;
                let absent = Absent::want(members, to)?;
                let ValuesCheck { test, says } = Self::test(members, file, true, to)?;
                Ok(Box::new(EqualCheck { absent, test, says }))
            }
            (None, None, None, None) => {
                let hint = "give `in`, `not_in`, `must_contain`, `must_equal` or `against`";
                Err(to.fault(Code::MissingWord, "`values` has no set").hint(hint).into())
            }
            _ => {
                let what = "`in`, `not_in`, `must_contain` and `must_equal` exclude each other";
                Err(to.fault(Code::ConflictingWords, what).hint("write two rules").into())
            }
        }
    }

    fn looks_into(&self) -> Vec<Spanned<Elsewhere>> {
        [&self.r#in, &self.not_in, &self.must_contain, &self.must_equal].into_iter().flatten().filter_map(column_of).collect()
    }

    fn read_files(&mut self, files: &mut Files<'_>) -> Result<(), Faults> {
        let mut faults = Faults::default();
        for set in [&mut self.r#in, &mut self.not_in, &mut self.must_contain, &mut self.must_equal].into_iter().flatten() {
            faults.take(set.value.read(set.at, files));
        }
        faults.or_ok(())
    }
}

/// The column of other data that a set is, if it is one.
fn column_of(set: &Spanned<SetWord>) -> Option<Spanned<Elsewhere>> {
    set.value.column(set.at).map(|value| Spanned { at: set.at, value })
}

/// The members of a set that is no column of other data, and the file that it was read from.
fn listed<'a>(set: &'a Spanned<SetWord>, to: &Binder<'_>) -> Result<(&'a [Written], Option<&'a str>), Fault> {
    match &set.value {
        SetWord::Members { members, file } => Ok((members, file.as_deref())),
        SetWord::File(path) => Err(to.fault_at(path, Code::Internal, format!("internal error: `{}` was not read", path.value))),
        SetWord::Column(_) => Err(to.fault_at(set, Code::Internal, "internal error: a column of other data has no list of members")),
    }
}

impl Values {
    fn row_by_row(set: &Spanned<SetWord>, allowed: bool, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        if let Some(elsewhere) = column_of(set) {
            let lookup = if allowed { Lookup::Absent } else { Lookup::Present };
            return Ok(Box::new(Self::looked_up(&elsewhere, lookup, to)?));
        }
        let (members, file) = listed(set, to)?;
        if to.scope.over == super::words::Over::All {
            let fault = to.fault(Code::MisplacedWord, "`over` has no meaning beside `in` and `not_in`, which judge each row by itself");
            return Err(fault.hint("leave it out").into());
        }
        Ok(Box::new(Self::test(members, file, allowed, to)?))
    }

    /// A lookup in a column of other data.
    fn looked_up(elsewhere: &Spanned<Elsewhere>, lookup: Lookup, to: &mut Binder<'_>) -> Result<KeyLookup, Fault> {
        let columns = [to.column()];
        let query = to.elsewhere(elsewhere, &columns)?;
        let does = if lookup == Lookup::Present { "occurs" } else { "does not occur" };
        let says = format!("with a value that {does} in {}", query.name);
        Ok(KeyLookup::bind(query, &columns, lookup, says, to))
    }

    fn test(members: &[Written], file: Option<&str>, allowed: bool, to: &mut Binder<'_>) -> Result<ValuesCheck, Faults> {
        let column = to.column();
        let members_read = Set::new(set::read(members, &column, to)?.into_iter().flatten());
        let names: Vec<&str> = members.iter().take(8).map(shown).collect();
        let more = if members.len() > 8 { ", …" } else { "" };
        let set = file.map_or_else(|| format!("{{{}{more}}}", names.join(", ")), str::to_owned);
        let says = match (members.is_empty(), allowed) {
            (true, true) => "with a value, where none is allowed".to_owned(),
            (_, true) => format!("not in {set}"),
            (_, false) => format!("in {set}"),
        };
        let test = to.row_test(ValuesTest { set: members_read, allowed }, &[column.index]);
        Ok(ValuesCheck { test, says })
    }
}

struct ValuesTest {
    set: Set,
    allowed: bool,
}

impl RowTest for ValuesTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let (is_member, missing) = (self.set.members(columns[0], len), columns[0].missing());
        let fails = if self.allowed { is_member.not() } else { is_member };
        match (self.set.has_missing, self.allowed) {
            (false, _) => Tested { fails, unknown: missing.clone() },
            (true, true) => Tested { fails: fails.without(missing), unknown: Mask::None },
            (true, false) => Tested { fails: fails.or(missing), unknown: Mask::None },
        }
    }
}

#[derive(Clone)]
struct ValuesCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for ValuesCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}

/// Members that must occur.
#[derive(Clone)]
struct Absent {
    /// As they are written.
    names: Vec<String>,
    found: Handle<Members>,
}

impl Absent {
    fn want(members: &[Written], to: &mut Binder<'_>) -> Result<Self, Faults> {
        let column = to.column();
        let (mut names, mut wanted, mut faults) = (Vec::new(), Vec::<Member>::new(), Faults::default());
        let mut known = HashSet::new();
        for (written, member) in members.iter().zip(set::read(members, &column, to)?) {
            match member {
                Some(member) if !known.insert(member.clone()) => {}
                Some(member) => {
                    names.push(written.value.as_ref().map_or("null".to_owned(), |literal| format!("`{literal}`")));
                    wanted.push(member);
                }
                None => {
                    let what = format!("`{}` can never occur: no {} equals it", shown(written), crate::types::type_name(&column.data_type));
                    faults.push(to.fault_at(written, Code::InvalidValue, what));
                }
            }
        }
        faults.or_ok(())?;
        let found = to.want::<Members>(wanted, &[column.index]);
        Ok(Self { names, found })
    }

    /// The members that do not occur, and that in words, if there are any.
    fn of(&self, facts: &GroupFacts<'_>) -> Result<(u64, Option<String>), Fault> {
        const SHOWN_MAX: usize = 8;
        let found = facts.get(self.found)?;
        let is_absent = |i: usize| found.is_none_or(|found| !found[i]);
        let absent: Vec<&str> = (0..self.names.len()).filter(|&i| is_absent(i)).map(|i| self.names[i].as_str()).collect();
        let more = absent.len().saturating_sub(SHOWN_MAX);
        let mut said = absent.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
        if more > 0 {
            said.push_str(&format!(" and {more} more"));
        }
        let (n, of) = (absent.len(), self.names.len());
        let are = if n == 1 { "does" } else { "do" };
        Ok((n as u64, (n > 0).then(|| format!("{n} of {of} values {are} not occur: {said}"))))
    }
}

#[derive(Clone)]
struct ContainCheck {
    absent: Absent,
    rows: Handle<Completeness>,
}

impl SinglePass for ContainCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let rows = facts.get(self.rows)?.map_or(0, |c| c.rows);
        if rows == 0 {
            return Ok(Judgement::NoData("no rows in scope".into()));
        }
        let (absent, said) = self.absent.of(facts)?;
        Ok(Judgement::measured(Finding {
            outcome: if said.is_some() { Outcome::Fail } else { Outcome::Pass },
            observed: absent.into(),
            limit: 0u64.into(),
            unit: Unit::KEYS,
            message: said.unwrap_or_else(|| all_occur(self.absent.names.len())).into(),
            figures: Figures::from([(&figures::ABSENT_VALUES, absent.into()), (&figures::ROWS, rows.into())]),
            ..Finding::default()
        }))
    }
}

#[derive(Clone)]
struct EqualCheck {
    absent: Absent,
    test: TestHandle,
    says: String,
}

impl SinglePass for EqualCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let (absent, broken) = self.absent.of(facts)?;
        let figures = Figures::from([(&figures::ABSENT_VALUES, absent.into())]);
        Ok(Judgement::Rows(RowsJudged { broken, figures, ..RowsJudged::of_test(facts.test(self.test), &self.says) }))
    }
}

fn all_occur(values: usize) -> String {
    match values {
        0 => "no value is asked for".to_owned(),
        1 => "the value occurs".to_owned(),
        all => format!("all {all} values occur"),
    }
}
