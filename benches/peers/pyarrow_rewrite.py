"""Reads a Parquet file and writes it again with zstd 1, row group by row group, durable: FROM TO. Prints the rows."""

import os
import sys

import pyarrow
import pyarrow.parquet as pq

pyarrow.set_cpu_count(int(os.environ.get("BENCH_THREADS", os.cpu_count())))
source, to = sys.argv[1:]
file, rows = pq.ParquetFile(source), 0
with open(to, "wb") as out:
    with pq.ParquetWriter(out, file.schema_arrow, compression="zstd", compression_level=1) as writer:
        for i in range(file.num_row_groups):
            group = file.read_row_group(i)
            writer.write_table(group, row_group_size=max(group.num_rows, 1))
            rows += group.num_rows
    out.flush()
    os.fsync(out.fileno())
print(rows)
