"""Nothing but a typed parse of lineitem as CSV: every column's values are made and counted.

    csv_parse.py duckdb|polars|pyarrow DATA.csv
"""

import sys

COLUMNS = {
    "integer64": ["l_orderkey", "l_partkey", "l_suppkey"],
    "integer32": ["l_linenumber"],
    "decimal": ["l_quantity", "l_extendedprice", "l_discount", "l_tax"],
    "date": ["l_shipdate", "l_commitdate", "l_receiptdate"],
}
ORDER = (
    "l_orderkey l_partkey l_suppkey l_linenumber l_quantity l_extendedprice l_discount l_tax l_returnflag l_linestatus "
    "l_shipdate l_commitdate l_receiptdate l_shipinstruct l_shipmode l_comment"
).split()


def types(integer64, integer32, decimal, date, text):
    known = {"integer64": integer64, "integer32": integer32, "decimal": decimal, "date": date}
    by_name = {name: known[kind] for kind, names in COLUMNS.items() for name in names}
    return {name: by_name.get(name, text) for name in ORDER}


def duckdb(path):
    import duckdb

    columns = types("BIGINT", "INTEGER", "DECIMAL(15,2)", "DATE", "VARCHAR")
    query = f"SELECT count(COLUMNS(*)) FROM read_csv('{path}', columns = {columns}, header = true)"
    return duckdb.execute(query).fetchone()[0]


def polars(path):
    import polars

    columns = types(polars.Int64, polars.Int32, polars.Decimal(15, 2), polars.Date, polars.String)
    return polars.scan_csv(path, schema=columns).select(polars.all().count()).collect(engine="streaming").item(0, 0)


def pyarrow(path):
    import pyarrow
    from pyarrow import csv

    columns = types(pyarrow.int64(), pyarrow.int32(), pyarrow.decimal128(15, 2), pyarrow.date32(), pyarrow.string())
    options = {"read_options": csv.ReadOptions(block_size=16 << 20), "convert_options": csv.ConvertOptions(column_types=columns)}
    return sum(batch.num_rows for batch in csv.open_csv(path, **options))


print({"duckdb": duckdb, "polars": polars, "pyarrow": pyarrow}[sys.argv[1]](sys.argv[2]))
