# pyright: basic, reportMissingImports=false
"""Models of dbt, judged in dbt-duckdb's database.

A model names its rule file, relative to the project's directory:

```yaml
models:
  - name: orders
    config:
      meta: { sluicegate: rules/orders.yaml }
```

`python -m sluicegate.dbt --project-dir shop` judges the tables of all such models after `dbt run`. The plugin `sluicegate.dbt.plugin`
judges a model within `dbt build`, in a post-hook: models behind one that fails are not made.
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .. import Report

__all__ = ["CannotJudge", "Judged", "Model", "judge", "models_with_rules"]

META = "sluicegate"
"""The key of `meta` that names the rule file."""


class CannotJudge(Exception):
    """dbt's project or database cannot be read, or does not hold what is to be judged."""


@dataclass(frozen=True)
class Model:
    """A model, seed, snapshot or source that names a rule file."""

    name: str
    unique_id: str
    relation: str | None
    """Its table as SQL names it; none of an ephemeral model."""
    rules: str
    status: str | None
    """How it came out when dbt ran last; none if that run did not make it."""

    def problem(self) -> str | None:
        """Why its table cannot be judged, if so."""
        if self.relation is None:
            return "it has no table (is it ephemeral?)"
        if self.status in ("error", "fail", "skipped", "runtime error", "partial success"):
            return f"dbt's last run says `{self.status}`, so its table is not the one that was to be made"
        return None


@dataclass(frozen=True)
class Judged:
    """What came of a model: a report, or why there is none."""

    model: Model
    report: Report | None
    problem: str | None

    @property
    def exit_code(self) -> int:
        """0: it may pass; 1: it may not; 2: it could not be judged."""
        if self.report is None or self.report.verdict == "undecided":
            return 2
        return 0 if self.report.ok else 1


def models_with_rules(target: str | os.PathLike[str], select: Sequence[str] = ()) -> list[Model]:
    """The models that name a rule file, from what dbt has written to the directory `target`.

    Args:
        target: The directory of `manifest.json` and `run_results.json`.
        select: Names or globs of models. If left out: all.

    Raises:
        CannotJudge: There is no manifest, or a name of `select` is no model that names a rule file.
    """
    manifest = _read(Path(target, "manifest.json"))
    if manifest is None:
        raise CannotJudge(f"there is no `manifest.json` in {target}: run `dbt run` or `dbt build` first")
    results = (_read(Path(target, "run_results.json")) or {}).get("results", [])
    statuses = {result["unique_id"]: str(result["status"]) for result in results}
    nodes = [*manifest.get("nodes", {}).values(), *manifest.get("sources", {}).values()]
    models = [_model(node, rules, statuses) for node in nodes if (rules := _rules_of(node)) is not None]
    for pattern in select:
        if not any(fnmatch.fnmatchcase(model.name, pattern) for model in models):
            known = ", ".join(f"`{model.name}`" for model in models) or "none"
            raise CannotJudge(f"no model `{pattern}` names a rule file in its `meta`; these do: {known}")
    chosen = [
        model for model in models if not select or any(fnmatch.fnmatchcase(model.name, pattern) for pattern in select)
    ]
    return sorted(chosen, key=lambda model: model.unique_id)


def judge(
    models: Sequence[Model],
    connection: Any,
    project_dir: str | os.PathLike[str] = ".",
    options: Mapping[str, Any] | None = None,
) -> Iterator[Judged]:
    """Judges each model's table by its rule file, one after the other.

    Args:
        models: Those of `models_with_rules`.
        connection: A connection of DuckDB to dbt's database.
        project_dir: What the rule files' paths are relative to.
        options: Further options of `sluicegate.check`.
    """
    from .. import Fault

    for model in models:
        problem = model.problem()
        if problem is not None:
            yield Judged(model, None, problem)
            continue
        try:
            report = judge_table(connection, str(model.relation), os.path.join(project_dir, model.rules), options)
        except Fault as fault:
            yield Judged(model, None, str(fault))
        else:
            yield Judged(model, report, None)


def judge_table(connection: Any, relation: str, rules: str, options: Mapping[str, Any] | None = None) -> Report:
    """Judges a table or view, handed over by DuckDB as a stream of Arrow batches.

    Args:
        connection: A connection of DuckDB.
        relation: The table as SQL names it: `"shop"."main"."orders"`.
        rules: The path of the rule file.
        options: Further options of `sluicegate.check`.

    Raises:
        sluicegate.Fault: It cannot be judged.
    """
    import duckdb

    import sluicegate

    try:
        rows = connection.sql(f"select * from {relation}")
    except duckdb.Error as error:
        raise sluicegate.Fault(f"DuckDB cannot read {relation}: {error}") from error
    return sluicegate.check(rows, rules, **(options or {}))


@contextmanager
def dbt_connection(
    project_dir: str,
    profiles_dir: str | None = None,
    target: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """A connection to the database that dbt's profile names, made by dbt-duckdb itself: with its extensions, settings, secrets and
    attached databases.

    Raises:
        CannotJudge: dbt does not read the profile, it is not one of dbt-duckdb, or the database cannot be opened.
    """
    credentials = _credentials(project_dir, profiles_dir, target, variables or {})
    if credentials.type != "duckdb":
        raise CannotJudge(
            f"the profile is one of dbt-{credentials.type}, and only dbt-duckdb's databases are read: judge an export of the table with "
            "`sluicegate check`"
        )
    import duckdb
    from dbt.adapters.duckdb.environments import create

    environment: Any = create(credentials)
    try:
        handle = environment.handle()
    except duckdb.Error as error:
        raise CannotJudge(f"dbt's database cannot be opened: {error}") from error
    try:
        yield handle.cursor()
    finally:
        handle.close()
        environment.close()


def _credentials(project_dir: str, profiles_dir: str | None, target: str | None, variables: Mapping[str, Any]) -> Any:
    from argparse import Namespace

    from dbt.config.runtime import load_profile
    from dbt.flags import set_from_args
    from dbt_common.context import set_invocation_context
    from dbt_common.exceptions import DbtBaseException

    profiles_dir = profiles_dir or os.environ.get("DBT_PROFILES_DIR") or _profiles_dir(project_dir)
    set_invocation_context(dict(os.environ))
    arguments = {"project_dir": project_dir, "profiles_dir": profiles_dir, "send_anonymous_usage_stats": False}
    set_from_args(Namespace(**arguments, **{name.upper(): value for name, value in arguments.items()}), None)
    try:
        return load_profile(project_dir, dict(variables), None, target).credentials
    except DbtBaseException as error:
        raise CannotJudge(f"dbt does not read the profile: {error}") from error


def _profiles_dir(project_dir: str) -> str:
    """Where dbt looks for `profiles.yml` if nobody says: in the project, then in its folder of the home directory."""
    return project_dir if Path(project_dir, "profiles.yml").exists() else str(Path.home() / ".dbt")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CannotJudge(f"{path} cannot be read: {error}") from error


def _rules_of(node: Mapping[str, Any]) -> str | None:
    meta = {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}
    rules = meta.get(META)
    if rules is None:
        return None
    if not isinstance(rules, str):
        raise CannotJudge(
            f"{node['unique_id']}: `meta: {{ {META}: … }}` names a rule file, such as `rules/orders.yaml`"
        )
    return rules


def _model(node: Mapping[str, Any], rules: str, statuses: Mapping[str, str]) -> Model:
    unique_id = node["unique_id"]
    return Model(node["name"], unique_id, node.get("relation_name"), rules, statuses.get(unique_id))
