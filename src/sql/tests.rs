use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};

use super::*;

fn columns(schema: &Schema) -> Columns {
    Columns::of(&schema.fields)
}

fn schema() -> Schema {
    Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("userId", DataType::Int64, true)])
}

#[test]
fn failing_rows_are_found_one_by_one() {
    let sql = Sql::new(DateTime::UNIX_EPOCH);
    let expression = sql.compile("10 / a", &columns(&schema())).expect("compiles");
    let a: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(0), None, Some(0), Some(2)]));
    let (values, failures) = expression.evaluate(&[a], 5);
    let values: Vec<Option<i64>> = values[0].as_primitive::<Int64Type>().iter().collect();
    assert_eq!(values, [Some(2), None, None, None, Some(5)]);
    assert_eq!(failures.iter().map(|f| f.row).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn now_is_the_clock_of_the_run() {
    let sql = Sql::new(DateTime::UNIX_EPOCH);
    let condition = sql.condition("now() = TIMESTAMP '1970-01-01T00:00:00Z' AND current_date() = DATE '1970-01-01'", &schema());
    let (holds, failures) = condition.expect("compiles").test(&[], 2);
    assert_eq!((holds.true_count(), failures), (2, Vec::new()));
}

#[test]
fn names_keep_their_case_and_volatile_functions_are_refused() {
    let sql = Sql::new(DateTime::UNIX_EPOCH);
    assert_eq!(sql.condition("userId > 1", &schema()).expect("compiles").columns, [1]);
    assert!(sql.compile("userid > 1", &columns(&schema())).is_err());
    assert!(sql.compile("random() > 0.5", &columns(&schema())).expect_err("refused").to_string().contains("volatile"));
    assert!(sql.compile("sum(a)", &columns(&schema())).expect_err("refused").to_string().contains("many rows"));
    assert!(sql.condition("a + 1", &schema()).expect_err("refused").to_string().contains("int64"));
}

/// A batch with columns of many types; what each expression gives for its rows, as text, `!` where it fails.
fn rows() -> (Schema, Vec<ArrayRef>) {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int32Array::from(vec![Some(i32::MAX), Some(i32::MIN), Some(0), Some(7), None]))),
        ("b", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), Some(0), Some(-3), None]))),
        ("u", Arc::new(UInt64Array::from(vec![Some(1), Some(2), Some(0), Some(u64::MAX), None]))),
        ("x", Arc::new(Float64Array::from(vec![Some(1e308), Some(-0.0), Some(f64::NAN), Some(f64::INFINITY), None]))),
        ("q", Arc::new(Float64Array::from(vec![Some(0.0), Some(-0.0), Some(2.0), Some(4.0), None]))),
        ("f", Arc::new(Float32Array::from(vec![Some(0.1), Some(0.2), Some(-0.0), Some(16_777_216.0), None]))),
        (
            "d",
            Arc::new(
                Decimal128Array::from(vec![Some(10i128.pow(38) - 1), Some(10), Some(0), Some(-5), None])
                    .with_precision_and_scale(38, 2)
                    .expect("fits"),
            ),
        ),
        ("day", Arc::new(Date32Array::from(vec![Some(2_932_896), Some(0), Some(-1), Some(20_000), None]))),
        ("s", Arc::new(StringArray::from(vec![Some("12"), Some("x"), Some(""), Some("nan"), None]))),
    ];
    let schema = Schema::new(columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), true)).collect::<Vec<_>>());
    (schema, columns.into_iter().map(|(_, a)| a).collect())
}

