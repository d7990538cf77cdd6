//! The floor under reading Parquet: decodes every column of a file, one thread, row group by row group, and prints the
//! rows. With `--rewrite` what was read is written again with zstd 1 in the same row groups: the floor under `gate`.
//!
//! ```sh
//! cargo run --release --example decode -- DATA.parquet [--rewrite OUT.parquet]
//! ```

#![allow(clippy::print_stdout, reason = "it is a program of its own")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

const BATCH_ROWS: usize = 8192;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, rewrite) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [path] => (path, None),
        [path, "--rewrite", to] | ["--rewrite", to, path] => (path, Some(to)),
        _ => return Err("usage: decode DATA.parquet [--rewrite OUT.parquet]".into()),
    };
    let file = File::open(path)?;
    let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let mut writer = match rewrite {
        Some(to) => {
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
                .set_coerce_types(true)
                // A row group ends where that of the source ends.
                .set_max_row_group_row_count(None)
                .build();
            let out = BufWriter::with_capacity(1 << 20, File::create(to)?);
            Some(ArrowWriter::try_new(out, footer.schema().clone(), Some(properties))?)
        }
        None => None,
    };
    let mut rows = 0;
    for group in 0..footer.metadata().num_row_groups() {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, footer.clone())
            .with_row_groups(vec![group])
            .with_batch_size(BATCH_ROWS)
            .build()?;
        for batch in reader {
            let batch = batch?;
            rows += batch.num_rows();
            if let Some(writer) = &mut writer {
                writer.write(&batch)?;
            }
        }
        if let Some(writer) = &mut writer {
            writer.flush()?;
        }
    }
    if let Some(writer) = writer {
        let mut out = writer.into_inner()?;
        out.flush()?;
        out.get_ref().sync_all()?;
    }
    println!("{rows}");
    Ok(())
}
