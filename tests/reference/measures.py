#!/usr/bin/env python3
"""Reference values for outliers (mad, zscore) and statistics, from implementations that are not ours.

    python tests/reference/measures.py > tests/reference/measures.json

Needs numpy, scipy and pandas (written with numpy 2.4, scipy 1.17, pandas 3.1). The output is the same on
every run: data are literal or come from the integer generator below.

Data sets. A cell is the very text to write into the CSV file, or null for an empty field: no number is
printed or parsed on the way. No cell needs quoting. `types` are the contract's, so that nothing is inferred.
A blank line of a file with one column is a record. Row indices count from 0, null rows included.

What computes what:

- mad         median: numpy.median; mad: scipy.stats.median_abs_deviation(scale=1); fences median -/+
              threshold * mad / 0.6745.
- mean_ad     (mad with fallback, where mad is 0) numpy.mean(|x - median|); fences median -/+ threshold *
              1.253314 * mean_ad.
- zscore      z: scipy.stats.zscore(ddof=1); mean and stddev (n - 1): exact rational arithmetic (fractions)
              over the doubles as they are, rounded once, and held against numpy.mean and numpy.std(ddof=1);
              fences mean -/+ threshold * stddev.
- log         all of it over numpy.log of the values above 0; figures are those of ln x. `lower_value` and
              `upper_value` are numpy.exp of the fences, in the column's own unit. Values of 0 or less are
              always in `low`.
- low, high   indices of the outliers. Infinities are no part of the figures and always outliers. Decided by
              the score (strictly greater than the threshold), decided again by the fences and a third time in
              exact rational arithmetic: the script stops where they disagree or where a score is within 1e-9
              of the threshold, but for the sets named EXACT, where values lie on the fence on purpose and
              every way of computing agrees.
- no_data     unless there are infinities, or all of several values are equal: mad: fewer than 3 values, or
              mad 0 (with the fallback: mean_ad 0 too, or n / 1.253314 <= threshold). zscore: stddev 0, or (n - 1) / sqrt(n) <= threshold,
              the greatest z there can be (Shiffler 1988).
- correlation pandas.DataFrame.dropna for the pairs, without infinities; scipy.stats.pearsonr; held against
              exact rational arithmetic.
- cramers_v   pandas.crosstab (pairs with a null fall out),
              scipy.stats.contingency.association(method="cramer", correction=False).
- statistic   mean, stddev, sum: exact rational arithmetic, rounded once, held against numpy (an int64 sum is
              the exact integer); median: numpy.median; quantile: numpy.quantile(method="linear"); distinct:
              pandas.Series.nunique; unique_share and most_common: pandas.Series.value_counts, the number of
              values that occur once, and the greatest count, over the number of values. Infinities are left
              out of mean, stddev, sum, median and quantile, and count as values for the others.
"""

import json
import math
import sys
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats.contingency import association

DATASETS = {}


def noise(seed, n):
    """`n` doubles in [-1, 1), from a 64-bit linear congruential generator (Knuth's MMIX constants)."""
    out = []
    for _ in range(n):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((seed >> 11) / 2**52 - 1.0)
    return out


def normal(seed, n):
    """`n` values near a standard normal: sums of twelve uniform ones (Irwin and Hall)."""
    flat = noise(seed, 12 * n)
    return [sum(flat[12 * i:12 * i + 12]) / 2 for i in range(n)]


def lognormal(seed, n, mu=3.0, sigma=1.0, digits=4):
    return [f"{math.exp(mu + sigma * z):.{digits}f}" for z in normal(seed, n)]


def pick(seed, n, values, weights):
    """`n` of `values` by cumulative weight."""
    total, out = sum(weights), []
    for x in noise(seed, n):
        at, left = 0, (x + 1) / 2 * total
        while at < len(values) - 1 and left >= weights[at]:
            left -= weights[at]
            at += 1
        out.append(values[at])
    return out


def holes(cells, every, start=0):
    """Every `every`th cell made null."""
    return [None if i % every == start else c for i, c in enumerate(cells)]


def text(value):
    if value is None or isinstance(value, str):
        return value
    return repr(value)


