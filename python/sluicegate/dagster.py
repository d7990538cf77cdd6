# pyright: basic, reportMissingImports=false
"""Rules as asset checks of Dagster: one check a rule.

```python
import dagster as dg
from sluicegate.dagster import asset_checks

@dg.asset
def orders(): ...

defs = dg.Definitions(assets=[orders], asset_checks=[asset_checks("rules/orders.yaml", asset=orders)])
```

The data is judged once, however many rules there are. A check that fails has the severity ERROR where its rule sets rows aside or rejects,
WARN where it only warns. One more check, `batch`, holds what no rule says: columns, records that cannot be read, and the verdict.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from . import _by_rule

if TYPE_CHECKING:
    from . import Finding, Report

__all__ = ["asset_checks"]

_ROWS_MAX = 10


def asset_checks(
    rules: Any,
    *,
    asset: Any,
    data: Any | Callable[[dg.AssetCheckExecutionContext], Any] = None,
    blocking: bool = False,
    reports: str | os.PathLike[str] | None = None,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
    name: str | None = None,
    required_resource_keys: set[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dg.AssetChecksDefinition:
    """A check for each rule of a file, of one asset.

    Args:
        rules: The rule file: a path, its text or a dict. It is read at once, since Dagster names checks before it runs any.
        asset: The asset: its definition, key or name.
        data: What is judged: a path or glob, in which `{partition}` is the partition's key; or a function of the context that returns
            anything `sluicegate.check` takes. If left out: the asset's value, loaded by its IO manager.
        blocking: Whether assets behind this one wait, and are not made if a check with severity ERROR fails.
        reports: A directory to keep the HTML reports in; metadata has the path. If left out: none are kept.
        partitions_def: The asset's partitions. If left out: those of `asset`, if that is a definition. The partition's key becomes the
            batch's id.
        name: What the step is called. If left out: after the asset and the data set.
        required_resource_keys: Resources that the function `data` uses.
        options: Further options of `sluicegate.check`.

    Raises:
        sluicegate.Fault: The rule file is wrong. In a run: the data cannot be judged, and the step fails.
    """
    listed = _by_rule.listed(rules)
    names = _check_names(listed)
    key = asset if isinstance(asset, dg.AssetKey) else _key_of(asset)
    partitions_def = partitions_def or (asset.partitions_def if isinstance(asset, dg.AssetsDefinition) else None)
    specs = [
        dg.AssetCheckSpec(
            names[rule],
            asset=key,
            description=rule.says(),
            blocking=blocking,
            partitions_def=partitions_def,
            metadata=_metadata_of(rule, rules),
        )
        for rule in listed
    ]
    settings: dict[str, Any] = {
        "name": name or _word("_".join(["sluicegate", *key.path])),
        "specs": specs,
        "can_subset": True,
        "required_resource_keys": required_resource_keys,
    }

    def results(context: dg.AssetCheckExecutionContext, judged_data: Any) -> Iterator[dg.AssetCheckResult]:
        import sluicegate

        partition = context.partition_key if context.has_partition_key else None
        report = sluicegate.check(judged_data, rules, **{"batch_id": partition, **(options or {})})
        path = _kept(report, reports, key, partition)
        wanted = {check.name for check in context.selected_asset_check_keys}
        for judged in _by_rule.judged(report, listed):
            if names[judged.rule] in wanted:
                yield _result(judged, names[judged.rule], key, report, path)

    if data is None:

        @dg.multi_asset_check(**settings, ins={"value": dg.AssetIn(key)})
        def of_value(context, value: Any) -> Any:  # Dagster reads the annotation of a context, and wants no text there
            yield from results(context, value)

        return of_value

    @dg.multi_asset_check(**settings)
    def of_data(context) -> Any:
        yield from results(context, _data(data, context))

    return of_data


def _key_of(asset: Any) -> dg.AssetKey:
    return asset.key if hasattr(asset, "key") else dg.AssetKey(asset)


def _data(data: Any, context: dg.AssetCheckExecutionContext) -> Any:
    if callable(data):
        return data(context)
    if isinstance(data, str | os.PathLike) and context.has_partition_key:
        return os.fspath(data).replace("{partition}", context.partition_key)
    return data


def _check_names(rules: list[_by_rule.Rule]) -> dict[_by_rule.Rule, str]:
    """Names as Dagster admits them: letters, digits and underscores."""
    names: dict[_by_rule.Rule, str] = {}
    for rule in rules:
        word, number = _word(rule.name), 1
        while word in names.values():
            number += 1
            word = f"{_word(rule.name)}_{number}"
        names[rule] = word
    return names


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name.replace("*", "all")).strip("_") or "rule"


def _metadata_of(rule: _by_rule.Rule, rules: Any) -> dict[str, Any]:
    if not rule.rule:
        return {}
    path = os.fspath(rules) if isinstance(rules, os.PathLike) else rules
    is_path = isinstance(path, str) and "\n" not in path
    return {"rule": rule.rule, **({"written_at": f"{path}:{rule.line}"} if is_path else {})}


def _kept(
    report: Report, reports: str | os.PathLike[str] | None, key: dg.AssetKey, partition: str | None
) -> str | None:
    if reports is None:
        return None
    name = "-".join(
        re.sub(r"[^A-Za-z0-9._=-]+", "_", part) for part in (*key.path, *([partition] if partition else []))
    )
    os.makedirs(reports, exist_ok=True)
    path = os.path.abspath(os.path.join(reports, f"{name}.html"))
    report.save(path)
    return path


def _result(
    judged: _by_rule.Judged, name: str, key: dg.AssetKey, report: Report, path: str | None
) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"verdict": report.verdict, "rows_read": report.to_dict()["rows"]["read"]}
    if report.batch_id:
        metadata["batch_id"] = report.batch_id
    if path:
        metadata["report"] = dg.MetadataValue.path(path)
    for finding in judged.findings:
        metadata.update(_metadata(finding, len(judged.findings) > 1))
    rows = [line for finding in judged.findings for line in _by_rule.rows_in_words(finding, _ROWS_MAX)]
    if rows:
        metadata["failing_rows_shown"] = dg.MetadataValue.text("\n".join(rows))
    return dg.AssetCheckResult(
        passed=judged.weight in ("pass", "info"),
        asset_key=key,
        check_name=name,
        severity=dg.AssetCheckSeverity.WARN if judged.weight == "warn" else dg.AssetCheckSeverity.ERROR,
        description=judged.message,
        metadata=metadata,
    )


def _metadata(finding: Finding, is_one_of_several: bool) -> dict[str, Any]:
    """What was observed of a finding, its limit and its figures; behind the finding's id where a check has several."""
    told = finding.to_dict()
    plain = {
        "outcome": told["outcome"],
        "failing_rows": told["failing_rows"],
        "observed": told["observed"],
        "limit": told["limit"],
    }
    figures = {f"figure: {figure}": value for figure, value in told["figures"].items()}
    before = f"{finding.id}: " if is_one_of_several else ""
    return {f"{before}{word}": value for word, value in {**plain, **figures}.items() if value is not None}
