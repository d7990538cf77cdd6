//! A rule file beside the table that its batches go to, and beside earlier data: where it has no contract, the table's columns
//! are the contract; where there is no table either, those of earlier data.

use std::collections::{HashMap, HashSet};

use super::RuleFile;
use crate::rules::schema::SchemaSection;
use crate::rules::schema::earlier::{EarlierColumns, Whose};
use crate::rules::schema::table::TableTerms;
use crate::source::ContractColumn;

/// What the columns of a batch are compared with.
pub enum Contract<'a> {
    /// The rule file's own section.
    Own(&'a SchemaSection),
    /// The columns of the table.
    Table(&'a TableTerms),
    /// The columns of the baseline.
    Baseline(&'a EarlierColumns),
    /// The columns of the last recorded run.
    LastRun(&'a EarlierColumns),
}

impl RuleFile {
    /// From now on these are rules for batches that go to a Delta table: to `table`, if it is there.
    pub fn beside(&mut self, table: Option<TableTerms>) {
        (self.table, self.goes_to_delta) = (table, true);
    }

    /// What columns are compared with: the rule file's contract, else the destination's table, else the columns of earlier data.
    /// A section that names no column only says what follows a change; one that says `against` takes these columns alone.
    pub fn compared_with<'a>(&'a self, earlier: Option<&'a EarlierColumns>) -> Option<Contract<'a>> {
        if self.sections.schema.as_ref().is_some_and(|section| section.value.against.is_some()) {
            return earlier.map(Contract::Baseline);
        }
        match (self.own_contract(), &self.table, earlier) {
            (Some(own), _, _) => Some(Contract::Own(own)),
            (None, Some(table), _) => Some(Contract::Table(table)),
            (None, None, Some(earlier)) => Some(match earlier.whose {
                Whose::Baseline | Whose::Named => Contract::Baseline(earlier),
                Whose::LastRun => Contract::LastRun(earlier),
            }),
            (None, None, None) => None,
        }
    }

    /// The contract that the rule file writes out, if it names a column.
    fn own_contract(&self) -> Option<&SchemaSection> {
        self.sections.schema.as_ref().map(|section| &section.value).filter(|section| !section.columns.0.is_empty())
    }

    /// The contract, as a source reads it: of columns that it gives no type, the table's type holds.
    pub fn contract(&self) -> Vec<ContractColumn> {
        let mut columns = self.sections.contract();
        let Some(table) = &self.table else { return columns };
        // Without a header a contract also says what the columns are called.
        if self.sections.source.header.is_some_and(|header| header.0 == 0) && !columns.is_empty() {
            return columns;
        }
        let made: HashSet<&str> = self.sections.transform.0.iter().map(|(made, _)| made.as_str()).collect();
        // Where each column stands, the first of several, and what holds the nested fields among them.
        let mut places: HashMap<String, usize> = columns.iter().enumerate().rev().map(|(place, c)| (c.name.clone(), place)).collect();
        let mut around: HashSet<String> = columns.iter().flat_map(|column| around_of(&column.name)).collect();
        for field in table.schema.fields().iter().filter(|f| !made.contains(f.name().as_str())) {
            let of_table =
                ContractColumn { name: field.name().clone(), data_type: Some(field.data_type().clone()), format: None, is_strict: true };
            match places.get(field.name()).copied() {
                Some(own) if columns[own].data_type.is_none() => columns[own] = of_table,
                Some(_) => {}
                None if around.contains(field.name()) => {}
                None => {
                    places.insert(of_table.name.clone(), columns.len());
                    around.extend(around_of(&of_table.name));
                    columns.push(of_table);
                }
            }
        }
        columns
    }
}

/// The paths that hold this one.
fn around_of(path: &str) -> impl Iterator<Item = String> {
    path.match_indices(['.', '[']).map(|(at, _)| path[..at].to_owned())
}
