#!/usr/bin/env python3
"""Grows each dimension of data and rules through 1, 10 and 100 times, and tells how the CPU seconds of whole processes grow.

    python3 benches/growth.py --python VENV/bin/python [--instructions] [--svg OUT] [--markdown OUT] [DIMENSION ...]

An exponent of 1 is linear: ten times the bytes, ten times the seconds. Seconds hold what caches, page faults and other programs
cost too; `--instructions` counts what the program does instead, which is the same in each run. See benches/README.md.
"""

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from html import escape
from pathlib import Path

DIMENSIONS = {}
WRITE = """
import json, sys, pyarrow as pa, pyarrow.parquet as pq
rows, how = int(sys.argv[1]), json.loads(sys.argv[2])
columns = {f'c{i}': [j % how.get('distinct', 100) for j in range(rows)] for i in range(how.get('columns', 1))}
if how.get('struct'):
    columns = {'s': [{name: values[j] for name, values in columns.items()} for j in range(rows)]}
options = {k: how[k] for k in ('row_group_size', 'data_page_size', 'write_batch_size', 'max_rows_per_page') if k in how}
pq.write_table(pa.table(columns), 'd.parquet', **options)
"""


def dimension(name, first):
    """Registers what makes data and rules of size n in the working directory, and gives the arguments; `first` is the least n."""

    def register(make):
        DIMENSIONS[name] = (make, first)
        return make

    return register


def put(name, text):
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())


def csv(columns, rows):
    put("d.csv", ",".join(columns) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))


def names(n, begin="c"):
    return [f"{begin}{i}" for i in range(n)]


def wide(n, rows=3):
    chance = random.Random(1)
    csv(names(n), [[chance.randrange(1000) for _ in range(n)] for _ in range(rows)])


