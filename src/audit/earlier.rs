//! Earlier data beside the batch's columns: those of the baseline, else of the last recorded run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::Job;
use crate::diagnostic::Fault;
use crate::metric::any::AnySpec;
use crate::metric::cells::{Cells, CellsOut, Shapes};
use crate::metric::{Inputs, State, is_numeric};
use crate::prepare::Prepare;
use crate::privacy::Privacy;
use crate::rules::schema::earlier::{EarlierColumn, EarlierColumns, TypesBy, Whose};
use crate::rules::schema::profile::{ColumnProfile, Profiles};
use crate::rules::words::Over;
use crate::rules::{Asking, Facts, GroupFacts, Handle, Question, Requests, Scope};
use crate::source::{Format, Source};
use crate::summary::Summary;
use crate::types::{is_text, parse_type, type_name};

/// What there is of earlier data.
#[derive(Debug, Clone, Default)]
pub(super) enum Earlier {
    /// Nothing, and nobody said that there would be.
    #[default]
    Nothing,
    /// Nothing yet, and why.
    WarmingUp(String),
    Columns(Arc<EarlierColumns>),
    /// What is known only once it is known which batch is judged: its own rows and runs are left out.
    Open,
}

/// Of a column of earlier data: what is known of its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiled {
    pub(super) name: String,
    /// As rule files write it.
    pub(super) data_type: String,
    cells: bool,
    shapes: bool,
}

/// What is counted of a column of the batch, to be held beside earlier data.
#[derive(Clone)]
pub(super) struct ComparedColumn {
    name: String,
    cells: Option<Handle<Cells>>,
    shapes: Option<Handle<Shapes>>,
}

impl Earlier {
    pub(super) fn columns(&self) -> Option<&EarlierColumns> {
        match self {
            Self::Columns(columns) => Some(columns),
            Self::Nothing | Self::WarmingUp(_) | Self::Open => None,
        }
    }

    /// How the values of a column of the same kind were distributed earlier, and when.
    pub(super) fn cells_of(&self, name: &str, data_type: &DataType) -> Option<(String, &CellsOut)> {
        let columns = self.columns()?;
        let column = columns.columns.iter().find(|column| column.name == *name)?;
        let is_alike = |earlier: &DataType| earlier == data_type || (is_numeric(earlier) && is_numeric(data_type));
        let cells = column.profile.cells.as_ref().filter(|_| column.data_type.as_ref().is_some_and(is_alike))?;
        Some((columns.to_string(), cells))
    }

    /// What is known of the values of its columns.
    pub(super) fn profiled(&self) -> Vec<Profiled> {
        let of = |column: &EarlierColumn| Profiled {
            name: column.name.clone(),
            data_type: column.data_type.as_ref().map(type_name).unwrap_or_default(),
            cells: column.profile.cells.is_some(),
            shapes: column.profile.shapes.is_some(),
        };
        self.columns().into_iter().flat_map(|columns| &columns.columns).map(of).collect()
    }
}

/// What a summary keeps of the columns.
///
/// # Errors
/// It is damaged.
pub(super) fn columns(whose: Whose, name: &str, summary: &Summary, job: &Job<'_>) -> Result<EarlierColumns, Fault> {
    let mut columns = Vec::new();
    for column in &summary.columns {
        let data_type = parse_type(&column.data_type).ok();
        let profile = match &data_type {
            Some(data_type) => ColumnProfile {
                cells: of::<Cells>(summary, &column.name, data_type, job)?,
                shapes: of::<Shapes>(summary, &column.name, data_type, job)?,
            },
            None => ColumnProfile::default(),
        };
        columns.push(EarlierColumn { name: column.name.clone(), data_type, nullable: column.nullable, profile });
    }
    Ok(EarlierColumns { whose, name: name.to_owned(), columns })
}