def dataset(name, **columns):
    """Columns as (type, values)."""
    assert name not in DATASETS
    cells = {c: [text(v) for v in values] for c, (_, values) in columns.items()}
    for column in cells.values():
        for cell in column:
            assert cell is None or (cell and cell == cell.strip() and not set(cell) & set(',"\r\n')), cell
    assert len({len(c) for c in cells.values()}) == 1, name
    DATASETS[name] = {"types": {c: t for c, (t, _) in columns.items()}, "columns": cells}


def cells_of(name, column):
    return DATASETS[name]["columns"][column]


def floats_of(name, column):
    """Doubles, NaN for null."""
    return np.array([math.nan if c is None else float(c) for c in cells_of(name, column)])


# Numbers -----------------------------------------------------------------------------------------------------------

F, I, S = "float64", "int64", "string"

dataset("slipped point",
        x=("decimal(12,2)", ["9.99", "10.49", "11.25", "8.75", "10.00", "12.50", "9.50", "1025.00", "10.75", "11.00", "0.11"]))
dataset("prices as floats",
        x=(F, [f"{20 + 3 * z:.2f}" for z in normal(21, 120)] + ["199.90", "1.99", "35.01", "20.50", "20.5"]))
dataset("small integers", x=(I, [1, 2, 3, 4, 5, 100]))
dataset("integers with many ties", x=(I, [int((x + 1) * 5) for x in noise(22, 150)] + [60, -40, 25]))
dataset("negative and positive", x=(F, [-5.5, -1.25, 0.0, 0.5, 2.75, 100.0, -80.0, 1.0, -0.5, 3.5, -2.0, 1.5]))
dataset("offset 1e9", x=(F, [1e9 + x for x in noise(23, 99)] + [1e9 + 40.0, 1e9 - 25.0]))
dataset("offset 1e15, odd and even", x=(F, [1e15 + i % 3 for i in range(100)] + [1e15 + 50.0]))
dataset("huge", x=(F, [x * 1e148 for x in noise(24, 50)] + [3e150, -1e150]))
dataset("tiny", x=(F, [(x + 2) * 1e-148 for x in noise(25, 50)] + [3e-146, 1e-150]))
dataset("skewed", x=(F, lognormal(26, 200)))
dataset("skewed, far out on both sides", x=(F, lognormal(27, 150) + ["0.0003", "0.0001", "91234.5", "120000"]))
dataset("skewed, with zeros and negatives", x=(F, lognormal(28, 60) + ["0", "-3.5", "0.0", "-120000", "0.0001", "75000"]))
dataset("with nulls", x=(F, holes([f"{50 + 10 * z:.3f}" for z in normal(29, 80)] + ["250", "-160.5", "51"], 7, 1)))
dataset("with infinities", x=(F, [f"{5 + z:.2f}" for z in normal(30, 30)] + ["inf", None, "-inf", "25", "inf", "0.01"]))
dataset("mixed magnitudes", x=(F, [x * 10.0 ** ((i % 21) - 10) for i, x in enumerate(noise(31, 199))]))
dataset("mixed magnitudes, positive",
        x=(F, [(x + 1.5) * 10.0 ** ((i * 7) % 13 - 6) for i, x in enumerate(noise(32, 120))] + [1e120, 1e-120]))
dataset("heavy tail", x=(F, [1.0 / (1.0000001 - abs(x)) for x in noise(33, 200)]))
dataset("uniform", x=(F, noise(34, 200)))
dataset("squares", x=(I, [i * i for i in range(1, 41)]))
dataset("all negative", x=(F, [-1.5, -2.5, -3.0, -4.25, -7.0, -2.0, -3.5, -2.25, -1.0, -5.0, -4.0, -60.0]))
dataset("all equal", x=(F, [0.1] * 12))
dataset("two values", x=(F, [1.0, 2.0]))
dataset("three values", x=(F, [10.0, 20.0, 400.0]))
dataset("four values", x=(F, [1.0, 2.0, 3.0, 50.0]))
dataset("five values", x=(F, [1.5, 2.25, 3.0, 4.5, 50.0]))
dataset("ten values", x=(F, [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 1000.0]))
dataset("eleven values", x=(F, [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 1000.0]))
# Median 10 and mad 1; 2.698 is 4 * 0.6745, in doubles too: 6 and 14 are on the fences, one double beyond 14 is out.
dataset("on the mad fences", x=(F, [6.0, 9.0, 9.0, 9.0, 10.0, 10.0, 10.0, 11.0, 11.0, 14.0, 14.000000000000002]))
# Mean 10 and stddev 2.
dataset("on the z fences", x=(F, [14.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 6.0]))
# More than half of the values alike: mad is 0.
dataset("mostly 3", x=(I, [3, 3, 3, 3, 9]))
dataset("mostly zero", x=(I, [0] * 150 + [int(100 * (x + 1)) for x in noise(35, 50)]))
dataset("mostly -7.25", x=(F, [-7.25] * 12 + [-7.0, -30.5, -7.5, 12.75, -8.0]))
dataset("mostly one price",
        x=("decimal(12,2)", ["19.99"] * 40 + ["9.99", "20.49", "199.90", "19.98", "0.02", "24.99", "19.95"]))
