//! A fold as bytes: to be saved, and sent to another process.
//!
//! The bytes: eight that name the format and its version, the length of what follows them, its xxh3-128 digest, and
//! the body. The body holds what the fold answers as JSON, the columns as an Arrow schema, then each segment: its units and row
//! counts, and its states, each by itself. Equal folds give equal bytes.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::ipc::convert::{IpcSchemaEncoder, fb_to_schema};
use arrow::ipc::root_as_schema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::states::{Answer, States};
use super::value::{Asked, Fold, RowCounts, Segment, UnitRead};
use crate::diagnostic::{Code, Fault};
use crate::metric::Budget;
use crate::metric::any::AnySpec;
use crate::metric::completeness::Counts;
use crate::rules::{Question, TestQuestion};
use crate::types::places;

/// The last byte is the format's version.
const MAGIC: [u8; 8] = *b"sg-fold\x01";
const HEAD_BYTES: usize = 8 + 8 + 16;

/// [`Asked`] but for the schema.
#[derive(Serialize, Deserialize)]
struct SavedQuestions {
    plan: String,
    states: Vec<Question>,
    tests: Vec<TestQuestion>,
}

/// A fold but for its segments.
#[derive(Serialize, Deserialize)]
struct SavedHead {
    /// [`SavedQuestions`] as JSON: specs have any shape.
    asked: String,
    /// An Arrow schema in its flatbuffers form.
    schema: Vec<u8>,
    units: Option<u32>,
    segments: u32,
}

/// A segment but for its states.
#[derive(Serialize, Deserialize)]
struct SavedSegment {
    units: Vec<UnitRead>,
    rows: RowCounts,
}

/// How a request is answered, as bytes.
#[derive(Serialize, Deserialize)]
enum SavedAnswer {
    /// The state's own encoding.
    Counted(Vec<u8>),
    SameAs(usize),
    FromStatistics(Counts),
}

impl Fold {
    /// The fold as bytes.
    ///
    /// # Errors
    /// Spilled data cannot be read back.
    pub fn encode(&self) -> Result<Vec<u8>, Fault> {
        let Asked { plan, schema, states, tests } = self.asked.as_ref();
        let asked = SavedQuestions { plan: plan.clone(), states: states.clone(), tests: tests.clone() };
        let head = SavedHead {
            asked: serde_json::to_string(&asked).map_err(|e| cannot_save(&e))?,
            schema: IpcSchemaEncoder::new().schema_to_fb(schema).finished_data().to_vec(),
            units: self.units,
            segments: self.segments.len() as u32,
        };
        let mut bytes = vec![0; HEAD_BYTES];
        write(&mut bytes, &head)?;
        for Segment { units, states, rows } in &self.segments {
            write(&mut bytes, &(units, rows))?;
            for answer in &states.answers {
                write(&mut bytes, &saved(answer)?)?;
            }
        }
        let (head, body) = bytes.split_at_mut(HEAD_BYTES);
        head[..8].copy_from_slice(&MAGIC);
        head[8..16].copy_from_slice(&(body.len() as u64).to_le_bytes());
        head[16..].copy_from_slice(&xxh3_128(body).to_le_bytes());
        Ok(bytes)
    }

    /// The fold that `bytes` are of; what its states hold is accounted in `memory`.
    ///
    /// # Errors
    /// The bytes are damaged, of another version, or no fold.
    pub fn decode(bytes: &[u8], memory: &Arc<Budget>) -> Result<Self, Fault> {
        let mut rest = body(bytes)?;
        let head: SavedHead = read(&mut rest)?;
        let SavedQuestions { plan, states, tests } = serde_json::from_str(&head.asked).map_err(|e| damaged(&e))?;
        let schema = columns(&head.schema)?;
        let places = places(&schema);
        let specs = states.iter().map(|question| Spec::of(question, &schema, &places)).collect::<Result<Vec<_>, Fault>>()?;
        let mut segments = Vec::new();
        for _ in 0..head.segments {
            let SavedSegment { units, rows } = read(&mut rest)?;
            let is_consecutive = units.windows(2).all(|pair| pair[0].unit.index.checked_add(1) == Some(pair[1].unit.index));
            if units.is_empty() || !is_consecutive || rows.tests.len() != tests.len() {
                return Err(damaged(&"its parts do not fit together"));
            }
            let answers = specs.iter().map(|spec| spec.answer(read(&mut rest)?, specs.len(), memory)).collect::<Result<_, Fault>>()?;
            segments.push(Segment { units, states: States { answers }, rows });
        }
        if !rest.is_empty() {
            return Err(damaged(&"bytes stand behind its end"));
        }
        let asked = Arc::new(Asked { plan, schema, states, tests });
        let mut fold = Self::empty(asked.clone());
        fold.units = head.units;
        // What was saved apart is no neighbour of anything, or the bytes were put together by others.
        segments.into_iter().try_for_each(|segment| fold.merge(Self { asked: asked.clone(), segments: vec![segment], units: None }))?;
        Ok(fold)
    }
}

