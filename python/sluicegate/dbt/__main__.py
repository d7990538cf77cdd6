# pyright: basic, reportMissingImports=false
"""`python -m sluicegate.dbt`: judges the tables of models after dbt has made them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from .. import _by_rule
from . import CannotJudge, Judged, dbt_connection, judge, models_with_rules


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sluicegate.dbt",
        description="Judges the tables of the models that name a rule file in `meta: { sluicegate: rules/orders.yaml }`.",
        epilog="Exit code: 0 all may pass; 1 one may not; 2 one could not be judged.",
    )
    parser.add_argument(
        "--project-dir", default=os.environ.get("DBT_PROJECT_DIR", "."), help="the project's directory [default: here]"
    )
    parser.add_argument("--profiles-dir", help="where `profiles.yml` is [default: as for dbt]")
    parser.add_argument("--target", help="the target of the profile [default: the profile's]")
    parser.add_argument(
        "--target-path",
        default=os.environ.get("DBT_TARGET_PATH"),
        help="where dbt writes its manifest [default: target]",
    )
    parser.add_argument("--vars", default="{}", help="variables of the profile, as JSON")
    parser.add_argument(
        "--select",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODEL",
        help="names or globs of models [default: all]",
    )
    parser.add_argument("--reports", metavar="DIR", help="keep the HTML report of each model here")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    given = _parser().parse_args(arguments)
    reports = os.path.abspath(given.reports) if given.reports else None
    profiles_dir = os.path.abspath(given.profiles_dir) if given.profiles_dir else None
    try:
        # As dbt does: rule files, and what they name, are relative to the project.
        os.chdir(given.project_dir)
        variables = json.loads(given.vars)
        models = models_with_rules(given.target_path or "target", given.select)
        if not models:
            raise CannotJudge(
                "no model names a rule file: write `meta: { sluicegate: rules/orders.yaml }` in its `config`"
            )
        with dbt_connection(".", profiles_dir, given.target, variables) as connection:
            codes = [_told(judged, reports) for judged in judge(models, connection)]
    except (CannotJudge, OSError, ValueError) as error:
        print(f"error: {_by_rule.visible(str(error))}", file=sys.stderr)
        return 2
    except ImportError as error:
        print(f"error: {error}: install `dbt-core` and `dbt-duckdb`", file=sys.stderr)
        return 2
    return max(codes)


def _told(judged: Judged, reports: str | None) -> int:
    name = judged.model.name
    if judged.report is None:
        print(f"error: {name}: {_by_rule.visible(str(judged.problem))}", file=sys.stderr)
        return judged.exit_code
    print(_by_rule.visible(_by_rule.headline(judged.report, name)))
    for finding in judged.report.findings:
        weight = _by_rule.weight(finding)
        if weight in ("fail", "warn"):
            print(f"  {weight}: {_by_rule.visible(f'{finding.id}: {finding.message}')}")
            for line in _by_rule.rows_in_words(finding):
                print(f"      {line}")
    if reports:
        os.makedirs(reports, exist_ok=True)
        path = os.path.join(reports, f"{judged.model.unique_id}.html")
        judged.report.save(path)
        print(f"  report: {path}")
    return judged.exit_code


if __name__ == "__main__":
    sys.exit(main())
