"""Compares figures of the sluicegate binary with exact fractions, scipy and statsmodels, on seeded random data.

    python tests/reference/differential.py --sets 600 --seed 1 --binary target/debug/sluicegate

Every data set is of one kind, in turn. Statistics, quantiles, bins, duplicates and outliers are worked out here in fractions from
their definitions and must agree to the last bit; tests, intervals and distances come from scipy and statsmodels and must agree to
a relative 1e-12. It prints a summary by kind, and exits with 1 on any difference.

Needs numpy, scipy and statsmodels (tests/requirements.txt).
"""

import argparse
import collections
import decimal
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
from fractions import Fraction as F

import numpy
import scipy.spatial.distance
import scipy.stats
import statsmodels.stats.proportion

decimal.getcontext().prec = 80
RELATIVE = 1e-12
QUANTILES = ["0", "0.01", "0.05", "0.1", "0.25", "0.29", "0.5", "0.75", "0.9", "0.95", "0.99", "1"]


def rounded(x):
    """The float nearest to a fraction."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def root(x):
    """The float nearest to the root of a fraction."""
    whole = decimal.Decimal(x.numerator) / decimal.Decimal(x.denominator)
    return float(whole.sqrt())


class Column:
    """Values of one type; none where one is missing, and a float where one is NaN or infinite."""

    def __init__(self, type_, values, text=str):
        self.type, self.values, self.text = type_, values, text

    def cell(self, value):
        return "" if value is None else self.text(value)

    def present(self):
        return [x for x in self.values if x is not None and not (isinstance(x, float) and math.isnan(x))]

    def finite(self):
        return sorted(F(x) for x in self.present() if not (isinstance(x, float) and math.isinf(x)))


def with_holes(random_, values, holes):
    """The values, some of them replaced by what stands for none."""
    return [random_.choice(holes) if holes and random_.random() < 0.15 else x for x in values]


def column(random_, least=0):
    """A numeric column of a random kind."""
    n = random_.choice([least, max(1, least), max(2, least), 3 + least, 10 + least, random_.randint(11, 200) + least])
    holes = random_.choice([[], [None], [None, math.nan], [None, math.inf, -math.inf, math.nan]])
    no_floats = [hole for hole in holes if hole is None]
    floats = {
        "normal": lambda: random_.gauss(0, 1),
        "ties": lambda: random_.randint(0, 5) / 4,
        "tiny": lambda: random_.gauss(0, 1) * 1e-200,
        "subnormal": lambda: random_.randint(-20, 20) * 5e-324,
        "huge": lambda: random_.uniform(-1, 1) * 1.7e308,
        "far from 0": lambda: 1e15 + random_.gauss(0, 1),
        "any exponent": lambda: random_.choice([-1, 1]) * math.ldexp(random_.random(), random_.randint(-1000, 1000)),
        "constant": lambda: 0.1,
    }
    kind = random_.choice([*floats, "integers", "large integers", "decimals", "booleans"])
    if kind in floats:
        return Column("float64", with_holes(random_, [floats[kind]() for _ in range(n)], holes), repr)
    if kind == "integers":
        span = random_.choice([0, 5, 44, 1000, 2**40])
        return Column("int64", with_holes(random_, [random_.randint(-span, span) for _ in range(n)], no_floats))
    if kind == "large integers":
        return Column("int64", with_holes(random_, [2**60 + random_.randint(0, 40) for _ in range(n)], no_floats))
    if kind == "booleans":
        values = with_holes(random_, [random_.randint(0, 1) for _ in range(n)], no_floats)
        return Column("boolean", values, lambda x: ["false", "true"][x])
    cents = lambda: decimal.Decimal(random_.randint(-(10**12), 10**12)) / 100
    return Column("decimal(20, 2)", with_holes(random_, [cents() for _ in range(n)], no_floats), "{:.2f}".format)


def quantile(values, p):
    """Hyndman and Fan's type 7, of ascending fractions."""
    place = (len(values) - 1) * F(p)
    low = values[math.floor(place)]
    return low + (values[math.ceil(place)] - low) * (place % 1)