dataset("mostly 2.5e150", x=(F, [2.5e150] * 20 + [2.4e150, 9e150, -8e150, 2.6e150]))
dataset("mostly 4e-150", x=(F, [4e-150] * 20 + [5e-150, 9e-149, 3e-150, 4.5e-150]))
dataset("mostly 1e9", x=(F, [1e9] * 30 + [1e9 + 0.5, 1e9 - 0.25, 1e9 + 8.0, 1e9 - 6.0]))
dataset("mostly 100, with nulls", x=(F, holes(["100"] * 30 + ["90.5", "100.25", "180", "101", "20.75"], 6, 2)))
dataset("mostly 1, with infinities", x=(F, ["1"] * 15 + ["inf", "4", "-inf", None, "1.5", "0.5"]))
dataset("mostly 50, with zeros", x=(F, ["50"] * 25 + ["0", "-2", "49", "55.5", "900", "0.01"]))
dataset("just over half alike", x=(I, [8] * 11 + [1, 2, 5, 9, 11, 12, 14, 20, 26, 60]))
dataset("tens and ones", x=(F, [10.0] * 9 + [1.0, 100.0]))
# Only for statistics.
dataset("beyond 2^53", x=(I, [2**53 + i for i in (0, 1, 1, 2, 3, 5, 8, 13)]))
dataset("large integers", x=(I, [(i * 2654435761 % 2**32) * 1000003 * (1 if i % 3 else -1) for i in range(1, 60)]))
dataset("cancelling magnitudes", x=(F, [1e16, 1.0, -1e16, 1.0, 1e16, -1e16, 3.0, -2.0]))
dataset("one value", x=(F, [42.5]))
dataset("no value", x=(F, [None, None, None]))
dataset("spellings of numbers", x=(F, ["1.5", "1.50", "15e-1", "2", "2.0", "0.1", "0.10", "3", "1e1", "10"]))
dataset("cents",
        x=("decimal(12,2)", ["0.10", "0.1", "0.20", "0.30", "-0.10", "1.00", "1", None, "99999999.99", "0.20", "0.07"]))

