//! The one list of stores.

use std::sync::Arc;

use super::interface::Store;
use super::named::Named;
use super::{delta, file, parts};
use crate::diagnostic::{Code, Fault};
use crate::remote::Surroundings;
use crate::ruleset::TableFormat;

/// Gives the store at a place that is named, if it is one of its kind.
type Open = fn(&Named<'_>) -> Result<Option<Arc<dyn Store>>, Fault>;

/// Every kind of store, in the order in which they are asked whether a place is theirs.
const STORES: &[Open] = &[file::open, parts::open, delta::open];

/// The store that `text` names, a path or a URL: a name that ends in `.parquet` is one file, any other a directory, which is a
/// Delta table unless `format` says otherwise or it holds plain parts already.
///
/// # Errors
/// The place cannot be what its name or `format` says, or cannot be read.
pub fn open(text: &str, format: Option<TableFormat>, surroundings: &Surroundings) -> Result<Arc<dyn Store>, Fault> {
    refuse_other_files(text)?;
    let named = Named::new(text, format, surroundings);
    for open in STORES {
        if let Some(store) = open(&named)? {
            return Ok(store);
        }
    }
    Err(Fault::new(Code::InvalidLocation, format!("{text}: nothing can be published there")).hint("name a file, a directory or a table"))
}

/// A name with the extension of another format asks for what is not written here; a directory of that name may be a table.
///
/// # Errors
/// The name asks for such a format.
pub fn refuse_other_files(text: &str) -> Result<(), Fault> {
    const OTHERS: [&str; 16] =
        ["csv", "tsv", "txt", "json", "ndjson", "jsonl", "arrow", "feather", "avro", "orc", "xlsx", "xls", "gz", "zst", "db", "sqlite"];
    let path = std::path::Path::new(text);
    let Some(extension) = path.extension().and_then(|e| e.to_str()).filter(|e| OTHERS.contains(&e.to_ascii_lowercase().as_str())) else {
        return Ok(());
    };
    if path.is_dir() || text.contains("://") {
        return Ok(());
    }
    let stem = text[..text.len() - extension.len() - 1].trim_end_matches('/');
    let fault = Fault::new(Code::UnfitDestination, format!("{text}: rows are published as Parquet, not as .{extension}"));
    Err(fault.hint(format!("write `{stem}.parquet` for one file, or `{stem}` for a Delta table in that directory")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Location, Terms};

    #[test]
    fn a_path_says_what_kind_of_place_it_is() {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| place.path().join(name);
        let new = |name: &str, format| open(path(name).to_str().expect("UTF-8"), format, &Surroundings::default());
        let is = |store: Result<Arc<dyn Store>, Fault>, name: &str, keeps_one_batch, terms| {
            let store = store.expect(name);
            assert_eq!(store.to_string(), path(name).display().to_string());
            assert_eq!((store.keeps_one_batch(), store.terms().expect("terms")), (keeps_one_batch, terms), "{name}");
        };
        is(new("orders.parquet", None), "orders.parquet", true, Terms::Nothing);
        is(new("orders", None), "orders", false, Terms::Table(None));
        is(new("orders", Some(TableFormat::Parquet)), "orders", false, Terms::Nothing);
        assert!(new("orders.parquet", Some(TableFormat::Delta)).is_err());
        fs::create_dir_all(path("parts")).expect("a directory");
        fs::write(path("parts/b1.parquet"), "").expect("a part");
        is(new("parts", None), "parts", false, Terms::Nothing);
        assert!(new("parts", Some(TableFormat::Delta)).is_err());
        for name in ["orders.parquet", "orders"] {
            let aside = new(name, None).expect("a place").quarantine().expect("beside it");
            assert_eq!(aside, Location::Local(path("orders_quarantine")));
        }
    }
}
