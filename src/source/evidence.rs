//! What the data says of its own types, and what of that a report shows.

use serde::{Deserialize, Serialize};

use super::shape::Shape;
use crate::types::TypeEvidence;

/// What a unit, or all units so far, say against or beyond the types their columns were read as.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Evidence {
    /// The format knows its types.
    #[default]
    None,
    /// Delimited text: column by column.
    Columns(Vec<TypeEvidence>),
    /// JSON: value by value, at any depth.
    Shape(Box<Shape>),
}

impl Evidence {
    /// Takes in what the units that follow say.
    pub fn merge(&mut self, later: Self) {
        match (&mut *self, later) {
            (_, Self::None) => {}
            (Self::Columns(seen), Self::Columns(more)) => crate::types::merge_evidence(seen, &more),
            (Self::Shape(seen), Self::Shape(more)) => seen.merge(*more),
            (_, later) => *self = later,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Fault;
    use crate::source::{self, ContractColumn, Cut, Projection, ReadOptions, Source, Spool};

    /// What all units say, with the types that `source` has.
    fn evidence_of(source: &dyn Source) -> Result<Evidence, Fault> {
        let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
        let (mut all, mut previous) = (Evidence::None, None);
        while let Some((unit, preread)) = source.next_unit(previous.as_ref())? {
            all.merge(source.read(&unit, preread, &projection, &mut |_| Ok(()))?.evidence);
            previous = Some(unit);
        }
        Ok(all)
    }

    /// Reads until types settle; then opens the file anew, as another process would, and gives it the same evidence as text.
    fn settles_alike(name: &str, text: &str, contract: &[ContractColumn]) -> Result<(usize, Arc<dyn Source>), Fault> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(name);
        fs::write(&path, text).expect("written");
        let options = ReadOptions { cut: Cut { unit_bytes: 40, batch_rows: 3 }, ..ReadOptions::default() };
        let open = || source::open(&[path.display().to_string()], &options, contract, &Spool::new(dir.path()));
        let (mut here, mut passes) = (open()?, Vec::new());
        loop {
            let evidence = evidence_of(here.as_ref())?;
            let Some(again) = here.retyped(&evidence)? else { break };
            passes.push(serde_json::to_string(&evidence).expect("text"));
            here = again;
        }
        let decoded: Vec<Evidence> = passes.iter().map(|text| serde_json::from_str(text).expect("evidence")).collect();
        let encoded: Vec<String> = decoded.iter().map(|evidence| serde_json::to_string(evidence).expect("text")).collect();
        assert_eq!(encoded, passes);
        let first = open()?;
        let there = source::settled(first.clone(), &decoded)?;
        assert_ne!(first.schema(), there.schema());
        assert_eq!(here.schema(), there.schema());
        assert_eq!(here.known().contradicted, there.known().contradicted);
        assert_eq!(here.known().judged_columns, there.known().judged_columns);
        // With the same types the units say the same again, whoever reads them.
        let (said_here, said_there) = (evidence_of(here.as_ref())?, evidence_of(there.as_ref())?);
        assert_eq!(said_here, said_there);
        assert_eq!(here.tallies(&said_here), there.tallies(&said_there));
        assert_eq!(there.retyped(&said_there)?.map(|s| s.schema().clone()), None);
        Ok((passes.len(), there))
    }

    fn contract(name: &str, data_type: &str) -> ContractColumn {
        let data_type = Some(crate::types::parse_type(data_type).expect("a type"));
        ContractColumn { name: name.into(), data_type, format: None, is_strict: false }
    }

    fn types(source: &dyn Source) -> Vec<String> {
        source.schema().fields().iter().map(|f| format!("{} {}", f.name(), crate::types::type_name(f.data_type()))).collect()
    }

    #[test]
    fn csv_opened_anew_and_given_the_evidence_has_the_same_types() {
        let mut text = String::from("a,b,c,d\n");
        (0..10).for_each(|i| text.push_str(&format!("{i},{i},2026-01-0{},{i}\n", i % 9 + 1)));
        text.push_str("0.5,x,2026-01-01T10:00:00,no\n1,2,2026-01-01,no\n");
        (0..20).for_each(|i| text.push_str(&format!("{i},007,2026-02-01,no{i}\n")));
        let (passes, source) = settles_alike("d.csv", &text, &[contract("d", "int64")]).unwrap_or_else(|f| panic!("{f}"));
        assert_eq!(types(source.as_ref()), ["a float64", "b string", "c timestamp(us)", "d string"]);
        assert!(passes >= 1);
    }

    #[test]
    fn ndjson_opened_anew_and_given_the_evidence_has_the_same_types() {
        let mut text = String::new();
        (0..10).for_each(|i| text.push_str(&format!("{{\"a\": {i}, \"b\": {{\"x\": {i}}}, \"d\": {i}}}\n")));
        (0..20)
            .for_each(|i| text.push_str(&format!("{{\"a\": {i}.5, \"b\": {{\"x\": \"t\", \"y\": [{i}]}}, \"d\": \"no\", \"z\": true}}\n")));
        let (passes, source) = settles_alike("d.ndjson", &text, &[contract("d", "int64")]).unwrap_or_else(|f| panic!("{f}"));
        assert_eq!(types(source.as_ref()), ["a float64", "b struct<x: string, y: list<int64>>", "d string", "z bool"]);
        assert!(passes >= 1);
    }
}
