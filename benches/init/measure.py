"""How well the rules that `sluicegate init` suggests find errors: planted ones, in tables whose clean form is known.

    python benches/init/measure.py target/release/sluicegate --seeds 101 102 103

needs numpy, pandas, pyarrow and PyYAML. For each table and seed:

- the dirty table goes to `init`; the rules that it writes judge the dirty table (the gate must not reject it);
- precision: of all (row, rule) pairs that fail, how many have a planted error in a column of the rule. A rule over several
  dependent columns (`on`) is cut into one for each, so that nothing is found by a column that was not meant;
- recall: of all planted cells, how many lie in a column of a rule that their row fails;
- false alarms: how many suggested rules fail on the clean table that they came from, and how many rules that were suggested by
  one half of it fail on the other half.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import tempfile

import pyarrow.parquet
import yaml

import tables


def run(binary, *arguments, allowed=(0,)):
    done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode in allowed, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def suggested(binary, data, rules):
    rules.unlink(missing_ok=True)
    run(binary, "init", data, "-o", rules)
    run(binary, "rules", "validate", rules)
    return yaml.safe_load(rules.read_text())


def apart(rules):
    """The rules with names, each about as few columns as it can be, all setting rows aside; and the columns of each."""
    columns, items = {}, []
    for item in rules["rules"] or []:
        (kind, words), = item.items()
        # PyYAML takes `on` for true.
        words = {"on" if word is True else word: value for word, value in words.items()}
        if kind == "conflicts":
            parts = [(words["key"] + [on], words | {"on": [on]}) for on in words["on"]]
        elif "columns" in words:
            parts = [([name], {k: v for k, v in words.items() if k != "columns"} | {"column": name}) for name in words["columns"]]
        else:
            parts = [(words.get("key") or words.get("together") or [words["column"]] if kind != "expression" else named_in(words["sql"], rules), words)]
        for names, words in parts:
            name = f"r{len(items)}"
            columns[name] = names
            items.append({kind: words | {"id": name, "on_fail": "quarantine"} | ({"over": "all"} if kind in ("conflicts", "duplicates") else {})})
    return rules | {"rules": items, "gate": {"reject_above": "100%"}, "profile": "none"}, columns


def named_in(sql, rules):
    return [name for name in rules["schema"]["columns"] if name in sql.replace('"', "")]


def failing(binary, rules, data, place):
    """Every (row, columns) that fails, with the rule; rows from 0."""
    alone, columns = apart(rules)
    (place / "apart.yaml").write_text(yaml.safe_dump(alone, sort_keys=False, allow_unicode=True))
    out = place / "out"
    subprocess.run(["rm", "-rf", out], check=True)
    run(binary, "gate", "-r", place / "apart.yaml", data, "--publish", out / "rows.parquet", "--quarantine", out / "aside", "-q", allowed=(0, 1))
    flags = []
    for part in sorted((out / "aside").rglob("*.parquet")):
        for row in pyarrow.parquet.read_table(part).to_pylist():
            for rule in row["_sluicegate_rules"]:
                if rule == "malformed":
                    names = [row["_sluicegate_reason"].split(":")[0]]
                else:
                    names = columns[rule]
                flags.append((row["_sluicegate_row"] - 1, tuple(names), rule))
    return flags, {name: next(iter(item)) for name, item in zip(columns, alone["rules"])} | {"malformed": "malformed"}


def broken(binary, rules, data, place):
    """How many rules fail, and how many there are."""
    report = place / "report.json"
    run(binary, "check", "-r", rules, data, "-q", "--report", report, allowed=(0, 1))
    findings = [f for f in json.loads(report.read_text())["findings"] if f["rule"] not in ("malformed", "schema", "source")]
    failed = [f for f in findings if f["outcome"] not in ("pass", "not_judged")]
    return [(f["id"], f["outcome"], f["message"]) for f in failed], len(findings)


def measure(binary, name, seed, show):
    table, dirty, errors = tables.make(name, seed)
    place = pathlib.Path(tempfile.mkdtemp(prefix="init-"))
    data, clean = place / f"{name}.csv", place / f"{name}_clean.csv"
    dirty.to_csv(data, index=False)
    table.frame.to_csv(clean, index=False)
    rules = suggested(binary, data, place / "rules.yaml")
    run(binary, "gate", "-r", place / "rules.yaml", data, "--publish", place / "all.parquet", "--quarantine", place / "all_aside", "-q")
    flags, kinds = failing(binary, rules, data, place)
    right = [flag for flag in flags if any((flag[0], column) in errors for column in flag[1])]
    found = {(row, column) for row, names, _ in flags for column in names if (row, column) in errors}
    by_class = {kind: (sum(errors[cell] == kind for cell in found), sum(k == kind for k in errors.values())) for kind in tables.CLASSES}
    by_rule = collections.Counter(kinds[rule] for _, _, rule in flags)
    right_by_rule = collections.Counter(kinds[rule] for _, _, rule in right)
    suggested(binary, clean, place / "clean.yaml")
    of_clean = broken(binary, place / "clean.yaml", clean, place)
    halves = [place / "half_a.csv", place / "half_b.csv"]
    for half, at in zip(halves, (0, 1)):
        table.frame.sample(frac=1, random_state=seed).iloc[at::2].sort_index().to_csv(half, index=False)
    suggested(binary, halves[0], place / "half.yaml")
    of_half = broken(binary, place / "half.yaml", halves[1], place)
    if show:
        missed = collections.Counter((errors[cell], cell[1]) for cell in errors if cell not in found)
        wrong = collections.Counter((kinds[rule], names) for row, names, rule in flags if not any((row, c) in errors for c in names))
        print((place / "rules.yaml").read_text())
        print("missed", missed.most_common(25))
        print("wrong", wrong.most_common(15))
        print("clean", of_clean[0], "half", of_half[0])
        print(place)
    return {"name": name, "seed": seed, "errors": len(errors), "flags": len(flags), "right": len(right), "found": len(found), "classes": by_class,
            "rules": len(rules["rules"] or []), "by_rule": {k: (right_by_rule[k], n) for k, n in by_rule.items()},
            "clean": (len(of_clean[0]), of_clean[1]), "half": (len(of_half[0]), of_half[1])}


def share(part, whole):
    return f"{part / whole:.3f}" if whole else "-"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--tables", nargs="+", default=list(tables.TABLES))
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    results = [measure(given.binary, name, seed, given.show) for name in given.tables for seed in given.seeds]
    print("| table | errors | rules | precision | recall |", " | ".join(tables.CLASSES), "| clean | halves |")
    print("|---" * (7 + len(tables.CLASSES)) + "|")

    def line(name, those):
        def total(key):
            return sum(result[key] for result in those)

        classes = [share(*(sum(result["classes"][kind][i] for result in those) for i in (0, 1))) for kind in tables.CLASSES]
        of = [" of ".join(str(sum(result[key][i] for result in those)) for i in (0, 1)) for key in ("clean", "half")]
        print(f"| {name} | {total('errors')} | {total('rules')} | {share(total('right'), total('flags'))} | {share(total('found'), total('errors'))} |", " | ".join(classes), f"| {of[0]} | {of[1]} |")

    for name in given.tables:
        line(name, [result for result in results if result["name"] == name])
    line("all", results)
    by_rule = collections.defaultdict(lambda: [0, 0])
    for result in results:
        for kind, (right, all_) in result["by_rule"].items():
            by_rule[kind][0] += right
            by_rule[kind][1] += all_
    print("\nright of failing pairs, by rule:", {kind: f"{right} of {all_}" for kind, (right, all_) in sorted(by_rule.items())})


if __name__ == "__main__":
    main()
