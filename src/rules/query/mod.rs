mod check;

use schemars::JsonSchema;
use serde::Deserialize;

use self::check::QueryCheck;
use super::explained::{self, Expr, Is, Test};
use super::queried::{QueryAsked, mentioned};
use super::words::Over;
use super::{Alone, Binder, Explanation, Judge, Judges, OtherColumns, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::findings::{Outcome, figures};
use crate::metric::completeness::Completeness;
use crate::sql::query::{self, BATCH, Named, Query as PlannedQuery};
use crate::yaml::Spanned;

/// Rows that a query returns: each of them is bad.
///
/// The query is SQL over the table `batch` (the rows left by `clean`, with what `transform` adds) and over the sources that the section
/// `sources` names, each a table of its name, as its files hold it. It may join, group and nest as it likes; docs/formats.md says more
/// of its SQL. It only reads: there are no other tables, and no functions that differ from run to run. `now()` is the run's clock.
///
/// Where each row that it returns is a row of the batch, that row fails: it can be set aside, and `tolerate` counts it, once however often
/// it is returned. So it is with a query of the batch alone, or joined with other tables, whatever its conditions, windows, order and
/// limit; which columns it selects does not matter, and nothing of these is computed. Of a join on the side of which rows are made up (the right one of a `LEFT JOIN`) the rows of the
/// batch cannot be told; of a batch that is joined with itself the left one fails.
///
/// Where the query makes other rows (by `GROUP BY`, `DISTINCT`, `UNION`, an aggregate), no row of the batch fails: the number of rows
/// that it returns is held against `max`, and the first of them are shown, unless a masked column is read. More than that rejects the
/// batch unless `on_fail` says `warn` or `info`.
///
/// The query sees the sound rows (with `over: all` all of them), with `where` those it speaks of. All rows of the columns that it reads are
/// held in memory, within `--memory-limit`, beside what the query itself needs; a batch for which that is too little is not judged. What
/// a type cannot hold, a division by zero and text that is no number are faults; a condition holds them back from those behind it:
/// `q <> 0 AND p / q > 1`.
///
/// - Missing values and NaN: both are null in SQL, and a condition that is null returns no row.
/// - Infinities: they are values; one that arithmetic makes is a fault.
/// - No rows: `no_data`. A source without rows is an empty table.
///
/// Why: some mistakes show only across rows and tables, and whoever knows them can write them in SQL.
///
/// ```yaml
/// - query: { sql: "SELECT * FROM batch WHERE shipped_at < ordered_at" }
/// - query: { sql: "SELECT b.* FROM batch b LEFT JOIN customers c ON b.customer = c.id WHERE c.id IS NULL", tolerate: 1% }
/// - query: { sql: "SELECT country, count(*) FROM batch GROUP BY country HAVING count(*) < 10", max: 2, on_fail: warn }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The query, whose rows are bad.
    sql: Spanned<String>,
    /// How many rows a query may return that are no rows of the batch. If left out: none.
    max: Option<Spanned<u64>>,
}

impl Rule for Query {
    const NAME: &'static str = "query";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = true;
    const ON_FAIL_DEPENDS: bool = true;
    const JUDGES: Judges = Judges::Measures;
    const TAKES_GROUPS: bool = false;

    fn validate(&self, alone: &mut Alone<'_>) {
        if let Err(why) = query::tables_named(&self.sql.value) {
            alone.fault_at(&self.sql, Code::InvalidSql, why);
        }
    }

    fn explain(told: &Told<'_>) -> Explanation {
        let (Some(returned), Some(max)) = (told.figure(&figures::RETURNED_ROWS), Expr::of(&told.finding.limit)) else {
            return explained::general(told);
        };
        let mut explanation = Explanation::default();
        explanation.asks("does the query return more rows than `max`?", Test::of(returned, Is::Above, max), Outcome::Fail);
        explanation.otherwise(Outcome::Pass);
        explanation
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let sources = self.sources(to)?;
        let unseen = to.unseen_columns();
        let asked = QueryAsked {
            sql: self.sql.value.clone(),
            sources,
            names_rows: true,
            unseen,
            condition: None,
            over: Over::Sound,
            at: to.place_of(&self.sql),
        };
        let planned = self.planned(&asked, to)?;
        let names_rows = planned.as_ref().is_none_or(PlannedQuery::names_rows);
        if !names_rows {
            self.ensure_counts(to)?;
        } else if let Some(max) = &self.max {
            let what = "`max` counts rows that are no rows of the batch, and each row of this query is one";
            return Err(to.fault_at(max, Code::MisplacedWord, what).hint("write `tolerate: 10 rows`, or a share").into());
        }
        self.settle_types(asked.sources.is_empty(), planned.as_ref(), to);
        for column in mentioned(&self.sql.value, to.schema()) {
            to.show(column);
        }
        let rows = to.rows_in_scope();
        let max = self.max.as_ref().map_or(0, |max| max.value);
        let asked = QueryAsked { names_rows, ..asked };
        Ok(Box::new(QueryCheck { asked, max, rows, handle: None }))
    }
}

