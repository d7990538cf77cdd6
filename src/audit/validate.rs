//! Rule files judged without data: SQL and patterns by themselves, rules by the columns of the contract.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, Utc};

use super::bind::{self, Terms};
use super::{Job, Keeps};
use crate::diagnostic::{Code, Fault, Faults};
use crate::rules::Alone;
use crate::rules::schema::Evolution;
use crate::ruleset::RuleFile;
use crate::sql::LazySql;

/// What is wrong with the SQL and the patterns of `rules`, whatever the data is.
pub fn mistakes_alone(rules: &RuleFile, now: DateTime<Utc>) -> Faults {
    let sql = LazySql::new(now);
    let schema = of_contract(rules);
    let mut alone = Alone::new(&sql, &schema, &rules.path);
    let sections = &rules.sections;
    for step in &sections.clean {
        step.drop_where.iter().chain(&step.keep_where).for_each(|text| alone.sql(text));
    }
    for (_, text) in &sections.transform.0 {
        alone.sql(text);
    }
    for known in &sections.known {
        alone.sql(&known.r#where);
    }
    for item in &rules.items {
        item.words.r#where.iter().for_each(|text| alone.sql(text));
        item.rule.validate(&mut alone);
    }
    rules.quiet(alone.faults)
}

/// What is wrong with `rules` beside data that was opened: every mistake that its columns show.
pub fn mistakes_beside(job: &Job<'_>) -> Faults {
    let mut faults = job.bind(job.source.as_ref(), &[]).err().unwrap_or_default();
    // Where rows go has not been looked at.
    faults.0.retain(|fault| fault.code != Code::MissingOption);
    job.quiet(faults)
}

/// What the contract of `rules` says of them, where there is one.
#[derive(Debug, Default)]
pub struct AgainstContract {
    /// Mistakes: the rules can judge no batch that keeps to the contract.
    pub faults: Faults,
    /// Columns that the contract does not name, but that a batch may have.
    pub doubts: Faults,
}

/// Compares `rules` with their own contract. A column that no contract names is a mistake where the contract is exact.
pub fn against_contract(rules: &RuleFile, now: DateTime<Utc>) -> AgainstContract {
    let columns = rules.contract();
    let mut found = AgainstContract::default();
    if columns.is_empty() {
        return found;
    }
    let schema = Arc::new(of_contract(rules));
    let terms = Terms {
        rules,
        schema: &schema,
        infers: false,
        without_values: &[],
        now,
        as_of: now,
        published: None,
        keeps: Keeps::Nothing,
        profiled: &[],
        others: None,
    };
    let has_all_types = columns.iter().all(|column| column.data_type.is_some());
    for fault in rules.quiet(bind::bind(&terms).err().unwrap_or_default()) {
        match fault.code {
            _ if is_about_names(&fault) && rules.sections.evolution() == Evolution::Exact => found.faults.push(in_contract(fault)),
            _ if is_about_names(&fault) => found.doubts.push(in_contract(fault)),
            Code::MissingOption => {}
            _ if has_all_types => found.faults.push(fault),
            _ => {}
        }
    }
    found
}

fn is_about_names(fault: &Fault) -> bool {
    fault.code == Code::UnknownColumn || (fault.code == Code::InvalidSql && fault.what.contains("unknown column"))
}

fn in_contract(fault: Fault) -> Fault {
    Fault { what: format!("{}: the `schema` section does not name it", fault.what), ..fault }
}

/// The columns of the contract; those without a type as text.
fn of_contract(rules: &RuleFile) -> Schema {
    let text = |name: &String| Field::new(name, DataType::Utf8, true);
    let untyped = rules.contract().into_iter().filter(|column| column.data_type.is_none());
    let schema = Schema::new(untyped.map(|column| text(&column.name)).collect::<Vec<_>>());
    bind::contract_schema(rules, &schema, &[])
}
