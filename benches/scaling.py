#!/usr/bin/env python3
"""Runs `sluicegate check` on ever more rows, columns and rules, as whole processes, and draws what they cost.

    python3 benches/scaling.py --python VENV/bin/python --data DIR [--svg OUT] [SERIES ...]

See benches/README.md.
"""

import argparse
import json
import math
import os
import resource
import sys
import tempfile
from html import escape
from pathlib import Path

sys.dont_write_bytecode = True
from compare import HERE, Data, Failed, Program, figures, machine, measure, warm  # noqa: E402

MILLION = 1_000_000
ROWS = [1 * MILLION, 2 * MILLION, 5 * MILLION, 10 * MILLION, 30 * MILLION]
ALL_ROWS = 59_986_052  # of lineitem at TPC-H's scale 10
COLUMNS = [1, 2, 5, 10, 20, 40]

# The first rows of a file, in row groups and forms like its own.
CUT = """
import sys
import pyarrow.parquet as pq
source, to, left = pq.ParquetFile(sys.argv[1]), sys.argv[3], int(sys.argv[2])
layout = dict(compression='zstd', compression_level=1, store_decimal_as_integer=True, write_page_index=True)
with pq.ParquetWriter(to, source.schema_arrow, **layout) as writer:
    for i in range(source.num_row_groups):
        if left:
            group = source.read_row_group(i).slice(0, left)
            writer.write_table(group, row_group_size=group.num_rows)
            left -= group.num_rows
"""

# Integers below 2^20 and floats below 2^17 in turn, well mixed.
WIDE = """
import sys
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
rows, columns, to = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
numbers, table = pa.array(range(rows), pa.int64()), {}
for i in range(columns):
    mixed = pc.bit_wise_and(pc.multiply(pc.add(numbers, 1000003 * i), 2654435761), 0xFFFFFFFF)
    whole = pc.shift_right(mixed, 12)
    table[f'c{i}'] = pc.divide(whole.cast(pa.float64()), 8.0) if i % 2 else whole
pq.write_table(pa.table(table), to, compression='zstd', compression_level=1, row_group_size=rows)
"""

COLUMN_RULES = """
profile: { basic: { type: numeric } }
rules:
  - missing: { columns: "*" }
  - range: { columns: { type: numeric }, min: 0, max: 1048575 }
"""

# All of one column; each point has those before it too.
RULES = {
    "range": "range: { column: l_extendedprice, min: 900, max: 105000 }",
    "missing": "missing: { column: l_extendedprice }",
    "outliers": "outliers: { column: l_extendedprice, method: iqr, k: 1.5 }",
    "mean": "statistic: { column: l_extendedprice, id: mean, of: mean, min: 38000, max: 38500 }",
    "stddev": "statistic: { column: l_extendedprice, id: stddev, of: stddev, min: 23000, max: 23500 }",
    "median": "statistic: { column: l_extendedprice, id: median, of: median, min: 36000, max: 37500 }",
    "quantile": "statistic: { column: l_extendedprice, id: quantile, of: quantile, q: 0.99, max: 105000 }",
    "distinct": "statistic: { column: l_extendedprice, id: distinct, of: distinct, min: 900000 }",
    "unique_share": "statistic: { column: l_extendedprice, id: unique_share, of: unique_share, max: 10% }",
    "expression": 'expression: { sql: "l_extendedprice > 0" }',
}


class Series:
    """What one panel shows: points (x, label, program) on the files `paths`."""

    def __init__(self, title, about, axis, unit, scale=1):
        self.title, self.about, self.axis, self.unit, self.scale = title, about, axis, unit, scale
        self.named, self.paths, self.points = False, [], []


