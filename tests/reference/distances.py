#!/usr/bin/env python3
"""Reference values of tests and distances of two samples, from implementations that are not ours.

    python tests/reference/distances.py > tests/reference/distances.json

Needs numpy, scipy and statsmodels (written with numpy 2.4, scipy 1.17, statsmodels 0.15). The output is the same on every run.

- kstwo        scipy.stats.kstwo.sf(d, n)
- ks           scipy.stats.ks_2samp(a, b, method="asymp"): statistic and p-value; a and b are the batch and the baseline
- homogeneity  scipy.stats.chi2_contingency(correction=False), after categories with an expected count below 5 are pooled;
               V = sqrt(chi2 / all); the effect is V of samples of one size; scipy.stats.contingency.association is the same where nothing is pooled
- fisher       scipy.stats.fisher_exact
- newcombe     statsmodels.stats.proportion.confint_proportions_2indep(method="newcomb")
- distances    Jensen-Shannon (base 2) and Hellinger by their definitions in 60 digits (decimal), checked against
               scipy.spatial.distance.jensenshannon, which takes the difference of nearly equal numbers; chebyshev
- psi          by its definition (numpy): bins from numpy.quantile, right-closed
- wasserstein  scipy.stats.wasserstein_distance
- noise        scipy.stats.chi2.ppf(0.95, bins - 1)
- adjusted     statsmodels.stats.multitest.multipletests(method="fdr_bh")
- robust_z     0.6745 * (x - median) / MAD, statsmodels.robust.mad(c=1)
"""

import json
import sys
from decimal import Decimal, localcontext

import numpy as np
from scipy import stats
from scipy.spatial.distance import chebyshev, jensenshannon
from statsmodels.robust import mad
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep


def noise(seed, n):
    """`n` doubles in [0, 1), from a 64-bit linear congruential generator (Knuth's MMIX constants)."""
    out = []
    for _ in range(n):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((seed >> 11) / 2**53)
    return out


def kstwo():
    out = []
    for n in (1, 2, 3, 5, 10, 20, 50, 100, 139, 140, 141, 142, 200, 500, 1000, 4000, 4095, 4096, 4097, 5000, 10000, 50000, 99999,
              100000, 100001, 300000, 999999, 1000000, 1000001, 3000000, 10**8):
        for z in (0.3, 0.4, 0.5, 0.6, 0.7, 0.86, 0.87, 0.9, 1.0, 1.2, 1.4, 1.48, 1.49, 1.6, 1.9, 1.99, 2.01, 2.5, 3.0, 3.7):
            d = z / n**0.5
            if d < 1:
                out.append({"n": n, "d": d, "p": float(stats.kstwo.sf(d, n))})
        for d in (0.5 / n, 0.75 / n, 1 / n, 1.5 / n, 0.5, 0.75, 1 - 1.5 / n, 1 - 0.5 / n, 1.0):
            if 0 < d and n <= 1000:
                out.append({"n": n, "d": d, "p": float(stats.kstwo.sf(d, n))})
    return out


def normal(seed, n, mean=0.0, sd=1.0):
    return [float(x) for x in np.round(stats.norm.ppf(np.array(noise(seed, n)) * 0.999998 + 1e-6) * sd + mean, 3)]


SAMPLES = {
    "equal": ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
    "one row each": ([1.0], [2.0]),
    "one and many": ([0.5], normal(1, 100)),
    "apart": ([1.0, 2.0], [3.0, 4.0, 5.0]),
    "constant batch": ([2.0] * 50, normal(2, 80)),
    "constant baseline": (normal(3, 40), [0.0] * 60),
    "ties": ([float(int(x * 5)) for x in noise(4, 150)], [float(int(x * x * 5)) for x in noise(5, 170)]),
    "normal": (normal(6, 200), normal(7, 300)),
    "shifted": (normal(8, 150, 0.5), normal(9, 150)),
    "spread": (normal(10, 120, 0, 2), normal(11, 100)),
    "zero-inflated": ([max(0.0, x) for x in normal(12, 200)], [max(0.0, x) for x in normal(13, 220, 0.3)]),
    "signed zeros": ([0.0, -0.0, 1.0, 2.0], [-0.0, 0.0, 0.0, 1.0, 3.0]),
    "flags": ([float(x < 0.2) for x in noise(14, 100)], [float(x < 0.05) for x in noise(15, 100)]),
    "flags, mostly set": ([float(x < 0.8) for x in noise(16, 100)], [float(x < 0.95) for x in noise(17, 100)]),
    "tied in the middle": ([0.0 if x < 0.5 else x - 0.7 for x in noise(18, 200)], [0.0 if x < 0.6 else x - 0.75 for x in noise(19, 300)]),
    "magnitudes": ([x * 10.0 ** (i % 21 - 10) for i, x in enumerate(noise(20, 100))], [x * 10.0 ** (i % 19 - 9) for i, x in enumerate(noise(21, 100))]),
    "large numbers": ([1e300 * x for x in noise(22, 30)], [-1e300 * x for x in noise(23, 30)]),
}


