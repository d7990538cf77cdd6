"""One run in a process of its own: loads a frame, checks it, and says what each step cost in CPU seconds.

    python worker.py LIBRARY FRAME DATA RULES

LIBRARY is sluicegate, pandera, great_expectations or pointblank; FRAME is arrow, polars, pandas or file.
The last line that it writes is JSON: CPU seconds of `imports`, `load` and `check`, peak memory in MB before and after the check,
and how many of the checks fail.
"""

import json
import os
import resource
import sys
import time

FLAGS = ["A", "N", "R"]
MODES = ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]
KEY = ["l_orderkey", "l_linenumber"]
BLANK = r"^\s*$"


def load(kind, path):
    """The frame, as its library reads it from Parquet. Decimals become floats: not every library has decimals."""
    if kind == "file":
        return path
    if kind == "polars":
        import polars as pl

        return pl.read_parquet(path)
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    # Text as pandas holds it by default; dates as its own type.
    return table.to_pandas(date_as_object=False) if kind == "pandas" else table


def sluicegate(frame, rules, kind):
    import sluicegate as sg

    report = sg.check(frame, rules, statistics=kind != "file", progress=False)
    return sum(f.outcome == "fail" for f in report.findings)


def pandera(frame, _, kind):
    if kind == "polars":
        import pandera.polars as pa
        import polars as pl

        ordered = pa.Check(lambda data: data.lazyframe.select(pl.col("l_shipdate") <= pl.col("l_receiptdate")))
        filled = pa.Check(lambda data: data.lazyframe.select(~pl.col(data.key).str.contains(BLANK)))
    else:
        import pandera.pandas as pa

        ordered = pa.Check(lambda df: df["l_shipdate"] <= df["l_receiptdate"])
        filled = pa.Check(lambda column: ~column.str.match(BLANK))
    checks = {
        "l_quantity": pa.Check.in_range(1, 50),
        "l_discount": pa.Check.in_range(0, 0.1),
        "l_returnflag": pa.Check.isin(FLAGS),
        "l_shipmode": pa.Check.isin(MODES),
        "l_comment": filled,
    }
    columns = {name: pa.Column(nullable=False, checks=checks.get(name)) for name in frame.columns}
    schema = pa.DataFrameSchema(columns, checks=ordered, unique=KEY)
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return len(errors.schema_errors)
    return 0


def great_expectations(frame, _, __):
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import great_expectations.expectations as gxe

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = gx.data_context.types.base.ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("lineitem")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    suite = gx.ExpectationSuite(
        name="lineitem",
        expectations=[
            *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in frame.columns),
            gxe.ExpectCompoundColumnsToBeUnique(column_list=KEY),
            gxe.ExpectColumnValuesToBeBetween(column="l_quantity", min_value=1, max_value=50),
            gxe.ExpectColumnValuesToBeBetween(column="l_discount", min_value=0, max_value=0.1),
            gxe.ExpectColumnValuesToBeInSet(column="l_returnflag", value_set=FLAGS),
            gxe.ExpectColumnValuesToBeInSet(column="l_shipmode", value_set=MODES),
            gxe.ExpectColumnValuesToNotMatchRegex(column="l_comment", regex=BLANK),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="l_receiptdate", column_B="l_shipdate", or_equal=True),
        ],
    )
    results = batch.validate(suite, result_format="SUMMARY").results
    if any(result.exception_info.get("raised_exception") for result in results):
        raise SystemExit("an expectation could not be judged")
    return sum(not result.success for result in results)


def pointblank(frame, _, __):
    import pointblank as pb

    done = (
        pb.Validate(data=frame)
        .col_vals_not_null(columns=list(frame.columns))
        .rows_distinct(columns_subset=KEY)
        .col_vals_between(columns="l_quantity", left=1, right=50)
        .col_vals_between(columns="l_discount", left=0, right=0.1)
        .col_vals_in_set(columns="l_returnflag", set=FLAGS)
        .col_vals_in_set(columns="l_shipmode", set=MODES)
        .col_vals_regex(columns="l_comment", pattern=BLANK, inverse=True)
        .col_vals_le(columns="l_shipdate", value=pb.col("l_receiptdate"))
        .interrogate(get_first_n=10)
    )
    return sum(not step.all_passed for step in done.validation_info)


LIBRARIES = {f.__name__: f for f in (sluicegate, pandera, great_expectations, pointblank)}
MODULES = {
    "sluicegate": ["sluicegate"],
    "pandera": ["pandera.pandas", "pandera.polars"],
    "great_expectations": ["great_expectations", "great_expectations.expectations"],
    "pointblank": ["pointblank"],
}
FRAMES = {"arrow": ["pyarrow.parquet"], "polars": ["polars"], "pandas": ["pandas", "pyarrow.parquet"], "file": []}


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    library, kind, data, rules = sys.argv[1:]
    marks = [time.process_time()]
    for module in [*FRAMES[kind], *MODULES[library]]:
        if not (module == "pandera.polars" and kind != "polars") and not (module == "pandera.pandas" and kind == "polars"):
            __import__(module)
    marks.append(time.process_time())
    frame = load(kind, data)
    marks.append(time.process_time())
    before = peak_mb()
    failing = LIBRARIES[library](frame, rules, kind)
    marks.append(time.process_time())
    steps = dict(zip(["imports", "load", "check"], (b - a for a, b in zip(marks, marks[1:]))))
    print(json.dumps({**steps, "peak_before": before, "peak_after": peak_mb(), "failing": failing}), flush=True)
    # What the interpreter does on its way out is nobody's check.
    os._exit(0)


main()