def variance(values):
    n, mean = len(values), sum(values) / len(values)
    return sum((x - mean) ** 2 for x in values) / (n - 1)


class Set:
    """Data, rules, and what each finding must say."""

    def __init__(self, columns):
        self.columns, self.rules, self.expected, self.profiled = columns, [], [], []

    def rule(self, rule, expected, exact=True):
        """`expected` is what is observed, or a map of figures; `None` where there is nothing to judge."""
        id_ = f"r{len(self.rules)}"
        name, rest = rule.split(": {", 1)
        self.rules.append(f"{name}: {{ id: {id_}, {rest}")
        self.expected.append((id_, rule, expected, exact))

    def text(self):
        names = list(self.columns)
        rows = zip(*(map(column_.cell, column_.values) for column_ in self.columns.values()))
        return "".join(",".join(row) + "\n" for row in [["id", *names], *([str(i), *row] for i, row in enumerate(rows))])

    def rule_file(self):
        types = "".join(f"    {name}: {{ type: {json.dumps(c.type)} }}\n" for name, c in self.columns.items())
        rules = "".join(f"  - {rule}\n" for rule in self.rules)
        return f"dataset: differential\nprofile: full\nschema:\n  evolution: any\n  columns:\n    id: {{ type: int64 }}\n{types}rules:\n{rules}"


def statistics(random_):
    x = column(random_)
    set_ = Set({"x": x})
    values, present = x.finite(), x.present()
    statistic = lambda of, expected, bound="max: 1e308": set_.rule(f"statistic: {{ column: x, {of}, {bound} }}", expected)
    some = lambda make: make() if values else None
    statistic("of: mean", some(lambda: rounded(sum(values) / len(values))))
    statistic("of: sum", some(lambda: rounded(sum(values))))
    statistic("of: median", some(lambda: rounded(quantile(values, "0.5"))))
    statistic("of: stddev", root(variance(values)) if len(values) > 1 else None)
    for q in QUANTILES:
        statistic(f"of: quantile, q: {q}", some(lambda: rounded(quantile(values, q))))
    bound = "max: 9000000000000000000" if x.type == "int64" else "max: 1e300" if x.type == "float64" else "max: 1000000000000"
    statistic("of: min", min(present) if present else None, bound)
    statistic("of: max", max(present) if present else None, bound)
    counts = collections.Counter(0 if y == 0 else y for y in present)
    share = lambda part: part / len(present) if present else None
    statistic("of: distinct", len(counts) if present else None)
    statistic("of: distinct_share", share(len(counts)))
    statistic("of: unique_share", share(sum(n == 1 for n in counts.values())))
    statistic("of: most_common", share(max(counts.values(), default=0)))
    if values and x.type != "boolean":
        set_.profiled.append(("x", "mean", rounded(sum(values) / len(values))))
        set_.profiled.append(("x", "quantiles", {q: rounded(quantile(values, q)) for q in QUANTILES if q not in ("0", "1", "0.29")}))
        if len(values) == len(present):
            set_.profiled.append(("x", "histogram", values))
    return set_


def bins(told, values):
    """How many values are in each bin of the report, and beside its bins. Where a float does not tell an edge exactly (beyond
    2^53, and edges that are decimals), a value may be in the bin before or behind: only the sum is held then."""
    low, high, n = F(told["low"]), F(told["high"]), len(told["counts"])
    width = (high - low) / n
    is_exact = width > 0 and width.denominator == 1 and low.denominator == 1 and max(abs(low), abs(high)) < 2 ** 53
    # The last bin of floats holds its end, that of integers does not.
    is_exact = is_exact and high not in values
    if not is_exact:
        return len(values)
    place = lambda x: -1 if x < low else n if x >= high else (x - low) // width
    counts = collections.Counter(place(x) for x in values)
    return [counts[i] for i in range(-1, n + 1)]