fn computed(text: &str) -> String {
    let (schema, arrays) = rows();
    let expression = Sql::new(DateTime::UNIX_EPOCH).compile(text, &columns(&schema)).unwrap_or_else(|why| panic!("{text}: {why}"));
    assert_eq!(expression.broken, None, "{text}");
    let own: Vec<ArrayRef> = expression.columns.iter().map(|&c| arrays[c].clone()).collect();
    let (values, failures) = expression.evaluate(&own, 5);
    let shown = |row: usize| match failures.iter().find(|f| f.row == row) {
        Some(_) => "!".to_owned(),
        None => match arrow::util::display::array_value_to_string(&values[0], row).expect("shown") {
            text if text.is_empty() => "∅".to_owned(),
            text => text,
        },
    };
    (0..5).map(shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn integer_arithmetic_never_wraps() {
    assert_eq!(computed("i + cast(1 as int)"), "! -2147483647 1 8 ∅");
    assert_eq!(computed("i * i"), "! ! 0 49 ∅");
    assert_eq!(computed("b + 1"), "! -9223372036854775807 1 -2 ∅");
    assert_eq!(computed("b - 1"), "9223372036854775806 ! -1 -4 ∅");
    assert_eq!(computed("b * 2"), "! ! 0 -6 ∅");
    assert_eq!(computed("-b"), "-9223372036854775807 ! 0 3 ∅");
    assert_eq!(computed("abs(b)"), "9223372036854775807 ! 0 3 ∅");
    assert_eq!(computed("b / -1"), "-9223372036854775807 ! 0 3 ∅");
    assert_eq!(computed("b % i"), "1 0 ! -3 ∅");
    assert_eq!(computed("u - cast(1 as bigint unsigned)"), "0 1 ! 18446744073709551614 ∅");
    assert_eq!(computed("cast(b as int)"), "! ! 0 -3 ∅");
    assert_eq!(computed("b << 1"), "! ! 0 -6 ∅");
    assert_eq!(computed("1 << (i + 57)"), "! ! 144115188075855872 ! ∅");
    assert_eq!(computed("d + d"), "! 0.20 0.00 -0.10 ∅");
    assert_eq!(computed("gcd(b, b)"), "9223372036854775807 ! 0 3 ∅");
}

#[test]
fn floats_neither_divide_by_zero_nor_overflow() {
    assert_eq!(computed("x / q"), "! ! ∅ inf ∅");
    assert_eq!(computed("q / q"), "! ! 1.0 1.0 ∅");
    assert_eq!(computed("x % q"), "! ! ∅ ! ∅");
    assert_eq!(computed("x / nullif(q, 0)"), "∅ ∅ ∅ inf ∅");
    assert_eq!(computed("x * 10"), "! 0.0 ∅ inf ∅");
    assert_eq!(computed("x - x"), "0.0 0.0 ∅ ! ∅");
    assert_eq!(computed("cast(x as float)"), "! 0.0 ∅ inf ∅");
    assert_eq!(computed("try_cast(x as float)"), "∅ 0.0 ∅ inf ∅");
    assert_eq!(computed("cast(x as bigint)"), "! 0 ∅ ! ∅");
    assert_eq!(computed("ln(q)"), "! ! 0.6931471805599453 1.3862943611198906 ∅");
    assert_eq!(computed("sqrt(q - 3)"), "! ! ! 1.0 ∅");
    assert_eq!(computed("power(x, 2)"), "! 0.0 ∅ inf ∅");
    assert_eq!(computed("exp(x)"), "! 1.0 ∅ inf ∅");
}

#[test]
fn what_a_guard_holds_back_is_not_computed() {
    assert_eq!(computed("case when q <> 0 then 1 / q end"), "∅ ∅ 0.5 0.25 ∅");
    assert_eq!(computed("q <> 0 and 1 / q > 0.3"), "false false true false ∅");
    assert_eq!(computed("q = 0 or 1 / q > 0.3"), "true true true false ∅");
    assert_eq!(computed("i > 0 and (q <> 0 and 1 / q > 0.3)"), "false false false false ∅");
    assert_eq!(computed("coalesce(1 / nullif(q, 0), 9)"), "9.0 9.0 0.5 0.25 9.0");
    assert_eq!(computed("nvl(i, 5)"), "2147483647 -2147483648 0 7 5");
    assert_eq!(computed("coalesce(q, 1 / 0.5)"), "0.0 0.0 2.0 4.0 2.0");
}

#[test]
fn minus_zero_is_zero_and_not_a_number_is_null() {
    assert_eq!(computed("q = 0"), "true true false false ∅");
    assert_eq!(computed("x >= 0"), "true true ∅ true ∅");
    assert_eq!(computed("q * -1 >= 0"), "true true false false ∅");
    assert_eq!(computed("f in (0.1, 0)"), "true false true false ∅");
    assert_eq!(computed("case q when 0 then 'zero' else 'more' end"), "zero zero more more more");
    assert_eq!(computed("cast(s as double)"), "12.0 ! ! ∅ ∅");
    assert_eq!(computed("try_cast(s as int)"), "12 ∅ ∅ ∅ ∅");
    assert_eq!(computed("cast(s as int)"), "12 ! ! ! ∅");
}

#[test]
fn numbers_and_times_are_read_as_the_type_they_are_compared_with() {
    assert_eq!(computed("f <= 0.1"), "true false true false ∅");
    assert_eq!(computed("0.1 >= f"), "true false true false ∅");
    assert_eq!(computed("f = 0.2"), "false true false false ∅");
    assert_eq!(computed("f between 0.1 and 0.2"), "true true false false ∅");
    assert_eq!(computed("f < 16777217"), "true true true false ∅");
    assert_eq!(computed("d <= 0.1"), "false true true true ∅");
    assert_eq!(computed("d < 99999999999999.5"), "false true true true ∅");
    assert_eq!(computed("day > now()"), "true false false true ∅");
    assert_eq!(computed("day >= TIMESTAMP '1970-01-01T00:00:00'"), "true true false true ∅");
}

#[test]
fn times_beyond_nanoseconds_are_compared_with_the_clock_and_with_what_is_written() {
    let clock = DateTime::from_timestamp_nanos(1_000_000_007);
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![253_402_300_799_000_000, 0]));
    let schema = Schema::new(vec![Field::new("t", times.data_type().clone(), true)]);
    for (text, expected) in [
        ("t > now()", [true, false]),
        ("cast(t as date) > now()", [true, false]),
        ("coalesce(t, now()) > '2026-01-01'", [true, false]),
        ("t - now() is not null", [true, true]),
        ("t = '9999-12-31T23:59:59'", [true, false]),
        ("t between '2026-01-01' and '9999-12-31T23:59:59.5'", [true, false]),
        ("t in ('1970-01-01T00:00:00', '9999-12-30')", [false, true]),
        ("now() = TIMESTAMP '1970-01-01T00:00:01'", [true, true]),
    ] {
        let condition = Sql::new(clock).condition(text, &schema).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(condition.broken, None, "{text}");
        let own = condition.columns.iter().map(|_| times.clone()).collect::<Vec<_>>();
        let (holds, failures) = condition.test(&own, 2);
        assert_eq!((holds.iter().flatten().collect::<Vec<_>>(), failures.len()), (expected.to_vec(), 0), "{text}");
    }
}

