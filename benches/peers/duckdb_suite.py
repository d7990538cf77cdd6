"""The standard suite (../lineitem.yaml) in DuckDB: PATH approx|exact. Prints what it found as JSON."""

import json
import os
import sys

import duckdb

INTEGERS = ["l_orderkey", "l_partkey", "l_suppkey"]
DECIMALS = ["l_quantity", "l_extendedprice", "l_discount", "l_tax"]
DATES = ["l_shipdate", "l_commitdate", "l_receiptdate"]
TYPES = {
    **dict.fromkeys(INTEGERS, "BIGINT"),
    "l_linenumber": "INTEGER",
    **dict.fromkeys(DECIMALS, "DECIMAL(15,2)"),
    **dict.fromkeys(["l_returnflag", "l_linestatus"], "VARCHAR"),
    **dict.fromkeys(DATES, "DATE"),
    **dict.fromkeys(["l_shipinstruct", "l_shipmode", "l_comment"], "VARCHAR"),
}
MODES = ("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")

path, mode = sys.argv[1:]
connection = duckdb.connect(config={"threads": int(os.environ.get("BENCH_THREADS", os.cpu_count()))})
if path.endswith(".csv"):
    types = ",".join(f"'{column}':'{type}'" for column, type in TYPES.items())
    # Parsed once, asked several times.
    connection.execute(f"CREATE TEMP TABLE t AS FROM read_csv('{path}', header=true, delim=',', quote='\"', columns={{{types}}})")
    source = "t"
else:
    source = f"read_parquet('{path}')"

asked = {"rows": "count(*)"}
asked |= {f"present_{c}": f"count({c})" for c in TYPES}
for c in [*INTEGERS, "l_linenumber", *DECIMALS]:
    asked |= {f"min_{c}": f"min({c})", f"max_{c}": f"max({c})", f"mean_{c}": f"avg({c})", f"stddev_{c}": f"stddev_samp({c})"}
for c in [*INTEGERS, "l_shipmode"]:
    asked[f"distinct_{c}"] = f"approx_count_distinct({c})" if mode == "approx" else f"count(DISTINCT {c})"
asked |= {
    "bad_quantity": "count_if(l_quantity < 1 OR l_quantity > 50)",
    "bad_discount": "count_if(l_discount < 0 OR l_discount > 0.1)",
    "bad_flag": "count_if(l_returnflag NOT IN ('A', 'N', 'R'))",
    "bad_mode": f"count_if(l_shipmode NOT IN {MODES})",
    "bad_comment": r"count_if(regexp_matches(l_comment, '^\s*$'))",
    "bad_dates": "count_if(l_shipdate > l_receiptdate)",
    "quantiles": f"{'approx_quantile' if mode == 'approx' else 'quantile_cont'}(l_extendedprice, [0.25, 0.5, 0.75, 0.99])",
}
row = connection.execute(f"SELECT {', '.join(asked.values())} FROM {source}").fetchone()
found = dict(zip(asked, row))
q1, q3 = float(found["quantiles"][0]), float(found["quantiles"][2])
low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)


def rows(sql):
    return connection.execute(sql).fetchall()


found["outliers"] = rows(f"SELECT count(*) FROM {source} WHERE l_extendedprice < {low} OR l_extendedprice > {high}")[0][0]
keys = f"SELECT count(*) AS n FROM {source} GROUP BY l_orderkey, l_linenumber HAVING count(*) > 1"
found["duplicates"] = rows(f"SELECT count(*), coalesce(sum(n), 0) FROM ({keys})")[0]
found["groups"] = rows(f"SELECT l_returnflag, l_linestatus, count(*) FROM {source} GROUP BY 1, 2 ORDER BY 1, 2")
found["schema_holds"] = {r[0]: r[1] for r in rows(f"DESCRIBE FROM {source}")} == TYPES
print(json.dumps(found, default=str))
