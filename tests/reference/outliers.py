#!/usr/bin/env python3
"""How often the default limits of `outliers` are wrong on healthy batches, and how often they find what was planted.

    python tests/reference/outliers.py alarms 1000 10000    # values a batch, batches: the false alarms of docs/statistics.md
    python tests/reference/outliers.py power 1000 10000     # rows found of one planted in each batch
    python tests/reference/outliers.py fences > tests/reference/outliers.json

Needs numpy and scipy. Nothing here is the program's: the formula of docs/statistics.md is written a second time. Batches
follow from their seeds alone; `tests/it/false_alarms.rs` makes the same ones, and holds the program's fences against
`outliers.json`.
"""

import json
import sys

import numpy as np
from scipy.stats import norm

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniforms(seed, runs, n, k):
    """k numbers in (0, 1) for each of n values of each of the runs with the seeds `seed`, `seed` + 1, …: SplitMix64 by
    counter, from the seed times 2^32."""
    with np.errstate(over="ignore"):
        start = (np.arange(runs, dtype=np.uint64) + np.uint64(seed)) << np.uint64(32)
        z = start[:, None] + np.arange(1, n * k + 1, dtype=np.uint64)[None, :] * GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (((z >> np.uint64(12)).astype(float) + 0.5) * 2.0**-52).reshape(runs, n, k)


def normal(u):
    return np.sqrt(-2 * np.log(u[..., 0])) * np.cos(2 * np.pi * u[..., 1])


def poisson(u, mean):
    p = total = np.exp(-mean)
    out = np.zeros(u.shape)
    for k in range(1, 41):
        out += u > total
        p *= mean / k
        total += p
    return out


def amounts(u, zeros):
    return np.where(u[..., 2] < zeros, 0, 50 * np.exp(normal(u)))


def counts(u, zeros):
    return np.where(u[..., 0] < zeros, 0, poisson(u[..., 1], 3.0))


# Name, numbers for one value, values; the first eleven are those that the limits are made for.
KINDS = [
    ("normal", 2, lambda u: 100 + 15 * normal(u)),
    ("lognormal, σ 1", 2, lambda u: 50 * np.exp(normal(u))),
    ("exponential", 1, lambda u: -50 * np.log(u[..., 0])),
    ("gamma, shape 2", 2, lambda u: -50 * np.log(u[..., 0] * u[..., 1])),
    ("gamma, shape ½", 2, lambda u: 25 * normal(u) * normal(u)),
    ("Poisson, mean 2", 1, lambda u: poisson(u[..., 0], 2.0)),
    ("counts, 30 % zeros", 2, lambda u: counts(u, 0.3)),
    ("counts, 60 % zeros", 2, lambda u: counts(u, 0.6)),
    ("amounts, 30 % zeros", 3, lambda u: amounts(u, 0.3)),
    ("amounts, 60 % zeros", 3, lambda u: amounts(u, 0.6)),
    ("amounts, 80 % zeros", 3, lambda u: amounts(u, 0.8)),
    ("uniform", 1, lambda u: 100 * u[..., 0]),
    ("lognormal, σ 2", 2, lambda u: 50 * np.exp(2 * normal(u))),
    ("Pareto, α 2", 1, lambda u: u[..., 0] ** -0.5),
    ("Poisson, mean ½", 1, lambda u: poisson(u[..., 0], 0.5)),
    ("Poisson, mean 5", 1, lambda u: poisson(u[..., 0], 5.0)),
    ("geometric, p 0.3", 1, lambda u: np.floor(np.log(u[..., 0]) / np.log(0.7))),
    ("ratings, 1 to 5", 1, lambda u: 1 + np.searchsorted([0.05, 0.12, 0.27, 0.60], u[..., 0]).astype(float)),
]
EIGHTHS = (1, 2, 4, 6, 7)