# What is judged by mad and by zscore: data set and thresholds (the default first).
MAD = {
    "slipped point": (3.5,), "prices as floats": (3.5, 2.0), "small integers": (3.5,), "integers with many ties": (3.5, 5.0),
    "negative and positive": (3.5, 10.0), "offset 1e9": (3.5,), "offset 1e15, odd and even": (3.5,), "huge": (3.5,),
    "tiny": (3.5,), "skewed": (3.5, 6.0), "skewed, far out on both sides": (3.5,), "skewed, with zeros and negatives": (3.5,),
    "with nulls": (3.5, 2.5), "with infinities": (3.5,), "mixed magnitudes": (3.5,), "heavy tail": (3.5, 8.5),
    "uniform": (3.5, 1.1), "all equal": (3.5,), "two values": (3.5,), "three values": (3.5,), "mostly 3": (3.5,),
    "on the mad fences": (2.698, 3.5), "no value": (3.5,),
}
MAD_LOG = {
    "slipped point": (3.5,), "prices as floats": (3.5,), "small integers": (3.5, 2.5), "negative and positive": (3.5,),
    "skewed": (3.5, 2.0), "skewed, far out on both sides": (3.5, 2.5), "skewed, with zeros and negatives": (3.5,),
    "with infinities": (3.5,), "tiny": (3.5,), "mixed magnitudes, positive": (3.5,), "heavy tail": (3.5,),
    "squares": (3.5, 1.5), "integers with many ties": (3.5,), "all negative": (3.5,), "all equal": (3.5,),
    "mostly 50, with zeros": (3.5,),
}
MEAN_AD = {
    "mostly 3": (3.5, 4.0), "mostly zero": (3.5, 2.5), "mostly -7.25": (3.5,), "mostly one price": (3.5,),
    "mostly 2.5e150": (3.5,), "mostly 4e-150": (3.5,), "mostly 1e9": (3.5,), "mostly 100, with nulls": (3.5,),
    "mostly 1, with infinities": (3.5,), "mostly 50, with zeros": (3.5,), "just over half alike": (3.5, 2.0),
    "tens and ones": (3.5,), "on the z fences": (3.5, 5.0), "all equal": (3.5,), "two values": (3.5,),
    # Here mad is not 0, and the fallback is not needed.
    "prices as floats": (3.5,),
}
MEAN_AD_LOG = {
    "mostly one price": (3.5,), "mostly 50, with zeros": (3.5,), "mostly 4e-150": (3.5,), "tens and ones": (3.5,),
    "mostly 1, with infinities": (3.5,),
}
ZSCORE = {
    "slipped point": (3.0, 2.0), "prices as floats": (3.0, 2.0), "small integers": (3.0, 2.0),
    "integers with many ties": (3.0,), "negative and positive": (3.0, 2.0), "offset 1e9": (3.0,),
    "offset 1e15, odd and even": (3.0,), "huge": (3.0,), "tiny": (3.0,), "skewed": (3.0, 1.5),
    "skewed, with zeros and negatives": (3.0,), "with nulls": (3.0, 2.0), "with infinities": (3.0,), "mixed magnitudes": (3.0,),
    "heavy tail": (3.0,), "uniform": (3.0, 1.6), "all equal": (3.0,), "four values": (3.0, 1.5, 1.4), "five values": (3.0, 1.7),
    "ten values": (3.0, 2.8), "eleven values": (3.0,), "on the z fences": (2.0, 1.9), "no value": (3.0,),
}
ZSCORE_LOG = {
    "slipped point": (3.0, 2.0), "prices as floats": (3.0,), "small integers": (3.0, 1.5), "negative and positive": (3.0, 1.5),
    "skewed": (3.0, 2.0), "skewed, far out on both sides": (3.0, 2.0), "skewed, with zeros and negatives": (3.0,),
    "with infinities": (3.0,), "tiny": (3.0,), "mixed magnitudes, positive": (3.0,), "heavy tail": (3.0, 2.0),
    "squares": (3.0, 2.0), "all negative": (3.0,), "all equal": (3.0,), "eleven values": (3.0,),
}
EXACT = {("on the mad fences", "mad", 2.698), ("on the z fences", "zscore", 2.0)}


def root(fraction):
    with localcontext() as context:
        context.prec = 100
        return (Decimal(fraction.numerator) / Decimal(fraction.denominator)).sqrt()


def exact_moments(values):
    """Sum, mean and sample variance as fractions."""
    fractions = [Fraction(float(v)) if not isinstance(v, int) else Fraction(v) for v in values]
    n, total = len(fractions), sum(fractions)
    mean = total / n
    return total, mean, sum((f - mean) ** 2 for f in fractions) / (n - 1) if n > 1 else None


def agree(ours, theirs, scale, what):
    assert abs(ours - theirs) <= 1e-9 * abs(scale), f"{what}: {ours} and {theirs}"


