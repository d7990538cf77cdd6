"""Delta tables that deltalake for Python wrote, or that are laid out by the published protocol: `make DIR` writes them to DIR/tables
and prints their names; `compare DIR` compares what Sluicegate published of each, DIR/out/NAME.parquet, with what DuckDB, deltalake
and Polars read of it."""

import datetime as dt
import decimal
import json
import os
import shutil
import struct
import sys
import uuid
import zlib

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from duckdb_extensions import import_extension

step, place = sys.argv[1:]
root = os.path.join(place, "tables")


def T(name):
    return os.path.join(root, name)


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def rows(lo, hi):
    ids = list(range(lo, hi))
    return pa.table({
        "id": pa.array(ids, pa.int64()),
        "small": pa.array([i % 100 for i in ids], pa.int32()),
        "price": pa.array([decimal.Decimal(i).scaleb(-2) for i in ids], pa.decimal128(10, 2)),
        "name": pa.array([None if i % 7 == 0 else f"n{i}" for i in ids], pa.string()),
        "at": pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(minutes=i) for i in ids], pa.timestamp("us", "UTC")),
        "day": pa.array([dt.date(2026, 1, 1 + i % 5) for i in ids]),
        "tags": pa.array([[f"t{j}" for j in range(i % 3)] for i in ids], pa.list_(pa.string())),
        "geo": pa.array([{"lat": float(i), "lon": -float(i)} for i in ids]),
    })


