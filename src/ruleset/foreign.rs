//! Checks of other tools, and the rule to write instead.

use crate::diagnostic::plain;
use crate::yaml::{Node, Value};

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
    ("- range: { column: NAME, above: 0 }", "positive ispositive nonnegative isnonnegative notnegative negative zero notzero"),
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
        "sql check checks custom query condition assert assertion expr satisfies expressionistrue colvalsexpr failedrows customsql \
         sqlexpression unexpectedrows unexpectedrowsexpectation where filter customsqlquery userdefined lambda columnpaircheck \
         expectcolumnpairvaluesatobegreaterthanb expectcolumnpairvaluestobeequal isgreaterthan islessthan conjointly rule",
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
        "bias balance classbalance groupbalance fairness parity demographicparity groups distribution imbalance",
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
    ("- stuck: { column: NAME, max_run: 5 }", "frozen constant flatline unchanging repeated"),
];

/// What to write instead of the rule `name`, which stands with `config`, where it is a check of another tool.
pub(super) fn instead_of(name: &str, config: &Node) -> Option<String> {
    let plain = plain(name);
    if matches!(plain.as_str(), "schema" | "colschemamatch" | "contract" | "schemamatch") {
        return Some("the contract is a section of its own: `schema: { columns: { NAME: { type: int64 } } }`".to_owned());
    }
    let (write, _) = RULES.iter().find(|(_, theirs)| theirs.split_whitespace().any(|word| word == plain))?;
    Some(format!("write `{}`", write.replace("NAME", &column_of(config))))
}

/// The column that the rule was to be about, as far as that can be seen.
fn column_of(config: &Node) -> String {
    let named = ["column", "columns", "field", "col", "column_name", "key"].iter().find_map(|key| config.get(key));
    let text = |node: &Node| match &node.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        Value::Sequence(items) => items.first().and_then(|first| first.text()).map(str::to_owned),
        Value::Null | Value::Mapping(_) => None,
    };
    let found = match named {
        Some(entry) => text(&entry.value),
        None => text(config),
    };
    let is_plain = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    found.filter(is_plain).unwrap_or_else(|| "NAME".to_owned())
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
        assert_eq!(instead_of("isUnique", &config("[id, day]")).as_deref(), Some("write `- duplicates: { key: [id] }`"));
        assert_eq!(instead_of("horoscope", &config("{}")), None);
    }
}
