"""ORC files with all types: `make DIR` writes them to DIR/orc and prints the names of those that are read; `compare DIR` compares
what Sluicegate published of each, DIR/out/NAME.parquet, with what pyarrow reads."""

import datetime as dt
import decimal
import os
import random
import sys

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

step, place = sys.argv[1:]
root = os.path.join(place, "orc")
READ = ["uncompressed", "zlib", "zstd", "snappy", "lz4", "v11", "dict", "empty", "far", "zone"]


def make():
    os.makedirs(root)
    random.seed(3)
    n = 6000
    def some(f, p=0.1): return [None if random.random() < p else f(i) for i in range(n)]
    epoch = dt.datetime(1970, 1, 1)
    def before(us): return epoch + dt.timedelta(microseconds=us if us >= 0 else us // 10**6 * 10**6)
    t = pa.table({
      "i8": pa.array(some(lambda i: i % 256 - 128), pa.int8()), "i16": pa.array(some(lambda i: random.randint(-2**15, 2**15-1)), pa.int16()),
      "i32": pa.array(some(lambda i: random.randint(-2**31, 2**31-1)), pa.int32()), "i64": pa.array(some(lambda i: random.randint(-2**63, 2**63-1)), pa.int64()),
      "seq": pa.array(range(n), pa.int64()), "run": pa.array([i // 1000 for i in range(n)], pa.int64()), "delta": pa.array([i * 3 - i // 7 for i in range(n)], pa.int64()),
      "outlier": pa.array([i % 10 if i % 1000 else 10**14 for i in range(n)], pa.int64()),
      "f32": pa.array(some(lambda i: random.gauss(0, 1)), pa.float32()), "f64": pa.array(some(lambda i: random.choice([random.gauss(0, 1e10), float("inf"), float("nan"), -0.0])), pa.float64()),
      "b": pa.array(some(lambda i: i % 3 == 0)), "s": pa.array(some(lambda i: "".join(random.choice("abcäö€\U0001F600") for _ in range(i % 9)))),
      "cat": pa.array(some(lambda i: f"kind {i % 7}")), "bin": pa.array(some(lambda i: bytes([i % 256]) * (i % 5)), pa.binary()),
      "dec": pa.array(some(lambda i: decimal.Decimal(random.randint(-10**9, 10**9)).scaleb(-2)), pa.decimal128(12, 2)),
      "wide": pa.array(some(lambda i: decimal.Decimal(random.randint(-10**37, 10**37)).scaleb(-10)), pa.decimal128(38, 10)),
      "day": pa.array(some(lambda i: dt.date(1, 1, 1) + dt.timedelta(days=random.randint(0, 3652058))), pa.date32()),
      "ts": pa.array(some(lambda i: before(random.randint(-9*10**15, 9*10**15))), pa.timestamp("us")),
      "tz": pa.array(some(lambda i: before(random.randint(-10**15, 9 * 10**15))), pa.timestamp("us", "UTC")),
      "list": pa.array(some(lambda i: [None if j == 2 else j for j in range(i % 5)]), pa.list_(pa.int32())),
      "struct": pa.array(some(lambda i: {"a": i, "b": None if i % 4 == 0 else str(i)}), pa.struct([("a", pa.int64()), ("b", pa.string())])),
      "map": pa.array(some(lambda i: [(f"k{j}", j) for j in range(i % 3)]), pa.map_(pa.string(), pa.int64())),
      "deep": pa.array(some(lambda i: [{"x": [j, None]} for j in range(i % 3)]), pa.list_(pa.struct([("x", pa.list_(pa.int64()))]))),
    })
    for c in ["uncompressed", "zlib", "zstd", "snappy", "lz4"]:
        orc.write_table(t, f"{root}/{c}.orc", compression=c, stripe_size=200_000, compression_block_size=65536)
    orc.write_table(t, f"{root}/v11.orc", file_version="0.11", compression="zlib", dictionary_key_size_threshold=0.9)
    orc.write_table(t, f"{root}/dict.orc", dictionary_key_size_threshold=1.0)
    orc.write_table(t.slice(0, 0), f"{root}/empty.orc")
    orc.write_table(pa.table({"t": pa.array([1, 10**18 + 1, None], pa.timestamp("ns"))}), f"{root}/nanos.orc")
    orc.write_table(pa.table({"t": pa.array([dt.datetime(2026, 7, 1, 12), dt.datetime(9999, 12, 31)], pa.timestamp("us"))}), f"{root}/far.orc")
    orc.write_table(pa.table({'t': pa.array([dt.datetime(1960, 1, 1, 0, 0, 0, 500000)], pa.timestamp('us'))}), f'{root}/before.orc')
    nanos = pa.array([-(10**18) - 1, 5, None], pa.timestamp("ns"))
    orc.write_table(pa.table({"t": nanos}), f"{root}/nanos_before.orc")
    # A writer in another zone: pyarrow's own is always GMT.
    times = [dt.datetime(2026, 1, 1, 12, 0, 0, 250000), dt.datetime(2026, 7, 1, 12), dt.datetime(2026, 3, 29, 2, 30), dt.datetime(1990, 7, 1, 3)]
    zone = pa.table({"t": pa.array(times, pa.timestamp("us")), "z": pa.array(times, pa.timestamp("us", "UTC"))})
    orc.write_table(zone, f"{root}/zone.orc", compression="uncompressed")
    written = open(f"{root}/zone.orc", "rb").read()
    assert written.count(b"GMT") == 1
    open(f"{root}/zone.orc", "wb").write(written.replace(b"GMT", b"CET"))
    print("\n".join(READ))


def plain(value):
    """Values as they are compared: NaN equals NaN, and -0 is not 0."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def compare():
    for name in READ:
        ours = pq.read_table(f"{place}/out/{name}.parquet")
        if name == "far":
            # Beyond what pyarrow holds, whose times are nanoseconds.
            assert [row["t"] for row in ours.to_pylist()] == [dt.datetime(2026, 7, 1, 12), dt.datetime(9999, 12, 31)]
            continue
        theirs = orc.read_table(f"{root}/{name}.orc")
        assert ours.column_names == theirs.column_names and ours.num_rows == theirs.num_rows, name
        for column in theirs.column_names:
            mine, other = ([plain(value) for value in table[column].to_pylist()] for table in (ours, theirs))
            assert mine == other, (name, column, [pair for pair in zip(mine, other) if pair[0] != pair[1]][:2])


{"make": make, "compare": compare}[step]()