def bins_of(b):
    """Right edges of the inner bins: deciles of the baseline; a value that two or more fall on is a bin of its own."""
    deciles = np.quantile(b, np.arange(1, 10) / 10, method="linear")
    edges = [(e, True) for e in deciles]                                   # (value, whether the value itself is below the border)
    values, counts = np.unique(deciles, return_counts=True)
    edges += [(e, False) for e, c in zip(values, counts) if c > 1 and e in b]
    return sorted(set(edges))


def psi_of(a, b):
    a, b = np.array(a) + 0.0, np.array(b) + 0.0
    def counts(x):
        below = [int((x <= e).sum() if closed else (x < e).sum()) for e, closed in bins_of(b)]
        return np.diff([0, *below, len(x)])
    pa, pb = list(counts(a)), list(counts(b))
    i = 0
    while i < len(pb):                                                      # bins without the baseline join the one before
        if pb[i] == 0 and len(pb) > 1:
            to = i - 1 if i > 0 else i + 1
            pa[to] += pa[i]
            del pa[i], pb[i]
        else:
            i += 1
    p, q = np.maximum(np.array(pa) / len(a), 1e-4), np.maximum(np.array(pb) / len(b), 1e-4)
    return [int(x) for x in pa], [int(x) for x in pb], float(((p - q) * np.log(p / q)).sum())


def samples():
    out = []
    for name, (a, b) in SAMPLES.items():
        ks = stats.ks_2samp(a, b, method="asymp")
        # scipy has no p-value where one row meets one: n*m/(n+m) rounds to 0.
        p = float(stats.kstwo.sf(ks.statistic, 1)) if len(a) == len(b) == 1 else float(ks.pvalue)
        bins_a, bins_b, psi = psi_of(a, b)
        out.append({"name": name, "a": a, "b": b, "d": float(ks.statistic), "p": p,
                    "wasserstein": float(stats.wasserstein_distance(a, b)), "bins_a": bins_a, "bins_b": bins_b, "psi": psi})
    return out


TABLES = [
    ([10, 20, 30], [12, 18, 30]), ([1, 0], [0, 1]), ([50, 50], [50, 50]), ([500, 300, 200], [480, 310, 210]),
    ([90, 5, 3, 1, 1], [88, 4, 4, 2, 2]), ([100, 0, 0], [0, 100, 0]), ([30, 30, 0], [20, 20, 20]),
    ([10**9, 2 * 10**9, 5], [10**9 + 70000, 2 * 10**9 - 70000, 5]), ([12, 8, 11, 9, 10, 13, 7, 10], [11, 9, 10, 10, 8, 15, 6, 12]),
    ([1000, 100], [100000, 20000]), ([7] * 1000, [9] * 1000), ([3, 4, 2], [2, 3, 3]), ([5, 995], [50, 950]),
]


def digits(a, b):
    """Jensen-Shannon and Hellinger distances of counts, in 60 digits."""
    with localcontext() as context:
        context.prec = 60
        p, q = ([Decimal(x) / sum(counts) for x in counts] for counts in (a, b))
        m = [(x + y) / 2 for x, y in zip(p, q)]
        half = lambda p: sum(x * (x / y).ln() for x, y in zip(p, m) if x > 0)
        js = (max(half(p) + half(q), Decimal(0)) / 2 / Decimal(2).ln()).sqrt()
        hellinger = (sum((x.sqrt() - y.sqrt()) ** 2 for x, y in zip(p, q)) / 2).sqrt()
        return float(js), float(hellinger)


