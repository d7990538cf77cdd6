"""Programs that a test runs in a process of its own, in directories of its own: orchestrators keep state beside themselves, and read their
settings when they are imported."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sluicegate

ORDERS = """order_id,price,email
1,2.50,a@b.de
2,0.00,c@d.de
3,7.25,
4,-1.00,e@f.de
"""
GOOD_ORDERS = """order_id,price,email
1,2.50,a@b.de
2,3.00,c@d.de
"""
RULES = """dataset: orders
source: { path: orders.csv }
rules:
  - range: { column: price, above: 0, description: the $0 purchase }
  - missing: { column: email, on_fail: warn }
  - duplicates: { key: [order_id] }
"""


def needs_installed(*modules: str) -> None:
    """As `needs`, without importing anything: what reads its settings when it is imported must not be imported here."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            if os.environ.get("SLUICEGATE_REQUIRE_ALL"):
                pytest.fail(f"`{module}` is required here, and is not installed")
            pytest.skip(f"`{module}` is not installed")


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of such a program: nobody's home, no telemetry, no colours, and this very package."""
    home.mkdir(parents=True, exist_ok=True)
    package = str(Path(sluicegate.__file__).parent.parent)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.split("_")[0] not in {"AIRFLOW", "DAGSTER", "PREFECT", "DBT", "PYTEST"}
    }
    own = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DAGSTER_HOME": str(home / "dagster"),
        "DAGSTER_DISABLE_TELEMETRY": "true",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
        "COLUMNS": "200",
        "PYTHONPATH": os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    for directory in ("airflow/dags", "dagster", "prefect"):
        (home / directory).mkdir(parents=True, exist_ok=True)
    return {**kept, **own, **more}


def python(*arguments: str, cwd: Path, env: dict[str, str], seconds: int = 300) -> subprocess.CompletedProcess[str]:
    """Runs this Python with arguments."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def result_of(script: str, cwd: Path, env: dict[str, str]) -> Any:
    """What a script says on its last line as JSON.

    Raises:
        AssertionError: it did not end well; with all that it said.
    """
    done = python("-c", script, cwd=cwd, env=env)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
