//! From what JSON values looked like to the types they are read as.

use arrow::datatypes::DataType;

use super::plan::{ContractNode, ReadPlan, ScalarPlan};
use crate::source::shape::Shape;
use crate::source::shape::kind::{KINDS, ValueKind};
use crate::types::Tally;

impl Shape {
    /// The type that every value seen here is of.
    fn guess(&self, contract: &ContractNode, path: &str) -> ReadPlan {
        let kinds: Vec<ValueKind> = KINDS.into_iter().skip(1).filter(|&kind| self.has(kind)).collect();
        let integer = |s: &ValueKind| matches!(s, ValueKind::Integer | ValueKind::WideInteger);
        let data_type = match kinds.as_slice() {
            [] | [ValueKind::String] => DataType::Utf8,
            [ValueKind::Boolean] => DataType::Boolean,
            all if all.iter().all(integer) => DataType::Int64,
            [ValueKind::Float] | [ValueKind::Integer, ValueKind::Float] => DataType::Float64,
            [ValueKind::Object] if !self.is_map && !self.fields.is_empty() => return self.fields_plan(contract, path),
            [ValueKind::Array] => {
                let empty = Shape::default();
                let items = self.items.as_deref().unwrap_or(&empty);
                return ReadPlan::List(Box::new(items.plan(&contract.items(), &format!("{path}[]"))));
            }
            _ => return ReadPlan::Text,
        };
        ReadPlan::Scalar(ScalarPlan { data_type, format: None, guessed: true })
    }

    /// A struct of the fields seen, each as the contract says or as guessed.
    pub fn fields_plan(&self, contract: &ContractNode, path: &str) -> ReadPlan {
        let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let field = |(name, shape): &(String, Shape)| (name.clone(), shape.plan(&contract.field(name), &inside(name)));
        ReadPlan::Struct(self.fields.iter().map(field).collect())
    }

    /// How to read the values at `path`: as the contract says, unless it was overruled, else as guessed.
    fn plan(&self, contract: &ContractNode, path: &str) -> ReadPlan {
        let overruled = contract.overruled.contains(path);
        if let Some(plan) = self.unseen(contract, path).filter(|_| !overruled) {
            return plan;
        }
        match &contract.data_type {
            Some(_) if overruled => self.guess(&contract.without_type(), path),
            Some(DataType::Struct(_)) if !self.is_map && self.has(ValueKind::Object) && !self.fields.is_empty() => {
                self.fields_plan(contract, path)
            }
            Some(DataType::List(_)) => {
                let empty = Shape::default();
                ReadPlan::List(Box::new(self.items.as_deref().unwrap_or(&empty).plan(&contract.items(), &format!("{path}[]"))))
            }
            Some(DataType::Struct(_)) | None => self.guess(contract, path),
            Some(data_type) => {
                ReadPlan::Scalar(ScalarPlan { data_type: data_type.clone(), format: contract.format.clone(), guessed: false })
            }
        }
    }

    /// Whether no value was seen here, not even a null.
    fn is_untouched(&self) -> bool {
        self.counts.iter().all(|c| *c == 0)
    }

    /// Where the values here are all missing or empty: what the contract says lies below.
    fn unseen(&self, contract: &ContractNode, path: &str) -> Option<ReadPlan> {
        let only = |kind: ValueKind| KINDS.into_iter().skip(1).all(|other| other == kind || !self.has(other));
        if only(ValueKind::Object) && self.fields.iter().all(|(_, f)| f.is_untouched()) && !self.is_map {
            let names = contract.names();
            let inside = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let field = |name: &String| (name.clone(), Self::default().plan(&contract.field(name), &inside(name)));
            if !names.is_empty() {
                return Some(ReadPlan::Struct(names.iter().map(field).collect()));
            }
        }
        let says_list = contract.has_items() && only(ValueKind::Array) && self.items.as_ref().is_none_or(|i| i.is_untouched());
        says_list.then(|| ReadPlan::List(Box::new(Self::default().plan(&contract.items(), &format!("{path}[]")))))
    }

    /// Paths whose values contradict the contract more often than not, with examples.
    pub fn contradicted(&self, path: &str, out: &mut Vec<(String, Vec<String>)>) {
        if self.failures * 2 > self.present {
            out.push((path.to_owned(), self.distinct(&self.contradictions)));
            return;
        }
        for (name, field) in &self.fields {
            field.contradicted(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, out);
        }
        if let Some(items) = &self.items {
            items.contradicted(&format!("{path}[]"), out);
        }
    }

    fn distinct(&self, examples: &[String]) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for example in examples {
            if !all.contains(example) {
                all.push(example.clone());
            }
        }
        all
    }

    /// What stands at paths where values of several kinds do.
    pub fn tallies(&self, path: &str, plan: &ReadPlan, out: &mut Vec<Tally>) {
        match plan {
            ReadPlan::Struct(fields) => {
                for (name, plan) in fields {
                    if let Some((_, shape)) = self.fields.iter().find(|(known, _)| known == name) {
                        shape.tallies(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, plan, out);
                    }
                }
            }
            ReadPlan::List(item) => {
                if let Some(items) = &self.items {
                    items.tallies(&format!("{path}[]"), item, out);
                }
            }
            ReadPlan::Text if self.counts.iter().skip(1).filter(|c| **c > 0).count() > 1 => {
                let kinds = KINDS.into_iter().skip(1).filter(|&kind| self.has(kind));
                let tally = |s: ValueKind| (s.type_name().to_owned(), self.counts[s as usize], self.distinct(&self.examples[s as usize]));
                out.push(Tally::new(path, kinds.map(tally).collect()));
            }
            ReadPlan::Text | ReadPlan::Scalar(_) => {}
        }
    }
}
