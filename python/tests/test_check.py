"""check, gate, split and reports over frames of every kind."""

from __future__ import annotations

import datetime
import json
import logging
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from conftest import needs

import sluicegate as sg


def frames(columns: dict[str, list[Any]]) -> dict[str, Any]:
    pa, pl, pd, duckdb = needs("pyarrow"), needs("polars"), needs("pandas"), needs("duckdb")
    table = pa.table(columns)
    return {
        "polars": pl.DataFrame(columns),
        "lazy": pl.DataFrame(columns).lazy(),
        "pandas": pd.DataFrame(columns),
        "table": table,
        "batches": table.to_batches(max_chunksize=7),
        "reader": table.to_reader(),
        "dataset": needs("pyarrow.dataset").dataset(table),
        "iterator": iter(table.to_batches(max_chunksize=7)),
        "duckdb": duckdb.connect().from_arrow(table),
    }


def test_frames_of_every_kind_give_the_same_findings_and_the_same_split(orders: Any, rules: Any) -> None:
    for kind, frame in frames(orders).items():
        report = sg.check(frame, rules)
        assert report.verdict == "quarantine" and not report.ok, kind
        assert report["range-price"].failing_rows == 20, kind
        assert report["missing-email"].status == "pass", kind
        good, bad = report.split()
        assert (len(good), len(bad)) == (20, 20), kind
        assert good.column_names == ["price", "email"]
        assert good.to_polars()["price"].to_list() == [1.5, 2.0] * 10, kind
        rows = bad.to_polars()
        assert rows["price"].to_list() == [0.0, -1.0] * 10
        assert rows["_sluicegate_rules"].to_list() == [["range-price"]] * 20
        assert rows["_sluicegate_row"].to_list() == [row for row in range(1, 41) if row % 4 in (3, 0)]


def test_files_are_checked_as_the_program_does(tmp_path: Path, orders: Any, rules: Any) -> None:
    pl = needs("polars")
    pl.DataFrame(orders).write_csv(tmp_path / "a.csv")
    (tmp_path / "rules.yaml").write_text(json.dumps(rules))
    report = sg.check(tmp_path / "a.csv", tmp_path / "rules.yaml", now="2026-11-01")
    assert report.rows.read == 40 and report["range-price"].failing_rows == 20
    again = sg.check(
        [tmp_path / "a.csv"],
        sg.RuleText(json.dumps(rules), str(tmp_path / "rules.yaml")),
        now=datetime.date(2026, 11, 1),
    )
    assert again.to_json() == report.to_json()


def test_what_cannot_be_judged_is_a_fault_with_every_mistake(orders: Any) -> None:
    pl = needs("polars")
    with pytest.raises(sg.Fault) as raised:
        sg.check(
            pl.DataFrame(orders), {"dataset": "x", "rules": [{"rnge": {}}, {"range": {"column": "pric", "min": 0}}]}
        )
    assert [fault["code"] for fault in raised.value.faults] == ["unknown-rule", "unknown-column"]
    assert "did you mean `range`?" in str(raised.value)
    for data in (3, object(), [], "no such.csv", {"a": [1]}):
        with pytest.raises(sg.Fault):
            sg.check(data, {"dataset": "x", "rules": []})  # type: ignore[arg-type]
    with pytest.raises(sg.Fault, match="builtins.dict: this cannot be judged"):
        sg.check({"price": [1]}, {"dataset": "x", "rules": []})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        sg.check(pl.DataFrame(orders), 3)  # type: ignore[arg-type]


