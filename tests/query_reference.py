"""Makes two Parquet files at random, and says by DuckDB what queries over them return.

    python tests/query_reference.py SEED DIRECTORY < QUERIES

QUERIES is a JSON list of SQL texts over `batch` and `customers`; the answer is a list of lists of rows.
"""

import json
import random
import sys
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq


def main():
    seed, directory = int(sys.argv[1]), sys.argv[2]
    pick = random.Random(seed)
    rows, people = pick.randrange(40, 90), 12
    maybe = lambda value, share=0.1: None if pick.random() < share else value
    batch = pa.table({
        "id": pa.array(range(rows), pa.int64()),
        "customer": pa.array([maybe(pick.randrange(people + 4)) for _ in range(rows)], pa.int64()),
        "site": pa.array([maybe(pick.choice("ABC")) for _ in range(rows)], pa.string()),
        "price": pa.array([maybe(pick.randrange(-80, 800) / 8) for _ in range(rows)], pa.float64()),
        "quantity": pa.array([pick.randrange(0, 5) for _ in range(rows)], pa.int32()),
        "seen": pa.array([datetime(2026, 1, 1) + timedelta(hours=pick.randrange(500)) for _ in range(rows)], pa.timestamp("us")),
    })
    customers = pa.table({
        "id": pa.array([pick.randrange(people) for _ in range(people)], pa.int64()),
        "country": pa.array([maybe(pick.choice(["DE", "CH", "AT"])) for _ in range(people)], pa.string()),
        "limit_of": pa.array([pick.randrange(0, 80) for _ in range(people)], pa.int64()),
    })
    pq.write_table(batch, f"{directory}/batch.parquet", row_group_size=pick.randrange(7, 30))
    pq.write_table(customers, f"{directory}/customers.parquet")
    connection = duckdb.connect()
    connection.register("batch", batch)
    connection.register("customers", customers)
    print(json.dumps([connection.execute(query).fetchall() for query in json.load(sys.stdin)], default=str))


main()