def binned(told, values):
    """The same of the report: a list where edges are exact, else the sum."""
    counts = [told.get("below", 0), *told["counts"], told.get("above", 0)]
    return counts if isinstance(bins(told, values), list) else sum(counts)


def pairs(random_):
    x = column(random_)
    n, y = len(x.values), column(random_)
    y.values = [random_.choice(y.values) if y.values else None for _ in range(n)]
    set_ = Set({"x": x, "y": y})
    is_number = lambda a: a is not None and not (isinstance(a, float) and not math.isfinite(a))
    both = [(F(a), F(b)) for a, b in zip(x.values, y.values) if is_number(a) and is_number(b)]
    correlation = None
    if len(both) > 1:
        mean = lambda values: sum(values) / len(values)
        mx, my = mean([a for a, _ in both]), mean([b for _, b in both])
        xx, yy = sum((a - mx) ** 2 for a, _ in both), sum((b - my) ** 2 for _, b in both)
        xy = sum((a - mx) * (b - my) for a, b in both)
        if xx and yy:
            correlation = root(xy * xy / (xx * yy)) * ((xy > 0) - (xy < 0))
    set_.rule("statistic: { column: x, of: correlation, with: y, max: 2 }", correlation)
    return set_


def association(random_):
    rows, columns, n = random_.randint(1, 5), random_.randint(1, 5), random_.choice([0, 1, 9, 50, 300])
    draw = lambda k: random_.randint(0, k - 1)
    a = [draw(rows) for _ in range(n)]
    b = [x % columns if random_.random() < 0.3 else draw(columns) for x in a]
    if random_.random() < 0.2:
        # Independent to the last row.
        a, b = zip(*[(i, j) for i in range(rows) for j in range(columns) for _ in range((i + 1) * (j + 2))])
    letters = lambda x: "abcdefgh"[x]
    set_ = Set({"a": Column("string", list(a), letters), "b": Column("string", list(b), letters)})
    cells, of_a, of_b, n = collections.Counter(zip(a, b)), collections.Counter(a), collections.Counter(b), len(a)
    degrees, v = min(len(of_a), len(of_b)) - 1, None
    if degrees > 0:
        phi = sum(F(cells[i, j] ** 2, of_a[i] * of_b[j]) for i in of_a for j in of_b) - 1
        v = root(phi / degrees)
        table = [[cells[i, j] for j in of_b] for i in of_a]
        theirs = scipy.stats.contingency.association(table, method="cramer", correction=False)
        assert math.isclose(v, theirs, rel_tol=1e-9, abs_tol=1e-7), f"fractions and scipy disagree: {v}, {theirs}"
    set_.rule("statistic: { column: a, of: cramers_v, with: b, max: 2 }", v)
    return set_


def outliers(random_):
    n = random_.randint(30, 150)
    draw = random_.choice([lambda: random_.gauss(0, 1), lambda: random_.lognormvariate(0, 1), lambda: random_.randint(0, 20)])
    values = with_holes(random_, [draw() for _ in range(n)], random_.choice([[], [None]]))
    values += [random_.choice([-1, 1]) * random_.uniform(4, 100) for _ in range(random_.randint(0, 3))]
    if random_.random() < 0.3:
        values += [math.inf, -math.inf]
    x = Column("float64", [None if v is None else float(v) for v in values], repr)
    set_, finite = Set({"x": x}), x.finite()
    infinite = len(x.present()) - len(finite)
    failing = lambda is_outside: {"low+high": infinite + sum(map(is_outside, finite))}
    q1, q3 = quantile(finite, "0.25"), quantile(finite, "0.75")
    for k in ("1.5", "3"):
        far = F(k) * (q3 - q1)
        set_.rule(f"outliers: {{ column: x, method: iqr, k: {k} }}", failing(lambda v: v < q1 - far or v > q3 + far))
    median = quantile(finite, "0.5")
    mad = quantile(sorted(abs(v - median) for v in finite), "0.5")
    for threshold in ("2.5", "3.5"):
        outside = lambda v: F("0.6745") * abs(v - median) / mad > F(threshold)
        set_.rule(f"outliers: {{ column: x, method: mad, threshold: {threshold} }}", failing(outside))
    mean, spread = sum(finite) / len(finite), variance(finite)
    for threshold in ("2", "3"):
        outside = lambda v: (v - mean) ** 2 > F(threshold) ** 2 * spread
        set_.rule(f"outliers: {{ column: x, method: zscore, threshold: {threshold} }}", failing(outside))
    return set_


