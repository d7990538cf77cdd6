"""Folds of partitions: made one by one, sent, merged and judged."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from conftest import needs
from partitions import NOW, all_rules, differences, figures, frame

import sluicegate as sg

PLAIN = {
    "dataset": "d",
    "rules": [{"range": {"column": "size", "max": 7}}, {"missing": {"column": "city", "tolerate": "30%"}}],
}


@pytest.fixture
def parts() -> list[Any]:
    needs("pyarrow")
    rows = frame()
    cuts = [0, 300, 300, 301, 900, 1400, rows.num_rows]
    return [rows.slice(start, end - start) for start, end in zip(cuts, cuts[1:], strict=False)]


def folds(parts: list[Any], rules: Any, **options: Any) -> list[sg.Fold]:
    return [sg.fold(part, rules, unit=unit, **options) for unit, part in enumerate(parts)]


def test_merged_folds_are_judged_as_the_whole_is(parts: list[Any], tmp_path: Path) -> None:
    rules = all_rules(tmp_path)
    made = folds(parts, rules, now=NOW)
    sent = [pickle.loads(pickle.dumps(fold)) for fold in reversed(made)]
    merged = sg.merge(sent)
    assert merged.units == [0, 1, 2, 3, 4, 5]
    assert repr(merged).startswith("<sluicegate.Fold of 0 to 5: ")
    apart = sg.judge(merged, rules, data=parts, now=NOW)
    whole = sg.check(frame(), rules, now=NOW)
    assert differences(figures(whole), figures(apart)) == []
    # A function that gives partitions is as good as a list, and streams as good as tables.
    assert sg.judge(merged, rules, data=lambda number: parts[number].to_reader(7), now=NOW).to_json() == apart.to_json()


def test_rules_that_must_look_again_are_named_where_the_data_is_gone(parts: list[Any], tmp_path: Path) -> None:
    rules = all_rules(tmp_path)
    merged = sg.merge(folds(parts, rules, now=NOW))
    with pytest.raises(sg.Fault, match="a fold does not decide on .*`outliers-score`") as raised:
        sg.judge(merged, rules, now=NOW)
    assert raised.value.faults[0]["code"] == "needs-scan"
    assert "data=[…]" in raised.value.faults[0]["hint"]


def test_rows_are_named_by_partition_and_index_and_shown_with_the_data(parts: list[Any]) -> None:
    merged = sg.merge(folds(parts, PLAIN))
    alone, beside = sg.judge(merged, PLAIN), sg.judge(merged, PLAIN, data=parts)
    assert alone["range-size"].failing_rows == beside["range-size"].failing_rows > 0
    for without, sample in zip(alone["range-size"].samples, beside["range-size"].samples, strict=True):
        origin = sample["origin"]
        assert sample["values"] == [["size", 8]] and without["values"] == [] and without["origin"] == origin
        assert parts[origin["partition"]]["size"][origin["index"]].as_py() == 8


def test_what_does_not_belong_together_is_refused(parts: list[Any]) -> None:
    made = folds(parts, PLAIN)
    assert sg.merge([*made, made[2]]) == sg.merge(made)
    others = {
        "different plans": sg.fold(parts[1], {**PLAIN, "rules": PLAIN["rules"][:1]}, unit=6),
        "two folds of partition 4, and they differ": sg.fold(parts[0], PLAIN, unit=4),
        "different columns": sg.fold(parts[1].drop(["day"]), PLAIN, unit=6),
    }
    for words, other in others.items():
        with pytest.raises(sg.Fault, match=words):
            sg.merge([*made, other])
    with pytest.raises(sg.Fault, match="of 6 partitions, partition 5 was not folded"):
        sg.judge(sg.merge(made[:5]), PLAIN, partitions=6)
    with pytest.raises(sg.Fault, match="different plans"):
        sg.judge(sg.merge(made), {**PLAIN, "rules": PLAIN["rules"][1:]})
    with pytest.raises(sg.Fault, match="these bytes are no fold"):
        sg.Fold.from_bytes(b"something else")
    with pytest.raises(sg.Fault, match="partition 0 had 300 rows and has 299 now"):
        sg.judge(sg.merge(made), PLAIN, data=[parts[0].slice(1), *parts[1:]])


def test_folds_need_one_clock_where_rules_look_at_it(parts: list[Any]) -> None:
    rules = {"dataset": "d", "rules": [{"freshness": {"column": "day", "max_age": "30d"}}]}
    with pytest.raises(sg.Fault, match="these rules look at the clock.*give `now`"):
        sg.fold(parts[0], rules)
    merged = sg.merge(folds(parts, rules, now=NOW))
    assert sg.judge(merged, rules, now=NOW).verdict == "accept"
    with pytest.raises(sg.Fault, match="different plans"):
        sg.judge(merged, rules, now="2027-01-01")


def test_an_exception_of_what_gives_partitions_comes_through(parts: list[Any]) -> None:
    def broken(number: int) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sg.judge(sg.merge(folds(parts, PLAIN)), PLAIN, data=broken)


def test_what_a_library_notes_of_its_columns_does_not_tell_partitions_apart() -> None:
    pd, pa = needs("pandas"), needs("pyarrow")
    whole = pd.DataFrame({"size": [1, 9, 3, 8], "city": ["a", None, "b", "b"]})
    # pandas writes down where the index of each part begins.
    pandas = [whole[:1], whole[1:]]
    noted = [pa.table(part).replace_schema_metadata({"note": str(number)}) for number, part in enumerate(pandas)]
    codes = [pa.table({"size": t["size"], "city": t["city"].dictionary_encode()}) for t in noted]
    for parts in (pandas, noted, codes, [codes[0], noted[1]]):
        report = sg.judge(sg.merge(folds(parts, PLAIN)), PLAIN, data=parts)
        assert (report["range-size"].failing_rows, report["missing-city"].failing_rows) == (2, 1)


def test_what_a_partition_hands_over_is_looked_at_as_by_check() -> None:
    pa, duckdb = needs("pyarrow"), needs("duckdb")
    rules = {"dataset": "d", "rules": [{"missing": {"column": "s"}}]}
    buffers = pa.array([b"ok", b"\xff\xfe"]).buffers()
    with pytest.raises(sg.Fault, match="column `s`"):
        sg.fold(pa.table({"s": pa.Array.from_buffers(pa.string(), 2, buffers)}), rules)
    cast = duckdb.sql("select cast(s as int) s from (values ('secret00')) t(s)")
    for data in (cast, [cast]):
        with pytest.raises(sg.Fault, match="cannot read the batches") as raised:
            sg.fold(data, {**rules, "schema": {"columns": {"s": {"mask": True}}}})
        assert "secret" not in str(raised.value) + str(raised.value.faults)
    # A batch without values has the type of the others.
    parts = [pa.record_batch({"s": pa.nulls(2)}), pa.record_batch({"s": ["x"]})]
    assert sg.judge(sg.fold(parts, rules), rules)["missing-s"].failing_rows == 2
