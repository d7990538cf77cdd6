#!/usr/bin/env python3
"""How often the tests of `drift` call healthy data changed, and how often they find a change: at their defaults, by simulation.

    python tests/reference/drift.py alarms 1000 10000     # rows of batch and of baseline, runs; 100, 1000 and 100000 rows are in docs/statistics.md
    python tests/reference/drift.py power 1000 2000
    python tests/reference/drift.py noise 1000 2000       # how often distances exceed what chance is said to make of them: at most 5 %
    python tests/reference/drift.py alarms 1000 10000 100000        # the same with a baseline of so many rows

Needs numpy and scipy. The tests are written here a second time, by their definitions; none of the program's code is used.
Each run draws a baseline and a batch from one distribution (alarms), or the batch from a changed one (power).
"""

import sys

import numpy as np
from scipy import stats

ALPHA, MIN_EFFECT, MAX, WARN, NULL_SHARE = 0.001, 0.1, 0.2, 0.1, 0.01


def ks(a, b, min_effect=MIN_EFFECT):
    """Counts of the same values, ascending."""
    n, m = a.sum(), b.sum()
    d = np.abs(np.cumsum(a) / n - np.cumsum(b) / m).max()
    if d < min_effect:
        return ""
    return "fail" if stats.kstwo.sf(d, round(n * m / (n + m))) < ALPHA else ""


def index(a, b):
    p, q = np.maximum(a / a.sum(), 1e-4), np.maximum(b / b.sum(), 1e-4)
    return ((p - q) * np.log(p / q)).sum()


def decide(psi, bins, n, m, max=MAX, warn=WARN):
    noise = stats.chi2.ppf(0.95, bins - 1) * (1 / n + 1 / m)
    if noise >= max:
        return "too few"
    if psi > max:
        return "fail"
    return "warn" if psi > warn and noise < warn else ""


def psi(a, b, max=MAX, warn=WARN):
    """Counts of the same values, ascending."""
    below_a, below_b = np.append(0, np.cumsum(a)), np.append(0, np.cumsum(b))
    ranks = (b.sum() - 1) * np.arange(1, 10) / 10
    low, high = (np.searchsorted(below_b[1:], f(ranks), side="right") for f in (np.floor, np.ceil))
    deciles, times = np.unique(low + (high - low) * (ranks % 1), return_counts=True)       # the value is the place: steps are equal
    cuts = {int(d) + 1 for d in deciles} | {int(d) for d, t in zip(deciles, times) if t > 1}
    cuts = [0, *sorted(cuts), len(a)]
    ca, cb = np.diff(below_a[cuts]), np.diff(below_b[cuts])
    for i in [i for i in range(len(cb)) if cb[i] == 0]:
        to = next((j for j in range(i - 1, -1, -1) if cb[j] > 0), next((j for j in range(i + 1, len(cb)) if cb[j] > 0), i))
        ca[to] += ca[i] if to != i else 0
    ca, cb = ca[cb > 0], cb[cb > 0]
    return decide(index(ca, cb), len(cb), a.sum(), b.sum(), max, warn)


def psi_categories(a, b):
    """Counts of the same categories."""
    n, m = a.sum(), b.sum()
    unseen, rare = b == 0, (b > 0) & (b * 100 < m)
    own = ~unseen & ~rare
    groups = [rare, unseen]
    ca = np.concatenate([a[own], [a[g].sum() for g in groups]])
    cb = np.concatenate([b[own], [b[g].sum() for g in groups]])
    # Good and Turing: as many unseen values are expected as there are values seen once.
    once = (b[rare] == 1).sum()
    expected = cb.copy()
    expected[-2:] += [-once, once]
    there = (ca > 0) | (cb > 0)
    found = min(index(ca[there], cb[there]), index(ca, expected))
    return decide(found, there.sum(), n, m)


def chi2(a, b, min_effect=MIN_EFFECT):
    n, m = a.sum(), b.sum()
    both = a + b
    rare = both * min(n, m) / (n + m) < 5
    table = np.array([np.append(a[~rare], a[rare].sum()), np.append(b[~rare], b[rare].sum())])
    table = table[:, table.sum(0) > 0]
    if table.shape[1] < 2:
        return "too few"
    expected = np.outer(table.sum(1), table.sum(0)) / (n + m)
    x = ((table - expected) ** 2 / expected).sum()
    p, q = table / table.sum(1, keepdims=True)
    if (((p - q) ** 2 / (p + q)).sum() / 2) ** 0.5 < min_effect:
        return ""
    return "fail" if stats.chi2.sf(x, table.shape[1] - 1) < ALPHA else ""


def null_share(a, b, n, m):
    if abs(a / n - b / m) <= NULL_SHARE:
        return ""
    return "fail" if stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue < ALPHA else ""


def normal(r, n):
    return r.standard_normal(n)


def lognormal(r, n):
    return np.exp(r.standard_normal(n))


def inflated(r, n):
    return np.where(r.random(n) < 0.6, 0.0, np.exp(r.standard_normal(n)))


def counts(r, n):
    return r.poisson(2, n).astype(float)


NUMBERS = {"normal": normal, "lognormal, σ 1": lognormal, "amounts, 60 % zeros": inflated, "Poisson, mean 2": counts}
ZIPF = 1 / np.arange(1, 1001)
CATEGORIES = {"10 equal categories": np.full(10, 0.1), "1,000 categories, Zipf": ZIPF / ZIPF.sum(),
              "60 % one value, 20 others": np.append(0.6, np.full(20, 0.02))}


