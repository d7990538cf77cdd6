#!/usr/bin/env python3
"""What a check of a frame in memory costs: beside the same check of an Arrow file, and beside other libraries.

    python3 benches/python/compare.py --python VENV/bin/python --data DIR [frames] [peers]

See benches/python/README.md.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

MAKE = """
import sys
import pyarrow as pa
import pyarrow.parquet as pq
source, plain, floats, arrow = sys.argv[1:]
table = pq.read_table(source)
# No column promises to have no nulls: frames cannot, so the file must not either. Text is what most libraries make it.
field = lambda f: pa.field(f.name, pa.string() if f.type == pa.string_view() else f.type)
table = table.cast(pa.schema([field(f) for f in table.schema]))
pq.write_table(table, plain, compression="zstd", row_group_size=1 << 20)
with pa.OSFile(arrow, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
    writer.write_table(table, max_chunksize=1 << 17)
field = lambda f: pa.field(f.name, pa.float64() if pa.types.is_decimal(f.type) else f.type)
pq.write_table(table.cast(pa.schema([field(f) for f in table.schema])), floats, compression="zstd", row_group_size=1 << 20)
"""


def ran(command, env=None):
    """Runs a process; gives its last line of output, CPU seconds in all, and peak memory in MB."""
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    # The child's peak memory is the child's own: wait4 gives it.
    out = child.stdout.read()
    err = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {child.returncode}\n{err.decode()[-2000:]}")
    return out.decode().strip().splitlines()[-1:], usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def data_in(directory, python):
    """The files, made where they are missing."""
    names = ["lineitem.parquet", "lineitem-plain.parquet", "lineitem-floats.parquet", "lineitem.arrow"]
    files = [directory / name for name in names]
    directory.mkdir(parents=True, exist_ok=True)
    if not files[0].exists():
        layout = ["--compression", "ZSTD(1)", "--row-group-bytes", "134217728", "-q", "-o", directory]
        ran([python.parent / "tpchgen-cli", "parquet", "-s", "1", "--tables", "lineitem", *layout])
    if not all(file.exists() for file in files):
        print("making the data …", file=sys.stderr, flush=True)
        ran([python, "-c", MAKE, *files])
    return files[1:]


def median(runs, name):
    return statistics.median(run[name] for run in runs)


class Bench:
    def __init__(self, options):
        self.options, self.figures = options, {}
        env = {"OMP_NUM_THREADS": str(os.cpu_count()), **os.environ}
        if options.package:
            env["PYTHONPATH"] = str(options.package)
        self.env = env

    def worker(self, library, frame, data, rules):
        line, cpu, _ = ran([self.options.python, HERE / "worker.py", library, frame, data, HERE / rules], self.env)
        said = json.loads(line[0])
        return {**said, "cpu": cpu, "beside": cpu - said["imports"] - said["load"]}

    def program(self, data, rules):
        options = ["check", data, "--rules", HERE / rules, "--no-statistics", "--quiet"]
        _, cpu, peak = ran([self.options.sluicegate, *options])
        return {"cpu": cpu, "beside": cpu, "check": cpu, "imports": 0.0, "load": 0.0, "peak_before": 0.0, "peak_after": peak}

    def rounds(self, title, runs):
        """Runs each of `runs` in turn, `-n` times, each round beginning with another; prints medians."""
        all_runs = {name: [] for name in runs}
        for turn in range(self.options.n):
            names = list(runs)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                all_runs[name].append(runs[name]())
        print(f"\n{title}\n| | imports, CPU s | load, CPU s | check, CPU s | process without these two, CPU s | MB above the frame |")
        print("|---|---|---|---|---|---|")
        for name, told in all_runs.items():
            above = median(told, "peak_after") - median(told, "peak_before")
            steps = " | ".join(f"{median(told, step):.2f}" for step in ("imports", "load", "check", "beside"))
            print(f"| {name} | {steps} | {above:.0f} |", flush=True)
        self.figures[title] = all_runs
        return all_runs

    def frames(self, plain, _, arrow):
        program = shutil.which(self.options.sluicegate)
        runs = {
            "Arrow file, in Python": lambda: self.worker("sluicegate", "file", arrow, "suite.yaml"),
            "pyarrow table": lambda: self.worker("sluicegate", "arrow", plain, "suite.yaml"),
            "Polars frame": lambda: self.worker("sluicegate", "polars", plain, "suite.yaml"),
        }
        if program:
            runs["Arrow file, the program"] = lambda: self.program(arrow, "suite.yaml")
        told = self.rounds("frames beside the Arrow file, the whole suite", runs)
        base = "Arrow file, the program" if program else "Arrow file, in Python"
        for name in ("pyarrow table", "Polars frame"):
            ratio = statistics.median(a["beside"] / b["beside"] for a, b in zip(told[name], told[base]))
            print(f"{name}: {ratio:.2f} × the CPU of the {base}", flush=True)

    def peers(self, _, floats, __):
        pairs = [("sluicegate", "polars"), ("sluicegate", "pandas"), ("pandera", "polars"), ("pandera", "pandas")]
        pairs += [("great_expectations", "pandas"), ("pointblank", "polars"), ("pointblank", "pandas")]
        runs = {
            f"{library}, {frame}": lambda library=library, frame=frame: self.worker(library, frame, floats, "peers.yaml")
            for library, frame in pairs
        }
        told = self.rounds("the same frame, the same rules", runs)
        failing = {name: {run["failing"] for run in of} for name, of in told.items()}
        print(f"failing checks: {failing}")
        for library, frame in pairs[2:]:
            theirs, ours = told[f"{library}, {frame}"], told[f"sluicegate, {frame}"]
            ratio = statistics.median(a["check"] / b["check"] for a, b in zip(theirs, ours))
            print(f"{library}, {frame}: {ratio:.1f} × the CPU of ours", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", choices=["frames", "peers", []], help="all if left out")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="has the libraries")
    parser.add_argument("--package", type=Path, help="the directory that holds the package, if it is not installed")
    parser.add_argument("--sluicegate", default="sluicegate", help="the program")
    parser.add_argument("-n", type=int, default=5, help="rounds")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    files = data_in(options.data, options.python)
    # The page cache holds what is read.
    for file in files:
        with open(file, "rb") as read:
            while read.read(1 << 24):
                pass
    bench = Bench(options)
    for workload in options.workloads or ["frames", "peers"]:
        getattr(bench, workload)(*files)
    if options.json:
        machine = {"machine": platform.platform(), "cores": os.cpu_count(), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
        options.json.write_text(json.dumps({**machine, "figures": bench.figures}, indent=1))


main()
