//! A data file as the log names it.

use std::path::Path;

use deltalake_core::kernel::Add;

use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::store::parquet::statistics;

/// The data file that stands at `path` for now, as `name`.
pub(super) fn add(path: &Path, name: String) -> Result<Add, Fault> {
    let failed = |e: std::io::Error| Fault::new(Code::of_reading(&e), format!("{}: cannot read back: {e}", path.display()));
    let metadata = path.metadata().map_err(failed)?;
    let file = files::open(path).map_err(failed)?;
    let stats = statistics::of(&file).map_err(|e| failed(e.into()))?;
    let modified = metadata.modified().map_err(failed)?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Add {
        path: name,
        size: metadata.len() as i64,
        modification_time: modified.as_millis() as i64,
        data_change: true,
        stats: Some(stats.to_string()),
        ..Add::default()
    })
}
