#!/usr/bin/env python3
"""Reference values for tests, from implementations that are not ours.

    python tests/reference/statistics.py > tests/reference/statistics.json

Needs numpy, scipy and statsmodels (written with numpy 2.4, scipy 1.17, statsmodels 0.15). The output
is the same on every run: data are literal or come from the integer generator below.

- wilson      statsmodels.stats.proportion.proportion_confint(method="wilson"); `confidence` is 1 - alpha.
              0 of n and n of n are clamped to exactly 0 and 1, which the formula gives but for rounding.
- chi_square  scipy.stats.chisquare. `observed` are counts, `expected` are shares that add up to 1;
              scipy is given share * sum of counts. cohens_w = sqrt(statistic / n).
- distances   total variation by its definition (numpy); scipy.spatial.distance.jensenshannon(base=2),
              which is the distance, the square root of the divergence.
- moments     exact rational arithmetic (fractions) over the doubles as they are, rounded once to the
              nearest double: mean, and sample standard deviation (n - 1).
- quantiles   numpy.quantile(method="linear"), Hyndman and Fan's type 7.
- iqr         quartiles as above; fences Q1 - k * IQR and Q3 + k * IQR; outliers lie strictly outside.
"""

import json
import sys
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.stats import chisquare
from statsmodels.stats.proportion import proportion_confint


def noise(seed, n):
    """`n` doubles in [-1, 1), from a 64-bit linear congruential generator (Knuth's MMIX constants)."""
    out = []
    for _ in range(n):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((seed >> 11) / 2**52 - 1.0)
    return out


def wilson():
    cases = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 2), (1, 10), (3, 30), (27, 30), (15, 30), (6, 10), (50, 100), (1, 1000),
             (999, 1000), (333, 1000), (0, 1000000), (1000000, 1000000), (1, 1000000), (500000, 1000000),
             (123456789, 1000000000), (5000000000, 10000000000)]
    out = []
    for confidence in (0.9, 0.95, 0.99, 0.999):
        for count, n in cases:
            low, high = proportion_confint(count, n, alpha=1 - confidence, method="wilson")
            low = 0.0 if count == 0 else float(low)
            high = 1.0 if count == n else float(high)
            out.append({"count": count, "n": n, "confidence": confidence, "low": low, "high": high})
    return out


def chi_square():
    cases = [
        ([15, 15], [0.5, 0.5]),
        ([27, 3], [0.5, 0.5]),
        ([16, 14], [0.5, 0.5]),
        ([10, 20, 30], [1 / 3, 1 / 3, 1 / 3]),
        ([30, 14, 34, 45, 57, 20], [0.2, 0.1, 0.2, 0.15, 0.25, 0.1]),
        ([5, 0, 5], [0.25, 0.5, 0.25]),
        ([0, 100], [0.01, 0.99]),
        ([500, 300, 200], [0.5, 0.3, 0.2]),
        ([501, 299, 200], [0.5, 0.3, 0.2]),
        ([5100, 4900], [0.5, 0.5]),
        ([5500, 4500], [0.5, 0.5]),
        ([6200, 3800], [0.5, 0.5]),
        ([500100000, 499900000], [0.5, 0.5]),
        ([10, 20, 30, 40, 50, 60, 70, 80, 90, 100], [0.1] * 10),
        ([12, 8, 11, 9, 10, 13, 7, 10, 10, 10, 12, 8, 10, 11, 9, 10, 10, 10, 9, 11], [0.05] * 20),
        ([1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]),
    ]
    out = []
    for observed, expected in cases:
        n = sum(observed)
        statistic, p = chisquare(observed, np.array(expected) * n)
        out.append({"observed": observed, "expected": expected, "statistic": float(statistic), "p_value": float(p),
                    "cohens_w": float(np.sqrt(statistic / n))})
    return out


def distances():
    cases = [
        ([0.5, 0.5], [0.5, 0.5]),
        ([1.0, 0.0], [0.0, 1.0]),
        ([1.0, 0.0], [0.5, 0.5]),
        ([0.9, 0.1], [0.5, 0.5]),
        ([0.6, 0.4], [0.59, 0.41]),
        ([0.5, 0.3, 0.2, 0.0], [0.4, 0.3, 0.2, 0.1]),
        ([0.25, 0.25, 0.25, 0.25], [0.97, 0.01, 0.01, 0.01]),
        ([0.1] * 10, [0.19, 0.17, 0.15, 0.13, 0.11, 0.09, 0.07, 0.05, 0.03, 0.01]),
        ([0.999999, 0.000001], [0.999998, 0.000002]),
        ([0.2, 0.0, 0.8], [0.0, 0.2, 0.8]),
    ]
    return [{"p": p, "q": q, "total_variation": float(np.abs(np.array(p) - np.array(q)).sum() / 2),
             "jensen_shannon": float(jensenshannon(p, q, base=2))} for p, q in cases]


