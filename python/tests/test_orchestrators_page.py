"""Does what stands in docs/orchestrators.md: each section by itself, as someone who reads it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from own_process import environment, needs_installed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "orchestrators.md"
NEEDS = {
    "Airflow": ("airflow",),
    "Dagster": ("dagster", "polars"),
    "Prefect": ("prefect",),
    "pytest": ("pytest",),
    "dbt": ("dbt", "dbt.adapters.duckdb"),
}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, str]:
    head, *rest = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": head, **dict(zip(rest[::2], rest[1::2], strict=True))}


def commands(text: str) -> str:
    """The section as a shell script: a block of Python becomes the file that its first line names."""
    lines = []
    for language, code in BLOCK.findall(text):
        if language == "python":
            path = code.splitlines()[0].removeprefix("# ")
            lines.append(f"mkdir -p $(dirname {path})\ncat > {path} <<'PYTHON'\n{code}PYTHON")
        elif language == "sh":
            lines.append(code)
    return "\n".join(lines)


@pytest.mark.parametrize("name", NEEDS)
def test_a_section_of_the_page_works_word_by_word(name: str, tmp_path: Path) -> None:
    needs_installed(*NEEDS[name])
    page = sections()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = environment(tmp_path / "home", PATH=path, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120")
    if not any(entry.name == "sluicegate" for entry in importlib.metadata.entry_points(group="pytest11")):
        env["PYTEST_PLUGINS"] = "sluicegate.pytest_plugin"
    script = commands(page[""]) + "\n" + commands(page[name])
    done = subprocess.run(
        ["bash", "-u", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=400, check=False
    )
    said = done.stdout + done.stderr
    shown = [code for language, code in BLOCK.findall(page[name]) if language == "text"]
    quoted = re.findall(r"fails: `([^`]+)`", page[name])
    assert shown or quoted or name == "Prefect"
    for line in "".join(shown).splitlines() + [" ".join(text.split()) for text in quoted]:
        for part in line.split("…"):
            assert part.strip() in said, f"{part!r} is not in:\n{said[-8000:]}"
    outcome = {
        "Airflow": (tmp_path / "shop" / "lake", "AirflowFailException"),
        "Dagster": (tmp_path / "shop" / "reports" / "orders.html", "Dependencies for step revenue failed"),
        "Prefect": (tmp_path / "shop" / "good.html", "sluicegate._errors.Rejected"),
        "pytest": (tmp_path / "shop" / "test_orders.py", "1 failed, 3 passed, 1 warning"),
        "dbt": (tmp_path / "shop" / "target" / "sluicegate" / "shop.main.orders.html", "SKIP relation main.revenue"),
    }
    file, told = outcome[name]
    assert file.exists() and told in said, said[-8000:]
