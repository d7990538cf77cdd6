# pyright: basic, reportMissingImports=false
"""A plugin of dbt-duckdb: `sluicegate_check(table, rules)` in SQL, for post-hooks.

```yaml
# profiles.yml
shop:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: shop.duckdb
      plugins: [{ module: sluicegate.dbt.plugin }]
```

```sql
{{ config(post_hook={
     "sql": "select sluicegate_check('{{ this }}', 'rules/orders.yaml')",
     "transaction": false
}) }}
select * from {{ ref('raw_orders') }}
```

The hook fails if the table may not pass, and with it the model: models behind it are not made. It reads the table as it is committed, so
`transaction` must be false.
"""

from __future__ import annotations

import os
import re
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from .. import _by_rule
from . import judge_table

FUNCTION = "sluicegate_check"


class Plugin(BasePlugin):
    """Registers `sluicegate_check`. Its configuration may name a directory for HTML reports: `config: { reports: target/sluicegate }`."""

    reports: str | None = None

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Takes the configuration of the profile."""
        self.reports = plugin_config.get("reports")

    def configure_connection(self, conn: Any) -> None:
        """Registers the function with the connection, and so with all of its cursors."""

        def check(relation: str, rules: str) -> str:
            # A cursor of its own: the one that calls is busy with this very function.
            with conn.cursor() as cursor:
                report = judge_table(cursor, relation, os.path.join(_project_dir(), rules))
            if self.reports:
                reports = os.path.join(_project_dir(), self.reports)
                os.makedirs(reports, exist_ok=True)
                name = re.sub(r"[^A-Za-z0-9_.-]", "", relation)
                report.save(os.path.join(reports, f"{name}.html"))
            if not report.ok:
                failed = [
                    line
                    for finding in report.findings
                    if _by_rule.weight(finding) == "fail"
                    for line in (
                        f"{finding.id}: {finding.message}",
                        *(f"    {row}" for row in _by_rule.rows_in_words(finding)),
                    )
                ]
                lines = [_by_rule.headline(report), *(failed or _by_rule.reasons(report))]
                raise RuntimeError(_by_rule.visible("\n  ".join(lines)))
            return report.verdict

        conn.create_function(FUNCTION, check, ["VARCHAR", "VARCHAR"], "VARCHAR", side_effects=True)


def _project_dir() -> str:
    """The directory of the project that dbt runs, wherever it was started."""
    from dbt.flags import get_flags

    return str(getattr(get_flags(), "PROJECT_DIR", None) or ".")
