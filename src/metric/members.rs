//! Which of a few values occur at all.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use foldhash::HashMap;
use serde_json::Value as Json;

use super::budget::{Budget, Reservation};
use super::column::{Column, Floats, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;

/// A value to look for, in the column's own terms.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Member {
    /// No value: null or NaN.
    Missing,
    Boolean(bool),
    /// At the column's scale; a count since 1970 for dates and times.
    Int(#[serde(with = "super::plain::integer")] i128),
    /// The bits of a float; of −0 those of 0.
    Float(u64),
    Text(String),
}

impl Member {
    /// A float to look for.
    pub fn float(x: f64) -> Self {
        Self::Float(float_bits(x))
    }
}

/// The bits by which floats are compared: adding zero turns −0 into 0.
fn float_bits(x: f64) -> u64 {
    (x + 0.0).to_bits()
}

/// Which wanted values were seen; exact, and as large as the set alone.
#[derive(Debug)]
pub struct Members {
    wanted: Arc<Wanted>,
    /// By wanted value.
    seen: Vec<bool>,
    memory: Reservation,
}

/// Where each value stands among those that are wanted.
#[derive(Debug, Default)]
struct Wanted {
    missing: Option<usize>,
    booleans: [Option<usize>; 2],
    ints: HashMap<i128, usize>,
    floats: HashMap<u64, usize>,
    texts: HashMap<String, usize>,
}

impl Wanted {
    fn new(members: &[Member]) -> Self {
        let mut wanted = Self::default();
        for (i, member) in members.iter().enumerate() {
            match member {
                Member::Missing => wanted.missing = Some(i),
                Member::Boolean(b) => wanted.booleans[usize::from(*b)] = Some(i),
                Member::Int(n) => drop(wanted.ints.insert(*n, i)),
                Member::Float(bits) => drop(wanted.floats.insert(*bits, i)),
                Member::Text(text) => drop(wanted.texts.insert(text.clone(), i)),
            }
        }
        wanted
    }
}

impl Members {
    /// Whether nothing is left to be found: the rows that follow are of no interest.
    fn is_complete(&self) -> bool {
        self.seen.iter().all(|seen| *seen)
    }

    fn look_at_texts(&mut self, rows: &Rows<'_>, column: &Column) {
        let Self { wanted, seen, .. } = self;
        if let Some((codes, texts)) = column.dictionary()
            && texts.len() <= rows.selection.count(rows.len())
        {
            // Each text is looked up once; rows are asked only where one of them is wanted still.
            let places: Vec<Option<usize>> =
                texts.iter().map(|text| text.and_then(|text| wanted.texts.get(text).copied()).filter(|&i| !seen[i])).collect();
            if places.iter().any(Option::is_some) {
                column.present(rows.selection).rows(rows.len(), |row| {
                    if let Some(i) = places[codes[row] as usize] {
                        seen[i] = true;
                    }
                });
            }
            return;
        }
        column.for_each_text(rows.selection, |_, text| {
            if let Some(&i) = wanted.texts.get(text) {
                seen[i] = true;
            }
        });
    }
}

impl State for Members {
    const NAME: &'static str = "members";
    const VERSION: u32 = 1;
    /// The values to look for, no two alike.
    type Spec = Vec<Member>;
    /// By wanted value, whether it occurs.
    type Out = Vec<bool>;

    fn empty(members: &Vec<Member>, _: &[DataType], memory: &Arc<Budget>) -> Self {
        let text = |member: &Member| if let Member::Text(text) = member { text.len() } else { 0 };
        let mut memory = Reservation::new(memory);
        // By group, each group has a copy of the set.
        memory.resize(members.iter().map(|member| size_of::<(Member, usize, bool)>() + text(member)).sum());
        Self { wanted: Arc::new(Wanted::new(members)), seen: vec![false; members.len()], memory }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        if self.is_complete() {
            return Ok(());
        }
        let column = columns[0];
        if let Some(i) = self.wanted.missing {
            self.seen[i] |= rows.selection.and(column.missing()).count(rows.len()) > 0;
        }
        if !self.wanted.texts.is_empty() {
            self.look_at_texts(rows, column);
            return Ok(());
        }
        let present = column.present(rows.selection);
        let Self { wanted, seen, .. } = self;
        let mut note = |place: Option<usize>| {
            if let Some(i) = place {
                seen[i] = true;
            }
        };
        match (column.array.data_type(), column.numbers()) {
            (DataType::Boolean, _) => {
                let values = column.array.as_boolean();
                present.rows(rows.len(), |row| note(wanted.booleans[usize::from(values.value(row))]));
            }
            (_, Some(Numbers::Ints { values, .. })) => each_width!(values, values => {
                present.rows(rows.len(), |row| note(wanted.ints.get(&i128::from(values[row])).copied()));
            }),
            (_, Some(Numbers::Floats(Floats::F32(values)))) => {
                present.rows(rows.len(), |row| note(wanted.floats.get(&float_bits(f64::from(values[row]))).copied()));
            }
            (_, Some(Numbers::Floats(Floats::F64(values)))) => {
                present.rows(rows.len(), |row| note(wanted.floats.get(&float_bits(values[row])).copied()));
            }
            (_, None) => {}
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (seen, too) in self.seen.iter_mut().zip(later.seen) {
            *seen |= too;
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { wanted: self.wanted.clone(), seen: self.seen.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.seen, to)
    }

    fn decode(members: &Vec<Member>, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let seen: Vec<bool> = encoding::read(from)?;
        encoding::ensure(seen.len() == members.len(), "it looked for other values")?;
        Ok(Self { seen, ..Self::empty(members, types, memory) })
    }

    fn finish(self, _: &Inputs) -> Result<Vec<bool>, Fault> {
        Ok(self.seen)
    }

    const SUMMARISED: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        let seen: String = self.seen.iter().map(|seen| if *seen { '1' } else { '0' }).collect();
        encoding::to_json(&seen).map(Some)
    }

    fn of_summary(members: &Vec<Member>, types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let text: String = encoding::of_json(json)?;
        encoding::ensure(text.len() == members.len() && text.bytes().all(|b| matches!(b, b'0' | b'1')), "it looked for other values")?;
        Ok(Self { seen: text.bytes().map(|b| b == b'1').collect(), ..Self::empty(members, types, memory) })
    }
}