def exact_median(fractions):
    s, n = sorted(fractions), len(fractions)
    return (s[(n - 1) // 2] + s[n // 2]) / 2


def outliers(name, method, threshold, log=False, fallback=None):
    x = floats_of(name, "x")
    case = {"dataset": name, "column": "x", "method": method, "threshold": threshold, "log": log, "fallback": fallback}
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), np.where(np.isnan(x), np.nan, -np.inf)) if log else x
    inside = np.isfinite(y)
    v = y[inside]
    n = case["n"] = len(v)

    def no_data(why):
        # Infinities, and with logarithms what has none, are outliers before anything else is asked; equal values are none.
        infinite = {"low": [i for i, f in enumerate(y) if f == -np.inf], "high": [i for i, f in enumerate(y) if f == np.inf]}
        if infinite["low"] or infinite["high"] or (n > 1 and min(v) == max(v)):
            return {**case, **infinite}
        return {**case, "no_data": why}

    rational = [Fraction(float(f)) for f in v]
    limit = Fraction(str(threshold))
    spread_is = None
    if method == "mad":
        if n < 3:
            return no_data("too few")
        centre = float(np.median(v))
        spread = float(stats.median_abs_deviation(v, scale=1.0))
        middle = exact_median(rational)
        off = [abs(f - middle) for f in rational]
        true_spread, spread_is = exact_median(off), "mad"
        assert (spread == 0) == (true_spread == 0)
        true_unit = true_spread / Fraction("0.6745")
        unit = spread / 0.6745
        score = lambda f: 0.6745 * abs(f - centre) / spread
        if spread == 0:
            if fallback is None:
                return no_data("mad 0")
            spread, spread_is = float(np.mean(np.abs(v - centre))), "mean_ad"
            if spread == 0:
                return no_data("mean_ad 0")
            if n <= Fraction("1.253314") * limit:
                return no_data("too few")
            true_spread = sum(off) / n
            true_unit, unit = Fraction("1.253314") * true_spread, 1.253314 * spread
            score = lambda f: abs(f - centre) / (1.253314 * spread)
        squares = [(o / true_unit) ** 2 for o in off]
        figures = {"median": centre, spread_is: spread}
        agree(float(true_spread), spread, spread, f"{name} {spread_is}")
    else:
        if n < 2 or (n - 1) ** 2 <= limit**2 * n:
            return no_data("too few")
        _, mean, variance = exact_moments(v)
        if variance == 0:
            return no_data("stddev 0")
        centre, unit = float(mean), float(root(variance))
        agree(centre, float(np.mean(v)), np.max(np.abs(v)), f"{name} mean")
        # numpy rounds the mean before it takes deviations, which shows at 1e15.
        agree(unit, float(np.std(v, ddof=1)), unit + 1e-7 * np.max(np.abs(v)), f"{name} stddev")
        z = dict(zip(v.tolist(), np.abs(stats.zscore(v, ddof=1)).tolist()))
        score = lambda f: z[f]
        squares = [(f - mean) ** 2 / variance for f in rational]
        figures = {"mean": centre, "stddev": unit}
    lower, upper = centre - threshold * unit, centre + threshold * unit

    low, high, exactly = [], [], iter(squares)
    for i, f in enumerate(y.tolist()):
        if math.isnan(f):
            continue
        if math.isinf(f):
            (high if f > 0 else low).append(i)
            continue
        square = next(exactly)
        out = score(f) > threshold
        assert out == (square > limit**2) == (f < lower or f > upper), f"{name}: row {i}: {f}"
        if (name, method, threshold) not in EXACT:
            assert abs(math.sqrt(square / limit**2) - 1) > 1e-9, f"{name}: row {i}: {f} is on the fence"
        if out:
            (high if f > centre else low).append(i)
    # A figure that is what is left when large numbers cancel, or rounded logarithms, would ask too much of the comparison.
    for what, figure in {**(figures if log else {}), "lower": lower, "upper": upper}.items():
        assert figure == 0 or abs(figure) > 1e-6 * max(abs(centre), unit), f"{name}: {what} {figure}"
    case.update(figures)
    case.update({"lower_fence": lower, "upper_fence": upper})
    if log:
        with np.errstate(over="ignore", under="ignore"):
            own = [float(np.exp(f)) for f in (lower, upper)]
        case.update({k: f if math.isfinite(f) and f > 1e-300 else None for k, f in zip(("lower_value", "upper_value"), own)})
    return {**case, "low": low, "high": high}


def section(method, sets, **options):
    return [outliers(name, method, threshold, **options) for name, thresholds in sets.items() for threshold in thresholds]


# Pairs of numbers -------------------------------------------------------------------------------------------------

a, b = noise(41, 100), noise(42, 100)
dataset("noise", x=(F, a), y=(F, b))
dataset("noisy line", x=(F, a), y=(F, [2 * p + 0.5 * q for p, q in zip(a, b)]))
dataset("line upward", x=(F, [float(i) for i in range(20)]), y=(F, [3.0 * i + 1 for i in range(20)]))
dataset("line downward", x=(I, list(range(15))), y=(F, [f"{10 - 0.25 * i:.2f}" for i in range(15)]))
dataset("parabola", x=(I, list(range(-5, 6))), y=(I, [i * i for i in range(-5, 6)]))
dataset("nulls in both",
        x=(F, holes([f"{p:.2f}" for p in a[:60]], 7)),
        y=(F, holes([f"{p + q:.2f}" for p, q in zip(a[:60], b[:60])], 5, 2)))
