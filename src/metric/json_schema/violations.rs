//! Why rows fail a JSON Schema.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::instance::each_instance;
use super::{Reason, SchemaSpec};
use crate::diagnostic::Fault;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::inputs::Inputs;
use crate::metric::state::{Rows, State};
use crate::metric::{Column, encoding};

/// Beyond so many different reasons only keywords are counted: a path may hold keys that come from the data.
const REASONS_MAX: usize = 1_000;

/// Rows by what of a schema they fail. A row counts once for each reason.
#[derive(Debug)]
pub struct Violations {
    spec: SchemaSpec,
    counts: Counts,
    memory: Reservation,
}

/// Rows by reason; none once there were too many reasons. And rows by keyword.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Counts {
    reasons: Option<BTreeMap<Reason, u64>>,
    keywords: BTreeMap<String, u64>,
}

/// Reasons with how many rows each fails, the most frequent first.
pub type ViolationsOut = Vec<(Reason, u64)>;

impl Counts {
    fn add(&mut self, row: BTreeSet<Reason>) {
        let keywords: BTreeSet<&str> = row.iter().map(|reason| reason.keyword.as_str()).collect();
        for keyword in keywords {
            *self.keywords.entry(keyword.to_owned()).or_default() += 1;
        }
        if let Some(reasons) = &mut self.reasons {
            row.into_iter().for_each(|reason| *reasons.entry(reason).or_default() += 1);
        }
        self.bound();
    }

    fn bound(&mut self) {
        self.reasons = self.reasons.take().filter(|reasons| reasons.len() <= REASONS_MAX);
    }

    fn bytes(&self) -> usize {
        let reason = |reason: &Reason| reason.path.len() + reason.keyword.len() + size_of::<(Reason, u64)>();
        self.reasons.iter().flatten().map(|(of, _)| reason(of)).sum()
    }
}

impl State for Violations {
    const NAME: &'static str = "json_schema_violations";
    const VERSION: u32 = 1;
    type Spec = SchemaSpec;
    type Out = ViolationsOut;

    fn empty(spec: &SchemaSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        let counts = Counts { reasons: Some(BTreeMap::new()), keywords: BTreeMap::new() };
        Self { spec: spec.clone(), counts, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let Self { spec, counts, memory } = self;
        let Some(validator) = spec.validator() else { return Err(encoding::damaged("its JSON Schema is none")) };
        each_instance(&spec.instance, spec.omit_missing, columns, rows.selection, rows.len(), |_, instance| match instance {
            Ok(json) if validator.is_valid(json) => {}
            Ok(json) => counts.add(validator.iter_errors(json).map(|error| Reason::of(&error)).collect()),
            Err(why) => counts.add(BTreeSet::from([Reason::of_text(why)])),
        });
        memory.resize(counts.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        let Counts { reasons, keywords } = later.counts;
        for (keyword, rows) in keywords {
            *self.counts.keywords.entry(keyword).or_default() += rows;
        }
        self.counts.reasons = match (self.counts.reasons.take(), reasons) {
            (Some(mut ours), Some(theirs)) => {
                theirs.into_iter().for_each(|(reason, rows)| *ours.entry(reason).or_default() += rows);
                Some(ours)
            }
            _ => None,
        };
        self.counts.bound();
        self.memory.resize(self.counts.bytes());
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec.clone(), counts: self.counts.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.counts, to)
    }

    fn decode(spec: &SchemaSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let counts: Counts = encoding::read(from)?;
        let all = || counts.reasons.iter().flatten().map(|(_, rows)| *rows);
        encoding::ensure(all().count() <= REASONS_MAX, "it counts more reasons than are counted")?;
        encoding::ensure_counts(all().chain(counts.keywords.values().copied()))?;
        let mut state = Self { counts, ..Self::empty(spec, types, memory) };
        state.memory.resize(state.counts.bytes());
        Ok(state)
    }

    fn finish(self, _: &Inputs) -> Result<ViolationsOut, Fault> {
        let keyword = |(keyword, rows)| (Reason { path: String::new(), keyword }, rows);
        let mut all: ViolationsOut = match self.counts.reasons {
            Some(reasons) => reasons.into_iter().collect(),
            None => self.counts.keywords.into_iter().map(keyword).collect(),
        };
        all.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        Ok(all)
    }
}