def z85(b):
    b += b"\0" * (-len(b) % 4); out = ""
    for i in range(0, len(b), 4):
        v = int.from_bytes(b[i:i+4], "big"); out += "".join(Z85[v // 85**k % 85] for k in (4, 3, 2, 1, 0))
    return out


def roaring(rows):
    body = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16) + b"".join(struct.pack("<H", r) for r in rows)
    return struct.pack("<IQI", 1681511377, 1, 0) + body


def log(name, version, actions):
    with open(os.path.join(T(name), "_delta_log", f"{version:020}.json"), "w") as f: f.write("\n".join(json.dumps(a) for a in actions) + "\n")


def adds(name):
    out = []
    for f in sorted(os.listdir(os.path.join(T(name), "_delta_log"))):
        if f.endswith(".json"):
            for line in open(os.path.join(T(name), "_delta_log", f)):
                a = json.loads(line)
                if "add" in a: out.append(a["add"])
    return out


def mapped(name, mode, fields, table, extra_protocol=None):
    os.makedirs(os.path.join(T(name), "_delta_log"))
    pq.write_table(table, os.path.join(T(name), "p.parquet"))
    schema = {"type": "struct", "fields": fields}
    log(name, 0, [{"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
        {"metaData": {"id": "x", "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps(schema), "partitionColumns": [], "configuration": {"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": "9"}, "createdTime": 0}},
        {"add": {"path": "p.parquet", "partitionValues": {}, "size": os.path.getsize(os.path.join(T(name), "p.parquet")), "modificationTime": 0, "dataChange": True}}])


def fld(name, typ, id, physical): return {"name": name, "type": typ, "nullable": True, "metadata": {"delta.columnMapping.id": id, "delta.columnMapping.physicalName": physical}}


def pf(name, t, id): return pa.field(name, t, metadata={"PARQUET:field_id": str(id)})


def make():
    os.makedirs(root)
    # appended
    for k in range(3): write_deltalake(T("appended"), rows(k * 100, k * 100 + 100), mode="append")
    # deleted / updated / merged
    shutil.copytree(T("appended"), T("deleted"))
    d = DeltaTable(T("deleted")); d.delete("id % 10 = 3")
    shutil.copytree(T("deleted"), T("merged"))
    d = DeltaTable(T("merged"))
    d.merge(rows(250, 350), "t.id = s.id", source_alias="s", target_alias="t").when_matched_update_all().when_not_matched_insert_all().execute()
    shutil.copytree(T("merged"), T("optimised"))
    d = DeltaTable(T("optimised")); d.optimize.compact(); d.create_checkpoint()
    write_deltalake(T("optimised"), rows(1000, 1010), mode="append")
    # partitioned
    n = 60
    part = pa.table({
        "v": pa.array(range(n), pa.int64()),
        "d": pa.array([None if i % 6 == 5 else dt.date(2026, 1, 1 + i % 3) for i in range(n)]),
        "k": pa.array([i % 2 for i in range(n)], pa.int32()),
        "s": pa.array([["a b", "x/y", "ü=%20", None, "", "__HIVE_DEFAULT_PARTITION__"][i % 6] for i in range(n)]),
        "t": pa.array([dt.datetime(2026, 1, 1, 1, 2, 3, 456789 if i % 2 else 0, tzinfo=dt.timezone.utc) for i in range(n)], pa.timestamp("us", "UTC")),
        "b": pa.array([i % 2 == 0 for i in range(n)]),
        "dec": pa.array([decimal.Decimal("1.50") if i % 2 else decimal.Decimal("2.25") for i in range(n)], pa.decimal128(9, 2)),
        "f": pa.array([0.5 if i % 2 else 1e10 for i in range(n)], pa.float64()),
    })
    for name, cols in [("by_date", ["d"]), ("by_int", ["k"]), ("by_string", ["s"]), ("by_time", ["t"]), ("by_many", ["d", "k", "b"]), ("by_decimal", ["dec"]), ("by_float", ["f"])]:
        write_deltalake(T(name), part, partition_by=cols)
    # schema evolution
    write_deltalake(T("evolved"), pa.table({"a": pa.array([1, 2], pa.int32())}))
    write_deltalake(T("evolved"), pa.table({"a": pa.array([3], pa.int32()), "b": pa.array(["x"])}), mode="append", schema_mode="merge")
    # empty
    write_deltalake(T("empty"), rows(0, 10)); DeltaTable(T("empty")).delete()
    # many commits and checkpoints
    for k in range(25): write_deltalake(T("many"), rows(k + 1, k + 2), mode="append")
    DeltaTable(T("many")).create_checkpoint()
    # deletion vectors, by hand
    write_deltalake(T("vector"), rows(0, 100)); write_deltalake(T("vector"), rows(100, 200), mode="append")
    first, second = adds("vector")
    gone = [0, 5, 6, 7, 99]
    dv = roaring(gone)
    FEATURES = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}}
    log("vector", 2, [FEATURES, {"remove": {"path": first["path"], "dataChange": True, "deletionTimestamp": 1}},
        {"add": {**first, "deletionVector": {"storageType": "i", "pathOrInlineDv": z85(dv), "sizeInBytes": len(dv), "cardinality": len(gone)}}}])
    # the same in a file
    shutil.copytree(T("vector"), T("vector_file")); os.remove(os.path.join(T("vector_file"), "_delta_log", f"{2:020}.json"))
    u = uuid.UUID("d2c639aa-8816-431a-aaf6-d3fe2512ff61")
    with open(os.path.join(T("vector_file"), f"deletion_vector_{u}.bin"), "wb") as f:
        f.write(b"\x01" + struct.pack(">I", len(dv)) + dv + struct.pack(">I", zlib.crc32(dv)))
    log("vector_file", 2, [FEATURES, {"remove": {"path": first["path"], "dataChange": True, "deletionTimestamp": 1}},
        {"add": {**first, "deletionVector": {"storageType": "u", "pathOrInlineDv": z85(u.bytes), "offset": 1, "sizeInBytes": len(dv), "cardinality": len(gone)}}}])
    # column mapping
    inner = {"type": "struct", "fields": [fld("x", "long", 4, "c4"), fld("y", "string", 5, "c5")]}
    fields = [fld("id", "long", 1, "c1"), fld("c1", "string", 2, "c2"), fld("pos", inner, 3, "c3")]
    st = pa.struct([pf("c4", pa.int64(), 4), pf("c5", pa.string(), 5)])
    tab = pa.Table.from_arrays([pa.array(["a", "b", None]), pa.array([1, 2, 3], pa.int64()), pa.array([{"c4": 7, "c5": "q"}, None, {"c4": 8, "c5": None}], st)],
        schema=pa.schema([pf("c2", pa.string(), 2), pf("c1", pa.int64(), 1), pf("c3", st, 3)]))
    mapped("mapped_name", "name", fields, tab)
    mapped("mapped_id", "id", fields, tab)
    # widened
    os.makedirs(os.path.join(T("widened"), "_delta_log"))
    pq.write_table(pa.table({"a": pa.array([1, -2], pa.int32()), "f": pa.array([0.5, 1.5], pa.float32()), "d": pa.array([decimal.Decimal("1.5"), None], pa.decimal128(4, 1)), "t": pa.array([dt.date(2026, 1, 1), None])}), os.path.join(T("widened"), "old.parquet"))
    pq.write_table(pa.table({"a": pa.array([2**40], pa.int64()), "f": pa.array([1e300]), "d": pa.array([decimal.Decimal("12345.675")], pa.decimal128(12, 3)), "t": pa.array([dt.datetime(2026, 1, 1, 12)], pa.timestamp("us"))}), os.path.join(T("widened"), "new.parquet"))
    W = lambda n, t: {"name": n, "type": t, "nullable": True, "metadata": {}}
    size = lambda n, f: os.path.getsize(os.path.join(T(n), f))
    log("widened", 0, [{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["typeWidening", "timestampNtz"], "writerFeatures": ["typeWidening", "timestampNtz"]}},
        {"metaData": {"id": "w", "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps({"type": "struct", "fields": [W("a", "long"), W("f", "double"), W("d", "decimal(12,3)"), W("t", "timestamp_ntz")]}), "partitionColumns": [], "configuration": {"delta.enableTypeWidening": "true"}, "createdTime": 0}},
        *[{"add": {"path": f, "partitionValues": {}, "size": size("widened", f), "modificationTime": 0, "dataChange": True}} for f in ("old.parquet", "new.parquet")]])
    print("\n".join(sorted(os.listdir(root))))

# What these readers do not read, or read otherwise than the protocol says: columns by their own names where the table maps
# them, and an empty text for a missing partition value.
NOT_READ = {
    "deltalake": {"vector", "vector_file", "widened", "mapped_id", "mapped_name"},
    "polars": {"by_string", "widened", "mapped_id", "mapped_name"},
    "duckdb": set(),
}


def compare():
    import_extension("delta")
    duck = duckdb.connect()
    duck.execute("SET TimeZone = 'UTC'")
    readers = {
        "duckdb": lambda path: duck.execute(f"SELECT * FROM delta_scan('{path}')").to_arrow_table(),
        "deltalake": lambda path: DeltaTable(path).to_pyarrow_table(),
        "polars": lambda path: pl.read_delta(path).to_arrow(),
    }
    for name in sorted(os.listdir(root)):
        ours = pq.read_table(os.path.join(place, "out", f"{name}.parquet"))
        for reader, read in readers.items():
            if name in NOT_READ[reader]:
                continue
            theirs = read(T(name)).select(ours.column_names)
            mine, other = (sorted(map(repr, table.to_pylist())) for table in (ours, theirs))
            assert mine == other, (name, reader, len(mine), len(other), [p for p in zip(mine, other) if p[0] != p[1]][:2])


{"make": make, "compare": compare}[step]()
