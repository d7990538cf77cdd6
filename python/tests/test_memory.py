"""A frame is judged where it lies: no second copy of it is made.

`SLUICEGATE_FRAME_MB` is the size of the frames; a gigabyte shows most, and takes longest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from conftest import needs

MEGABYTES = int(os.environ.get("SLUICEGATE_FRAME_MB", "256"))

# In a process of its own, since the largest memory that a process ever had never falls again.
CHECK = """
import json, resource, sys
import numpy as np
import pyarrow as pa
import sluicegate as sg

kind, megabytes = sys.argv[1], int(sys.argv[2])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
rows = megabytes * 2**20 // 64
numbers = np.arange(rows, dtype="int64")
texts = pa.StringArray.from_buffers(
    rows, pa.py_buffer(np.arange(0, 20 * (rows + 1), 20, dtype="int32")), pa.py_buffer(np.full(20 * rows, 97, "uint8")))
columns = {"id": pa.array(numbers), "a": pa.array(numbers * 0.5), "b": pa.array(numbers % 1000), "c": pa.array(numbers * 2.0),
           "d": pa.array(numbers % 7), "t": texts}
frame = pa.table(columns)
del columns, texts, numbers
if kind == "polars":
    import polars as pl
    frame = pl.from_arrow(frame, rechunk=False)
elif kind == "reader":
    frame = frame.to_reader(1 << 16)
elif kind == "pandas":
    import pandas as pd
    frame = frame.to_pandas(types_mapper=pd.ArrowDtype)
elif kind == "numpy":
    # Numbers that numpy holds; the text is Arrow's.
    import pandas as pd
    frame = frame.to_pandas(split_blocks=True)
rules = {"dataset": "d", "profile": "none", "rules": [
    {"missing": {"columns": "*"}}, {"range": {"columns": ["a", "b", "c", "d"], "min": 0}},
    {"length": {"column": "t", "max": 20}}, {"outliers": {"column": "a"}}]}
# Once with few rows: what the engine itself needs is no copy.
sg.check(frame[:100] if kind != "reader" else pa.table({n: [1] for n in "abcd"} | {"t": ["x"]}), rules, memory_limit="32MB")
before = peak()
report = sg.check(frame, rules, memory_limit="4GB" if kind == "reader" else "32MB")
assert (report.verdict, report.rows.read) == ("accept", rows), report.to_json()
print(json.dumps({"before": before, "after": peak()}))
"""


@pytest.mark.parametrize("kind", ["arrow", "reader", "polars", "pandas", "numpy"])
def test_no_second_copy_of_a_frame_is_made(kind: str) -> None:
    for module in ("numpy", "pandas", "polars", "pyarrow", "resource"):
        needs(module)
    command = [sys.executable, "-c", CHECK, kind, str(MEGABYTES)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["before"] > MEGABYTES
    # What is under way at once (16 MiB a thread and a few states) does not grow with the frame.
    assert told["after"] - told["before"] < max(40, MEGABYTES / 8), told