# The values whose partner is missing would turn the sign.
dataset("nulls hide the opposite",
        x=(F, ["1", "2", "3", "4", "5", "100", "200", None, None]),
        y=(F, ["1.1", "1.9", "3.2", "3.8", "5.3", None, None, "-500", "900"]))
dataset("integers with ties", x=(I, [int((p + 1) * 3) for p in a]), y=(I, [int((p + 2 * q + 3) * 2) for p, q in zip(a, b)]))
dataset("prices and costs",
        x=("decimal(12,2)", [f"{20 + 5 * p:.2f}" for p in a[:50]]),
        y=("decimal(12,2)", [f"{12 + 3 * p + 2 * q:.2f}" for p, q in zip(a[:50], b[:50])]))
dataset("both offset 1e9", x=(F, [1e9 + p for p in a]), y=(F, [-1e9 + p - q for p, q in zip(a, b)]))
dataset("both huge", x=(F, [p * 1e150 for p in a[:50]]), y=(F, [(q - p) * 1e150 for p, q in zip(a[:50], b[:50])]))
dataset("both tiny", x=(F, [p * 1e-150 for p in a[:50]]), y=(F, [(q + p) * 1e-150 for p, q in zip(a[:50], b[:50])]))
dataset("huge and tiny", x=(F, [p * 1e150 for p in a[:40]]), y=(F, [(0.2 * q + p) * 1e-150 for p, q in zip(a[:40], b[:40])]))
dataset("skewed pair", x=(F, lognormal(43, 120)), y=(F, lognormal(44, 120, 1.0, 0.5)))
dataset("one far pair", x=(F, a[:30] + [1000.0]), y=(F, b[:30] + [900.0]))
dataset("infinities in both",
        x=(F, [f"{p:.3f}" for p in a[:20]] + ["inf", "1", "-inf", "2"]),
        y=(F, [f"{p - q:.3f}" for p, q in zip(a[:20], b[:20])] + ["1", "-inf", "inf", "0.5"]))
dataset("two pairs", x=(F, ["1", None, "3", "4"]), y=(F, ["5", "6", None, "2.5"]))
dataset("no spread", x=(F, [0.1] * 12), y=(F, a[:12]))
dataset("no spread among the pairs", x=(F, ["7", "7", "7", "1", "2"]), y=(F, ["1", "2", "3", None, None]))
dataset("one pair", x=(F, ["1", None, "3"]), y=(F, ["2", "4", None]))
dataset("no pair", x=(F, ["1", None, "3"]), y=(F, [None, "4", None]))
PAIRS = list(DATASETS)[list(DATASETS).index("noise"):]


def correlation(name):
    case = {"dataset": name, "column": "x", "with": "y"}
    frame = pd.DataFrame({"x": floats_of(name, "x"), "y": floats_of(name, "y")}).dropna()
    frame = frame[np.isfinite(frame).all(axis=1)]
    n = case["n"] = len(frame)
    if n < 2:
        return {**case, "no_data": "too few"}
    x, y = ([Fraction(v) for v in frame[c].tolist()] for c in "xy")
    mx, my = sum(x) / n, sum(y) / n
    sxx, syy = sum((v - mx) ** 2 for v in x), sum((v - my) ** 2 for v in y)
    if sxx == 0 or syy == 0:
        return {**case, "no_data": "no spread"}
    sxy = sum((v - mx) * (w - my) for v, w in zip(x, y))
    with localcontext() as context:
        context.prec = 100
        exact = float(Decimal(sxy.numerator) / Decimal(sxy.denominator) / root(sxx * syy))
    value = float(stats.pearsonr(frame["x"].to_numpy(), frame["y"].to_numpy()).statistic)
    agree(exact, value, 1e-3, name)
    # pearsonr may leave rounding where 0 is meant; a relative comparison needs the 0.
    return {**case, "value": value if exact != 0 else 0.0}


# Pairs of text ----------------------------------------------------------------------------------------------------

