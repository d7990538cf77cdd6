"""Another program that changes a Delta table, as it is told line by line; answers `ok`, or why it failed."""

import os
import sys
import time
from datetime import date

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

lake = sys.argv[1]


def do(what: str) -> None:
    verb, _, rest = what.partition(" ")
    table = None if verb == "partition" else DeltaTable(lake)
    if verb == "compact":
        time.sleep(int(rest) / 1000)
        DeltaTable(lake).optimize.compact()
    elif verb == "restore":
        table.restore(int(rest))
    elif verb == "delete":
        table.delete(rest)
    elif verb == "overwrite":
        write_deltalake(lake, pa.table({"id": pa.array([-5], pa.int64()), "v": pa.array([0], pa.int64())}), mode="overwrite")
    elif verb == "partition":
        column, value, number = rest.split()
        rows = {"id": pa.array([int(number)], pa.int64()), column: pa.array([date.fromisoformat(value)]), "v": pa.array([1], pa.int64())}
        write_deltalake(lake, pa.table(rows), mode="append", partition_by=[column])
    elif verb == "count":
        found = table.to_pyarrow_table().num_rows
        assert found == int(rest), f"{found} rows"
    elif what == "forget the log":
        table.create_checkpoint()
        log = os.path.join(lake, "_delta_log")
        for name in os.listdir(log):
            if name.endswith(".json") and int(name[:20]) <= table.version():
                os.remove(os.path.join(log, name))
    else:
        raise ValueError(what)


for line in sys.stdin:
    try:
        do(line.strip())
        print("ok", flush=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, the test reads it
        print(f"{type(error).__name__} {error}".replace("\n", " "), flush=True)
