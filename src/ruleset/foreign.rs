//! Checks of other tools, and the rule to write instead.

use crate::diagnostic::{may_mean, plain};
use crate::yaml::{Entry, Node, Value};

/// What to write, with `NAME` for the column; and what Great Expectations, Soda, dbt, Pandera, Deequ, Pointblank and SQL
/// call it: in lower case, without hyphens and underscores.
const RULES: &[(&str, &str)] = &[
    (
        "- missing: { column: NAME }",
        "notnull nonnull nonulls null nulls isnull isnotnull required nullable complete iscomplete completeness hascompleteness \
         notempty notblank missingcount missingpercent nullcount nullrate nullpercent nullpercentage nullshare notnullproportion \
         notnullable expectcolumnvaluestonotbenull expectcolumnvaluestobenull colvalsnotnull colvalsnull rowscomplete mandatory \
         filled notna notnan isna emptystring colnotnull",
    ),
    (
        "- duplicates: { key: [NAME] }",
        "unique isunique uniqueness hasuniqueness duplicate duplicatecount duplicatepercent duplicaterows distinct rowsdistinct \
         uniquecombination uniquecombinationofcolumns uniquecombinations primarykey isprimarykey uniquekey \
         expectcolumnvaluestobeunique expectcompoundcolumnstobeunique dedup dedupe deduplicate keys key \
         expectselectcolumnvaluestobeuniquewithinrecord uniquevalues nodups noduplicates",
    ),
    (
        "- range: { column: NAME, min: 0, max: 100 }",
        "between isbetween inrange bounds limits min max minimum maximum hasmin hasmax minvalue maxvalue acceptedrange validrange \
         betweenvalues expectcolumnvaluestobebetween colvalsbetween lt le gt ge lessthan greaterthan lessthanorequalto \
         greaterthanorequalto colvalsgt colvalsge colvalslt colvalsle minmax validmin validmax ranges notbetween",
    ),
    ("- range: { column: NAME, above: 0 }", "positive ispositive negative zero notzero"),
    ("- range: { column: NAME, min: 0 }", "nonnegative isnonnegative notnegative"),
    (
        "- values: { column: NAME, in: [a, b] }",
        "in isin inset acceptedvalues enum allowed allowedvalues validvalues oneof set choices domain categories iscontainedin \
         colvalsinset invalidcount invalidpercent expectcolumnvaluestobeinset value expectcolumndistinctvaluestobeinset valueset \
         equal equals expectcolumndistinctvaluestoequalset expectcolumndistinctvaluestocontainset category validcount",
    ),
    (
        "- values: { column: NAME, not_in: [a, b] }",
        "notin notinset notacceptedvalues forbidden forbiddenvalues colvalsnotinset expectcolumnvaluestonotbeinset",
    ),
    (
        "- pattern: { column: NAME, regex: '^[A-Z]+$' }",
        "regex regexp matches matchesregex match like strmatches haspattern patterns colvalsregex format \
         expectcolumnvaluestomatchregex expectcolumnvaluestonotmatchregex expectcolumnvaluestomatchregexlist strcontains \
         expectcolumnvaluestomatchlikepattern startswith endswith strstartswith strendswith contains patternmatch validregex \
         invalidformat",
    ),
    (
        "- length: { column: NAME, min: 1, max: 100 }",
        "len strlength stringlength minlength maxlength hasminlength hasmaxlength avglength textlength \
         expectcolumnvaluelengthstobebetween expectcolumnvaluelengthstoequal charlength lengths",
    ),
    (
        "- parse: { column: NAME, as: datetime }",
        "dateformat strftime isdate isdatetime date datetime timestamp validdate expectcolumnvaluestomatchstrftimeformat \
         expectcolumnvaluestobedateutilparseable",
    ),
    ("- parse: { column: NAME, as: email }", "email isemail containsemail validemail mail validformat"),
    ("- parse: { column: NAME, as: url }", "url isurl containsurl uri"),
    ("- parse: { column: NAME, as: uuid }", "uuid isuuid guid"),
    ("- parse: { column: NAME, as: json }", "json isjson expectcolumnvaluestobejsonparseable"),
    ("- parse: { column: NAME, as: number }", "isnumeric isnumber numeric castable"),
    (
        "- type: { column: NAME, is: int64 }",
        "dtype datatype types oftype hasdatatype coltype columntype expectcolumnvaluestobeoftype expectcolumnvaluestobeintypelist \
         isinteger colisnumeric colischaracter colisinteger colisdate colislogical cast",
    ),
    (
        "- expression: { sql: \"a >= b\" }",
        "sql check checks custom condition assert assertion expr satisfies expressionistrue colvalsexpr \
         sqlexpression where filter userdefined lambda columnpaircheck \
         expectcolumnpairvaluesatobegreaterthanb expectcolumnpairvaluestobeequal isgreaterthan islessthan conjointly rule",
    ),
    (
        "- query: { sql: \"SELECT * FROM batch WHERE NAME > 0\" }",
        "failedrows customsql customsqlquery unexpectedrows unexpectedrowsexpectation sqlquery failedrowquery failquery",
    ),
    (
        "- foreign_key: { column: NAME, in: { source: other.csv, column: NAME } }",
        "relationships relationshipstest references reference referentialintegrity isforeignkey isreferentialintegrity fk foreignkeys \
         valuesexistin existsin lookup",
    ),
    (
        "- gaps: { column: NAME, every: 1d }",
        "missingdates datacontinuity mutuallyexclusiveranges continuity expectrowvaluestohavedataforeverynthdatepart",
    ),
    (
        "- order: { column: NAME, direction: increasing }",
        "increasing decreasing monotonic sorted issorted ordered sort colvalsincreasing colvalsdecreasing \
         expectcolumnvaluestobeincreasing expectcolumnvaluestobedecreasing sequentialvalues monotonicity",
    ),
    (
        "- outliers: { column: NAME, method: iqr }",
        "outlier anomaly anomalies anomalydetection zscore iqr mad colvalswithinspec expectcolumnvaluezscorestobelessthan",
    ),
    (
        "- statistic: { column: NAME, of: mean, min: 0, max: 100 }",
        "mean avg average hasmean expectcolumnmeantobebetween statistics stat metric aggregate",
    ),
    ("- statistic: { column: NAME, of: median, min: 0, max: 100 }", "median expectcolumnmediantobebetween"),
    (
        "- statistic: { column: NAME, of: stddev, max: 100 }",
        "std stddev stdev standarddeviation variance hasstandarddeviation expectcolumnstdevtobebetween",
    ),
    ("- statistic: { column: NAME, of: sum, min: 0 }", "sum total hassum expectcolumnsumtobebetween"),
    ("- statistic: { column: NAME, of: max, max: 100 }", "expectcolumnmaxtobebetween maxof"),
    ("- statistic: { column: NAME, of: min, min: 0 }", "expectcolumnmintobebetween minof"),
    (
        "- statistic: { column: NAME, of: quantile, q: 0.95, max: 100 }",
        "quantile percentile quantiles percentiles hasapproxquantile expectcolumnquantilevaluestobebetween",
    ),
    (
        "- statistic: { column: NAME, of: distinct, min: 2 }",
        "cardinality nunique distinctcount countdistinct hasnumberofdistinctvalues hasapproxcountdistinct \
         expectcolumnuniquevaluecounttobebetween uniquevaluecount",
    ),
    (
        "- statistic: { column: NAME, of: unique_share, min: 90% }",
        "uniquevalueratio hasuniquevalueratio expectcolumnproportionofuniquevaluestobebetween distinctness hasdistinctness",
    ),
    (
        "- representation: { groups: [NAME], reference: equal, tolerance: 5 points }",
        "bias balance classbalance groupbalance groups distribution imbalance",
    ),
    (
        "- outcome: { groups: [NAME], label: OTHER, demographic_parity: 10 points }",
        "fairness parity demographicparity demographicparitydifference demographicparityratio equalizedodds equalizedoddsdifference \
         equalopportunity equalopportunitydifference disparateimpact adverseimpact fourfifths selectionrate",
    ),
    (
        "- rows: { min: 1 }",
        "row rowcount rowcounts numrows nrows hassize size count tablerowcount volume records rowcountmatch \
         expecttablerowcounttobebetween expecttablerowcounttoequal notemptytable numberofrows recordcount",
    ),
    (
        "- freshness: { column: NAME, max_age: 24h }",
        "recency recent age timeliness maxage datafreshness stale staleness fresh loadedatfield",
    ),
    (
        "- column_set: { contains: [NAME] }",
        "columns columnexists colexists hascolumn hascolumns columnset expecttablecolumnstomatchset expectcolumntoexist \
         expecttablecolumnstomatchorderedlist columncount colcount colcountmatch expecttablecolumncounttoequal \
         expecttablecolumncounttobebetween columnspresent",
    ),
    ("- conflicts: { key: [NAME], on: [OTHER] }", "functionaldependency dependency dependencies contradiction contradictions inconsistent"),
    ("- stuck: { column: NAME, max_run: 5 }", "frozen constant flatline unchanging repeated"),
];