def exact(values):
    """Mean and sample standard deviation, rounded once."""
    fractions = [Fraction(v) for v in values]
    n = len(fractions)
    mean = sum(fractions) / n
    if n < 2:
        return float(mean), None
    variance = sum((f - mean) ** 2 for f in fractions) / (n - 1)
    with localcontext() as context:
        context.prec = 100
        root = (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()
    return float(mean), float(root)


def moments():
    cases = {
        "one value": [42.5],
        "two values": [1.0, 2.0],
        "all equal": [0.1] * 10,
        "small integers": [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0],
        "tenths": [i / 10 for i in range(1, 101)],
        "offset 1e9, noise 1e-3": [1e9 + x * 1e-3 for x in noise(1, 200)],
        "offset 1e9, noise 1": [1e9 + x for x in noise(2, 200)],
        "offset -1e12, noise 1": [-1e12 + x for x in noise(3, 100)],
        "offset 1e15, odd and even": [1e15 + i % 2 for i in range(101)],
        "cancelling magnitudes": [1e16, 1.0, -1e16, 1.0, 1e16, -1e16, 3.0, -2.0],
        "mixed magnitudes": [x * 10.0 ** ((i % 31) - 15) for i, x in enumerate(noise(4, 200))],
        "one giant among small": [x for x in noise(5, 150)] + [1e18],
        "large, squares still finite": [x * 1e150 for x in noise(6, 50)],
        "tiny, squares still normal": [x * 1e-150 for x in noise(7, 50)],
        "smallest doubles": [5e-324, 1e-323, 1.5e-323, 2e-323, 0.0],
        "sum is zero": [x for v in noise(8, 60) for x in (v, -v)],
        "ulp steps at 1": [1.0 + i * 2.0 ** -52 for i in range(50)],
        "negative zero": [-0.0, 0.0, -0.0],
    }
    out = []
    for name, values in cases.items():
        mean, stddev = exact(values)
        out.append({"name": name, "values": values, "mean": mean, "stddev": stddev})
    return out


SAMPLES = {
    "one value": [3.0],
    "two values": [1.0, 2.0],
    "three values": [10.0, 20.0, 40.0],
    "one to five": [1.0, 2.0, 3.0, 4.0, 5.0],
    "one to ten": [float(i) for i in range(1, 11)],
    "unsorted, with ties": [7.0, 1.0, 3.0, 3.0, 9.0, 3.0, 1.0, 8.0],
    "all equal": [5.0] * 7,
    "prices, one slipped point": [9.99, 10.49, 11.25, 8.75, 10.0, 12.5, 9.5, 1025.0, 10.75, 11.0],
    "two far out": [10.0, 12.0, 11.0, 13.0, 12.0, 11.0, 10.0, 14.0, 13.0, 12.0, 1250.0, -300.0],
    "on the inner fence": [1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 7.0, 3.0],
    "just beyond the inner fence": [1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 7.000000000000001, 3.0],
    "negative and positive": [-5.5, -1.25, 0.0, 0.5, 2.75, 100.0, -80.0, 1.0, -0.5],
    "offset 1e9": [1e9 + x for x in noise(11, 99)],
    "mixed magnitudes": [x * 10.0 ** ((i % 21) - 10) for i, x in enumerate(noise(12, 199))],
    "heavy tail": [1.0 / (1.0000001 - abs(x)) for x in noise(13, 200)],
    "uniform": noise(14, 200),
    "integers with many ties": [float(int((x + 1) * 5)) for x in noise(15, 150)],
}


def quantiles():
    probabilities = [0.0, 0.01, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0]
    return [{"name": name, "values": values, "probabilities": probabilities,
             "quantiles": [float(q) for q in np.quantile(values, probabilities, method="linear")]}
            for name, values in SAMPLES.items()]


def iqr():
    out = []
    for name, values in SAMPLES.items():
        q1, q3 = (float(q) for q in np.quantile(values, [0.25, 0.75], method="linear"))
        for k in (1.5, 3.0):
            lower, upper = q1 - k * (q3 - q1), q3 + k * (q3 - q1)
            outliers = sum(1 for v in values if v < lower or v > upper)
            out.append({"name": name, "values": values, "k": k, "lower_fence": lower, "upper_fence": upper, "outliers": outliers})
    return out


def main():
    sections = {"wilson": wilson(), "chi_square": chi_square(), "distances": distances(), "moments": moments(),
                "quantiles": quantiles(), "iqr": iqr()}
    # One case a line: small enough to read, stable enough to diff.
    parts = []
    for name, cases in sections.items():
        lines = ",\n".join("    " + json.dumps(case, allow_nan=False) for case in cases)
        parts.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
    sys.stdout.write("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