/// What reads a state back.
struct Spec {
    spec: AnySpec,
    types: Vec<DataType>,
}

impl Spec {
    fn of(question: &Question, schema: &Schema, places: &HashMap<&str, usize>) -> Result<Self, Fault> {
        let spec = AnySpec::read(&question.state, question.version, !question.by.is_empty(), &question.spec)?;
        let data_type = |name: &String| match places.get(name.as_str()) {
            Some(&place) => Ok(schema.field(place).data_type().clone()),
            None => Err(schema.field_with_name(name).map_or_else(|e| damaged(&e), |_| damaged(&"a column is none"))),
        };
        Ok(Self { spec, types: question.columns.iter().map(data_type).collect::<Result<_, Fault>>()? })
    }

    fn answer(&self, saved: SavedAnswer, answers: usize, memory: &Arc<Budget>) -> Result<Answer, Fault> {
        match saved {
            SavedAnswer::FromStatistics(counts) => Ok(Answer::FromStatistics(counts)),
            SavedAnswer::SameAs(all) if all < answers => Ok(Answer::SameAs(all)),
            SavedAnswer::SameAs(_) => Err(damaged(&"a state refers to one that is not there")),
            SavedAnswer::Counted(bytes) => {
                let mut rest = bytes.as_slice();
                let state = self.spec.decode(&self.types, memory, &mut rest)?;
                if rest.is_empty() { Ok(Answer::Counted(state)) } else { Err(damaged(&"bytes stand behind a state")) }
            }
        }
    }
}

fn saved(answer: &Answer) -> Result<SavedAnswer, Fault> {
    Ok(match answer {
        Answer::FromStatistics(counts) => SavedAnswer::FromStatistics(*counts),
        Answer::SameAs(all) => SavedAnswer::SameAs(*all),
        Answer::Counted(state) => {
            let mut bytes = Vec::new();
            state.encode(&mut bytes)?;
            SavedAnswer::Counted(bytes)
        }
    })
}

/// The schema that `saved` is of. Arrow panics at types that it does not know.
fn columns(saved: &[u8]) -> Result<SchemaRef, Fault> {
    let saved = root_as_schema(saved).map_err(|e| damaged(&e))?;
    let schema = catch_unwind(AssertUnwindSafe(|| fb_to_schema(saved)));
    schema.map(Arc::new).map_err(|_| damaged(&"a column is of no type"))
}

/// What stands behind the head, once it is whole.
fn body(bytes: &[u8]) -> Result<&[u8], Fault> {
    let Some((head, body)) = bytes.split_at_checked(HEAD_BYTES) else { return Err(damaged(&"it is cut short")) };
    let (magic, rest) = head.split_at(MAGIC.len());
    let (name, version) = (&magic[..7], magic[7]);
    if name != &MAGIC[..7] {
        return Err(Fault::new(Code::Damaged, "these bytes are no fold"));
    }
    if version != MAGIC[7] {
        let what = format!("the fold is of format version {version}, and this program reads version {}", MAGIC[7]);
        return Err(Fault::new(Code::Unsupported, what).hint("fold the data again with one version of the program"));
    }
    let (length, digest) = rest.split_at(8);
    if length != (body.len() as u64).to_le_bytes() {
        return Err(damaged(&"its length is not what it says"));
    }
    if digest != xxh3_128(body).to_le_bytes() {
        return Err(damaged(&"its digest is not what it says"));
    }
    Ok(body)
}

fn write(bytes: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Fault> {
    postcard::to_io(value, bytes).map(|_| ()).map_err(|e| cannot_save(&e))
}

fn read<T: DeserializeOwned>(rest: &mut &[u8]) -> Result<T, Fault> {
    let (value, behind) = postcard::take_from_bytes(rest).map_err(|e| damaged(&e))?;
    *rest = behind;
    Ok(value)
}

fn damaged(why: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Damaged, format!("the fold is damaged: {why}")).hint("fold the data again")
}

fn cannot_save(why: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Internal, format!("internal error: a fold cannot be saved: {why}"))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    #[test]
    fn columns_of_no_type_are_a_fault() {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = [("a", DataType::Int32), ("b", DataType::Float64), ("c", time), ("d", DataType::Decimal128(20, 2))];
        let schema = Schema::new(fields.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec());
        let saved = IpcSchemaEncoder::new().schema_to_fb(&schema).finished_data().to_vec();
        assert_eq!(columns(&saved).map(|read| read.as_ref().clone()).map_err(|f| f.to_string()), Ok(schema));
        let mut faults = 0;
        for at in 0..saved.len() {
            for bits in [0x01, 0x40, 0xff] {
                let mut changed = saved.clone();
                changed[at] ^= bits;
                faults += usize::from(columns(&changed).is_err());
            }
        }
        assert!(faults > 50, "{faults}");
    }
}
