#!/usr/bin/env python3
"""Runs Sluicegate and its peers in turn on the same data, as whole processes, and compares what they cost.

    python3 benches/compare.py --python VENV/bin/python --data DIR [WORKLOAD ...]

See benches/README.md.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# `statistics` and its like stay out: a child's peak memory counts from that of this process, which forks it.

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"


class Program:
    """Something that is run and measured; `before` clears away what the last run left behind."""

    def __init__(self, name, command, before=None):
        self.name, self.command, self.before = name, [str(c) for c in command], before
        self.runs, self.failure = [], None


class Failed(Exception):
    """A process that did not end well."""


def run(command, env, timeout):
    """Runs a process to its end; gives its CPU seconds, wall seconds and peak memory in MB."""
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=env, start_new_session=True
        )
        timed_out = threading.Event()

        def stop():
            timed_out.set()
            os.killpg(child.pid, signal.SIGKILL)

        timer = threading.Timer(timeout, stop)
        timer.start()
        try:
            # Waits without reaping: until it is reaped, the number is the child's, and the timer cannot hit another.
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            wall = time.perf_counter() - began
            timer.cancel()
            timer.join()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if timed_out.is_set():
            raise Failed(f"not done in {timeout:g} s")
        if child.returncode != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
            raise Failed(f"exit code {child.returncode}: {' / '.join(said[-3:])[:400]}")
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "peak_mb": usage.ru_maxrss / 1024}


class Data:
    """Files to run on, made where they are missing."""

    def __init__(self, options, env):
        self.scale, self.python, self.env, self.timeout = options.scale, options.python, env, 10 * options.timeout
        self.root = options.data if self.scale == 1 else options.data / f"scale-{self.scale:g}"
        self.root.mkdir(parents=True, exist_ok=True)

    def rows(self, at_one):
        return max(int(at_one * self.scale), 10)

    def make(self, name, command):
        """The file or directory `name`; `command` gives what writes it to the path it is given, or into that directory."""
        path = self.root / name
        if not path.exists():
            print(f"making {path} …", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(dir=self.root) as staging:
                run([str(c) for c in command(Path(staging) / name)], self.env, self.timeout)
                (Path(staging) / name).rename(path)
        return path

    def script(self, name, code):
        """What the Python program `code` makes; it is told where in `sys.argv[1]`."""
        return self.make(name, lambda to: [self.python, "-c", code, to])

    def sql(self, name, query, options):
        code = "import duckdb, sys\nduckdb.execute(f'COPY ({sys.argv[2]}) TO \\'{sys.argv[1]}\\' ({sys.argv[3]})')"
        return self.make(name, lambda to: [self.python, "-c", code, to, query, options])

    def lineitem(self, format):
        layout = ["--compression", "ZSTD(1)", "--row-group-bytes", "134217728"] if format == "parquet" else []
        tool = self.python.parent / "tpchgen-cli"
        wanted = [tool, format, "-s", f"{self.scale:g}", "--tables", "lineitem", *layout, "-q"]
        return self.make(f"lineitem.{format}", lambda to: [*wanted, "-o", to.parent])

    def ndjson(self):
        columns = "* REPLACE (l_quantity::DOUBLE AS l_quantity, l_extendedprice::DOUBLE AS l_extendedprice, "
        columns += "l_discount::DOUBLE AS l_discount, l_tax::DOUBLE AS l_tax)"
        source = self.lineitem("parquet")
        query = f"SELECT {columns} FROM read_parquet('{source}') LIMIT {self.rows(2_400_000)}"
        return self.sql("lineitem.ndjson", query, "FORMAT json")

    def keys(self, order):
        by = "key" if order == "ascending" else "n"
        query = f"SELECT md5(n::VARCHAR) AS key FROM range({self.rows(5_000_000)}) AS t(n) ORDER BY {by}"
        return self.sql(f"keys-{order}.parquet", query, "FORMAT parquet, COMPRESSION zstd")

    def small(self, name, rows):
        return self.sql(name, f"SELECT n AS id, n * 1.5 AS v FROM range({rows}) AS t(n)", "FORMAT csv, HEADER")

    def wide(self):
        """Integers, decimals and words in turn."""
        kinds = ["{} % 100000", "{} % 1000000 / 100", "'w' || {} % 1000"]
        columns = ", ".join(f"{kinds[i % 3].format(f'(hash(n + {i}) >> 16)')} AS c{i}" for i in range(2000))
        return self.sql("wide.csv", f"SELECT {columns} FROM range({self.rows(100_000)}) AS t(n)", "FORMAT csv, HEADER")

    def shuffled(self, name, change, order):
        """One of two files with the same rows in another order; `change` is what a row may have otherwise."""
        columns = "i AS id, (i * 7919) % 100000 / 100.0::DOUBLE AS price, ((i * 31) % 1000)::INT AS qty, "
        columns += "(['A', 'B', 'C'])[1 + i % 3] AS site, DATE '2024-01-01' + ((i * 17) % 700)::INT AS day"
        rows = f"SELECT {columns} FROM range({self.rows(10_000_000)}) AS t(i)"
        return self.sql(f"{name}.parquet", f"SELECT {change} FROM ({rows}) ORDER BY {order}", "FORMAT parquet, COMPRESSION zstd")

    def columns(self):
        """50 columns of five kinds, for 200 rules."""
        kinds = [
            "((i * {0}) % 1000000)::BIGINT",
            "(((i * {0}) % 100000) / 100.0)::DECIMAL(15, 2)",
            "(['A', 'N', 'R', 'F', 'O'])[1 + (i * {0}) % 5]",
            "DATE '1992-01-01' + ((i * {0}) % 2500)::INT",
            "((i * {0}) % 50 + 1)::DOUBLE",
        ]
        columns = ", ".join(f"{kinds[k % 5].format(7919 + 2 * k)} AS c{k}" for k in range(50))
        query = f"SELECT i AS id, {columns} FROM range({self.rows(6_000_000)}) AS t(i)"
        return self.sql("columns.parquet", query, "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 500000")

    def long_cell(self):
        code = (
            "import sys\nwith open(sys.argv[1], 'w') as file:\n"
            f"    file.write('id,text\\n1,short\\n2,' + 'x' * {self.rows(10 << 20)} + '\\n3,short\\n')\n"
        )
        return self.script("long-cell.csv", code)

    def small_files(self):
        code = (
            "import os, sys\nos.mkdir(sys.argv[1])\n"
            f"for i in range({self.rows(5_000)}):\n"
            "    with open(f'{sys.argv[1]}/{i:06}.csv', 'w') as file:\n"
            "        file.write('id,name,v\\n' + ''.join(f'{i * 20 + j},name {j},{j * 0.25}\\n' for j in range(20)))\n"
        )
        return self.script("small-files", code)


class Bench:
    """Builds the programs of each workload; the first of them is the one the others are compared with."""

    def __init__(self, options, data, scratch):
        self.options, self.data, self.scratch = options, data, scratch

    def sluicegate(self, rules, path, *more, command="check", name="sluicegate", before=None):
        threads = ["--threads", self.options.threads]
        return Program(name, [self.options.sluicegate, command, "-q", "-r", HERE / rules, *threads, *more, path], before)

    def peer(self, name, script, *arguments, before=None):
        return Program(name, [self.options.python, PEERS / script, *arguments], before)

    def query(self, name, path, sql):
        """A small query, in DuckDB as `sql` and in Polars by `name`."""
        polars = path / "*.csv" if path.is_dir() else path
        return [self.peer("duckdb", "duckdb_query.py", sql), self.peer("polars", "polars_query.py", name, polars)]

    def decode(self, *arguments, name="decode", before=None):
        return [Program(name, [self.options.decode, *arguments], before)] if self.options.decode else []

    def suite(self, format):
        path = self.data.lineitem(format)
        programs = [
            self.sluicegate("lineitem.yaml", path),
            self.peer("duckdb", "duckdb_suite.py", path, "approx"),
            self.peer("duckdb, exact", "duckdb_suite.py", path, "exact"),
            self.peer("polars", "polars_suite.py", path),
        ]
        parsers = [self.peer(f"{peer}, parse only", "csv_parse.py", peer, path) for peer in ["duckdb", "polars", "pyarrow"]]
        yield "", path, programs + (self.decode(path) if format == "parquet" else parsers)

    def suite_parquet(self):
        return self.suite("parquet")

    def suite_csv(self):
        return self.suite("csv")

    def ndjson(self):
        path = self.data.ndjson()
        columns = "{l_orderkey: 'BIGINT', l_quantity: 'DOUBLE', l_comment: 'VARCHAR'}"
        sql = f"""SELECT count(*), count(l_orderkey), count(l_quantity), count(l_comment),
            count_if(l_quantity NOT BETWEEN 1 AND 50)
            FROM read_json('{path}', format = 'newline_delimited', columns = {columns})"""
        yield "", path, [self.sluicegate("ndjson.yaml", path), *self.query("ndjson", path, sql)]

    def footers(self):
        path = self.data.lineitem("parquet")
        nulls = ", ".join(f"count(l_{c})" for c in "orderkey partkey suppkey quantity discount shipdate".split())
        bounds = ", ".join(f"min(l_{c}), max(l_{c})" for c in "quantity discount shipdate".split())
        yield "", path, [
            self.sluicegate("footers.yaml", path),
            self.sluicegate("footers.yaml", path, "--no-statistics", name="sluicegate, --no-statistics"),
            *self.query("footers", path, f"SELECT count(*), {nulls}, {bounds} FROM read_parquet('{path}')"),
        ]

    def duplicates(self):
        for order in ["shuffled", "ascending"]:
            path = self.data.keys(order)
            sql = f"SELECT count(*) - count(DISTINCT key) FROM read_parquet('{path}')"
            yield order, path, [self.sluicegate("duplicates.yaml", path), *self.query("duplicates", path, sql)]
        path = self.data.lineitem("parquet")
        for name, columns in [("table", "l_orderkey, l_linenumber"), ("rows", "*")]:
            sql = f"SELECT count(*) FROM (SELECT DISTINCT {columns} FROM read_parquet('{path}'))"
            yield name, path, [self.sluicegate(f"duplicates-{name}.yaml", path), self.peer("duckdb", "duckdb_query.py", sql)]

    def gate(self):
        path = self.data.lineitem("parquet")
        out = self.scratch / "out.parquet"

        def clear():
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(parents=True)

        publish = ["--publish", out, "--quarantine", self.scratch / "quarantine"]
        yield "", path, [
            self.sluicegate("gate.yaml", path, *publish, command="gate", before=clear),
            self.peer("pyarrow, rewrite", "pyarrow_rewrite.py", path, out, before=clear),
            *self.decode(path, "--rewrite", out, name="decode, rewrite", before=clear),
        ]

    def diff(self):
        changed = "id, CASE WHEN id % 1000 = 3 THEN price + 1 ELSE price END AS price, qty, site, day"
        there = self.data.shuffled("diff-a", "*", "hash(id)")
        here = self.data.shuffled("diff-b", changed, "hash(id + 12345)")
        differ = " OR ".join(f"a.{c} IS DISTINCT FROM b.{c}" for c in ["price", "qty", "site", "day"])
        sql = f"""SELECT count_if(a.id IS NULL), count_if(b.id IS NULL), count_if(a.id = b.id AND ({differ}))
            FROM read_parquet('{there}') a FULL JOIN read_parquet('{here}') b ON a.id = b.id"""
        # Exit code 1 says that they differ.
        ours = ["sh", "-c", '"$@"; test $? -eq 1', "sh", self.options.sluicegate, "diff", there, here, "--key", "id"]
        yield "", here, [
            Program("sluicegate", [*ours, "--threads", self.options.threads, "-q"]),
            self.peer("duckdb, full join", "duckdb_query.py", sql),
        ]

    def rules(self):
        """200 rules over 50 columns, beside the standard suite over as many rows."""
        path, suite = self.data.columns(), self.data.lineitem("parquet")
        yield "", path, [self.sluicegate("rules.yaml", path), self.sluicegate("lineitem.yaml", suite, name="the standard suite")]

    def missing(self, path):
        """Nulls of every column."""
        files = path / "*.csv" if path.is_dir() else path
        sql = f"SELECT count(*), count(COLUMNS(*)) FROM read_csv('{files}')"
        return "", path, [self.sluicegate("missing.yaml", path), *self.query("missing", path, sql)]

    def start_up(self):
        yield self.missing(self.data.small("ten.csv", 10))

    def wide(self):
        yield self.missing(self.data.wide())

    def long_cell(self):
        yield self.missing(self.data.long_cell())

    def small_files(self):
        yield self.missing(self.data.small_files())


WORKLOADS = {
    "suite-parquet": Bench.suite_parquet,
    "suite-csv": Bench.suite_csv,
    "ndjson": Bench.ndjson,
    "footers": Bench.footers,
    "duplicates": Bench.duplicates,
    "gate": Bench.gate,
    "diff": Bench.diff,
    "rules": Bench.rules,
    "start-up": Bench.start_up,
    "wide": Bench.wide,
    "small-files": Bench.small_files,
    "long-cell": Bench.long_cell,
}


def warm(path):
    """Reads the data, so that no run finds it colder than another; gives its size."""
    buffer, size = bytearray(1 << 16), 0
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        with open(file, "rb", buffering=0) as handle:
            while count := handle.readinto(buffer):
                size += count
    return size


def measure(programs, options, env):
    """Runs the programs in turn, each round beginning with another; one that fails is not run again."""
    for i in range(options.n):
        turn = i % len(programs)
        for program in programs[turn:] + programs[:turn]:
            if program.failure is None:
                if program.before:
                    program.before()
                try:
                    program.runs.append(run(program.command, env, options.timeout))
                except (Failed, OSError) as failure:
                    program.failure = str(failure)
        if sys.stderr.isatty():
            print(f"round {i + 1} of {options.n}", end="\r", file=sys.stderr, flush=True)


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def figures(program, subject):
    """Medians, and the median of what the subject cost against this program round by round."""
    found = {"runs": program.runs, "failure": program.failure, "command": program.command}
    if program.runs and not program.failure:
        found |= {key: median([r[key] for r in program.runs]) for key in ["cpu", "wall", "peak_mb"]}
        if program is not subject and not subject.failure:
            pairs = zip(subject.runs, program.runs)
            found["ratio"] = median([ours["cpu"] / max(its["cpu"], 1e-6) for ours, its in pairs])
    return found


def table(title, programs, floor_mb):
    """Prints one workload."""
    print(f"\n{title}")
    print(f"  {'':<28} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'CPU ours ÷ its':>15}")
    for name, found in programs.items():
        if found["failure"]:
            print(f"  {name:<28} {found['failure']}")
            continue
        peak = f"{found['peak_mb']:.0f}" if found["peak_mb"] > floor_mb + 1 else f"≤ {floor_mb:.0f}"
        ratio = f"{found['ratio']:.2f}" if "ratio" in found else ""
        print(f"  {name:<28} {found['cpu']:>8.3f} {found['wall']:>8.3f} {peak:>8} {ratio:>15}")
    sys.stdout.flush()


def said(command):
    """The first line a program prints."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def machine(options):
    packages = "duckdb, polars, pyarrow"
    versions = f"import {packages}; print(', '.join(f'{{p.__name__}} {{p.__version__}}' for p in [{packages}]))"
    try:
        with open("/proc/cpuinfo") as lines:
            cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    except OSError:
        cpu = platform.machine()
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "threads": options.threads,
        "load": round(os.getloadavg()[0], 2),
        "sluicegate": said([options.sluicegate, "--version"]),
        "peers": said([options.python, "-c", versions]),
        "runs": options.n,
        "scale": options.scale,
    }


