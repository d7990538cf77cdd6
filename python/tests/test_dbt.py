"""A real dbt project in DuckDB: judged after `dbt run`, and by a post-hook within `dbt build`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from own_process import environment, needs_installed, python

PROJECT = """
name: shop
version: "1.0"
profile: shop
model-paths: [models]
macro-paths: [macros]
"""
PROFILES = """
shop:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: "{{ env_var('SHOP_DATABASE', 'shop.duckdb') }}"
      threads: 2
      plugins: [{ module: sluicegate.dbt.plugin, config: { reports: target/sluicegate } }]
"""
RULES = """
dataset: orders
rules:
  - range: { column: price, above: 0 }
  - missing: { column: email, on_fail: warn }
gate: { reject_above: 100% }
"""
MACRO = """
{% macro sluicegate() %}
  {% set rules = model.config.get('meta', {}).get('sluicegate') %}
  {% if rules %} select sluicegate_check('{{ this }}', '{{ rules }}') {% endif %}
{% endmacro %}
"""
HOOK = """
models:
  shop:
    +materialized: table
    +post-hook: [{ sql: "{{ sluicegate() }}", transaction: false }]
"""
WITHOUT_HOOK = """
models:
  shop:
    +materialized: table
"""
MODELS = """
models:
  - name: orders
    config: { meta: { sluicegate: rules/orders.yaml } }
  - name: refunds
    config: { meta: { sluicegate: rules/orders.yaml } }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    needs_installed("dbt", "dbt.adapters.duckdb")
    project = tmp_path / "shop"
    for directory in ("models", "macros", "rules"):
        (project / directory).mkdir(parents=True)
    (project / "dbt_project.yml").write_text(PROJECT + WITHOUT_HOOK)
    (project / "profiles.yml").write_text(PROFILES)
    (project / "rules" / "orders.yaml").write_text(RULES)
    (project / "macros" / "sluicegate.sql").write_text(MACRO)
    (project / "models" / "models.yml").write_text(MODELS)
    (project / "models" / "orders.sql").write_text(
        "select i as order_id, 1.5 + i as price, 'a@b.de' as email from range(5000) t(i)"
    )
    bad = "select i as order_id, 1.5 - i as price, case when i <> 1 then 'a@b.de' end as email from range(4) t(i)"
    (project / "models" / "refunds.sql").write_text(bad)
    (project / "models" / "behind.sql").write_text("select * from {{ ref('refunds') }}")
    return project


def dbt(project: Path, *arguments: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
    own = ("--project-dir", str(project), "--profiles-dir", str(project))
    return python("-m", "dbt.cli.main", *arguments, *own, cwd=at or project, env=environment(project.parent / "home"))


def judge(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command from outside the project."""
    own = ("--project-dir", str(project))
    return python(
        "-m", "sluicegate.dbt", *own, *arguments, cwd=project.parent, env=environment(project.parent / "home")
    )


def test_models_that_name_rules_are_judged_after_dbt_has_made_them(project: Path) -> None:
    ran = dbt(project, "run")
    assert ran.returncode == 0, ran.stdout[-4000:]
    judged = judge(project, "--reports", "reports")
    assert judged.returncode == 1, judged.stderr
    assert judged.stdout.splitlines()[:2] == [
        "orders: accept, 5,000 rows read",
        f"  report: {project.parent}/reports/model.shop.orders.html",
    ]
    assert "refunds: quarantine, 4 rows read, 2 quarantined" in judged.stdout
    assert "  fail: range-price: 2 of 4 rows (50.0%) not above 0" in judged.stdout
    assert "the row of index 2: price=-0.5" in judged.stdout
    assert "  warn: missing-email: 1 of 4 rows" in judged.stdout
    assert "behind" not in judged.stdout
    assert "<html" in (project.parent / "reports" / "model.shop.refunds.html").read_text()


def test_one_model_is_judged_alone(project: Path) -> None:
    assert dbt(project, "run").returncode == 0
    judged = judge(project, "--select", "ord*")
    assert (judged.returncode, judged.stdout) == (0, "orders: accept, 5,000 rows read\n")
    unknown = judge(project, "--select", "order")
    assert unknown.returncode == 2
    assert (
        "no model `order` names a rule file in its `meta`; these do: " in unknown.stderr
        and "`orders`" in unknown.stderr
    )


def test_what_cannot_be_judged_ends_with_2_and_says_why(project: Path) -> None:
    early = judge(project)
    assert early.returncode == 2 and "run `dbt run` or `dbt build` first" in early.stderr
    (project / "models" / "refunds.sql").write_text("select no_such_column from range(4) t(i)")
    assert dbt(project, "run").returncode == 1
    stale = judge(project)
    assert stale.returncode == 2
    assert "error: refunds: dbt's last run says `error`" in stale.stderr
    assert "orders: accept" in stale.stdout, "the others are judged all the same"
    (project / "rules" / "orders.yaml").write_text(RULES.replace("range", "rnage"))
    wrong = judge(project, "--select", "orders")
    assert wrong.returncode == 2 and "unknown rule `rnage`" in wrong.stderr and "rules/orders.yaml:4" in wrong.stderr
    (project / "profiles.yml").unlink()
    assert judge(project).returncode == 2


def test_a_post_hook_fails_its_model_and_what_is_behind_it_is_not_made(project: Path) -> None:
    (project / "dbt_project.yml").write_text(PROJECT + HOOK)
    built = dbt(project, "build", at=project.parent)
    assert built.returncode == 1
    assert "orders: quarantine, 4 rows read, 2 quarantined" in built.stdout
    assert "range-price: 2 of 4 rows (50.0%) not above 0" in built.stdout
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    assert {result["unique_id"]: result["status"] for result in results} == {
        "model.shop.orders": "success",
        "model.shop.refunds": "error",
        "model.shop.behind": "skipped",
    }
    assert sorted(path.name for path in (project / "target" / "sluicegate").iterdir()) == [
        "shop.main.orders.html",
        "shop.main.refunds.html",
    ]
    # Mended, all is made.
    (project / "models" / "refunds.sql").write_text("select 1 as order_id, 2.5 as price, 'a@b.de' as email")
    assert dbt(project, "build").returncode == 0
