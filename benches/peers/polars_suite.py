"""The standard suite (../lineitem.yaml) in Polars, streaming: PATH. Prints what it found as JSON."""

import json
import sys

import polars as pl
from polars import col

DECIMAL = pl.Decimal(15, 2)
INTEGERS = ["l_orderkey", "l_partkey", "l_suppkey"]
DECIMALS = ["l_quantity", "l_extendedprice", "l_discount", "l_tax"]
TYPES = {
    **dict.fromkeys(INTEGERS, pl.Int64),
    "l_linenumber": pl.Int32,
    **dict.fromkeys(DECIMALS, DECIMAL),
    **dict.fromkeys(["l_returnflag", "l_linestatus"], pl.String),
    **dict.fromkeys(["l_shipdate", "l_commitdate", "l_receiptdate"], pl.Date),
    **dict.fromkeys(["l_shipinstruct", "l_shipmode", "l_comment"], pl.String),
}

path = sys.argv[1]
if path.endswith(".csv"):
    # Parsed once, asked several times.
    data = pl.scan_csv(path, schema=TYPES).collect(engine="streaming").lazy()
else:
    data = pl.scan_parquet(path)

asked = [pl.len().alias("rows")] + [col(c).null_count().alias(f"missing_{c}") for c in TYPES]
for c in [*INTEGERS, "l_linenumber", *DECIMALS]:
    floats = col(c).cast(pl.Float64)
    asked += [col(c).min().alias(f"min_{c}"), col(c).max().alias(f"max_{c}")]
    asked += [floats.mean().alias(f"mean_{c}"), floats.std().alias(f"stddev_{c}")]
asked += [col(c).approx_n_unique().alias(f"distinct_{c}") for c in [*INTEGERS, "l_shipmode"]]
price = col("l_extendedprice").cast(pl.Float64)
q1, q3 = price.quantile(0.25, "linear"), price.quantile(0.75, "linear")
asked += [
    ((col("l_quantity") < 1) | (col("l_quantity") > 50)).sum().alias("bad_quantity"),
    ((col("l_discount") < 0) | (col("l_discount") > pl.lit("0.10").cast(DECIMAL))).sum().alias("bad_discount"),
    (~col("l_returnflag").is_in(["A", "N", "R"])).sum().alias("bad_flag"),
    (~col("l_shipmode").is_in(["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"])).sum().alias("bad_mode"),
    col("l_comment").str.contains(r"^\s*$").sum().alias("bad_comment"),
    (col("l_shipdate") > col("l_receiptdate")).sum().alias("bad_dates"),
    *(price.quantile(q, "linear").alias(f"quantile_{q}") for q in [0.25, 0.5, 0.75, 0.99]),
    ((price < q1 - 1.5 * (q3 - q1)) | (price > q3 + 1.5 * (q3 - q1))).sum().alias("outliers"),
]
keys = data.group_by("l_orderkey", "l_linenumber").len().filter(col("len") > 1)
figures, duplicates, groups = pl.collect_all(
    [
        data.select(asked),
        keys.select(pl.len().alias("groups"), col("len").sum().alias("rows")),
        data.group_by("l_returnflag", "l_linestatus").len(),
    ],
    engine="streaming",
)
found = figures.to_dicts()[0] | {"duplicates": duplicates.row(0), "groups": sorted(groups.rows())}
found["schema_holds"] = dict(data.collect_schema()) == TYPES
print(json.dumps(found, default=str))