def tables():
    out = []
    for a, b in TABLES:
        x = np.array([a, b], dtype=float)
        case = {"a": a, "b": b}
        expected = np.outer(x.sum(1), x.sum(0)) / x.sum()
        rare = (expected.min(0) < 5) & (x.sum(0) > 0)
        pooled = np.column_stack([x[:, ~rare & (x.sum(0) > 0)], x[:, rare].sum(1)]) if rare.any() else x[:, x.sum(0) > 0]
        if pooled.shape[1] > 1:
            chi = stats.chi2_contingency(pooled, correction=False)
            case |= {"statistic": float(chi.statistic), "p": float(chi.pvalue), "v": float(np.sqrt(chi.statistic / x.sum()))}
            p, q = pooled / pooled.sum(1, keepdims=True)
            case["effect"] = float(np.sqrt(((p - q) ** 2 / (p + q)).sum() / 2))
            if x[0].sum() == x[1].sum():
                assert np.isclose(case["effect"], case["v"])
            if not rare.any():
                assert np.isclose(case["v"], stats.contingency.association(x[:, x.sum(0) > 0].astype(int), method="cramer"))
        p, q = x[0] / x[0].sum(), x[1] / x[1].sum()
        js, hellinger = digits(a, b)
        assert np.isclose(js, jensenshannon(p, q, base=2), rtol=1e-6, atol=1e-8)
        case |= {"js": js, "linf": float(chebyshev(p, q)), "hellinger": hellinger}
        m = x[1].sum()
        groups = {}
        for ca, cb in zip(a, b):
            key = "unseen" if cb == 0 else "rare" if cb / m < 0.01 else len(groups)
            old = groups.get(key, (0, 0))
            groups[key] = (old[0] + ca, old[1] + cb)
        p, q = (np.maximum(np.array([g[i] for g in groups.values()]) / x[i].sum(), 1e-4) for i in (0, 1))
        case["psi"] = float(((p - q) * np.log(p / q)).sum())
        out.append(case)
    return out


SHARES = [(0, 10, 0, 10), (1, 10, 0, 10), (10, 10, 0, 10), (3, 50, 1, 10000), (5, 100, 1, 100), (50, 1000, 10, 1000), (5, 5, 5, 5), (0, 1, 1, 1),
          (5000, 100000, 1000, 100000), (56, 70, 48, 80), (9, 10, 3, 10), (1, 100, 0, 1000000), (300, 1000, 29000, 100000),
          (250000, 1000000, 251000, 1000000), (7, 20, 13, 20), (2, 3, 1, 3), (123, 4567, 8, 90)]


def two_shares():
    out = []
    for a, n, b, m in SHARES:
        p = float(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue)
        for confidence in (0.95, 0.999):
            low, high = confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff", alpha=1 - confidence)
            out.append({"a": a, "n": n, "b": b, "m": m, "p": p, "confidence": confidence, "low": float(low), "high": float(high)})
    return out


def noises():
    return [{"bins": bins, "noise": float(stats.chi2.ppf(0.95, bins - 1))} for bins in (2, 3, 5, 10, 11, 50, 101, 1000)]


def adjusted():
    lists = [[0.01], [0.01, 0.02, 0.03], [0.03, 0.01, 0.02, 0.9, 0.0], [1.0, 1.0], [0.04, 0.04, 0.04], noise(30, 50), [x**4 for x in noise(31, 200)]]
    return [{"p": p, "adjusted": [float(x) for x in multipletests(p, method="fdr_bh")[1]]} for p in lists]


def robust_zs():
    lists = [[1.0, 2.0, 3.0, 4.0, 100.0], noise(40, 14), noise(41, 15), [1e9 + x for x in noise(42, 30)], [-5.0, 5.0]]
    return [{"x": x, "earlier": e, "z": float(0.6745 * (x - np.median(e)) / mad(e, c=1))} for e in lists for x in (0.0, 2.5, 1e9)]


def main():
    sections = {"kstwo": kstwo(), "samples": samples(), "tables": tables(), "two_shares": two_shares(), "noise": noises(),
                "adjusted": adjusted(), "robust_z": robust_zs()}
    parts = []
    for name, cases in sections.items():
        lines = ",\n".join("    " + json.dumps(case, allow_nan=False) for case in cases)
        parts.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
    sys.stdout.write("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