STEP = 0.002


def counted(a, b):
    """Both samples, rounded to `STEP`, as counts of the same values."""
    a, b = (np.rint(x / STEP).astype(np.int64) for x in (a, b))
    least, most = min(a.min(), b.min()), max(a.max(), b.max())
    return (np.bincount(x - least, minlength=most - least + 1) for x in (a, b))


def tally(name, found, runs):
    part = lambda what: 100 * sum(f == what for f in found) / runs
    print(f"{name}: fail {part('fail'):.2f}  warn {part('warn'):.2f}  too few {part('too few'):.2f}", flush=True)


def alarms(n, runs, m):
    r = np.random.default_rng(2026)
    for name, draw in NUMBERS.items():
        found = {"ks": [], "psi": []}
        for _ in range(runs):
            a, b = counted(draw(r, n), draw(r, m))
            found["ks"].append(ks(a, b))
            found["psi"].append(psi(a, b))
        for test, found in found.items():
            tally(f"{test} | {name}", found, runs)
    for name, shares in CATEGORIES.items():
        pairs = [(r.multinomial(n, shares), r.multinomial(m, shares)) for _ in range(runs)]
        tally(f"chi2 | {name}", [chi2(*pair) for pair in pairs], runs)
        tally(f"psi | {name}", [psi_categories(*pair) for pair in pairs], runs)
    for share in (0.001, 0.01, 0.1):
        tally(f"null_share | {share:.1%} missing", [null_share(r.binomial(n, share), r.binomial(m, share), n, m) for _ in range(runs)], runs)


CHANGES = {"mean by 0.2 sd": lambda x, sd: x + 0.2 * sd, "mean by 0.5 sd": lambda x, sd: x + 0.5 * sd,
           "doubled spread": lambda x, sd: x.mean() + 2 * (x - x.mean())}
# Of amounts the zeros stay what they are: the others move the mean by as much, or are doubled.
OF_AMOUNTS = {"mean by 0.2 sd": lambda x, sd: np.where(x > 0, x + 0.5 * sd, 0), "mean by 0.5 sd": lambda x, sd: np.where(x > 0, x + 1.25 * sd, 0),
              "doubled spread": lambda x, sd: 2 * x}


def power(n, runs, m):
    r = np.random.default_rng(2027)
    for name, draw in list(NUMBERS.items())[:3]:
        sd = draw(r, 10**6).std()
        for change, apply in (OF_AMOUNTS if draw is inflated else CHANGES).items():
            found = {"ks": [], "ks, min_effect 0.05": [], "psi": [], "psi, max 0.03": []}
            for _ in range(runs):
                a, b = counted(apply(draw(r, n), sd), draw(r, m))
                found["ks"].append(ks(a, b))
                found["ks, min_effect 0.05"].append(ks(a, b, 0.05))
                found["psi"].append(psi(a, b))
                found["psi, max 0.03"].append(psi(a, b, 0.03, 0.02))
            for test, found in found.items():
                tally(f"{test} | {name} | {change}", found, runs)
    before, after = np.append(0.1, np.full(9, 0.1)), np.append(0.2, np.full(9, 0.8 / 9))
    pairs = [(r.multinomial(n, after), r.multinomial(m, before)) for _ in range(runs)]
    for test in (chi2, psi_categories):
        tally(f"{test.__name__} | category from 10 to 20 %", [test(*pair) for pair in pairs], runs)
    tally("null_share | from 1 to 5 %", [null_share(r.binomial(n, 0.05), r.binomial(m, 0.01), n, m) for _ in range(runs)], runs)


def beyond(name, found):
    print(f"{name}: {100 * np.mean(found):.2f}", flush=True)


def noise(n, runs, m):
    r = np.random.default_rng(2028)
    per_row = 1 / n + 1 / m
    for name, draw in NUMBERS.items():
        found = []
        for _ in range(runs):
            a, b = counted(draw(r, n), draw(r, m))
            fa, fb = np.cumsum(a) / n, np.cumsum(b) / m
            level = 2.5 * (2 / np.pi * per_row) ** 0.5 * np.sqrt(fb * (1 - fb).clip(0)).sum()
            found.append(np.abs(fa - fb).sum() > level)
        beyond(f"wasserstein | {name}", found)
    for name, shares in CATEGORIES.items():
        found = {"js": [], "hellinger": [], "linf": []}
        for _ in range(runs):
            a, b = r.multinomial(n, shares), r.multinomial(m, shares)
            p, q = (x[(a > 0) | (b > 0)] / x.sum() for x in (a, b))
            k, mean = len(p), (p + q) / 2
            few = np.mean((a + b)[(a > 0) | (b > 0)] * min(n, m) / (n + m) < 20)
            level = stats.chi2.ppf(0.95, k - 1) * per_row / 8
            divergence = (np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / mean), 0) + np.where(q > 0, q * np.log(np.where(q > 0, q, 1) / mean), 0)).sum() / 2
            found["js"].append(divergence > level * (1 + (2 * np.log(2) - 1) * few))
            found["hellinger"].append(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2 > level * (1 + few))
            found["linf"].append(np.abs(p - q).max() ** 2 > stats.norm.isf(0.025 / k) ** 2 * (mean * (1 - mean)).max() * per_row)
        for test, found in found.items():
            beyond(f"{test} | {name}", found)


if __name__ == "__main__":
    what, n, runs, m = sys.argv[1], *map(int, [*sys.argv[2:], sys.argv[2]][:3])
    {"alarms": alarms, "power": power, "noise": noise}[what](n, runs, m)
