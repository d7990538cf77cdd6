"""Reads published rows as their users do: as many as there must be, whatever lies beside them.

beside_rows.py KIND PLACE ROWS, where KIND is File, Parts or Delta.
"""

import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
from deltalake import DeltaTable
from duckdb_extensions import import_extension

kind, place, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])


def duckdb_delta() -> int:
    # The extension comes as a package: where it would download it from may be out of reach.
    import_extension("delta")
    duck = duckdb.connect()
    duck.sql("LOAD delta")
    return duck.sql(f"select count(*) from delta_scan('{place}')").fetchone()[0]


READERS = {
    "File": {
        "polars": lambda: pl.read_parquet(place).height,
        "pandas": lambda: len(pd.read_parquet(place)),
        "duckdb": lambda: duckdb.sql(f"select count(*) from '{place}'").fetchone()[0],
    },
    "Parts": {
        "polars, the directory": lambda: pl.scan_parquet(place).collect().height,
        "polars, a glob": lambda: pl.read_parquet(f"{place}/*.parquet").height,
        "pandas": lambda: len(pd.read_parquet(place)),
        "pyarrow": lambda: ds.dataset(place).count_rows(),
        "duckdb, a glob": lambda: duckdb.sql(f"select count(*) from '{place}/*.parquet'").fetchone()[0],
        "duckdb, a deep glob": lambda: duckdb.sql(f"select count(*) from '{place}/**/*.parquet'").fetchone()[0],
        "duckdb, all": lambda: duckdb.sql(f"select count(*) from read_parquet('{place}/*')").fetchone()[0],
    },
    "Delta": {
        "deltalake": lambda: DeltaTable(place).to_pyarrow_table().num_rows,
        "polars": lambda: pl.scan_delta(place).collect().height,
        "duckdb": duckdb_delta,
        "pyarrow": lambda: DeltaTable(place).to_pyarrow_dataset().count_rows(),
    },
}
for name, read in READERS[kind].items():
    found = read()
    assert found == rows, f"{name}: {found} rows, not {rows}"