def statistics(x):
    """Octiles, quartiles and median by linear interpolation, MAD, how many values are the median, mean, standard deviation, smallest, largest: by row."""
    n = x.shape[1]
    places = {e: divmod((n - 1) * e, 8) for e in EIGHTHS}
    ranks = {0, n - 1} | {r for low, beyond in places.values() for r in (low, low + (beyond > 0))} | {(n - 1) // 2}
    s = np.partition(x, sorted(ranks), axis=1)
    quantiles = [s[:, low] + (s[:, low + (beyond > 0)] - s[:, low]) * (beyond / 8) for low, beyond in places.values()]
    off = np.partition(np.abs(x - quantiles[2][:, None]), [(n - 1) // 2, n // 2], axis=1)
    mad = (off[:, (n - 1) // 2] + off[:, n // 2]) / 2
    at_median = np.sum(x == s[:, (n - 1) // 2, None], axis=1)
    return np.stack([*quantiles, mad, at_median, x.mean(1), x.std(1, ddof=1), s[:, 0], s[:, -1]])


def reach(n, quartile, octile, opposite):
    """How far from the median healthy values reach, by the distances of quartile and octile, and of the octile opposite."""
    z8, root = 1.150349380376008, np.sqrt(n)
    octile = np.maximum(octile, 1.4 * quartile)
    with np.errstate(all="ignore"):
        alone = np.log(octile / quartile / 1.7055) / 0.238
        alone = np.where(quartile > 0, np.minimum(np.maximum(alone, 1.0) + 6 / root, 2.0), 2.0)
        skew = np.where(octile > 0, np.where(opposite > 0, np.log(octile / opposite) / z8, alone), 0.0)
        g = np.clip(np.maximum(skew, 0.4 + np.minimum(skew, 0)) + 3 / root, -2, 2)
        z = norm.isf(0.005 / n)
        octiles = np.where(np.abs(g) < 1e-9, z / z8, np.expm1(g * z) / np.expm1(g * z8))
        scale = np.where(octile > 0, octile, opposite)
        return np.where(scale > 0, scale * octiles * (1 + 3 / root), np.nan)


def fences(s, n, method, default=True):
    """Whether there are fences, and which; `s` is what `statistics` gives of batches of n values."""
    e1, q1, median, q3, e7, mad, at_median, mean, stddev, _, _ = s
    if method == "iqr":
        judged, low, high = q3 > q1, q1 - 3 * (q3 - q1), q3 + 3 * (q3 - q1)
    elif method == "mad":
        judged, low, high = mad > 0, median - 3.5 * mad / 0.6745, median + 3.5 * mad / 0.6745
    else:
        judged, low, high = (stddev > 0) & (n > 10), mean - 3 * stddev, mean + 3 * stddev
    if not default:
        return judged, low, high
    below = median - reach(n, median - q1, median - e1, e7 - median)
    above = median + reach(n, q3 - median, e7 - median, median - e1)
    alone = (method == "iqr") & ~((at_median > 1) & (at_median * 20 >= n))
    low, high = np.where(alone, below, np.minimum(low, below)), np.where(alone, above, np.maximum(high, above))
    return judged & ~np.isnan(below), low, high


def batches(kind, n, runs, seed=0):
    _, k, values = KINDS[kind]
    chunk = max(1, min(runs, 2_000_000 // n))
    for start in range(0, runs, chunk):
        size = min(chunk, runs - start)
        yield values(uniforms(1_000_000 * kind + seed + start, size, n, k))


METHODS = ("iqr", "mad", "zscore")


def alarms(n, runs):
    print(f"| {n:,} values, {runs:,} batches | " + " | ".join(f"`{m}` {d}" for m in METHODS for d in ("published", "default")) + " |")
    for kind, (name, _, _) in enumerate(KINDS):
        fired = {(m, d): 0 for m in METHODS for d in (False, True)}
        for x in batches(kind, n, runs):
            s = statistics(x)
            for method, default in fired:
                judged, low, high = fences(s, n, method, default)
                fired[method, default] += np.sum(judged & ((s[-2] < low) | (s[-1] > high)))
        print(f"| {name} | " + " | ".join(f"{100 * fired[m, d] / runs:.2f}" for m in METHODS for d in (False, True)) + " |", flush=True)


PLANTED = {
    "×10": lambda x: 10 * x,
    "×100": lambda x: 100 * x,
    "×1000": lambda x: 1000 * x,
    "sign": lambda x: -x,
    "999999": lambda x: np.full(len(x), 999999.0),
}


def power(n, runs):
    print(f"| {n:,} values, {runs:,} batches | " + " | ".join(f"`{m}` {p}" for m in METHODS for p in PLANTED) + " |")
    for kind, (name, _, _) in enumerate(KINDS[:11]):
        found = {(m, p): 0 for m in METHODS for p in PLANTED}
        for x in batches(kind, n, runs, seed=500_000_000):
            # The first value that is not 0 is the one that is spoiled.
            rows, columns = np.arange(len(x)), (x != 0).argmax(1)
            value = x[rows, columns].copy()
            for planted, spoil in PLANTED.items():
                x[rows, columns] = spoil(value)
                s = statistics(x)
                for method in METHODS:
                    judged, low, high = fences(s, n, method)
                    spoiled = x[rows, columns]
                    found[method, planted] += np.sum(judged & (spoiled != value) & ((spoiled < low) | (spoiled > high)))
        print(f"| {name} | " + " | ".join(f"{100 * found[m, p] / runs:.0f}" for m in METHODS for p in PLANTED) + " |", flush=True)


def expected():
    """The default fences of a few batches of every kind."""
    out = []
    for kind, (name, _, _) in enumerate(KINDS):
        for n in (10, 30, 100, 1000):
            s = statistics(next(batches(kind, n, 3)))
            for method in METHODS:
                judged, low, high = fences(s, n, method)
                of_run = lambda i: [float(low[i]), float(high[i])] if judged[i] else None
                out.append({"kind": kind, "name": name, "n": n, "method": method, "fences": [of_run(i) for i in range(3)]})
    return out


if __name__ == "__main__":
    if sys.argv[1] == "fences":
        cases = ",\n".join(json.dumps(case, ensure_ascii=False) for case in expected())
        print(f"[\n{cases}\n]")
    else:
        {"alarms": alarms, "power": power}[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