def beside(values, other, keep):
    """The first letter of each value, but every `keep`th time what stands in `other`."""
    return [v[0] if i % keep else o for i, (v, o) in enumerate(zip(values, other))]


colours, shapes = ["red", "green", "blue", "grey"], ["disc", "square", "star"]
towns = pick(53, 150, ["Bern", "Chur", "Genève", "Zürich", "Sion"], [5, 3, 2, 1, 1])
mixed = pick(55, 100, colours, [4, 3, 2, 1])
dataset("two by two", a=(S, ["yes"] * 30 + ["no"] * 20), b=(S, ["m"] * 20 + ["f"] * 10 + ["m"] * 5 + ["f"] * 15))
dataset("one decides the other", a=(S, colours * 5), b=(S, [c.upper() for c in colours] * 5))
dataset("crossed", a=(S, ["u", "v"] * 2), b=(S, ["p", "q", "q", "p"]))
# Every expected count is the observed one, and a double.
dataset("independent", a=(S, ["u"] * 8 + ["v"] * 8), b=(S, ["p", "p", "q", "q", "q", "q", "q", "q"] * 2))
dataset("unrelated", a=(S, pick(51, 120, colours, [4, 3, 2, 1])), b=(S, pick(52, 120, shapes, [1, 1, 1])))
dataset("related", a=(S, towns), b=(S, beside(towns, pick(54, 150, shapes, [3, 2, 1]), 3)))
dataset("text with nulls", a=(S, holes(mixed, 9)), b=(S, holes(beside(mixed, pick(56, 100, shapes, [1, 2, 3]), 2), 11, 4)))
# "grey" and "star" stand only beside nulls: they are no categories of the table.
dataset("a category beside nulls only",
        a=(S, ["red", "red", "blue", "blue", "red", "grey", "grey", None]),
        b=(S, ["disc", "disc", "square", "square", "square", None, None, "star"]))
dataset("rare category", a=(S, ["common"] * 99 + ["rare"]), b=(S, ["p"] * 60 + ["q"] * 39 + ["r"]))
dataset("many categories",
        a=(S, [f"k{int((x + 1) * 12)}" for x in noise(57, 200)]),
        b=(S, [f"m{int((x + 1) * 6)}" for x in noise(58, 200)]))
dataset("all different", a=(S, [f"id{i:03}" for i in range(40)]), b=(S, pick(59, 40, shapes, [1, 1, 1])))
dataset("wide table",
        a=(S, pick(60, 90, ["u", "v"], [2, 1])),
        b=(S, pick(61, 90, [chr(97 + i) for i in range(10)], [10 - i for i in range(10)])))
# Upper and lower case, composed and decomposed, and digits with leading zeros are different values.
dataset("look-alikes",
        a=(S, ["a", "A", "\u00e9", "e\u0301", "07", "7", "a", "A", "\u00e9", "e\u0301", "07", "7", "a", "\u00df", "ss"]),
        b=(S, ["p", "q", "p", "q", "p", "q", "p", "q", "q", "p", "p", "q", "q", "p", "q"]))
dataset("codes and text",
        a=(I, pick(62, 80, [1, 2, 3], [3, 2, 1])),
        b=(S, [f"c{c}" if i % 4 else "c9" for i, c in enumerate(pick(62, 80, [1, 2, 3], [3, 2, 1]))]))
dataset("one category", a=(S, ["u"] * 6), b=(S, ["p", "q", "p", "q", "p", "q"]))
dataset("one category among the pairs", a=(S, ["u", "u", "u", "v"]), b=(S, ["p", "q", "p", None]))
dataset("no pair of text", a=(S, ["u", None]), b=(S, [None, "p"]))
TEXTS = list(DATASETS)[list(DATASETS).index("two by two"):]


def cramers_v(name):
    case = {"dataset": name, "column": "a", "with": "b"}
    frame = pd.DataFrame({c: pd.Series(cells_of(name, c), dtype=object) for c in "ab"}).dropna()
    table = pd.crosstab(frame["a"], frame["b"]).to_numpy()
    rows, columns = case["r"], case["c"] = table.shape if table.size else (0, 0)
    n = case["n"] = len(frame)
    assert table.sum() == n
    if min(rows, columns) < 2:
        return {**case, "no_data": "one category"}
    value = float(association(table, method="cramer", correction=False))
    chi2 = Fraction(0)
    for i, row in enumerate(table.tolist()):
        for j, count in enumerate(row):
            expected = Fraction(sum(row) * int(table[:, j].sum()), n)
            chi2 += (count - expected) ** 2 / expected
    exact = float(root(chi2 / (n * (min(rows, columns) - 1))))
    agree(exact, value, 1e-3, name)
    assert (exact == 0) == (value == 0)
    return {**case, "value": value}