class Bench:
    """Builds the series."""

    def __init__(self, options, env, scratch):
        def data(root, scale):
            return Data(argparse.Namespace(**vars(options) | {"data": root, "scale": scale}), env)

        self.options, self.env, self.scratch = options, env, scratch
        self.one, self.ten, self.own = data(options.data, 1), data(options.data, 10), data(options.data / "scaling", 1)

    def program(self, rules, path, *more):
        return Program(path.name, [self.options.sluicegate, "check", path, "-r", rules, "-q", "--threads", self.options.threads, *more])

    def rules(self, name, text):
        path = self.scratch / f"{name}.yaml"
        path.write_text(f"dataset: {name}\n{text.lstrip()}")
        return path

    def rows(self):
        series = Series("Cost against rows", "TPC-H lineitem, benches/lineitem.yaml", "rows (millions)", "million rows", MILLION)
        source = self.ten.lineitem("parquet")
        files = {
            rows: self.own.make(f"rows-{rows}.parquet", lambda to: [self.options.python, "-c", CUT, source, rows, to])
            for rows in ROWS
        }
        for rows, path in (files | {ALL_ROWS: source}).items():
            series.paths.append(path)
            series.points.append((rows, f"{rows:,} rows", self.program(HERE / "lineitem.yaml", path)))
        return series

    def columns(self):
        about = "1 million rows; missing, range and profile of each column"
        series = Series("Cost against columns", about, "columns", "column")
        rules = self.rules("columns", COLUMN_RULES)
        for columns in COLUMNS:
            make = [self.options.python, "-c", WIDE, MILLION, columns]
            path = self.own.make(f"columns-{columns}.parquet", lambda to: [*make, to])
            series.paths.append(path)
            series.points.append((columns, f"{columns} column{'s' if columns > 1 else ''}", self.program(rules, path)))
        return series

    def rules_on_one(self):
        about = "6 million rows; each rule on top of those to its left"
        series = Series("Cost against rules on one column", about, "rules on l_extendedprice", "rule")
        series.named, path, text = True, self.one.lineitem("parquet"), "profile: none\nrules:\n"
        series.paths.append(path)
        for i, (name, rule) in enumerate(RULES.items(), 1):
            text += f"  - {rule}\n"
            program = self.program(self.rules(f"rules-{i}", text), path, "--no-statistics")
            series.points.append((i, name if i == 1 else f"+ {name}", program))
        return series


SERIES = {"rows": Bench.rows, "columns": Bench.columns, "rules": Bench.rules_on_one}


