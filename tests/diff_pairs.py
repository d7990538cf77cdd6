"""Makes two Parquet files that differ at random, and says by DuckDB's full join how they differ.

    python tests/diff_pairs.py SEED DIRECTORY
"""

import json
import random
import sys
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

# By seed: the types of the columns there and here.
TYPES = [
    (pa.int64(), pa.int64(), pa.float64(), pa.float64(), pa.decimal128(12, 2), pa.decimal128(12, 2), "us", "us"),
    (pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(12, 2), pa.decimal128(15, 4), "ms", "us"),
    (pa.int64(), pa.decimal128(10, 0), pa.float64(), pa.float64(), pa.decimal128(12, 2), pa.float64(), "us", "ns"),
    (pa.string(), pa.large_string(), pa.float64(), pa.float32(), pa.int64(), pa.decimal128(12, 2), "s", "ms"),
]


def value(random_of):
    """A row's values but for its key."""
    choose = random_of.random
    return {
        "amount": random_of.choice([None, float("nan"), 0.0, -0.0, float("inf"), 1.5, random_of.randrange(-64, 64) / 8]),
        "price": None if choose() < 0.1 else random_of.randrange(-500, 500),
        "status": random_of.choice([None, "", "new", "paid", "é", "e\u0301"]),
        "at": None if choose() < 0.1 else datetime(2026, 1, 1) + timedelta(seconds=random_of.randrange(10_000)),
        "tags": random_of.choice([None, [], ["a"], ["a", None], ["b", "a"]]),
    }


def main():
    seed, directory = int(sys.argv[1]), sys.argv[2]
    random_of = random.Random(seed)
    there_key, here_key, *rest = TYPES[seed % len(TYPES)]
    rows = [dict(value(random_of), id=i) for i in range(400)]
    here = [dict(row) for row in rows if random_of.random() > 0.1]
    for row in here:
        if random_of.random() < 0.3:
            column = random_of.choice(["amount", "price", "status", "at", "tags"])
            row[column] = value(random_of)[column]
    here += [dict(value(random_of), id=i) for i in range(400, 440)]
    for some in (rows, here):
        some += [dict(random_of.choice(some)) for _ in range(random_of.randrange(4))]
        some += [dict(random_of.choice(some), id=None) for _ in range(random_of.randrange(3))]
        random_of.shuffle(some)
    whole = pa.types.is_integer(rest[2])

    def table(rows, key, amount, price, unit):
        def number(n):
            if n is None:
                return None
            n = n // 100 * 100 if whole else n
            if pa.types.is_decimal(price):
                return Decimal(n) / 100
            return n // 100 if pa.types.is_integer(price) else n / 100

        def of_key(i):
            if i is None or pa.types.is_integer(key):
                return i
            return Decimal(i) if pa.types.is_decimal(key) else f"k{i}"

        return pa.table(
            {
                "id": pa.array([of_key(r["id"]) for r in rows], key),
                "amount": pa.array([r["amount"] for r in rows], amount),
                "price": pa.array([number(r["price"]) for r in rows], price),
                "status": pa.array([r["status"] for r in rows], pa.string()),
                "at": pa.array([r["at"] for r in rows], pa.timestamp(unit)),
                "tags": pa.array([r["tags"] for r in rows], pa.list_(pa.string())),
            }
        )

    a = table(rows, there_key, rest[0], rest[2], rest[4])
    b = table(here, here_key, rest[1], rest[3], rest[5]).select(["tags", "status", "id", "at", "price", "amount"])
    pq.write_table(a, f"{directory}/a.parquet", row_group_size=90)
    pq.write_table(b, f"{directory}/b.parquet", row_group_size=70)

    sql = duckdb.connect()
    for name in "ab":
        # NaN is missing to every rule. DuckDB would compare nanoseconds as such, which the values do not need.
        columns = "id, CASE WHEN isnan(amount) THEN NULL ELSE amount::DOUBLE END AS amount, price::DOUBLE AS price, status"
        sql.sql(f"CREATE TABLE all_{name} AS SELECT {columns}, CAST(\"at\" AS TIMESTAMP) AS \"at\", tags FROM '{directory}/{name}.parquet'")
    twice = "SELECT id FROM all_{0} WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1"
    repeated = "(" + " UNION ALL ".join(twice.format(n) for n in "ab") + ")"
    for name in "ab":
        sql.sql(f"CREATE TABLE {name} AS SELECT * FROM all_{name} WHERE id IS NOT NULL AND id NOT IN {repeated}")
    one = lambda text: sql.sql(text).fetchone()[0]
    columns = ["amount", "price", "status", "at", "tags"]
    differs = {c: f'a."{c}" IS DISTINCT FROM b."{c}"' for c in columns}
    both = "FROM a JOIN b ON a.id = b.id"
    near = differs | {"amount": "NOT coalesce(a.amount = b.amount OR abs(a.amount - b.amount) <= 1.0, a.amount IS NULL AND b.amount IS NULL)"}
    expected = {
        "in_both": one(f"SELECT count(*) {both}"),
        "added": one("SELECT count(*) FROM b ANTI JOIN a ON a.id = b.id"),
        "removed": one("SELECT count(*) FROM a ANTI JOIN b ON a.id = b.id"),
        "changed": one(f"SELECT count(*) {both} WHERE {' OR '.join(differs.values())}"),
        "columns": {c: one(f"SELECT count(*) {both} WHERE {d}") for c, d in differs.items()},
        "changed_near": one(f"SELECT count(*) {both} WHERE {' OR '.join(near.values())}"),
        "repeated_keys": one(f"SELECT count(*) FROM ({twice.format('b')})"),
        "other_repeated_keys": one(f"SELECT count(*) FROM ({twice.format('a')})"),
        "without_key": one("SELECT count(*) FROM all_b WHERE id IS NULL"),
        "other_without_key": one("SELECT count(*) FROM all_a WHERE id IS NULL"),
        "rows_in_scope": one("SELECT count(*) FROM all_b"),
        "other_rows": one("SELECT count(*) FROM all_a"),
    }
    print(json.dumps(expected))


main()