# Statistics -------------------------------------------------------------------------------------------------------

OF_NUMBERS = [
    "slipped point", "prices as floats", "integers with many ties", "negative and positive", "offset 1e9",
    "offset 1e15, odd and even", "huge", "tiny", "skewed", "with nulls", "with infinities", "mixed magnitudes", "uniform",
    "all equal", "two values", "five values", "beyond 2^53", "large integers", "cancelling magnitudes", "one value", "no value",
    "spellings of numbers", "cents",
]
OF_TEXT = [
    "two by two", "related", "text with nulls", "a category beside nulls only", "rare category", "many categories",
    "all different", "look-alikes",
]
PROBABILITIES = [0.0, 0.01, 0.05, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0]


def statistic(name, column):
    case = {"dataset": name, "column": column}
    kind = DATASETS[name]["types"][column]
    cells = [c for c in cells_of(name, column) if c is not None]
    parse = {S: str, I: int, F: float}.get(kind, Decimal)
    parsed = [parse(c) for c in cells]
    out = []

    def put(of, value, n, **more):
        out.append({**case, "of": of, **more, "n": n, **({"value": value} if value is not None else {"no_data": "too few"})})

    if kind != S:
        v = [p for p in parsed if math.isfinite(p)]
        n = len(v)
        doubles = np.array(v, dtype=float)
        if n:
            exact = v if kind == I else [Fraction(p) for p in v]
            total = sum(map(Fraction, exact))
            mean = total / n
            variance = sum((Fraction(e) - mean) ** 2 for e in exact) / (n - 1) if n > 1 else None
            largest = max(abs(doubles))
            agree(float(total), float(doubles.sum()), largest * n, f"{name} sum")
            agree(float(mean), float(doubles.mean()), largest, f"{name} mean")
            if variance is not None:
                agree(float(root(variance)), float(doubles.std(ddof=1)), largest, f"{name} stddev")
        put("mean", float(mean) if n else None, n)
        put("median", float(np.median(doubles)) if n else None, n)
        put("stddev", float(root(variance)) if n > 1 else None, n)
        put("sum", None if not n else int(total) if kind == I else float(total), n)
        for q in PROBABILITIES:
            put("quantile", float(np.quantile(doubles, q, method="linear")) if n else None, n, q=q)
    series = pd.Series(parsed, dtype={S: object, I: "int64"}.get(kind, object if kind.startswith("decimal") else float))
    n, counts = len(series), series.value_counts()
    assert counts.sum() == n
    put("distinct", int(series.nunique()) if n else None, n)
    put("unique_share", float((counts == 1).sum() / n) if n else None, n)
    put("most_common", float(counts.max() / n) if n else None, n)
    return out


def main():
    sections = {
        "mad": section("mad", MAD),
        "mad_log": section("mad", MAD_LOG, log=True),
        "mean_ad": section("mad", MEAN_AD, fallback="mean_ad"),
        "mean_ad_log": section("mad", MEAN_AD_LOG, log=True, fallback="mean_ad"),
        "zscore": section("zscore", ZSCORE),
        "zscore_log": section("zscore", ZSCORE_LOG, log=True),
        "correlation": [correlation(name) for name in PAIRS],
        "cramers_v": [cramers_v(name) for name in TEXTS],
        "statistic": [case for name in OF_NUMBERS for case in statistic(name, "x")]
                     + [case for name in OF_TEXT for case in statistic(name, "a")],
    }
    used = {case["dataset"] for cases in sections.values() for case in cases}
    assert used == set(DATASETS), set(DATASETS) - used
    # One data set or case a line: small enough to read, stable enough to diff.
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(data, allow_nan=False)}" for name, data in DATASETS.items())
    parts = [f"  \"datasets\": {{\n{lines}\n  }}"]
    for name, cases in sections.items():
        lines = ",\n".join("    " + json.dumps(case, allow_nan=False) for case in cases)
        parts.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
    sys.stdout.write("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