/// What to write instead of the rule `name`, which stands with `config`, where it is a check of another tool.
pub(super) fn instead_of(name: &str, config: &Node) -> Option<String> {
    let plain = plain(name);
    if matches!(plain.as_str(), "schema" | "colschemamatch" | "contract" | "schemamatch") {
        return Some("the contract is a section of its own: `schema: { columns: { NAME: { type: int64 } } }`".to_owned());
    }
    Some(format!("write `{}`", filled(template(&plain)?, config)))
}

/// Our rule for what another tool calls `name`.
pub(crate) fn rule_called(name: &str) -> Option<&'static str> {
    template(&plain(name))?.strip_prefix("- ")?.split(':').next()
}

fn template(plain: &str) -> Option<&'static str> {
    RULES.iter().find(|(_, theirs)| theirs.split_whitespace().any(|word| word == plain)).map(|(write, _)| *write)
}

/// The keys that name columns in rules of other tools.
const COLUMN_KEYS: [&str; 7] = ["column", "columns", "field", "col", "column_name", "key", "column_list"];

/// What to write, with the columns, bounds, values and patterns that are written already.
fn filled(write: &str, config: &Node) -> String {
    let names = columns_of(config);
    let one = match names.as_slice() {
        [name] => format!("column: {name}"),
        names => format!("columns: [{}]", names.join(", ")),
    };
    let mut write = write.replace("[NAME]", &format!("[{}]", names.join(", "))).replace("column: NAME", &one);
    let others = || config.entries().iter().filter(|e| !COLUMN_KEYS.contains(&e.key.as_str()));
    if let Some(values) = others().find_map(|e| matches!(e.value.value, Value::Sequence(_)).then(|| listed(&e.value)).flatten()) {
        write = write.replace("in: [a, b]", &format!("in: [{values}]"));
    }
    if let Some(regex) = others().find(|e| is_or_means(&e.key, "regex")).and_then(|e| e.value.text()) {
        write = write.replace("'^[A-Z]+$'", &in_quotes(regex));
    }
    let bounds: Vec<String> = others().flat_map(bounds_of).collect();
    match (bounds.is_empty(), write.split_once(", min: ").or_else(|| write.split_once(", max: ")).or_else(|| write.split_once(", above: ")))
    {
        (false, Some((before, _))) => format!("{before}, {} }}", bounds.join(", ")),
        (true, _) | (_, None) => write,
    }
}