#[test]
fn a_part_that_can_never_be_computed_is_found_before_any_row_is() {
    let broken = |text: &str| {
        let compiled = Sql::new(DateTime::UNIX_EPOCH).compile(text, &columns(&rows().0)).unwrap_or_else(|why| panic!("{text}: {why}"));
        compiled.broken.unwrap_or_else(|| panic!("{text} is not broken"))
    };
    assert_eq!(broken("1 / 0"), "`1 / 0` can never be computed: division by zero");
    assert_eq!(
        broken("i > 1 or 9223372036854775807 + 1 > b"),
        "`9223372036854775807 + 1` can never be computed: 9223372036854775807 + 1 is more than int64 can hold"
    );
    assert!(broken("q / 0 > 1").contains("division by zero"), "{}", broken("q / 0 > 1"));
    assert!(broken("i % 0 > 1").contains("division by zero"));
    let why = "`regexp_like(s, '(')` can never be computed: not a regular expression: unclosed group";
    assert_eq!(broken("regexp_like(s, '(')"), why);
    assert!(broken("s ~ '('").contains("can never be computed"));
    assert!(broken("regexp_replace(s, '[', '')").contains("can never be computed"));
    assert!(broken("extract(nosuch from day) > 1").contains("nosuch"));
    assert!(broken("date_trunc('nosuch', day) > day").contains("nosuch"));
    assert!(broken("day > DATE '2026-13-01'").contains("2026-13-01"));
    assert!(broken("day > '2026-13-01'").contains("2026-13-01"));
    assert!(broken("i = 'twelve'").contains("twelve"));
    assert!(broken("case when q > 0 then cast('x' as int) end > 1").contains("can never be computed"));
    assert!(broken("x < 1e999").contains("float64"));
    for fine in ["to_timestamp(s, '%d.%m.%Y') > now()", "split_part(s, ',', 1) = 'a'", "power(x, 0) > 0", "regexp_like(s, '^a+$')"] {
        let compiled = Sql::new(DateTime::UNIX_EPOCH).compile(fine, &columns(&rows().0)).unwrap_or_else(|why| panic!("{fine}: {why}"));
        assert_eq!(compiled.broken, None, "{fine}");
    }
}

#[test]
fn a_result_that_one_array_cannot_hold_comes_in_several() {
    let sql = Sql::new(DateTime::UNIX_EPOCH);
    let schema = Schema::new(vec![Field::new("n", DataType::Int64, true)]);
    let expression = sql.compile("repeat('ab', n / n * 20)", &columns(&schema)).expect("compiles").with_bytes_max(200);
    let n: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 1, 0, 1, 1, 1, 1, 1]));
    let (arrays, failures) = expression.evaluate(&[n], 9);
    let lengths: Vec<usize> = arrays.iter().map(|a| a.len()).collect();
    assert_eq!((lengths.iter().sum::<usize>(), failures.len()), (9, 1));
    assert!(lengths.len() > 1, "{lengths:?}");
    let texts = arrays.iter().flat_map(|a| a.as_string::<i32>().iter().map(|t| t.map(str::len)).collect::<Vec<_>>());
    assert_eq!(texts.collect::<Vec<_>>(), [Some(40), Some(40), Some(40), None, Some(40), Some(40), Some(40), Some(40), Some(40)]);
}

