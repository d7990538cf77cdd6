"""`pytest --sluicegate`, run as a user runs it."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path

import pytest
from own_process import GOOD_ORDERS, ORDERS, RULES, environment, python

PEOPLE = """dataset: people
source: { path: people.csv }
schema:
  columns: { age: { type: int64 } }
rules:
  - range: { column: age, min: 0, max: 120 }
  - missing: { columns: [age, name] }
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "rules" / "deep").mkdir(parents=True)
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "people.csv").write_text("name,age\nAda,36\nBob,41\n")
    (tmp_path / "rules" / "orders.yaml").write_text(RULES)
    (tmp_path / "rules" / "deep" / "people.yml").write_text(PEOPLE)
    (tmp_path / "rules" / "notes.txt").write_text("no rules")
    return tmp_path


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Installed, the package tells pytest of its plugin; in a source tree nobody does.
    is_known = any(entry.name == "sluicegate" for entry in importlib.metadata.entry_points(group="pytest11"))
    plugin = () if is_known else ("-p", "sluicegate.pytest_plugin")
    return python(
        "-m", "pytest", *plugin, "-p", "no:cacheprovider", *arguments, cwd=place, env=environment(place / "home")
    )


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    lines = [
        line.split() for line in done.stdout.splitlines() if "::" in line and not line.startswith(("FAILED", "ERROR"))
    ]
    return {line[0]: line[1] for line in lines if len(line) > 1}


def test_each_rule_of_each_file_is_a_test(place: Path) -> None:
    done = run(place, "--sluicegate", "rules", "-v")
    assert done.returncode == 1, done.stdout + done.stderr
    assert outcomes(done) == {
        "rules/orders.yaml::range-price": "FAILED",
        "rules/orders.yaml::missing-email": "PASSED",
        "rules/orders.yaml::duplicates": "PASSED",
        "rules/orders.yaml::batch": "PASSED",
        "rules/deep/people.yml::range-age": "PASSED",
        "rules/deep/people.yml::missing-age-name": "PASSED",
        "rules/deep/people.yml::batch": "PASSED",
    }
    assert "1 failed, 6 passed, 1 warning" in done.stdout


def test_a_failure_is_told_in_words_with_the_first_failing_rows_and_a_warning_is_one_of_pytest(place: Path) -> None:
    told = run(place, "--sluicegate", "rules/orders.yaml").stdout
    assert "range-price: 2 of 4 rows (50.0%) not above 0" in told
    assert "    orders.csv:3: order_id=2, price=0" in told
    assert "    orders.csv:5: order_id=4, price=-1" in told
    assert "range: { column: price, above: 0, description: the $0 purchase }" in told
    assert "Traceback" not in told and "runtest" not in told
    assert "SluicegateWarning: missing-email: 1 of 4 rows (25.0%) without a value" in told
    assert (
        run(
            place,
            "--sluicegate",
            "rules/orders.yaml",
            "-k",
            "missing",
            "-W",
            "error::sluicegate.pytest_plugin.SluicegateWarning",
        ).returncode
        == 1
    )


def test_all_rules_that_hold_end_with_0_and_reports_are_kept(place: Path) -> None:
    (place / "orders.csv").write_text(GOOD_ORDERS)
    done = run(place, "--sluicegate", "rules", "--sluicegate-reports", "reports")
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in (place / "reports").iterdir()) == [
        "rules-deep-people.html",
        "rules-orders.html",
    ]


def test_it_stands_beside_ordinary_tests_and_can_be_selected(place: Path) -> None:
    (place / "test_own.py").write_text("def test_own(): pass\n")
    both = run(place, "--sluicegate", "rules", "-v")
    assert outcomes(both)["test_own.py::test_own"] == "PASSED" and len(outcomes(both)) == 8
    chosen = run(place, "--sluicegate", "rules", "-v", "-k", "people and batch")
    assert outcomes(chosen) == {"rules/deep/people.yml::batch": "PASSED"}
    without = run(place, "-v")
    assert list(outcomes(without)) == ["test_own.py::test_own"]


def test_a_rejected_batch_fails_as_a_whole_beside_its_rules(place: Path) -> None:
    (place / "people.csv").write_text("name,age\nAda,36\nBob,old\n,old\n")
    done = run(place, "--sluicegate", "rules/deep", "-v")
    assert outcomes(done)["rules/deep/people.yml::batch"] == "FAILED"
    assert "verdict reject: schema" in done.stdout


def test_what_cannot_be_judged_fails_every_rule_and_a_wrong_rule_file_is_an_error(place: Path) -> None:
    (place / "people.csv").unlink()
    done = run(place, "--sluicegate", "rules/deep", "-v")
    assert set(outcomes(done).values()) == {"FAILED"} and "people.csv" in done.stdout and "Traceback" not in done.stdout
    (place / "rules" / "orders.yaml").write_text(RULES.replace("range:", "rnage:"))
    wrong = run(place, "--sluicegate", "rules/orders.yaml")
    assert wrong.returncode == 2 and "unknown rule `rnage`" in wrong.stdout and "rules/orders.yaml:4" in wrong.stdout
    nowhere = run(place, "--sluicegate", "roles")
    assert nowhere.returncode == 4 and "--sluicegate: no such file or directory" in nowhere.stderr


def test_the_fixture_judges_data_of_a_test(place: Path) -> None:
    (place / "test_own.py").write_text(
        """
def test_good(sluicegate_check):
    report = sluicegate_check("good.csv", "rules/orders.yaml")
    assert report.verdict == "accept"

def test_bad(sluicegate_check):
    sluicegate_check("orders.csv", "rules/orders.yaml")

def test_frame(sluicegate_check):
    pa = __import__("pytest").importorskip("pyarrow")
    rules = {"dataset": "d", "rules": [{"range": {"column": "x", "max": 5}}]}
    sluicegate_check(pa.table({"x": [1, 2, 9]}), rules)
"""
    )
    (place / "good.csv").write_text(GOOD_ORDERS)
    done = run(place, "test_own.py", "-v", "-rs")
    told = outcomes(done)
    assert (told["test_own.py::test_good"], told["test_own.py::test_bad"]) == ("PASSED", "FAILED")
    assert "orders: quarantine, 4 rows read, 2 quarantined" in done.stdout
    assert "orders.csv:3: order_id=2, price=0" in done.stdout and "Traceback" not in done.stdout
    if told["test_own.py::test_frame"] != "SKIPPED":
        assert "range-x: 1 of 3 rows (33.3%) above 5" in done.stdout and "the row of index 2: x=9" in done.stdout


def test_characters_that_control_a_terminal_are_shown_as_escapes(place: Path) -> None:
    (place / "people.csv").write_bytes(b"name,age\n\x1b[31mAda,360\nBob,41\nCy,42\n")
    (place / "rules" / "deep" / "people.yml").write_text(
        PEOPLE.replace("[age, name]", "[age]") + "  - pattern: { column: name, regex: '^[A-Z]' }\n"
    )
    told = run(place, "--sluicegate", "rules/deep").stdout
    assert "\\x1b[31mAda" in told and "\x1b" not in told