def line(points):
    """The least-squares line through points: where it meets x = 0, its slope, and r²."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    xx = sum((x - mean_x) ** 2 for x, _ in points)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in points)
    yy = sum((y - mean_y) ** 2 for _, y in points)
    slope = xy / xx
    return {"at_zero": mean_y - slope * mean_x, "slope": slope, "r2": xy * xy / (xx * yy) if yy else 1.0}


def equation(found, unit):
    at_zero, slope = found["at_zero"], found["slope"]
    return f"{slope:.3g} s per {unit} {'+' if at_zero >= 0 else '−'} {abs(at_zero):.2g} s; r² = {found['r2']:.4f}"


def results(series):
    """The points of a series that ended well, all of them in full, and the line through the CPU seconds."""
    points = [{"x": x / series.scale, "label": label} | figures(p, p) for x, label, p in series.points]
    good = [p for p in points if not p["failure"]]
    # Rules are of different kinds: no line goes through them.
    found = line([(p["x"], p["cpu"]) for p in good]) if len(good) > 1 and not series.named else None
    return {"title": series.title, "about": series.about, "axis": series.axis, "line": found, "points": points}


def table(series, found, floor_mb, n):
    """Prints one series."""
    print(f"\n{found['title']} ({found['about']}), median of {n}")
    print(f"  {'':<20} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'line s':>8}")
    for point in found["points"]:
        if point["failure"]:
            print(f"  {point['label']:<20} {point['failure']}")
            continue
        peak = f"{point['peak_mb']:.0f}" if point["peak_mb"] > floor_mb + 1 else f"≤ {floor_mb:.0f}"
        on_line = f"{found['line']['at_zero'] + found['line']['slope'] * point['x']:.3f}" if found["line"] else ""
        print(f"  {point['label']:<20} {point['cpu']:>8.3f} {point['wall']:>8.3f} {peak:>8} {on_line:>8}")
    if found["line"]:
        print(f"  line: {equation(found['line'], series.unit)}")
    sys.stdout.flush()


def ticks(top):
    """Round numbers from 0 to the first at or above `top`, five steps or so."""
    top = max(top, 1e-3)
    power = 10 ** math.floor(math.log10(top / 5))
    step = next(m * power for m in [1, 2, 5, 10] if m * power * 6 >= top)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


WIDTH, HEIGHT = 430, 470
LEFT, RIGHT, TOP, BOTTOM = 62, 410, 84, 360  # the plot's edges within a panel
INK, SOFT, GRID, BLUE, ORANGE = "#1f2328", "#57606a", "#e4e7eb", "#1f5fbf", "#e07b29"


def text(x, y, said, size=12, fill=INK, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"{more}>{escape(said)}</text>'


def stroke(x1, y1, x2, y2, color, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"{more}/>'


def panel(series, found):
    """One series as SVG, in a box of WIDTH by HEIGHT."""
    points = [p for p in found["points"] if not p["failure"]]
    out = [
        text(LEFT, 24, found["title"], 16, anchor="start", more=' font-weight="600"'),
        text(LEFT, 43, found["about"], 12, SOFT, "start"),
    ]
    if found["line"]:
        out.append(text(LEFT, 62, equation(found["line"], series.unit), 12, BLUE, "start"))
    if not points:
        return [*out, text((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2, "no point ended well", 12, SOFT)]
    last = max(p["x"] for p in found["points"])
    across = [p["x"] for p in found["points"]] if series.named else ticks(last)
    upward = ticks(max(p["cpu"] for p in points))
    low, high = (0.5, last + 0.5) if series.named else (0, across[-1])

    def at_x(x):
        return LEFT + (x - low) / (high - low) * (RIGHT - LEFT)

    def at_y(y):
        return BOTTOM - y / upward[-1] * (BOTTOM - TOP)

    decimals = max(0, -math.floor(math.log10(upward[1])))
    for y in upward:
        out.append(stroke(LEFT, at_y(y), RIGHT, at_y(y), GRID))
        out.append(text(LEFT - 8, at_y(y) + 4, f"{y:.{decimals}f}", 12, SOFT, "end"))
    for x in across:
        out.append(stroke(at_x(x), BOTTOM, at_x(x), BOTTOM + 5, INK))
        if not series.named:
            out.append(text(at_x(x), BOTTOM + 20, f"{x:g}", 12, SOFT))
    if series.named:
        for point in found["points"]:
            x, y = at_x(point["x"]) + 4, BOTTOM + 17
            turned = f' transform="rotate(-40 {x:.1f} {y:.1f})"'
            out.append(text(x, y, f"{point['x']:g} {point['label'].removeprefix('+ ')}", 11, SOFT, "end", turned))
    out.append(stroke(LEFT, BOTTOM, RIGHT, BOTTOM, INK))
    out.append(stroke(LEFT, TOP, LEFT, BOTTOM, INK))
    middle = (TOP + BOTTOM) / 2
    out.append(text((LEFT + RIGHT) / 2, BOTTOM + (86 if series.named else 44), found["axis"], 13))
    out.append(text(18, middle, "CPU time (s)", 13, more=f' transform="rotate(-90 18 {middle:.1f})"'))
    if found["line"]:
        ends = [(p["x"], found["line"]["at_zero"] + found["line"]["slope"] * p["x"]) for p in [points[0], points[-1]]]
        out.append(stroke(*(at(v) for end in ends for at, v in zip([at_x, at_y], end)), BLUE, ' stroke-width="1.6" clip-path="url(#plot)"'))
    for point in points:
        said = f"{point['label']}: {point['cpu']:.3f} s CPU, {point['wall']:.3f} s wall, {point['peak_mb']:.0f} MB"
        mark = f'cx="{at_x(point["x"]):.1f}" cy="{at_y(point["cpu"]):.1f}" r="4.2" fill="{ORANGE}" stroke="white"'
        out.append(f"<circle {mark}><title>{escape(said)}</title></circle>")
    return out


def figure(series, found, about):
    """All series side by side, as one SVG file."""
    wide = WIDTH * len(series)
    threads = "one thread" if about["threads"] == 1 else f"{about['threads']} threads"
    runs = "one run each" if about["runs"] == 1 else f"medians of {about['runs']} runs"
    note = f"{about['sluicegate']}, {threads}, whole processes; CPU: user and system; {runs}; {about['cpu']}"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{HEIGHT}" viewBox="0 0 {wide} {HEIGHT}"'
        ' font-family="Helvetica, Arial, sans-serif">',
        f'<clipPath id="plot"><rect x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"/></clipPath>',
        f'<rect width="{wide}" height="{HEIGHT}" fill="white"/>',
    ]
    for i, name in enumerate(series):
        out += [f'<g transform="translate({i * WIDTH} 0)">', *panel(series[name], found[name]), "</g>"]
    # Under one panel alone the note is too long.
    if len(series) > 1:
        out.append(text(LEFT, HEIGHT - 8, note, 11, SOFT, "start"))
    return "\n".join([*out, "</svg>\n"])


def arguments():
    root = HERE.parent
    parser = argparse.ArgumentParser(description="Measures how Sluicegate's cost grows; see benches/README.md.")
    parser.add_argument("series", nargs="*", metavar="SERIES", help=f"{', '.join(SERIES)}; all if left out")
    parser.add_argument("--sluicegate", type=Path, default=root / "target/release/sluicegate", help="the binary")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="has duckdb, polars, pyarrow, tpchgen-cli")
    parser.add_argument("--data", type=Path, required=True, help="the directory where data is, or is made")
    parser.add_argument("-n", type=int, default=3, help="rounds (3)")
    parser.add_argument("--threads", type=int, default=1, help="of every run (1)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a run may take (300)")
    parser.add_argument("--svg", type=Path, metavar="OUT", help="also draw the figure")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the figures of every run")
    options = parser.parse_args()
    unknown = [name for name in options.series if name not in SERIES]
    if unknown:
        parser.error(f"unknown series {', '.join(unknown)}; there are {', '.join(SERIES)}")
    if options.n < 1 or options.timeout <= 0 or options.threads < 1:
        parser.error("-n, --timeout and --threads must be above 0")
    for path, hint in [
        (options.sluicegate, "cargo build --release"),
        (options.python, "python3 -m venv VENV && VENV/bin/pip install duckdb polars pyarrow tpchgen-cli"),
    ]:
        if not path.exists():
            parser.error(f"{path} is not there; {hint}")
    # Absolute, but not resolved: a virtual environment's Python is a link, and its folder matters.
    options.sluicegate, options.python, options.data = (p.absolute() for p in [options.sluicegate, options.python, options.data])
    return options


def main():
    options = arguments()
    about = machine(argparse.Namespace(**vars(options), scale=10))
    del about["scale"]
    print("; ".join(f"{key} {value}" for key, value in about.items()))
    drawn, found, failed = {}, {}, False
    with tempfile.TemporaryDirectory(prefix="scaling-") as scratch:
        bench = Bench(options, dict(os.environ), Path(scratch))
        for name in dict.fromkeys(options.series or SERIES):
            try:
                series = SERIES[name](bench)
                for path in series.paths:
                    warm(path)
                measure([program for _, _, program in series.points], options, bench.env)
            except (Failed, OSError) as failure:
                print(f"\n{name}: its data cannot be made: {failure}")
                failed = True
                continue
            drawn[name], found[name] = series, results(series)
            floor_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            table(series, found[name], floor_mb, options.n)
            failed |= any(point["failure"] for point in found[name]["points"])
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "series": found}, indent=1) + "\n")
    if options.svg and drawn:
        options.svg.write_text(figure(drawn, found, about), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
