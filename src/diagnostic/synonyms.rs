//! Words of other tools, and ours: Great Expectations, Soda, dbt, Pandera, Deequ, Pointblank, pandas and SQL.

/// One of our words, what to write, and what others call it.
struct Synonym {
    ours: &'static str,
    /// What the hint says to write; the word itself if empty.
    write: &'static str,
    /// Between blanks.
    theirs: &'static str,
}

const fn word(ours: &'static str, theirs: &'static str) -> Synonym {
    Synonym { ours, write: "", theirs }
}

const fn form(ours: &'static str, write: &'static str, theirs: &'static str) -> Synonym {
    Synonym { ours, write, theirs }
}

/// Of several words of ours that fit, the first that is allowed at the place counts. Foreign words are in lower case, without
/// blanks, hyphens and underscores.
const SYNONYMS: &[Synonym] = &[
    // Keys of rules.
    // `allowed` are the values, where a rule takes some; elsewhere the failing rows that may stay.
    form("in", "`in: [a, b]`", "valueset values acceptedvalues validvalues allowedvalues allowed set enum oneof isin choices domain list"),
    form(
        "on_fail",
        "`on_fail: reject`, `quarantine`, `warn` or `info`",
        "severity level action onfailure onerror failuremode criticality importance fail alert",
    ),
    form(
        "tolerate",
        "`tolerate: 1%` or `tolerate: 10 rows`, the failing rows that may stay",
        "mostly threshold thresholds tolerance allowed allowedfailures maxfailures errorif warnif pctlimit maxinvalid failureratio",
    ),
    word("min", "minimum minvalue gte ge from low lower start atleast greaterthanorequalto lowerbound mininclusive lb"),
    word("max", "maximum maxvalue lte le to high upper end atmost lessthanorequalto upperbound maxinclusive ub"),
    word("above", "gt greaterthan morethan strictmin minexclusive exclusiveminimum over"),
    word("below", "lt lessthan strictmax maxexclusive exclusivemaximum under"),
    form("min", "`min: …` and `max: …`", "between range bounds limits"),
    form("key", "`key: [a, b]`", "column columns keys on subset primarykey uniquekey combination combinationofcolumns columnlist"),
    form("groups", "`groups: [a, b]`", "column columns by groupby group sensitive protected attribute"),
    word("column", "field col columnname variable attribute feature"),
    word("columns", "fields cols columnlist columnnames columnset variables"),
    form("where", "`where: \"SQL\"`", "filter rowcondition condition when scope having"),
    form("sql", "`sql: \"SQL\"`", "query expression expr condition check predicate assertion"),
    form("by", "`by: [column]`", "groupby partitionby segment segments group groups per"),
    form("not_in", "`not_in: [a, b]`", "notinset forbidden invalidvalues exclude excluded forbiddenvalues notin"),
    form("regex", "`regex: '^[A-Z]+$'`", "pattern regexp re matches validregex rlike regexlist expression"),
    form("as", "`as: datetime`, `email`, `uuid`, …", "type is validformat kind"),
    word("is", "type dtype datatype expected as"),
    word("of", "statistic stat metric measure aggregate function"),
    word("tolerance", "tolerate margin threshold delta eps"),
    word("reference", "expected baseline target distribution proportions shares"),
    form("max_age", "`max_age: 24h`", "age max older threshold errorafter warnafter within"),
    word("k", "factor multiplier iqrfactor whisker"),
    word("threshold", "limit cutoff zmax k"),
    form("required", "`required: true`", "notnull nonnull nullable mandatory isrequired optional null constraints"),
    form("type", "`type: int64`", "dtype datatype logicaltype physicaltype class"),
    form("nulls", "`nulls: fail` or `nulls: pass`", "ignorenulls skipnulls nullable ignorena dropna napass skipna notnull"),
    form("on_no_data", "`on_no_data: stop`, `warn` or `pass`", "onempty ifempty onnorows nodata"),
    word("id", "name label title key"),
    word("description", "desc comment comments note notes doc docs message meta brief"),
    word("owner", "author team contact responsible"),
    word("tags", "tag labels label"),
    word("runbook", "url link documentation howto"),
    // Sections and their keys.
    form("dataset", "`dataset: NAME`", "name table title model data datasetname expectationsuitename suite"),
    form(
        "rules",
        "`rules:`, a list of `- name: { … }`",
        "checks expectations tests validations constraints assertions validate rule check datatests validators",
    ),
    form("schema", "`schema: { columns: { NAME: { type: int64 } } }`", "columns contract fields types dtypes models"),
    word("columns", "fields properties cols"),
    word("evolution", "compatibility mode strict strictness"),
    form("source", "`source: { path: data.csv }`", "input datasource file path sources reader csv"),
    form("gate", "`gate: { publish: PATH }`", "output destination target sink publish write quarantine"),
    form("transform", "`transform: { NAME: \"SQL\" }`", "derive derived computed select mutate transformations"),
    form("clean", "`clean: [{ drop_where: \"SQL\" }]`", "filter where preprocess cleaning"),
    word("profile", "profiling statistics"),
    word("known", "ignore waivers exceptions knownissues suppress"),
    form("path", "`path: data.csv`", "file files location uri url filename input glob table"),
    form("delimiter", "`delimiter: \";\"`", "sep separator delim fielddelimiter fieldseparator"),
    form("missing_values", "`missing_values: [\"\", NA]`", "navalues nullvalues null nulls nullstring navalue nullvalue missing"),
    form("encoding", "`encoding: latin-1`", "charset codec enc"),
    word("quote", "quotechar quotecharacter quoting"),
    word("header", "hasheader headers firstrow headerrow"),
    word("timezone", "tz zone timezoneid"),
    word("format", "type filetype fileformat kind"),
    word("json_path", "jsonpath root recordpath recordspath"),
    word("publish", "output path destination to target out table"),
    form("quarantine", "`quarantine: PATH`", "rejects errors badrows deadletter setaside"),
    form("reject_above", "`reject_above: 5%`", "threshold maxrejected failabove max limit"),
    word("drop_where", "drop dropif exclude remove filterout delete"),
    word("keep_where", "keep filter where keepif only include select"),
    word("until", "expires expiry end validuntil enddate"),
    word("reason", "why description comment note"),
    word("ticket", "issue link url jira"),
    word("rule", "id name check finding"),
    // What follows a failure.
    word("reject", "error errors fail failure block critical fatal abort stop high blocker raise exception"),
    word("warn", "warning warnings medium minor caution"),
    word("quarantine", "drop filter isolate setaside remove exclude delete"),
    word("info", "ignore skip log notice low none debug information"),
    word("stop", "fail error reject block abort undecided"),
    word("pass", "ignore skip allow true accept ok none"),
    word("fail", "error forbid false disallow reject deny"),
    // Words of a fixed choice.
    word("stddev", "std sd stdev standarddeviation var variance sigma"),
    word("mean", "avg average"),
    word("median", "p50 q50 quantile50"),
    word("quantile", "percentile quantiles percentiles"),
    word("distinct", "nunique uniquecount countdistinct cardinality approxcountdistinct distinctcount"),
    word("unique_share", "uniqueness unique uniquevalueratio isunique"),
    word("distinct_share", "distinctness proportionofuniquevalues uniqueproportion"),
    word("sum", "total"),
    word("correlation", "corr pearson"),
    word("iqr", "tukey boxplot interquartile quartile interquartilerange"),
    word("zscore", "z stddev sigma std zscores standardscore 3sigma threesigma"),
    word("mad", "robust modifiedzscore medianabsolutedeviation hampel"),
    word("numeric", "number numbers float int integer double numerical decimal"),
    word("string", "str text object varchar categorical char character"),
    word("boolean", "bool logical flag"),
    word("temporal", "date datetime time timestamp dates"),
    word("increasing", "asc ascending up sorted monotonic"),
    word("decreasing", "desc descending down"),
    word("datetime", "date timestamp time strftime dateutil iso8601 dateformat"),
    word("number", "int float integer numeric decimal double"),
    word("uuid", "guid"),
    word("url", "uri link http"),
    word("ipv4", "ip ipaddress"),
    word("email", "mail emailaddress"),
    word("ndjson", "jsonl jsonlines jsonlinesfile ldjson"),
    word("parquet", "pq"),
    word("arrow", "feather ipc"),
    word("latin-1", "latin1 iso88591 iso8859 l1"),
    word("windows-1252", "cp1252 windows1252 ansi"),
    word("utf-8", "utf8 ascii utf8sig"),
    word("utf-16", "utf16 unicode"),
    word("exact", "strict equal frozen none false"),
    word("any", "lenient permissive evolve off true one or"),
    word("all", "every and everything batch rows"),
    word("basic", "true on yes default minimal some"),
    word("none", "false off no"),
    word("full", "all everything complete detailed verbose max"),
    word("lowercase", "lower casefold caseinsensitive ignorecase"),
    word("trim", "strip whitespace"),
    // Types.
    word("int64", "integer int64 bigint bigserial int8bytes longtype serial wholenumber"),
    word("int32", "integertype mediumint int4"),
    word("int16", "smallint short int2"),
    word("int8", "tinyint byte"),
    word("float64", "number doubleprecision float8 doubletype numeric real8"),
    word("float32", "real float4 single"),
    word(
        "string",
        "str object varchar char nvarchar nchar character charactervarying utf8 category categorical stringtype clob uuid enum json",
    ),
    word("bool", "logical bit booleantype flag"),
    word("binary", "bytes blob varbinary bytea"),
    word("date", "date32 datetype day"),
    word("timestamp", "datetime64 datetime64[us] timestamptype timestampntz datetime2 time"),
    word("timestamp(ms)", "datetime64[ms]"),
    word("timestamp(ns)", "datetime64[ns]"),
    word("timestamp(us, UTC)", "timestamptz timestampwithtimezone timestampltz datetime64[ns,utc] datetimeoffset"),
    word("decimal(15,2)", "decimal money currency dec decimaltype"),
    word("list<int64>", "list array"),
    word("struct<a: int64>", "struct record row dict map"),
];