def arguments():
    root = HERE.parent
    parser = argparse.ArgumentParser(description="Compares Sluicegate with its peers; see benches/README.md.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"{', '.join(WORKLOADS)}; all if left out")
    parser.add_argument("--sluicegate", type=Path, default=root / "target/release/sluicegate", help="the binary")
    parser.add_argument("--decode", type=Path, help="the example `decode`; target/release/examples/decode if it is there")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="has duckdb, polars, pyarrow, tpchgen-cli")
    parser.add_argument("--data", type=Path, required=True, help="the directory where data is, or is made")
    parser.add_argument("-n", type=int, default=5, help="rounds (5)")
    parser.add_argument("--scale", type=float, default=1, help="how large the data is: TPC-H's scale factor, and rows (1)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of every program but decode, which has one (all cores)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a run may take (300)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the figures of every run")
    options = parser.parse_args()
    unknown = [name for name in options.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"unknown workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    if options.n < 1 or options.scale <= 0 or options.timeout <= 0 or options.threads < 1:
        parser.error("-n, --scale, --threads and --timeout must be above 0")
    if options.decode is None and (built := root / "target/release/examples/decode").exists():
        options.decode = built
    for path, hint in [
        (options.sluicegate, "cargo build --release"),
        (options.decode, "cargo build --release --example decode"),
        (options.python, "python3 -m venv VENV && VENV/bin/pip install duckdb polars pyarrow tpchgen-cli"),
    ]:
        if path is not None and not path.exists():
            parser.error(f"{path} is not there; {hint}")
    # Absolute, but not resolved: a virtual environment's Python is a link, and its folder matters.
    options.sluicegate, options.python, options.data = (p.absolute() for p in [options.sluicegate, options.python, options.data])
    options.decode = options.decode and options.decode.absolute()
    return options


def main():
    options = arguments()
    env = os.environ | {"BENCH_THREADS": str(options.threads), "POLARS_MAX_THREADS": str(options.threads)}
    data = Data(options, env)
    about = machine(options)
    print("; ".join(f"{key} {value}" for key, value in about.items()))
    results, failed = {}, False
    with tempfile.TemporaryDirectory(prefix="compare-", dir=data.root) as directory:
        bench = Bench(options, data, Path(directory) / "scratch")
        for workload in dict.fromkeys(options.workloads or WORKLOADS):
            try:
                for variant, path, programs in WORKLOADS[workload](bench):
                    size = warm(path)
                    measure(programs, options, env)
                    name = f"{workload}, {variant}" if variant else workload
                    found = {p.name: figures(p, programs[0]) for p in programs}
                    results[name] = {"bytes": size, "programs": found}
                    floor_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                    table(f"{name}: {size / 1e6:,.1f} MB, median of {options.n}", found, floor_mb)
                    failed |= any(p.failure for p in programs)
            except (Failed, OSError) as failure:
                print(f"\n{workload}: its data cannot be made: {failure}")
                results[workload], failed = {"failure": str(failure)}, True
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "workloads": results}, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