fn is_or_means(key: &str, ours: &str) -> bool {
    plain(key) == ours || may_mean(key, ours)
}

/// The bounds that an entry gives, in our words.
fn bounds_of(entry: &Entry) -> Vec<String> {
    let two = |low: &Node, high: &Node| Some(vec![format!("min: {}", low.text()?), format!("max: {}", high.text()?)]);
    match &entry.value.value {
        Value::Sequence(items) => match items.as_slice() {
            [low, high] => two(low, high).unwrap_or_default(),
            _ => Vec::new(),
        },
        Value::Scalar { text, .. } => {
            let exact = ["min", "max", "above", "below"].into_iter().find(|ours| plain(&entry.key) == *ours);
            let ours = exact.or_else(|| ["min", "max", "above", "below"].into_iter().find(|ours| may_mean(&entry.key, ours)));
            ours.map(|ours| format!("{ours}: {text}")).into_iter().collect()
        }
        Value::Null | Value::Mapping(_) => Vec::new(),
    }
}

/// The scalars of a value as a list in brackets holds them; none where it holds something else.
pub(super) fn listed(node: &Node) -> Option<String> {
    let one = |node: &Node| match &node.value {
        Value::Scalar { text, quoted } if *quoted || text.contains([',', '[', ']', '{', '}', ':', '#', '\'']) => Some(in_quotes(text)),
        Value::Scalar { text, .. } => Some(text.clone()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
    };
    match &node.value {
        Value::Sequence(items) if !items.is_empty() => Some(items.iter().map(one).collect::<Option<Vec<_>>>()?.join(", ")),
        Value::Sequence(_) => None,
        Value::Null | Value::Scalar { .. } | Value::Mapping(_) => one(node),
    }
}

pub(super) fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The columns that the rule was to be about, as far as that can be seen.
fn columns_of(config: &Node) -> Vec<String> {
    let named = COLUMN_KEYS.iter().find_map(|key| config.get(key)).map_or(config, |entry| &entry.value);
    let names: Vec<&str> = match &named.value {
        Value::Scalar { text, .. } => vec![text.as_str()],
        Value::Sequence(items) => items.iter().filter_map(Node::text).collect(),
        Value::Null | Value::Mapping(_) => Vec::new(),
    };
    let is_plain = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    match !names.is_empty() && names.iter().all(is_plain) {
        true => names.into_iter().map(str::to_owned).collect(),
        false => vec!["NAME".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::RuleFile;

    #[test]
    fn every_rule_that_is_proposed_can_be_written_so() {
        for (write, _) in RULES {
            let text = format!("dataset: d\nrules:\n  {write}\n");
            if let Err(faults) = RuleFile::parse(&text, "r.yaml") {
                panic!("{write}: {faults}");
            }
        }
    }

    #[test]
    fn no_check_of_another_tool_is_a_rule_of_ours_or_named_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for theirs in RULES.iter().flat_map(|(_, theirs)| theirs.split_whitespace()) {
            assert!(crate::rules::find(theirs).is_none(), "{theirs}");
            assert!(seen.insert(theirs), "{theirs} stands twice");
            assert_eq!(plain(theirs), theirs);
        }
    }

    #[test]
    fn the_column_stands_in_what_is_proposed() {
        let config = |text: &str| Node::parse(text, "r").unwrap_or_else(|f| panic!("{f}"));
        assert_eq!(instead_of("not_null", &config("{ column: email }")).as_deref(), Some("write `- missing: { column: email }`"));
        assert_eq!(instead_of("isUnique", &config("[id, day]")).as_deref(), Some("write `- duplicates: { key: [id, day] }`"));
        let between = "write `- range: { column: age, min: 0, max: 120 }`";
        assert_eq!(instead_of("between", &config("{ column: age, min: 0, max: 120 }")).as_deref(), Some(between));
        assert_eq!(instead_of("between", &config("{ column: age, min_value: 0, max_value: 120 }")).as_deref(), Some(between));
        let accepted = instead_of("accepted_values", &config("{ column: plan, values: [free, pro] }"));
        assert_eq!(accepted.as_deref(), Some("write `- values: { column: plan, in: [free, pro] }`"));
        let matches = instead_of("regex", &config("{ column: zip, pattern: '^[0-9]{5}$' }"));
        assert_eq!(matches.as_deref(), Some("write `- pattern: { column: zip, regex: '^[0-9]{5}$' }`"));
        let unique = instead_of("unique", &config("{ columns: [a, b] }"));
        assert_eq!(unique.as_deref(), Some("write `- duplicates: { key: [a, b] }`"));
        assert_eq!(rule_called("not_null"), Some("missing"));
        assert_eq!(instead_of("horoscope", &config("{}")), None);
    }
}