def duplicates(random_):
    width, n = random_.randint(1, 3), random_.choice([1, 2, 10, 100])
    draw = lambda: None if random_.random() < 0.3 else random_.randint(0, random_.choice([2, 9, 1000]))
    columns = {name: [draw() for _ in range(n)] for name in "abc"[:width]}
    set_ = Set({name: Column("int64", values) for name, values in columns.items()})
    keys = list(zip(*columns.values()))
    # Deequ's: rows with any part of the key, nulls equal.
    theirs = collections.Counter(key for key in keys if any(part is not None for part in key))
    rows, distinct, once = sum(theirs.values()), len(theirs), sum(count == 1 for count in theirs.values())
    ratio = lambda part, whole: part / whole if whole else None
    deequ = {"distinctness": ratio(distinct, rows), "uniqueness": ratio(once, rows), "unique_value_ratio": ratio(once, distinct)}
    for nulls, counted in (("distinct", [key for key in keys if None not in key]), ("equal", keys)):
        ours = collections.Counter(counted)
        expected = {
            "rows": len(counted),
            "distinct": len(ours),
            "duplicate_rows": len(counted) - len(ours),
            "duplicated_groups": sum(count > 1 for count in ours.values()),
            "failing_rows": len(counted) - len(ours),
            **deequ,
        }
        names = ", ".join(columns)
        set_.rule(f"duplicates: {{ key: [{names}], nulls: {nulls} }}", expected if counted else None)
        everyone = {"failing_rows": sum(count for count in ours.values() if count > 1)}
        set_.rule(f"duplicates: {{ key: [{names}], nulls: {nulls}, keep: none }}", everyone if counted else None)
    return set_