def rules(*items, **sections):
    lines = "".join(f"- {json.dumps(item)}\n" for item in items)
    put("r.yaml", "dataset: d\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in sections.items()) + f"rules:\n{lines}" * bool(items))


def check(*data):
    return ["check", "-r", "r.yaml", *(data or ["d.csv"]), "-q"]


def of_columns(name, rule, first=200, **sections):
    @dimension(f"columns: {name}", first)
    def make(n):
        wide(n)
        rules(rule, **sections)
        return check()


for name, rule in {
    "missing": {"missing": {"columns": "*"}},
    "range": {"range": {"columns": "*", "min": 0}},
    "range that fails": {"range": {"columns": "*", "min": 900}},
    "outliers": {"outliers": {"columns": "*", "method": "mad"}},
    "statistic": {"statistic": {"columns": "*", "of": "median", "min": 0}},
    "whole rows": {"duplicates": {}},
    "where": {"missing": {"columns": "*", "where": "c0 > 1"}},
    "by": {"missing": {"columns": "*", "by": ["c0"]}},
}.items():
    of_columns(name, rule)


@dimension("columns: profile", 200)
def _(n):
    wide(n)
    return ["profile", "d.csv", "-q"]


@dimension("columns: list of names", 200)
def _(n):
    wide(n)
    rules({"missing": {"columns": names(n)}})
    return check()


@dimension("columns: key of all", 200)
def _(n):
    wide(n)
    rules({"duplicates": {"key": names(n)}})
    return check()


@dimension("columns: contract", 200)
def _(n):
    wide(n)
    rules(schema={"columns": {name: "int64" for name in names(n)}, "evolution": "any"})
    return check()


@dimension("columns: contract, reordered", 200)
def _(n):
    wide(n)
    rules(schema={"columns": {name: "int64" for name in names(n)[::-1]}, "evolution": "any"})
    return check()


@dimension("columns: baseline", 200)
def _(n):
    wide(n)
    rules({"rows": {"min": 1}})
    return ["baseline", "capture", "-r", "r.yaml", "d.csv", "-o", "b.json"]


@dimension("columns: Parquet", 100)
def _(n):
    run_python(50, {"columns": n})
    rules({"missing": {"columns": "*"}})
    return check("d.parquet")


@dimension("columns: gate", 200)
def _(n):
    wide(n)
    rules({"range": {"column": "c0", "min": 0}}, gate={"publish": "lake", "quarantine": "aside", "reject_above": "100%"})
    return ["gate", "-r", "r.yaml", "d.csv", "-q"]


@dimension("columns: gate into Delta", 100)
def _(n):
    wide(n)
    rules({"range": {"column": "c0", "min": 0}}, gate={"publish": "lake", "format": "delta", "quarantine": "aside"})
    first = ["gate", "-r", "r.yaml", "d.csv", "-q"]
    subprocess.run([OPTIONS.sluicegate, *first], check=True)
    text = Path("d.csv").read_text()
    put("d.csv", text + text.splitlines()[-1] + "\n")
    return first


@dimension("columns: replay", 100)
def _(n):
    csv(names(n), [[row] * n for row in range(3)])
    for least in [1, 0]:
        rules({"range": {"column": "c0", "min": least}}, gate={"publish": "lake", "quarantine": "aside"})
        if least:
            subprocess.run([OPTIONS.sluicegate, "gate", "-r", "r.yaml", "d.csv", "-q"], check=True)
    return ["replay", "-r", "r.yaml"]


@dimension("columns: report of failures", 100)
def _(n):
    wide(n, rows=50)
    rules({"range": {"columns": "*", "min": 900}})
    return [*check(), "--report", "out.html", "--report", "out.json"]


@dimension("columns: init", 100)
def _(n):
    wide(n, rows=200)
    return ["init", "d.csv"]


@dimension("columns: compare", 100)
def _(n):
    wide(n, rows=50)
    return ["compare", "d.csv", "d.csv", "-q"]


@dimension("columns: diff", 200)
def _(n):
    wide(n)
    text = Path("d.csv").read_text().split("\n")
    put("e.csv", "\n".join([text[0], *(line.split(",", 1)[0] + ",9999," + line.split(",", 2)[2] for line in text[1:-1]), ""]))
    return ["diff", "--key", "c0", "d.csv", "e.csv"]


@dimension("columns: types changed", 100)
def _(n):
    wide(n)
    rules(schema={"columns": {name: "date" for name in names(n)}, "evolution": "exact"})
    return check()


@dimension("fields of a struct", 30)
def _(n):
    run_python(50, {"columns": n, "struct": True})
    rules({"missing": {"columns": "*"}})
    return check("d.parquet")


@dimension("rows: CSV", 30_000)
def _(n):
    csv(["a", "b"], [(i, f"t{i % 7}") for i in range(n)])
    rules({"missing": {"columns": "*"}})
    return check()


@dimension("rows: NDJSON", 20_000)
def _(n):
    put("d.ndjson", "".join(f'{{"a": {i}, "b": "t{i % 7}"}}\n' for i in range(n)))
    rules({"missing": {"columns": "*"}})
    return check("d.ndjson")


@dimension("rows: diff", 10_000)
def _(n):
    csv(["a", "b"], [(i, i % 7) for i in range(n)])
    put("e.csv", "a,b\n" + "".join(f"{i},{(i + i // 5 % 2) % 7}\n" for i in range(n, 0, -1)))
    return ["diff", "--key", "a", "d.csv", "e.csv"]


@dimension("rows: set aside", 10_000)
def _(n):
    csv(["a", "b"], [(i, f"t{i % 7}") for i in range(n)])
    rules({"range": {"column": "a", "min": n // 2}}, gate={"publish": "lake", "quarantine": "aside", "reject_above": "100%"})
    return ["gate", "-r", "r.yaml", "d.csv", "-q"]


@dimension("distinct keys", 20_000)
def _(n):
    csv(["a"], [(f"k{i * 7919 % n}",) for i in range(n)])
    rules({"duplicates": {"key": ["a"]}})
    return check()


@dimension("rows of one key", 20_000)
def _(n):
    csv(["a"], [("k",)] * n)
    rules({"duplicates": {"key": ["a"]}})
    return check()


@dimension("groups", 99)
def _(n):
    csv(["a", "b"], [(i, f"g{i % n}") for i in range(200_000)])
    rules({"missing": {"columns": ["a"], "by": ["b"]}})
    return check()


@dimension("values of a set", 1_500)
def _(n):
    csv(["a"], [(f"v{i}",) for i in range(n)])
    rules({"values": {"column": "a", "in": [f"v{i}" for i in range(n)]}})
    return check()


@dimension("row groups", 300)
def _(n):
    run_python(n * 10, {"row_group_size": 10})
    rules({"missing": {"columns": "*"}}, {"range": {"column": "c0", "min": 1}})
    return check("d.parquet")


@dimension("pages", 500)
def _(n):
    run_python(n * 20, {"max_rows_per_page": 20, "write_batch_size": 20, "data_page_size": 8})
    rules({"range": {"column": "c0", "min": 1}})
    return check("d.parquet")


@dimension("files", 300)
def _(n):
    Path("in").mkdir()
    for i in range(n):
        put(f"in/f{i}.csv", f"a,b\n{i},1\n")
    rules({"missing": {"columns": "*"}})
    return check("in")


@dimension("malformed records: CSV", 20_000)
def _(n):
    put("d.csv", "a,b\n1,2\n" + "1,2,3\n" * n)
    rules({"rows": {"min": 1}})
    return check()


@dimension("malformed records: NDJSON", 20_000)
def _(n):
    put("d.ndjson", '{"a":1}\n' + '{"a":}\n' * n)
    rules({"rows": {"min": 1}})
    return check("d.ndjson")


@dimension("lines of an open quote", 20_000)
def _(n):
    put("d.csv", "a,b\n" + '1,"x\n2,y\n' * n)
    rules({"rows": {"min": 1}})
    return check()


@dimension("length of a line", 300_000)
def _(n):
    put("d.csv", "a,b\n1," + "x" * n + "\n")
    rules({"missing": {"columns": "*"}})
    return check()


@dimension("length of a quoted field", 100_000)
def _(n):
    put("d.csv", 'a,b\n1,"' + "x\n" * (n // 2) + '"\n')
    rules({"missing": {"columns": "*"}})
    return check()


@dimension("length of a list", 100_000)
def _(n):
    put("d.ndjson", '{"a":[' + "1," * n + "1]}\n")
    rules({"rows": {"min": 1}})
    return check("d.ndjson")


@dimension("depth: JSON", 30_000)
def _(n):
    put("d.ndjson", '{"a":1}\n' + '{"a":' * n + "\n")
    rules({"rows": {"min": 1}})
    return check("d.ndjson")


@dimension("keys of nested records", 9)
def _(n):
    put("d.ndjson", json.dumps({"a": {name: 1 for name in names(n)}}) * 1 + "\n" + (json.dumps({"a": {name: 1 for name in names(n)}}) + "\n") * 500)
    rules({"rows": {"min": 1}})
    return check("d.ndjson")


@dimension("length of a name", 30_000)
def _(n):
    csv(["a" * n, "b"], [(1, 2)])
    rules({"missing": {"columns": "*"}})
    return check()


def of_rules(name, rule, first=100):
    @dimension(f"rules: {name}", first)
    def make(n):
        csv(["a", "b"], [(i, f"t{i}") for i in range(20)])
        rules(*(rule(i) for i in range(n)))
        return check()


for name, rule in {
    "range": lambda i: {"range": {"column": "a", "min": -i, "id": f"r{i}"}},
    "expression": lambda i: {"expression": {"sql": f"a >= -{i}", "id": f"r{i}"}},
    "where": lambda i: {"missing": {"column": "a", "where": f"a > {i}", "id": f"r{i}"}},
    "keys": lambda i: {"duplicates": {"key": ["a"], "where": f"a > {i}", "id": f"r{i}"}},
    "that fail": lambda i: {"length": {"column": "b", "max": 0, "id": f"r{i}"}},
}.items():
    of_rules(name, rule)


@dimension("rules: lint", 100)
def _(n):
    rules(*({"expression": {"sql": f"a >= -{i}", "id": f"r{i}"}} for i in range(n)))
    return ["rules", "lint", "r.yaml"]


@dimension("rules: --only", 100)
def _(n):
    csv(["a", "b"], [(1, 2)])
    rules(*({"range": {"column": "a", "min": -i, "id": f"r{i}"}} for i in range(n)))
    return [*check(), *(word for i in range(n) for word in ("--only", f"r{i}"))] if n <= 10_000 else check()


@dimension("rules: known issues", 100)
def _(n):
    csv(["a", "b"], [(1, 2)])
    known = [{"rule": f"r{i}", "where": "b = 2", "until": "2999-01-01", "reason": "r"} for i in range(n)]
    rules(*({"range": {"column": "a", "min": 5, "id": f"r{i}"}} for i in range(n)), known=known)
    return check()


@dimension("rules: mistakes", 100)
def _(n):
    csv(["a", "b"], [(1, 2)])
    rules(*({"range": {"column": f"a{i}", "min": 5}} for i in range(n)))
    return check()


@dimension("computed columns", 30)
def _(n):
    csv(["c0", "b"], [(1, 2)])
    rules({"missing": {"columns": "*"}}, transform={f"c{i + 1}": f"c{i} + 1" for i in range(n)})
    return check()


@dimension("rule file: repeated keys", 100)
def _(n):
    csv(["a", "b"], [(1, 2)])
    put("r.yaml", "dataset: d\nrules: [{ rows: { min: 1 } }]\n" + "dataset: d\n" * n)
    return check()


@dimension("rule file: comments", 50_000)
def _(n):
    csv(["a", "b"], [(1, 2)])
    put("r.yaml", "dataset: d\n" + "# a comment\n" * n + "rules: [{ rows: { min: 1 } }]\n")
    return check()


def run_python(rows, how):
    subprocess.run([OPTIONS.python, "-c", WRITE, str(rows), json.dumps(how)], check=True)


def instructions(arguments, directory):
    """Instructions of one run in one thread, by cachegrind, no megabytes, and its exit code; no code where it took too long."""
    counter = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", "--log-file=.counted"]
    threads = [] if arguments[0] == "rules" else ["--threads", "1"]
    command = [*counter, str(OPTIONS.sluicegate), *arguments, *threads]
    limit = OPTIONS.timeout * 50
    try:
        code = subprocess.run(command, check=False, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit).returncode
    except subprocess.TimeoutExpired:
        return 0, 0, None
    counted = re.search(r"I\s+refs:\s+([\d,]+)", Path(directory, ".counted").read_text())
    return int(counted[1].replace(",", "")) / 1e9, 0, code


def seconds(arguments, directory):
    """CPU seconds, megabytes and exit code of one run; no code where it took too long."""
    begin = time.monotonic()
    with open(os.devnull, "wb") as nothing:
        child = subprocess.Popen([OPTIONS.sluicegate, *arguments], cwd=directory, stdout=nothing, stderr=nothing, stdin=nothing)
        ended = False
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - begin > OPTIONS.timeout and not ended:
                child.kill()
                ended = True
            time.sleep(0.002)
    child.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, None if ended else os.waitstatus_to_exitcode(status)


def cost(arguments, directory):
    return (instructions if OPTIONS.instructions else seconds)(arguments, directory)


def unit():
    return "billions of instructions" if OPTIONS.instructions else "CPU seconds"


def made(make, size):
    """Makes data in a process of its own: what a child takes is counted with what this one holds when it begins."""
    child = os.fork()
    if child == 0:
        try:
            put(".arguments", json.dumps(make(size)))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return json.loads(Path(".arguments").read_text())


def measure(name, base):
    make, first = DIMENSIONS[name]
    points = []
    for size in [first, 10 * first, 100 * first]:
        with tempfile.TemporaryDirectory(prefix="growth-") as directory:
            os.chdir(directory)
            arguments = made(make, size)
            runs = [cost(arguments, directory)]
            # Short runs say little by themselves; instructions are the same each time, and what was published once is not again.
            is_repeated = not OPTIONS.instructions and arguments[0] not in {"gate", "replay"}
            while is_repeated and len(runs) < 5 and runs[0][0] < 0.5 and runs[0][2] is not None:
                runs.append(cost(arguments, directory))
            os.chdir("/")
        cpu, memory, code = min(runs, key=lambda run: run[0])
        points.append({"size": size, "cpu": cpu, "mb": memory, "code": code})
        if code is None:
            break
    return {"name": name, "points": points, "exponent": exponent(points, base)}


def exponent(points, base):
    """Of the last decade, start-up taken off; none where a run took too long, or the one before is too short to tell."""
    if len(points) < 2 or points[-1]["code"] is None:
        return None
    before, last = (point["cpu"] - base for point in points[-2:])
    return math.log10(last / before) if before >= 0.005 else None


def name_is_sound(name):
    """Whether its rules are right, and a fault says that something else is wrong."""
    return name not in {"rules: mistakes", "rule file: repeated keys"}


def row(found):
    sizes = "/".join(f"{point['size']:,}" for point in found["points"])
    cpu = " / ".join("over" if point["code"] is None else f"{point['cpu']:.3f}" for point in found["points"])
    memory = f"{found['points'][-1]['mb']:.0f}"
    exponent = "—" if found["exponent"] is None else f"{found['exponent']:.2f}"
    if name_is_sound(found["name"]) and any(point["code"] == 2 for point in found["points"]):
        exponent = "fault"
    return found["name"], sizes, cpu, memory, exponent


def figure(all_found):
    """One small plot for each dimension: the cost against size, both logarithmic."""
    wide, high, across = 190, 150, 5
    down = math.ceil(len(all_found) / across)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across * wide}" height="{down * high + 26}" font-family="Helvetica, Arial, sans-serif">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="17" font-size="12" fill="#57606a">{unit()} against size, each through two decades; the grey line is linear growth</text>',
    ]
    for i, found in enumerate(all_found):
        points = [(p["size"], p["cpu"]) for p in found["points"] if p["code"] is not None]
        left, top = i % across * wide + 14, i // across * high + 44
        low = found["points"][0]["size"]

        def at(size, cpu):
            # From a millisecond, or a million instructions, to a hundred seconds.
            x = left + math.log10(size / low) / 2 * (wide - 34)
            return f"{x:.1f},{top + 92 - (math.log10(max(cpu, 1e-3)) + 3) / 5 * 92:.1f}"

        color = "#c0392b" if found["exponent"] and found["exponent"] > 1.1 else "#1f5fbf"
        said = "" if found["exponent"] is None else f"{found['exponent']:.2f}"
        out.append(f'<rect x="{left - 4}" y="{top - 4}" width="{wide - 26}" height="100" fill="none" stroke="#e4e7eb"/>')
        out.append(f'<text x="{left - 4}" y="{top - 9}" font-size="11" fill="#1f2328">{escape(found["name"])}</text>')
        out.append(f'<text x="{left + wide - 36}" y="{top + 8}" font-size="11" fill="{color}" text-anchor="end">{said}</text>')
        if points:
            size, cpu = points[-1]
            ends = [at(low * ten, cpu * low * ten / size) for ten in (1, 10, 100)]
            out.append(f'<polyline points="{" ".join(ends)}" fill="none" stroke="#d0d7de"/>')
            out.append(f'<polyline points="{" ".join(at(*p) for p in points)}" fill="none" stroke="{color}" stroke-width="1.6"/>')
    return "\n".join([*out, "</svg>\n"])


def arguments():
    parser = argparse.ArgumentParser(description="Measures how the cost grows with each dimension; see benches/README.md.")
    parser.add_argument("dimensions", nargs="*", metavar="DIMENSION", help="a part of a name; all if left out")
    parser.add_argument("--sluicegate", type=Path, default=Path(__file__).parent.parent / "target/release/sluicegate", help="the binary")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="has pyarrow")
    parser.add_argument("--instructions", action="store_true", help="count billions of instructions instead of seconds; needs valgrind")
    parser.add_argument("--timeout", type=float, default=60, help="seconds a run may take (60)")
    parser.add_argument("--svg", type=Path, help="also draw the figure")
    parser.add_argument("--markdown", type=Path, help="also write the table")
    options = parser.parse_args()
    for path in ["sluicegate", "python", "svg", "markdown"]:
        if getattr(options, path):
            setattr(options, path, getattr(options, path).absolute())
    return options


def main():
    with tempfile.TemporaryDirectory(prefix="growth-") as directory:
        os.chdir(directory)
        csv(["a", "b"], [(1, 2)])
        rules({"rows": {"min": 1}})
        base = min(cost(check(), directory)[0] for _ in range(1 if OPTIONS.instructions else 9))
        os.chdir("/")
    print(f"start-up: {base:.3f} {unit()}", flush=True)
    chosen = [name for name in DIMENSIONS if not OPTIONS.dimensions or any(part in name for part in OPTIONS.dimensions)]
    all_found = []
    for name in chosen:
        all_found.append(measure(name, base))
        print("{:40} {:>28} {:>28} {:>6} MB {:>6}".format(*row(all_found[-1])), flush=True)
    if OPTIONS.markdown:
        lines = [f"| dimension | sizes | {unit()} | MB at the last | exponent |", "|---|---|---|---|---|"]
        lines += ["| " + " | ".join(row(found)) + " |" for found in all_found]
        OPTIONS.markdown.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if OPTIONS.svg:
        OPTIONS.svg.write_text(figure(all_found), encoding="utf-8")
    return 1 if any(found["exponent"] is not None and found["exponent"] > 1.1 for found in all_found) else 0


if __name__ == "__main__":
    OPTIONS = arguments()
    sys.exit(main())
