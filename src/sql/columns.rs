//! The columns that an expression may name. Tables may be wide and rules many, so they are found by name, and of each text only
//! those that it may speak of are planned over.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Fields, Schema};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::{Expression, Misread};

/// The columns of a table, by name.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    fields: Vec<FieldRef>,
    places: HashMap<String, usize>,
    /// Whether several have one name: then the planner says so, which has to see them all.
    has_repeated: bool,
}

impl Columns {
    pub(crate) fn of(fields: &Fields) -> Self {
        let mut new = Self { fields: fields.to_vec(), ..Self::default() };
        for (index, field) in fields.iter().enumerate() {
            new.has_repeated |= new.places.contains_key(field.name());
            new.places.entry(field.name().clone()).or_insert(index);
        }
        new
    }

    pub(crate) fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// Where the column called `name` stands.
    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Adds a column, or replaces the one of its name. Gives where it stands.
    pub(crate) fn set(&mut self, field: FieldRef) -> usize {
        if let Some(index) = self.index_of(field.name()) {
            self.fields[index] = field;
            return index;
        }
        self.places.insert(field.name().clone(), self.fields.len());
        self.fields.push(field);
        self.fields.len() - 1
    }

    /// All of them.
    pub(super) fn schema(&self) -> Schema {
        Schema::new(self.fields.clone())
    }

    /// Those whose names stand in `text`.
    pub(super) fn spoken_of(&self, text: &str) -> Schema {
        let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize() else { return self.schema() };
        if self.has_repeated {
            return self.schema();
        }
        let index = |token: &Token| match token {
            Token::Word(word) => self.index_of(&word.value),
            _ => None,
        };
        let spoken_of: BTreeSet<usize> = tokens.iter().filter_map(index).collect();
        Schema::new(spoken_of.into_iter().map(|index| self.fields[index].clone()).collect::<Vec<_>>())
    }
}

/// A table that conditions were compiled over.
#[derive(Debug)]
struct Table {
    fields: Fields,
    columns: Rc<Columns>,
    /// What became of conditions: a rule over many columns has one for all of them.
    conditions: HashMap<String, Result<Expression, Misread>>,
}

/// The tables that were asked for last: rule after rule asks for the same ones.
#[derive(Debug, Default)]
pub(super) struct Tables(RefCell<Vec<Table>>);

impl Tables {
    /// The columns of `schema`.
    pub(super) fn columns(&self, schema: &Schema) -> Rc<Columns> {
        self.of(&schema.fields, |table| table.columns.clone())
    }

    /// What became of the condition `text` over `schema`, if it was compiled before.
    pub(super) fn condition(&self, text: &str, schema: &Schema) -> Option<Result<Expression, Misread>> {
        self.of(&schema.fields, |table| table.conditions.get(text).cloned())
    }

    pub(super) fn keep(&self, text: &str, schema: &Schema, condition: &Result<Expression, Misread>) {
        self.of(&schema.fields, |table| table.conditions.insert(text.to_owned(), condition.clone()));
    }

    fn of<T>(&self, fields: &Fields, what: impl FnOnce(&mut Table) -> T) -> T {
        /// The batch, and what the contract makes of it.
        const KEPT: usize = 2;
        let mut tables = self.0.borrow_mut();
        let known = tables.iter().position(|table| std::ptr::eq(table.fields.as_ref() as *const [FieldRef], fields.as_ref()));
        let at = known.unwrap_or_else(|| {
            tables.truncate(KEPT - 1);
            tables.insert(0, Table { fields: fields.clone(), columns: Rc::new(Columns::of(fields)), conditions: HashMap::new() });
            0
        });
        what(&mut tables[at])
    }
}

/// `fields` as SQL sees them: any value may be missing.
pub(super) fn nullable(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(|field| Arc::new(Field::clone(field).with_nullable(true))).collect::<Vec<_>>())
}
