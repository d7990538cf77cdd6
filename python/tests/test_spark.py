"""Spark, as PyPI has it: DataFrames are judged where their partitions lie."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import needs
from partitions import NOW, all_rules, differences, figures, frame

import sluicegate as sg

PLAIN = {
    "dataset": "d",
    "rules": [{"range": {"column": "size", "max": 7}}, {"missing": {"column": "city", "tolerate": "30%"}}],
}


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    needs("pyarrow")
    needs("pyspark")
    from pyspark import cloudpickle
    from pyspark.sql import SparkSession

    # Functions of this module are sent as they are: workers do not import it.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Two tasks at a time, each of which may fail three times.
    builder = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false")
    session = (
        builder.config("spark.sql.shuffle.partitions", "5").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def df(spark: Any) -> Any:
    """The rows in 20 partitions, in their order."""
    rows = frame()

    def taken(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            yield from rows.take(batch["id"]).to_batches()

    columns = "id long, city string, size long, score double, note string, day date"
    twenty = spark.range(0, rows.num_rows, 1, 20).mapInArrow(taken, columns)
    assert twenty.rdd.getNumPartitions() == 20
    return twenty.persist()


def local_parts(df: Any) -> list[Any]:
    """The same partitions here."""
    from pyspark.sql.functions import spark_partition_id

    rows = df.withColumn("part", spark_partition_id()).toArrow()
    import pyarrow.compute as pc

    return [rows.filter(pc.equal(rows["part"], part)).drop(["part"]) for part in range(df.rdd.getNumPartitions())]


def test_twenty_partitions_give_verdict_counts_and_figures_of_the_local_run(df: Any, tmp_path: Path) -> None:
    import sluicegate.spark

    rules = all_rules(tmp_path)
    there = sluicegate.spark.check(df, rules, now=NOW, in_order=True, batch_id="b")
    here = sg.check(frame(), rules, now=NOW, batch_id="b")
    assert there.verdict == "quarantine" and there.rows.read == 2000
    assert differences(figures(here), figures(there)) == []


def test_the_same_partitions_folded_here_give_the_same_report_byte_for_byte(df: Any, tmp_path: Path) -> None:
    import sluicegate.spark

    rules = all_rules(tmp_path)
    parts = local_parts(df)
    folds = [sg.fold(part, rules, unit=unit, now=NOW) for unit, part in enumerate(parts)]
    here = sg.judge(sg.merge(folds), rules, data=parts, now=NOW, batch_id="b")
    there = sluicegate.spark.check(df, rules, now=NOW, in_order=True, batch_id="b")
    assert there.to_json() == here.to_json()
    assert there["pattern-note"].samples[0]["origin"].keys() == {"partition", "index"}


def test_rules_that_mind_the_order_need_one(df: Any) -> None:
    import sluicegate.spark

    rules = {
        "dataset": "d",
        "rules": [{"order": {"column": "id"}}, {"stuck": {"column": "size", "max_run": 4}}, {"rows": {"min": 1}}],
    }
    with pytest.raises(sg.Fault, match="mind the order of rows.*: `order-id`, `stuck-size`; give `order_by"):
        sluicegate.spark.check(df, rules)
    mixed = df.repartition(7, "note")
    by_order = sluicegate.spark.check(mixed, rules, order_by=["id", "note"])
    sorted_here = frame().sort_by([("id", "ascending"), ("note", "ascending")])
    assert by_order["order-id"].status == "pass"
    assert by_order["order-id"].to_dict()["figures"] == sg.check(sorted_here, rules)["order-id"].to_dict()["figures"]
    assert not mixed.is_cached
    assert sluicegate.spark.check(mixed, rules, in_order=True)["order-id"].status == "fail"


def test_empty_partitions_and_no_rows_at_all_are_judged(spark: Any) -> None:
    import sluicegate.spark

    rules = {
        "dataset": "d",
        "rules": [{"range": {"column": "id", "max": 59}}, {"statistic": {"column": "id", "of": "median", "max": 50}}],
    }
    numbers = spark.range(0, 100, 1, 10)
    report = sluicegate.spark.check(numbers.filter("id >= 20 AND id < 70"), rules)
    assert (report.rows.read, report["range-id"].failing_rows) == (50, 10)
    assert report["range-id"].samples[0]["origin"] == {"partition": 6, "index": 0}
    nothing = sluicegate.spark.check(numbers.filter("id < 0"), rules)
    assert (nothing.rows.read, nothing.verdict) == (0, sg.check(frame().slice(0, 0), {"dataset": "d"}).verdict)
    # Rows are counted without any of their columns.
    counted = sluicegate.spark.check(numbers, {"dataset": "d", "rules": [{"rows": {"min": 101}}]})
    assert (counted.rows.read, counted["rows"].status) == (100, "fail")


def test_a_task_that_is_killed_is_retried_and_changes_nothing(
    spark: Any, df: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sluicegate.spark

    looks_again = {"statistic": {"column": "score", "of": "median", "max": 900}}
    rules = {**PLAIN, "profile": "none", "rules": [*PLAIN["rules"], looks_again, {"duplicates": {"key": ["id"]}}]}
    expected = sluicegate.spark.check(df, rules, now=NOW, batch_id="b").to_json()
    folding = sluicegate.spark._folding

    def dying(*given: Any) -> Any:
        fold = folding(*given)

        def once(batches: Iterator[Any]) -> Iterator[Any]:
            import os
            import signal

            from pyspark import TaskContext

            context = TaskContext.get()
            assert context is not None
            attempt = context.attemptNumber()
            (tmp_path / f"{context.partitionId()}-{attempt}").touch()
            if attempt == 0 and context.partitionId() == 3:
                next(batches)
                os.kill(os.getpid(), signal.SIGKILL)
            if attempt < 2 and context.partitionId() == 7:
                yield from list(fold(batches))
                raise RuntimeError("after all was sent")
            yield from fold(batches)

        return once

    monkeypatch.setattr(sluicegate.spark, "_folding", dying)
    assert sluicegate.spark.check(df, rules, now=NOW, batch_id="b").to_json() == expected
    assert (tmp_path / "3-1").exists() and (tmp_path / "7-2").exists() and not (tmp_path / "4-1").exists()


def test_data_that_is_not_the_same_when_it_is_looked_at_again_is_a_fault(spark: Any, tmp_path: Path) -> None:
    import sluicegate.spark

    rules = {"dataset": "d", "rules": [{"statistic": {"column": "id", "of": "median", "max": 50}}]}
    marker = str(tmp_path / "read")

    def shrinking(batches: Iterator[Any]) -> Iterator[Any]:
        was_read = os.path.exists(marker)
        open(marker, "w").close()
        for batch in batches:
            yield batch.slice(1) if was_read else batch

    changing = spark.range(0, 1000, 1, 1).mapInArrow(shrinking, "id long")
    with pytest.raises(sg.Fault, match="partition 0 had 1000 rows and has 999 now.*cache=True"):
        sluicegate.spark.check(changing, rules)
    os.remove(marker)
    assert sluicegate.spark.check(changing, rules, cache=True).rows.read == 1000


def test_what_cannot_be_judged_is_a_fault_and_not_tried_four_times(df: Any, spark: Any, tmp_path: Path) -> None:
    import sluicegate.spark

    with pytest.raises(sg.Fault, match="no column|unknown column|colour"):
        sluicegate.spark.check(df, {"dataset": "d", "rules": [{"range": {"column": "colour", "max": 7}}]})
    place = str(tmp_path)

    def counted(batches: Iterator[Any]) -> Iterator[Any]:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        open(f"{place}/{context.taskAttemptId()}", "w").close()
        yield from batches

    rules = {"dataset": "d", "rules": [{"range": {"column": "id", "max": 7, "where": "10 / (id - 3) > 1"}}]}
    with pytest.raises(sg.Fault, match="cannot tell whether this holds"):
        sluicegate.spark.check(spark.range(0, 10, 1, 1).mapInArrow(counted, "id long"), rules)
    assert len(os.listdir(place)) == 1


def test_rows_carry_their_reasons(df: Any, caplog: pytest.LogCaptureFixture) -> None:
    import sluicegate.spark

    rules = {**PLAIN, "rules": [*PLAIN["rules"], {"duplicates": {"key": ["id"], "on_fail": "warn"}}]}
    with caplog.at_level(logging.WARNING, logger="sluicegate"):
        marked = sluicegate.spark.reasons(df, rules).collect()
    assert "never among the reasons: duplicates-id" in caplog.text
    assert len(marked) == 2000
    for row in marked:
        said = {reason.split(":")[0] for reason in row.reasons}
        assert said == ({"range-size"} if row["size"] == 8 else set()) | (
            {"missing-city"} if row.city is None else set()
        )
    report = sluicegate.spark.check(df, rules)
    good, bad = sluicegate.spark.split(df, rules)
    assert good.columns == df.columns and bad.columns == [*df.columns, "reasons"]
    assert (good.count(), bad.count()) == (2000 - report["range-size"].failing_rows, report["range-size"].failing_rows)
    assert {row["size"] for row in bad.collect()} == {8}
    with pytest.raises(ValueError, match="has a column `city` already"):
        sluicegate.spark.reasons(df, rules, column="city")