def representation(random_):
    weights = [random_.randint(1, 9) for _ in range(random_.randint(2, 6))]
    shares = [decimal.Decimal(w * 1000 // sum(weights)) / 1000 for w in weights]
    shares[0] += 1 - sum(shares)
    counts = [random_.randint(1, random_.choice([5, 100, 2000])) for _ in weights]
    if random_.random() < 0.2:
        counts = [int(share * 1000) for share in shares]
    groups = [i for i, count in enumerate(counts) for _ in range(count)]
    set_ = Set({"g": Column("string", groups, lambda i: "abcdefgh"[i])})
    n = sum(counts)
    test = scipy.stats.chisquare(counts, [float(share * n) for share in shares])
    observed, reference = [count / n for count in counts], [float(share) for share in shares]
    expected = {
        "chi_square": float(sum((F(c) - F(s) * n) ** 2 / (F(s) * n) for c, s in zip(counts, shares))),
        "p_value": float(test.pvalue),
        "cohens_w": math.sqrt(float(sum((F(c, n) - F(s)) ** 2 / F(s) for c, s in zip(counts, shares)))),
        "total_variation": float(sum(abs(F(c, n) - F(s)) for c, s in zip(counts, shares)) / 2),
        "jensen_shannon": float(scipy.spatial.distance.jensenshannon(observed, reference, base=2)),
    }
    for i, count in enumerate(counts):
        low, high = statsmodels.stats.proportion.proportion_confint(count, n, alpha=0.05, method="wilson")
        expected["abcdefgh"[i]] = {"interval_low": float(low), "interval_high": float(high), "share": count / n}
    listed = ", ".join(f"{'abcdefgh'[i]}: {share}" for i, share in enumerate(shares))
    set_.rule(f"representation: {{ groups: [g], reference: {{ {listed} }}, tolerance: 50 points }}", expected, exact=False)
    return set_


KINDS = [statistics, pairs, association, outliers, duplicates, representation]


def number(value):
    """A figure of a report: a number, or a text where JSON has no number that is exact."""
    return value if value is None or isinstance(value, (int, float)) else F(value) if value not in ("inf", "-inf") else float(value)


def agrees(ours, theirs, exact):
    if theirs is None or ours is None:
        return ours is theirs
    if isinstance(ours, dict):
        return all(agrees(ours.get(name), theirs[name], exact) for name in theirs)
    if isinstance(ours, list):
        return ours == theirs
    ours = number(ours)
    if exact:
        return ours == theirs
    # Beside counts of 1 or more and shares, what is less than this is noise of theirs.
    return math.isclose(ours, theirs, rel_tol=RELATIVE, abs_tol=1e-15)


def differences(set_, report):
    """What the report says otherwise, a line each."""
    findings = {finding["id"]: finding for finding in report["findings"]}
    if missing := [id_ for id_, *_ in set_.expected if id_ not in findings]:
        yield f"no findings {missing}: {[fault['message'] for fault in report.get('faults', [])]}"
        return
    for id_, rule, expected, exact in set_.expected:
        finding = findings[id_]
        if (finding["outcome"] == "no_data") != (expected is None):
            yield f"{rule}: the outcome is {finding['outcome']}, expected {expected}: {finding.get('message')}"
            continue
        if expected is None:
            continue
        figures = finding["figures"]
        ours = {"failing_rows": finding.get("failing_rows"), "low+high": figures.get("low", 0) + figures.get("high", 0), **figures}
        ours |= {group["group"][0]: group["figures"] for group in finding.get("groups", [])}
        theirs = expected if isinstance(expected, dict) else {"value": expected}
        for name, value in theirs.items():
            found = ours.get(name) if isinstance(expected, dict) else finding["observed"]
            if not agrees(found, value, exact):
                yield f"{rule}: {name} is {found}, expected {value}"
    columns = {column_["name"]: column_ for column_ in report["columns"]}
    for name, figure, expected in set_.profiled:
        found = columns[name].get(figure)
        if figure == "histogram":
            found, expected = binned(found, expected), bins(found, expected)
            if found != expected:
                yield f"profile of {name}: bins hold {found}, expected {expected}"
            continue
        if isinstance(expected, float) and math.isinf(expected):
            expected = None
        if not agrees(found, expected, True):
            yield f"profile of {name}: {figure} is {found}, expected {expected}"


def check(binary, place, set_):
    (place / "data.csv").write_text(set_.text())
    (place / "rules.yaml").write_text(set_.rule_file())
    report = place / "report.json"
    report.unlink(missing_ok=True)
    command = [binary, "check", "data.csv", "-r", "rules.yaml", "-q", "--now", "2026-01-01T00:00:00Z", "--report", report]
    run = subprocess.run(command, cwd=place, capture_output=True, text=True)
    if not report.exists():
        return [f"no report, exit code {run.returncode}: {run.stderr.strip()}"]
    return list(differences(set_, json.loads(report.read_text())))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--sets", type=int, default=600)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--binary", required=True, type=lambda path: str(pathlib.Path(path).resolve()))
    given = arguments.parse_args()
    numpy.seterr(all="ignore")
    tried, figures, failed = collections.Counter(), collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as directory:
        for i in range(given.sets):
            kind = KINDS[i % len(KINDS)]
            set_ = kind(random.Random(f"{given.seed}/{i}"))
            found = check(given.binary, pathlib.Path(directory), set_)
            tried[kind.__name__] += 1
            figures[kind.__name__] += len(set_.expected) + len(set_.profiled)
            failed[kind.__name__] += bool(found)
            for line in found:
                print(f"set {i} (--seed {given.seed}), {kind.__name__}: {line}")
    for kind in tried:
        print(f"{kind}: {tried[kind]} data sets, {figures[kind]} figures, {failed[kind]} data sets differ")
    sys.exit(1 if failed.total() else 0)


if __name__ == "__main__":
    main()