def test_a_stream_that_breaks_is_a_fault_and_publishes_nothing(tmp_path: Path, orders: Any, rules: Any) -> None:
    pa = needs("pyarrow")
    batch = pa.record_batch(orders)

    def broken() -> Any:
        yield batch
        raise RuntimeError("the connection is lost")

    with pytest.raises(sg.Fault, match="the connection is lost"):
        sg.gate(pa.RecordBatchReader.from_batches(batch.schema, broken()), rules, publish=tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").rglob("*.parquet"))
    reader = pa.table(orders).to_reader()
    assert sg.check(reader, rules).rows.read == 40
    # A reader that was read has no rows left; or its producer says so.
    try:
        assert sg.check(reader, {**rules, "rules": [{"rows": {"min": 1}}]}).verdict == "reject"
    except (sg.Fault, ValueError, OSError):
        pass


def test_a_long_stream_is_spooled_and_judged_as_if_it_were_held(rules: Any) -> None:
    pa = needs("pyarrow")
    batch = pa.record_batch(
        {"price": [float(i % 7) for i in range(10_000)], "email": [f"{i}@example.org" for i in range(10_000)]}
    )

    def batches(count: int) -> Any:
        return pa.RecordBatchReader.from_batches(batch.schema, (batch for _ in range(count)))

    rules = {**rules, "rules": [*rules["rules"], {"outliers": {"column": "price"}}, {"duplicates": {"key": ["email"]}}]}
    # 30 MB: more than half of the limit.
    spooled = sg.check(batches(100), rules, memory_limit="20MB", now="2026-11-01")
    held = sg.check(batches(100), rules, now="2026-11-01")
    assert spooled.to_json() == held.to_json()
    # Compared among the 857,100 rows whose price is fine: 8,571 emails in each of 100 batches.
    assert held["duplicates-email"].failing_rows == 99 * 8_571
    assert [len(part) for part in spooled.split()] == [len(part) for part in held.split()]


def test_the_gate_publishes_once(tmp_path: Path, orders: Any, rules: Any) -> None:
    pl = needs("polars")
    frame, out = pl.DataFrame(orders), tmp_path / "out.parquet"
    first = sg.gate(frame, rules, publish=out, report=[tmp_path / "r.html", f"junit={tmp_path / 'r.xml'}"])
    assert first.ok and first.verdict == "quarantine" and first.rows.published == 20
    assert pl.read_parquet(out)["price"].to_list() == [1.5, 2.0] * 10
    assert "<html" in (tmp_path / "r.html").read_text() and "<testsuite" in (tmp_path / "r.xml").read_text()
    again = sg.gate(frame, rules, publish=out)
    assert again.to_dict()["publication"]["state"] == "unchanged"
    with pytest.raises(sg.Fault):
        again.split()
    dry = sg.gate(frame, rules, publish=tmp_path / "other.parquet", dry_run=True)
    assert dry.mode == "dry_run" and not (tmp_path / "other.parquet").exists()


def test_a_report_can_be_kept_and_read_back(tmp_path: Path, orders: Any, rules: Any) -> None:
    pl = needs("polars")
    report = sg.check(pl.DataFrame(orders), rules)
    for copy in (pickle.loads(pickle.dumps(report)), sg.Report.from_json(report.to_json())):
        assert copy.to_json() == report.to_json() and copy.ok == report.ok and copy.verdict == report.verdict
        with pytest.raises(sg.Fault, match="not at hand"):
            copy.split()
    report.save(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text() == report.to_html()
    report.save(tmp_path / "r.txt", "markdown")
    assert (tmp_path / "r.txt").read_text().startswith("#")
    with pytest.raises(sg.Fault, match="no report is written in that format"):
        report.save(tmp_path / "r.docx")
    assert sorted(os.listdir(tmp_path)) == ["r.html", "r.txt"]
    with pytest.raises(KeyError, match="range-price"):
        report["range-prices"]
    with pytest.raises(AttributeError, match="did you mean `failing_rows`"):
        _ = report["range-price"].failing_row
    assert "range-price" in report and "nothing" not in report
    with pytest.raises(sg.Fault):
        sg.Report.from_json("{}")


def test_rejections_are_raised_on_request(orders: Any, rules: Any) -> None:
    pl = needs("polars")
    report = sg.check(pl.DataFrame(orders), rules)
    with pytest.raises(sg.Rejected, match="20 of 40 rows") as raised:
        report.raise_for_verdict()
    assert raised.value.report is report
    fine = sg.check(pl.DataFrame(orders).filter(pl.col("price") > 0), {**rules, "rules": rules["rules"][:1]})
    assert fine.raise_for_verdict() is fine and fine.ok
    warned = {"dataset": "o", "rules": [{"range": {"column": "price", "above": 0, "on_fail": "warn"}}]}
    assert sg.check(pl.DataFrame(orders), warned).ok
    assert not sg.check(pl.DataFrame(orders), warned, strict=True).ok


def test_small_pages_for_notebooks_are_harmless(orders: Any) -> None:
    pl = needs("polars")
    name = "<script>alert(1)</script>"
    report = sg.check(pl.DataFrame({name: [1, None]}), {"dataset": name, "rules": [{"missing": {"columns": "*"}}]})
    page = report._repr_html_()
    assert "<script" not in page and "&lt;script&gt;" in page and len(page) < 4_000
    many = sg.check(
        pl.DataFrame({f"c{i}": [1] for i in range(500)}), {"dataset": "d", "rules": [{"missing": {"columns": "*"}}]}
    )
    assert len(many._repr_html_()) < 10_000 and "more findings" in many._repr_html_()


def test_runs_are_logged(caplog: Any, orders: Any, rules: Any) -> None:
    pl = needs("polars")
    with caplog.at_level(logging.DEBUG, logger="sluicegate"):
        sg.check(pl.DataFrame(orders), rules)
    assert [record.levelname for record in caplog.records] == ["DEBUG", "INFO"]
    assert "quarantine, 40 rows" in caplog.records[1].getMessage()


def test_a_profile_describes_frames(orders: Any) -> None:
    pl = needs("polars")
    report = sg.profile(pl.DataFrame(orders), name="orders", now="2026-11-01")
    assert report.dataset == "orders" and [column["name"] for column in report.columns] == ["price", "email"]


def test_options_that_cannot_be_are_faults(orders: Any, rules: Any) -> None:
    pl = needs("polars")
    frame = pl.DataFrame(orders)
    for options in (
        {"threads": 0},
        {"memory_limit": "lots"},
        {"now": "yesterday"},
        {"batch_id": "a/b"},
        {"report": "x.docx"},
    ):
        with pytest.raises(sg.Fault):
            sg.check(frame, rules, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="time zone"):
        sg.check(frame, rules, now=datetime.datetime(2026, 1, 1))
    assert (
        sg.check(frame, rules, now=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), threads=1).rows.read
        == 40
    )


def test_gated_functions_hand_on_what_passes(orders: Any, rules: Any) -> None:
    pl, pd = needs("polars"), needs("pandas")
    for make in (pl.DataFrame, pd.DataFrame, lambda columns: pl.DataFrame(columns).lazy(), needs("pyarrow").table):

        @sg.gated(rules, on_bad="drop")
        def load(make: Any = make) -> Any:
            return make(orders)

        frame = load()
        assert type(frame) is type(make(orders))
        rows = frame.collect() if hasattr(frame, "collect") else frame
        assert len(rows) == 20

    seen: list[sg.Report] = []

    @sg.gated(rules, report_to=seen.append)
    def bad() -> Any:
        return pl.DataFrame(orders)

    with pytest.raises(sg.Rejected):
        bad()
    assert len(seen) == 1
    with pytest.raises(ValueError):
        sg.gated(rules, on_bad="ignore")


def test_what_is_easily_mistaken_is_told(orders: Any, rules: Any) -> None:
    pl, pd, pa = needs("polars"), needs("pandas"), needs("pyarrow")
    report = sg.check(pl.DataFrame(orders), rules)
    with pytest.raises(TypeError, match="report.ok"):
        assert report

    @sg.gated({**rules, "source": {"path": "orders.csv"}})
    def forgetful() -> Any:
        pl.DataFrame(orders)

    with pytest.raises(TypeError, match="`forgetful` returned None"):
        forgetful()
    # A column without a value in one part has the type of the others.
    parts = [pd.DataFrame({"a": [None, None]}), pd.DataFrame({"a": ["x", "y"]})]
    report = sg.check(parts, {"dataset": "d", "rules": [{"missing": {"column": "a"}}]})
    assert report["missing-a"].failing_rows == 2
    with pytest.raises(sg.Fault, match="`a` is Int64 there, and Utf8 in the first"):
        sg.check([pa.table({"a": ["x"]}), pa.table({"a": [1]})], {"dataset": "d", "rules": []})
    # Frames may be made one after the other.
    report = sg.check(
        (pl.DataFrame({"a": [number]}) for number in range(3)), {"dataset": "d", "rules": [{"rows": {"min": 3}}]}
    )
    assert report.ok and report.rows.read == 3


def test_what_rejects_a_batch_stands_first() -> None:
    pl = needs("polars")
    frame = pl.DataFrame({f"c{i}": [None] * 2 + [1.0] * 198 for i in range(14)})
    report = sg.check(frame, {"dataset": "x", "rules": [{"missing": {"columns": "*"}}, {"rows": {"min": 1000}}]})
    assert report.verdict == "reject"
    assert "rows: 200 rows, fewer than 1,000" in report.summary() and "rows" in report._repr_html_().split("<td")[2]
    half = sg.check(
        pl.DataFrame({"a": [None] * 30 + [1.0] * 20}), {"dataset": "x", "rules": [{"missing": {"column": "a"}}]}
    )
    assert half.verdict == "reject" and half.reasons and all(reason in half.summary() for reason in half.reasons)


def test_batches_of_a_stream_have_the_columns_of_the_first() -> None:
    pa = needs("pyarrow")
    batch, rules = pa.record_batch, {"dataset": "d", "rules": [{"missing": {"columns": "*", "id": "m"}}]}
    first = batch({"a": [1, 2], "b": [10, 20]})
    for other in ({"b": [30], "a": [3]}, {"a": [1.5], "b": [1]}, {"a": [1]}, {"a": [1], "zzz": [3]}):
        with pytest.raises(sg.Fault, match="item 2 of the iterator has other columns"):
            sg.check(iter([first, batch(other)]), rules)


def test_text_that_is_no_text_is_a_fault_and_publishes_nothing(tmp_path: Path) -> None:
    pa = needs("pyarrow")
    values, offsets = [b"ok"] * 10 + [b"\xff\xfe", b"a\xf0"], [0]
    for value in values:
        offsets.append(offsets[-1] + len(value))
    buffers = [None, pa.py_buffer(b"".join(o.to_bytes(4, "little") for o in offsets)), pa.py_buffer(b"".join(values))]
    text = pa.Array.from_buffers(pa.string(), 12, buffers)
    # Views: 12 bytes or less stand in the view itself, longer texts in a buffer.
    short, long = (
        pa.array([b"ok", b"\xff\xfe"]),
        pa.array([b"a text that is long enough", b"a text that breaks off \xf0\x9f"]),
    )
    views = [pa.Array.from_buffers(pa.string_view(), 2, b.cast(pa.binary_view()).buffers()) for b in (short, long)]
    for array in (text, pa.StructArray.from_arrays([text], ["s"]), *views):
        for frame in (pa.table({"s": array}), pa.table({"s": array}).to_reader()):
            with pytest.raises(sg.Fault, match="column `s`"):
                sg.gate(
                    frame, {"dataset": "d", "rules": [{"missing": {"column": "s"}}]}, publish=tmp_path / "m.parquet"
                )
    assert not (tmp_path / "m.parquet").exists()


def test_what_libraries_say_of_masked_values_is_not_shown() -> None:
    duckdb, pl = needs("duckdb"), needs("polars")
    masked = "dataset: d\nschema: { columns: { s: { mask: true } } }\nrules:\n  - missing: { column: s }\n"
    cast = duckdb.sql("select cast(s as int) s from (values ('secret00')) t(s)")
    lazy = pl.DataFrame({"s": ["secret00"]}).lazy().with_columns(pl.col("s").str.to_integer())
    for frame in (cast, lazy):
        with pytest.raises(sg.Fault, match="cannot read the batches") as raised:
            sg.check(frame, masked)
        assert "secret" not in str(raised.value) + str(raised.value.faults) and raised.value.__suppress_context__


def test_names_reach_no_terminal_as_they_are(caplog: Any) -> None:
    pa = needs("pyarrow")
    rules = {"dataset": "d\nINFO forged", "rules": [{"missing": {"columns": "*"}}]}
    with caplog.at_level(logging.INFO, logger="sluicegate"):
        report = sg.check(pa.table({"\x1b[2Jx": ["a", None]}), rules)
    shown = [
        report.summary(),
        repr(report),
        repr(report.findings[0]),
        *(record.getMessage() for record in caplog.records),
    ]
    assert "\x1b" not in "".join(shown) and all("\nINFO" not in text for text in shown)
    with pytest.raises(sg.Fault) as raised:
        sg.check(pa.table({"\x1b[2Jx": [1]}), {"dataset": "d", "rules": [{"missing": {"column": "\x1b[2Jy"}}]})
    assert "\x1b" not in str(raised.value)


def test_deep_expressions_and_types_do_not_end_the_interpreter() -> None:
    pa = needs("pyarrow")
    sql = " or ".join(["a > 0"] * 300)
    try:
        sg.check(pa.table({"a": [1, None, 3]}), {"dataset": "d", "rules": [{"expression": {"sql": sql}}]})
    except sg.Fault:
        pass
    for text in ("x", "[]", "null", "5", '{"a": '):
        with pytest.raises(sg.Fault):
            sg.Report.from_json(text)


def test_a_stream_of_another_kind_is_handed_on_whole() -> None:
    pa = needs("pyarrow")

    class Once:
        def __init__(self) -> None:
            self.reader = pa.table({"a": [1, 2, 3]}).to_reader()

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            return self.reader.__arrow_c_stream__(requested_schema)

    frame = sg.gated({"dataset": "d", "rules": [{"missing": {"column": "a"}}]})(Once)()
    assert pa.table(frame).num_rows == 3


def test_a_polars_frame_of_several_chunks_is_handed_over_as_it_lies(orders: Any, rules: Any) -> None:
    from sluicegate._frames import opened

    pl = needs("polars")
    whole = pl.DataFrame(orders)
    parts = pl.concat([whole.slice(0, 7), whole.slice(7, 0), whole.slice(7, 20), whole.slice(27)], rechunk=False)
    # A column may be cut otherwise than the others.
    parts = parts.with_columns(pl.concat([whole["price"].head(12), whole["price"].tail(28)], rechunk=False))
    pieces = opened(parts).frames
    assert pieces is not None and [len(piece) for piece in pieces] == [7, 5, 15, 13]
    assert all(piece.n_chunks("all") == [1, 1] for piece in pieces)
    report = sg.check(parts, rules, now="2026-11-01")
    assert report.to_json() == sg.check(whole, rules, now="2026-11-01").to_json()
    assert report.split()[0].to_polars().equals(sg.check(whole, rules).split()[0].to_polars())
    assert sg.check(pl.concat([whole.head(0), whole.head(0)], rechunk=False), rules).verdict == "undecided"
