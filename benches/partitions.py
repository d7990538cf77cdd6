"""What judging partitions costs: in this process, by Spark and by Dask, over the same Parquet file and rules.

    python benches/partitions.py [MILLIONS] [PARTITIONS]

Needs the package `sluicegate` and pyarrow; pyspark (with a JRE) and dask[dataframe] where they are installed. CPU is that of this
process and all it started, the JVM and Python's workers among them; starting Spark is not counted.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sluicegate as sg

RULES = """dataset: bench
rules:
  - missing: { columns: [id, city, score] }
  - range: { column: score, min: 0, max: 1000 }
  - values: { column: city, in: [Ulm, Bern, Köln, Trier] }
  - duplicates: { key: [id], on_fail: warn }
  - statistic: { column: score, of: mean, max: 900 }
  - statistic: { id: median, column: score, of: median, max: 900 }
"""


def write(path: Path, rows: int, partitions: int) -> None:
    """A file a partition, so that each way cuts the rows alike."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = np.random.default_rng(7)
    cities = pa.array(["Ulm", "Bern", "Köln", "Trier"])
    path.mkdir()
    for part in range(partitions):
        start, end = rows * part // partitions, rows * (part + 1) // partitions
        columns = {
            "id": pa.array(range(start, end), pa.int64()),
            "city": cities.take(pa.array(draw.integers(0, 4, end - start))),
            "score": pa.array(draw.uniform(0, 1000, end - start)),
            "note": pa.array([f"a note that nobody reads {i}" for i in range(start, end)]),
        }
        pq.write_table(pa.table(columns), path / f"part-{part:05}.parquet", compression="zstd")


def cpu() -> float:
    """Seconds of this process, of those that ended, and of those that still run below it."""
    ticks = os.sysconf("SC_CLK_TCK")
    children: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            spent[int(entry.name)] = sum(map(int, fields[11:15])) / ticks
    total, left = 0.0, [os.getpid()]
    while left:
        process = left.pop()
        total += spent.get(process, 0.0)
        left += children.get(process, [])
    return total


def measured(name: str, run: Callable[[], sg.Report]) -> None:
    for round in ("first", "again"):
        began, before = time.monotonic(), cpu()
        report = run()
        seconds, spent = time.monotonic() - began, cpu() - before
        print(
            f"{name:34} {round}: {seconds:7.2f} s, {spent:7.2f} CPU s, {report.verdict}, {report.rows.read} rows",
            flush=True,
        )


def by_spark(path: Path, partitions: int) -> None:
    from pyspark.sql import SparkSession

    import sluicegate.spark

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{os.cpu_count()}]").config("spark.ui.enabled", "false")
    # A file a partition.
    builder = builder.config("spark.sql.files.maxPartitionBytes", "1g").config("spark.sql.files.openCostInBytes", "1g")
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    df: Any = spark.read.parquet(str(path))
    print(f"{'Spark counts the rows':34}      : {df.count()} in {df.rdd.getNumPartitions()} partitions")
    measured("sluicegate.spark.check", lambda: sluicegate.spark.check(df, RULES))
    spark.stop()


def by_dask(path: Path, partitions: int) -> None:
    import dask.dataframe as dd

    import sluicegate.dask

    ddf = dd.read_parquet(str(path))
    measured("sluicegate.dask.check", lambda: sluicegate.dask.check(ddf, RULES))


def folded(path: Path) -> sg.Report:
    """One partition after the other, on one thread: what the way through folds costs by itself."""
    import pyarrow.parquet as pq

    def part(number: int) -> Any:
        return pq.read_table(path / f"part-{number:05}.parquet", columns=["id", "city", "score"])

    count = len(list(path.iterdir()))
    folds = [sg.fold(part(number), RULES, unit=number) for number in range(count)]
    return sg.judge(sg.merge(folds), RULES, data=part, partitions=count)


def main() -> None:
    millions, partitions = (
        float(sys.argv[1]) if len(sys.argv) > 1 else 6.0,
        int(sys.argv[2]) if len(sys.argv) > 2 else 20,
    )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "data"
        write(path, int(millions * 1e6), partitions)
        size = sum(file.stat().st_size for file in path.iterdir()) / 1e6
        print(f"{millions} million rows, {partitions} files, {size:.0f} MB of Parquet, {os.cpu_count()} cores")
        measured("sg.check of the files", lambda: sg.check(str(path / "*.parquet"), RULES, statistics=False))
        measured("sg.fold, merge, judge", lambda: folded(path))
        if importlib.util.find_spec("dask"):
            by_dask(path, partitions)
        if importlib.util.find_spec("pyspark"):
            by_spark(path, partitions)


main()