/// What a summary keeps of all values of a column.
fn of<S: State<Spec = (), Out = CellsOut>>(
    summary: &Summary,
    name: &str,
    data_type: &DataType,
    job: &Job<'_>,
) -> Result<Option<CellsOut>, Fault> {
    let question = Question {
        state: S::NAME.to_owned(),
        version: S::VERSION,
        spec: AnySpec::of::<S>(()).json()?,
        columns: vec![name.to_owned()],
        condition: None,
        by: Vec::new(),
        over: Over::default(),
    };
    match summary.state(&question, std::slice::from_ref(data_type), &job.budget)? {
        Ok(state) => Ok(state.finish(&Inputs::default())?.downcast_ref::<CellsOut>().cloned()),
        Err(_) => Ok(None),
    }
}

/// Asks for what can be held beside earlier data, of the columns that are read anyway.
pub(super) fn ask(
    profiled: &[Profiled],
    prepare: &Prepare,
    columns: impl Iterator<Item = usize>,
    requests: &Requests,
) -> (Vec<ComparedColumn>, Requests) {
    let (schema, scope) = (&prepare.rule_schema, Scope { over: Over::All, ..Scope::default() });
    let mut asking = Asking::beside(requests);
    let is_there = |name: &str| prepare.schema_index_of(name).is_some();
    let gone: Vec<&Profiled> = profiled.iter().filter(|earlier| !is_there(&earlier.name)).collect();
    let (cells_gone, shapes_gone) = (gone.iter().any(|p| p.cells), gone.iter().any(|p| p.shapes));
    let by_name: HashMap<&str, &Profiled> = profiled.iter().rev().map(|earlier| (earlier.name.as_str(), earlier)).collect();
    let mut compared = Vec::new();
    for index in columns.filter(|_| !profiled.is_empty()) {
        let field = schema.field(index);
        if !is_there(field.name()) {
            continue;
        }
        // A column that is new may be one that is gone, by another name.
        let same = by_name.get(field.name().as_str()).copied();
        let is_text = is_text(field.data_type());
        let wants_cells =
            (is_numeric(field.data_type()) || same.is_none()) && !field.data_type().is_nested() && same.map_or(cells_gone, |p| p.cells);
        let wants_shapes = is_text && same.map_or(shapes_gone, |p| p.shapes);
        if wants_cells || wants_shapes {
            compared.push(ComparedColumn {
                name: field.name().clone(),
                cells: wants_cells.then(|| asking.want::<Cells>((), &[index], &scope)),
                shapes: wants_shapes.then(|| asking.want::<Shapes>((), &[index], &scope)),
            });
        }
    }
    (compared, asking.into_new())
}

/// How the values of columns looked earlier, and how they look in the batch; of masked columns nothing.
pub(super) fn profiles(
    (earlier, compared): (&Earlier, &[ComparedColumn]),
    facts: &Facts,
    privacy: &Privacy,
) -> Result<Option<Profiles>, Fault> {
    let Some(earlier) = earlier.columns() else { return Ok(None) };
    let facts = GroupFacts::whole(facts);
    let is_shown = |name: &str| privacy.mask_of(name).is_none();
    let mut new = BTreeMap::new();
    for column in compared.iter().filter(|column| is_shown(&column.name)) {
        let cells = column.cells.map(|handle| facts.get(handle)).transpose()?.flatten().cloned();
        let shapes = column.shapes.map(|handle| facts.get(handle)).transpose()?.flatten().cloned();
        new.insert(column.name.clone(), ColumnProfile { cells, shapes });
    }
    let old = earlier.columns.iter().filter(|column| is_shown(&column.name));
    let old = old.map(|column| (column.name.clone(), column.profile.clone())).collect();
    Ok(Some(Profiles { label: earlier.to_string(), old, new }))
}

/// Who says of what types the columns of `source` are.
pub(super) fn types_by(source: &dyn Source) -> TypesBy {
    let known = source.known();
    match (known.infers_types, known.format) {
        (false, _) => TypesBy::Files,
        // Events whose types are guessed are JSON.
        (true, None | Some(Format::Json | Format::Ndjson)) => TypesBy::JsonValues,
        (
            true,
            Some(Format::Csv | Format::Tsv | Format::Fixed | Format::Parquet | Format::Arrow | Format::Avro | Format::Orc | Format::Excel),
        ) => TypesBy::Texts,
    }
}
