use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;

use super::*;

/// The batch and one other table: numbers with and without a value, infinities, text.
fn tables() -> [(&'static str, arrow::array::RecordBatch); 2] {
    let floats = vec![Some(1.0), Some(1e300), None, Some(-2.5), Some(f64::INFINITY), Some(1e16), Some(1.0)];
    let of = |columns: Vec<(&str, ArrayRef)>| {
        arrow::array::RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
            .expect("a batch")
    };
    let batch = of(vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..7))),
        ("n", Arc::new(Int64Array::from(vec![Some(0), Some(i64::MAX), None, Some(4), Some(-1), Some(2), Some(3)]))),
        ("x", Arc::new(Float64Array::from(floats))),
        ("t", Arc::new(StringArray::from(vec!["1", "b", "", "x", "5", "b", "7"]))),
    ]);
    let other = of(vec![("id", Arc::new(Int64Array::from(vec![1, 1, 9]))), ("name", Arc::new(StringArray::from(vec!["a", "b", "c"])))]);
    [(BATCH, batch), ("other", other)]
}

fn planned(text: &str) -> Result<Query, String> {
    let tables = tables();
    let schemas: Vec<_> = tables.iter().map(|(name, batch)| (*name, batch.schema())).collect();
    let named: Vec<Named<'_>> = schemas.iter().map(|(name, schema)| Named { name, schema, unseen: &[] }).collect();
    Query::plan(text, &named, DateTime::UNIX_EPOCH).map_err(|wrong| wrong.why.to_string())
}