#[test]
fn a_float_that_is_computed_keeps_every_other_value() {
    let sql = Sql::new(DateTime::UNIX_EPOCH);
    let schema = Schema::new(vec![Field::new("x", DataType::Float64, true)]);
    let expression = sql.compile("x * 2", &columns(&schema)).expect("compiles");
    let x: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-0.0), Some(f64::NEG_INFINITY), Some(5e-324)]));
    let (values, failures) = expression.evaluate(&[x], 5);
    let values: Vec<Option<f64>> = values[0].as_primitive::<Float64Type>().iter().collect();
    assert_eq!(values, [Some(3.0), None, Some(0.0), Some(f64::NEG_INFINITY), Some(1e-323)]);
    assert!(values[2].is_some_and(f64::is_sign_positive) && failures.is_empty());
}

/// Parquet columns that repeat are read as codes into `Utf8`, whatever type of text pandas or Polars gave the column.
#[test]
fn codes_stand_for_text_of_every_type() {
    let sql = Sql::new(DateTime::UNIX_EPOCH);
    for text in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
        let schema = Schema::new(vec![Field::new("s", text.clone(), true)]);
        let codes: DictionaryArray<Int32Type> = [Some("a"), None, Some("b"), Some("a")].into_iter().collect();
        let (holds, failures) = sql.condition("s = 'a'", &schema).expect("compiles").test(&[Arc::new(codes.clone())], 4);
        assert_eq!(holds.iter().collect::<Vec<_>>(), [Some(true), None, Some(false), Some(true)], "{text}");
        let (upper, more) = sql.compile("upper(s)", &columns(&schema)).expect("compiles").evaluate(&[Arc::new(codes)], 4);
        let shown = |row| arrow::util::display::array_value_to_string(&upper[0], row).expect("shown");
        assert_eq!([shown(0), shown(1), shown(2), shown(3)], ["A", "", "B", "A"], "{text}");
        assert_eq!((failures, more), (Vec::new(), Vec::new()), "{text}");
    }
}

#[test]
fn what_would_be_too_much_is_refused_and_small_things_are_computed() {
    let sql = Sql::new(DateTime::UNIX_EPOCH);
    let schema = Schema::new(vec![Field::new("t", DataType::Utf8, true), Field::new("n", DataType::Int64, true)]);
    let all = columns(&schema);
    let of = |n: i64| -> Vec<ArrayRef> {
        let texts = StringArray::from(vec![Some("ab"), None, Some("xyz")]);
        vec![Arc::new(texts), Arc::new(Int64Array::from(vec![Some(n), Some(2), Some(1)]))]
    };
    for text in [
        "repeat(t, n)",
        "lpad(t, n)",
        "rpad(t, n, '-')",
        "array_repeat(t, n)",
        "range(0, n)",
        "generate_series(n)",
        "concat(t, repeat(t, n))",
        "concat_ws(repeat('-', n / 20), t, t, t, t)",
        "replace(repeat(t, n / 100000), 'a', repeat('x', n / 10000))",
    ] {
        let expression = sql.compile(text, &all).expect("compiles");
        let pick = |n| expression.columns.iter().map(|&i| of(n)[i].clone()).collect::<Vec<_>>();
        let (_, failures) = expression.evaluate(&pick(2), 3);
        assert!(failures.is_empty(), "{text}: {failures:?}");
        let (values, failures) = expression.evaluate(&pick(i64::from(i32::MAX)), 3);
        assert!(failures.len() == 1 && failures[0].row == 0 && failures[0].reason.contains("bytes"), "{text}: {failures:?}");
        assert!(!values[0].is_null(2), "{text}");
    }
    let refused = |text| sql.compile(text, &all).expect("compiles").broken.expect("never computed");
    assert!(refused("repeat('ab', 1000000000)").contains("2,000,000,000 bytes"));
    assert!(refused("'x' || lpad('x', 2147483647)").contains("bytes"));
    let distance = sql.compile("levenshtein(repeat(t, 5000), repeat(t, 5000))", &all).expect("compiles");
    let (_, failures) = distance.evaluate(&[of(1)[0].clone()], 3);
    assert_eq!(failures.iter().map(|failure| failure.row).collect::<Vec<_>>(), [0, 2]);
}