impl Query {
    /// The other tables that the query names.
    fn sources(&self, to: &Binder<'_>) -> Result<Vec<(String, Vec<String>)>, Fault> {
        let wrong = |why: Misread| to.fault_at(&self.sql, Code::InvalidSql, why);
        let declared = to.sources();
        if let Some((_, paths)) = declared.iter().find(|(name, _)| name == BATCH) {
            let fault = to.fault_at(paths, Code::ConflictingWords, format!("a source is called `{BATCH}`, as queries call the batch"));
            return Err(fault.hint("give the source another name"));
        }
        let mut sources = Vec::new();
        for name in query::tables_named(&self.sql.value).map_err(wrong)? {
            match declared.iter().find(|(known, _)| *known == name) {
                Some((_, paths)) => sources.push((name, paths.value.0.clone())),
                None if name == BATCH => {}
                None => {
                    let known: Vec<&str> = [BATCH].into_iter().chain(declared.iter().map(|(name, _)| name.as_str())).collect();
                    return Err(wrong(query::unknown_table(&name, &known)));
                }
            }
        }
        Ok(sources)
    }

    /// A query whose rows are no rows of the batch fails as a whole.
    fn ensure_counts(&self, to: &mut Binder<'_>) -> Result<(), Fault> {
        let hint = "write `reject`, `warn` or `info`; a query that returns rows of the batch groups none and joins none by `UNION`";
        to.rejects_unless_given("query", hint)?;
        if to.tolerates() {
            let what = "`tolerate` counts rows of the batch, and this query returns none of them";
            return Err(to.fault(Code::MisplacedWord, what).hint("write `max: 10`, of the rows that it returns"));
        }
        to.names_no_rows("query")
    }

    /// The query over the columns as they are known now; none where they are not known: other data cannot be opened here, or types
    /// may change.
    fn planned(&self, asked: &QueryAsked, to: &Binder<'_>) -> Result<Option<PlannedQuery>, Faults> {
        let mut others: Vec<(&str, OtherColumns)> = Vec::new();
        for (name, paths) in &asked.sources {
            let Some(opened) = to.open(paths) else { return Ok(None) };
            let at = |fault: Fault| if fault.place.is_none() { fault.at(asked.at.clone()) } else { fault };
            others.push((name, opened.map_err(|Faults(faults)| Faults(faults.into_iter().map(at).collect()))?));
        }
        let may_change = to.infers_types() || others.iter().any(|(_, columns)| columns.infers_types);
        let mut tables = vec![Named { name: BATCH, schema: to.schema(), unseen: &asked.unseen }];
        tables.extend(others.iter().map(|(name, columns)| Named { name, schema: &columns.schema, unseen: &[] }));
        match PlannedQuery::plan(&self.sql.value, &tables, to.now()) {
            Ok(planned) => Ok(Some(planned)),
            Err(wrong) if wrong.of_types && may_change => Ok(None),
            Err(wrong) => Err(to.fault_at(&self.sql, Code::InvalidSql, wrong.why).into()),
        }
    }

    /// Lets columns be read whose types follow from their values: until then, these are guesses. What is asked depends on the rule and
    /// the batch alone, so that whoever counts elsewhere asks the same.
    fn settle_types(&self, of_batch_alone: bool, planned: Option<&PlannedQuery>, to: &mut Binder<'_>) {
        let columns = match planned {
            Some(planned) if of_batch_alone => planned.reads(0).columns,
            Some(_) | None => to.all_columns(),
        };
        for column in columns {
            if to.is_inferred(&to.bound(column)) && !to.schema().field(column).data_type().is_nested() {
                to.want::<Completeness>((), &[column]);
            }
        }
    }
}