/// What a query returns: the ids of rows of the batch, or rows of its own as text.
fn asked(text: &str) -> Result<Vec<String>, String> {
    let query = planned(text)?;
    let mut rows = Vec::new();
    for (at, (_, batch)) in tables().iter().enumerate() {
        let reads = query.reads(at);
        let mut columns: Vec<ArrayRef> = reads.columns.iter().map(|&column| batch.column(column).clone()).collect();
        if reads.names_rows {
            columns.push(Arc::new(UInt64Array::from_iter_values(0..batch.num_rows() as u64)));
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let whole = arrow::array::RecordBatch::try_new_with_options(reads.schema.clone(), columns, &options).expect("a batch");
        rows.push(TableRows { schema: reads.schema, batches: vec![whole] });
    }
    match query.run(rows, &Means { memory: 1 << 24, first: 100, is_cancelled: &|| false }) {
        Ok(Returned::Rows(numbers)) => Ok(numbers.iter().map(ToString::to_string).collect()),
        Ok(Returned::Others { count, first }) => {
            let first = concat_batches(&first.schema(), [&first]).expect("rows");
            assert_eq!(count, first.num_rows() as u64);
            let cell = |row: usize, column: usize| array_value_to_string(first.column(column), row).expect("a value");
            let line = |row: usize| (0..first.num_columns()).map(|column| cell(row, column)).collect::<Vec<_>>().join(" ");
            Ok((0..first.num_rows()).map(line).collect())
        }
        Err(Failed::Computing(why)) => Err(why),
        Err(other) => Err(format!("{other:?}")),
    }
}

fn rows(text: &str) -> Vec<String> {
    asked(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

fn fails(text: &str) -> String {
    asked(text).expect_err(text)
}

#[test]
fn what_overflows_or_is_divided_by_zero_is_an_error_wherever_it_stands() {
    assert_eq!(fails("SELECT DISTINCT n + 1 FROM batch"), "9223372036854775807 + 1 is more than int64 can hold");
    for text in [
        "SELECT * FROM batch WHERE 10 / n > 1",
        "SELECT 10 / n AS k, count(*) FROM batch GROUP BY k",
        "SELECT sum(10 / n) FROM batch",
        "SELECT count(*) FILTER (WHERE 10 / n > 1) FROM batch",
        "SELECT a.id FROM batch a JOIN batch b ON a.id = 10 / b.n",
        "SELECT a.id FROM batch a JOIN batch b ON a.id <> b.id AND 10 / b.n > 1",
        "SELECT id FROM batch WHERE id IN (SELECT 10 / n FROM batch)",
        "SELECT DISTINCT lag(10 / n) OVER (ORDER BY id) FROM batch",
        "SELECT id, CASE WHEN id >= 0 THEN 10 / n END AS k FROM batch UNION ALL SELECT 1, 2",
    ] {
        assert_eq!(fails(text), "division by zero", "{text}");
    }
    assert_eq!(fails("SELECT DISTINCT x * 1e200 FROM batch"), "the result is more than float64 can hold");
    assert!(fails("SELECT * FROM batch WHERE CAST(t AS bigint) > 1").contains("'b'"), "text that is no number");
    assert!(fails("SELECT id FROM batch WHERE id > 1 / 0").contains("division by zero"), "a constant");
}

#[test]
fn a_condition_holds_back_what_is_behind_it() {
    assert_eq!(rows("SELECT * FROM batch WHERE n <> 0 AND 10 / n > 2"), ["5", "6"]);
    assert_eq!(rows("SELECT id FROM (SELECT * FROM batch WHERE n <> 0) AS s WHERE 10 / n > 2"), ["5", "6"]);
    assert_eq!(rows("SELECT id FROM batch WHERE n = 0 OR n IS NULL OR 10 / n > 2"), ["0", "2", "5", "6"]);
    assert_eq!(rows("SELECT id FROM batch WHERE CASE WHEN n = 0 THEN false ELSE 10 / n > 2 END"), ["5", "6"]);
    assert_eq!(rows("SELECT a.id FROM batch a JOIN other o ON a.id = o.id AND 10 / a.id > 2"), ["1"]);
    assert_eq!(rows("SELECT id FROM batch WHERE coalesce(nullif(n, 0), 1) = 1 AND 10 / coalesce(nullif(n, 0), 1) > 2"), ["0", "2"]);
}

#[test]
fn sums_are_exact_and_never_wrap() {
    assert_eq!(fails("SELECT sum(n) FROM batch"), "the sum is more than int64 can hold");
    assert_eq!(rows("SELECT sum(n) FROM batch WHERE n < 10"), ["8"]);
    assert_eq!(rows("SELECT sum(DISTINCT n % 2) FROM batch WHERE n < 10"), ["0"]);
    assert_eq!(rows("SELECT sum(CAST(n AS decimal(38, 0))) FROM batch"), ["9223372036854775815"]);
    // 1e16 + 1 + 1 is 1e16 if it is rounded twice.
    assert_eq!(rows("SELECT sum(x) FROM batch WHERE x IN (1, 1e16)"), ["1.0000000000000002e16"]);
    assert_eq!(rows("SELECT sum(x), avg(x) FROM batch WHERE x < 0 OR x = 1"), ["-0.5 -0.16666666666666666"]);
    assert_eq!(rows("SELECT sum(x), avg(x) FROM batch WHERE x > 0"), ["inf inf"]);
    assert_eq!(
        fails("SELECT sum(1e8 * x) FROM batch WHERE x = 1e300 OR id = 1 UNION ALL SELECT sum(y) FROM (SELECT 1e308 AS y FROM other) AS o"),
        "the sum is more than float64 can hold"
    );
    assert_eq!(
        rows(
            "SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s, count(*) FROM batch GROUP BY id ORDER BY s DESC LIMIT 2"
        ),
        ["11 1", "9 1"]
    );
    assert_eq!(
        rows(
            "SELECT id FROM (SELECT id, avg(x) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS m FROM batch) AS s WHERE m < 0"
        ),
        ["3"]
    );
    assert_eq!(rows("SELECT sum(n) FROM batch WHERE id > 99"), [""]);
}

#[test]
fn rows_of_the_batch_are_told_from_others() {
    let names = |text: &str| planned(text).unwrap_or_else(|why| panic!("{text}: {why}")).names_rows();
    for text in [
        "SELECT * FROM batch",
        "SELECT id AS k, x + 1 FROM batch b WHERE EXISTS (SELECT 1 FROM other o WHERE o.id = b.id) ORDER BY x LIMIT 3",
        "WITH a AS (SELECT * FROM batch), c AS (SELECT id, rank() OVER (ORDER BY x) AS r FROM a) SELECT r FROM c",
        "SELECT o.name FROM batch b LEFT JOIN other o ON o.id = b.id",
        "SELECT b.id FROM other o RIGHT JOIN batch b ON o.id = b.id",
        "SELECT b.id FROM other o, batch b WHERE o.id = b.id",
        "SELECT 1 FROM batch",
        "SELECT k FROM batch AS b (k, l, m, o)",
    ] {
        assert!(names(text), "{text}");
    }
    for text in [
        "SELECT DISTINCT id FROM batch",
        "SELECT count(*) FROM batch",
        "SELECT id FROM batch GROUP BY id",
        "SELECT id FROM batch UNION ALL SELECT id FROM batch",
        "SELECT o.id FROM other o LEFT JOIN batch b ON o.id = b.id",
        "SELECT o.id FROM other o FULL JOIN batch b ON o.id = b.id",
        "SELECT name FROM other",
        "SELECT 1",
        "SELECT name FROM other o WHERE o.id IN (SELECT id FROM batch)",
    ] {
        assert!(!names(text), "{text}");
    }
    // Once each, and nothing but what decides is read.
    assert_eq!(rows("SELECT b.*, o.name FROM batch b JOIN other o ON b.id = o.id"), ["1"]);
    assert_eq!(planned("SELECT * FROM batch WHERE n > 1").expect("a query").reads(0).columns, [1]);
    assert_eq!(planned("SELECT count(*) FROM batch").expect("a query").reads(0).columns, [0usize; 0]);
    assert_eq!(rows("SELECT count(*) FROM batch"), ["7"]);
}

#[test]
fn values_are_what_they_are_elsewhere_in_sql() {
    // 0.1 against a float32, the run's clock, times beyond 2262.
    assert_eq!(rows("SELECT DISTINCT CAST(0.1 AS real) = 0.1 FROM other"), ["true"]);
    assert_eq!(rows("SELECT DISTINCT now() FROM other"), ["1970-01-01T00:00:00"]);
    assert_eq!(rows("SELECT count(*) FROM batch WHERE DATE '9999-12-31' > now()"), ["7"]);
    assert!(planned("SELECT * FROM batch WHERE t > 3").is_err_and(|why| why.contains("text is compared with a number")));
    let seen = as_type_seen("SELECT * FROM batch", &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)));
    assert_eq!(seen, DataType::Utf8);
}

fn as_type_seen(text: &str, data_type: &DataType) -> DataType {
    let schema = Schema::new(vec![Field::new("code", data_type.clone(), false)]);
    let query =
        Query::plan(&format!("{text} WHERE code = 'a'"), &[Named { name: BATCH, schema: &schema, unseen: &[] }], DateTime::UNIX_EPOCH);
    query.unwrap_or_else(|wrong| panic!("{}", wrong.why)).reads(0).schema.field(0).data_type().clone()
}