/// What to write instead of `word`, as a hint writes it, where it is a word of another tool for one of the `allowed` words.
pub(super) fn instead_of(word: &str, allowed: &[&str]) -> Option<String> {
    let plain = plain(word);
    let found = SYNONYMS.iter().find(|s| allowed.contains(&s.ours) && s.theirs.split(' ').any(|theirs| theirs == plain))?;
    Some(if found.write.is_empty() { format!("`{}`", found.ours) } else { found.write.to_owned() })
}

/// The word without what tools write differently: case, blanks, hyphens and underscores.
pub fn plain(word: &str) -> String {
    word.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_are_written_as_they_are_compared() {
        for synonym in SYNONYMS {
            for theirs in synonym.theirs.split(' ') {
                assert_eq!(plain(theirs), theirs, "of `{}`", synonym.ours);
            }
        }
    }

    #[test]
    fn a_word_means_what_is_allowed_at_its_place() {
        assert_eq!(instead_of("type", &["path", "format"]).as_deref(), Some("`format`"));
        assert_eq!(instead_of("Value-Set", &["in", "not_in"]).as_deref(), Some("`in: [a, b]`"));
        assert_eq!(instead_of("skip", &["stop", "warn", "pass"]).as_deref(), Some("`pass`"));
        assert_eq!(instead_of("severity", &["path"]), None);
    }
}
