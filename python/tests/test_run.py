"""Runs end when they are asked to, let other threads work, and say how far they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import needs

import sluicegate as sg

RULES = {"dataset": "d", "rules": [{"duplicates": {"key": ["a"], "on_fail": "warn"}}, {"outliers": {"column": "b"}}]}


def wide(rows: int) -> Any:
    pa = needs("pyarrow")
    np = needs("numpy")
    random = np.random.default_rng(7)
    return pa.table(
        {"a": random.permutation(rows), "b": random.normal(size=rows), "c": random.integers(0, 9, rows).astype(str)}
    )


def test_ctrl_c_ends_a_run_and_nothing_is_published(tmp_path: Path) -> None:
    """A child process, since the signal is for its main thread."""
    needs("pyarrow")
    script = """
import sys, sluicegate as sg
rules = {"dataset": "d", "rules": [{"pattern": {"column": "a", "regex": "^(a|b|ab)*c.{1,30}$"}}]}
print("begins", flush=True)
try:
    sg.gate(sys.argv[1], rules, publish=sys.argv[2])
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    data = tmp_path / "a.csv"
    with open(data, "w") as file:
        file.write("a\n")
        line = "ab" * 40 + "\n"
        for _ in range(60):
            file.write(line * 10_000)
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(data), str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert child.stdout is not None and child.stdout.readline() == "begins\n"
    time.sleep(0.4)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() == "interrupted\n"
    assert time.monotonic() - began < 5
    assert child.wait(10) == 0
    published = [path for path in tmp_path.rglob("*") if path.suffix in (".parquet", ".json")]
    assert published == []


def test_other_threads_work_meanwhile() -> None:
    table, counted, stop = wide(1_000_000), [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        began = time.monotonic()
        sg.check(table, RULES)
        seconds = time.monotonic() - began
        # Holding Python's lock would let the other thread work not at all.
        assert counted[0] > 20 * seconds
    finally:
        stop.set()
        thread.join()


def test_many_threads_judge_at_once() -> None:
    table, reports = wide(100_000), []
    threads = [
        threading.Thread(target=lambda: reports.append(sg.check(table, RULES, now="2026-11-01").to_json()))
        for _ in range(6)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(reports) == 6 and len(set(reports)) == 1


def test_progress_is_told_and_its_errors_end_the_run() -> None:
    table, heard = wide(1_000_000), []
    sg.check(table, RULES, progress=lambda done, total, rows: heard.append((done, total, rows)))
    assert heard and all(done <= total for done, total, _ in heard)
    assert [rows for _, _, rows in heard] == sorted(rows for _, _, rows in heard)

    def broken(done: int, total: int, rows: int) -> None:
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        sg.check(table, RULES, progress=broken)


def test_the_program_comes_with_the_package(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-m", "sluicegate", "--version"], capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.strip() == f"sluicegate {sg.__version__}"
    (tmp_path / "a.csv").write_text("a\n1\n-1\n")
    (tmp_path / "r.yaml").write_text("dataset: d\nrules:\n  - range: { column: a, min: 0 }\n")
    run = subprocess.run(
        [sys.executable, "-m", "sluicegate", "check", "a.csv", "-r", "r.yaml"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 1 and "range-a" in run.stdout
    run = subprocess.run([sys.executable, "-m", "sluicegate", "chek"], capture_output=True, text=True)
    assert run.returncode == 2 and "check" in run.stderr
