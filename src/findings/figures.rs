//! Figures: numbers with a name and a unit.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Message, Outcome, Unit, Value};

/// What a figure is called, and what it is counted in.
#[derive(Debug)]
pub struct FigureName {
    pub name: &'static str,
    pub unit: Unit,
    /// What it is, in half a sentence.
    pub meaning: &'static str,
}

impl FigureName {
    /// What people call it.
    pub fn title(&self) -> String {
        const TITLES: &[(&str, &str)] = &[
            ("adjusted_p_value", "Adjusted p-value"),
            ("age_seconds", "Age"),
            ("allowed_high", "Largest share allowed"),
            ("allowed_low", "Smallest share allowed"),
            ("by_chance", "Distance by chance"),
            ("chi_square", "Chi-square"),
            ("cohens_w", "Cohen’s w"),
            ("count", "Rows of the group"),
            ("cramers_v", "Cramér’s V"),
            ("distinct", "Distinct keys"),
            ("hash", "Hash function"),
            ("high", "Rows above the fence"),
            ("interval_high", "Upper end of the interval"),
            ("interval_low", "Lower end of the interval"),
            ("jensen_shannon", "Jensen–Shannon distance"),
            ("low", "Rows below the fence"),
            ("mad", "Median absolute deviation"),
            ("mean_ad", "Mean absolute deviation"),
            ("missing", "Missing values"),
            ("newest", "Newest value"),
            ("p_value", "p-value"),
            ("q1", "First quartile"),
            ("q3", "Third quartile"),
            ("ratio", "Share by reference"),
            ("robust_z", "Robust z"),
            ("runs", "Runs that are too long"),
            ("stddev", "Standard deviation"),
            ("total_variation", "Total variation distance"),
        ];
        if let Some((_, title)) = TITLES.iter().find(|(name, _)| *name == self.name) {
            return (*title).to_owned();
        }
        let words = self.name.replace('_', " ");
        let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
        first.to_uppercase() + rest
    }
}

/// The figure called `name`; none for what the data name.
pub fn named(name: &str) -> Option<&'static FigureName> {
    ALL.binary_search_by(|known| known.name.cmp(name)).ok().map(|at| ALL[at])
}

macro_rules! names {
    ($($constant:ident = $name:literal, $unit:ident, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub static $constant: FigureName = FigureName { name: $name, unit: Unit::$unit, meaning: $meaning };)*
        /// Every name, in alphabetical order.
        pub static ALL: &[&FigureName] = &[$(&$constant),*];
    };
}

names! {
    ABSENT_KEYS = "absent_keys", KEYS, "different keys that do not occur in the other data";
    ABSENT_VALUES = "absent_values", KEYS, "values that must occur, and do not";
    ADDED = "added", ROWS, "rows whose key what the batch is compared with has not";
    ADJUSTED_P_VALUE = "adjusted_p_value", NONE, "the p-value, adjusted to the columns and groups of the rule";
    AGE_SECONDS = "age_seconds", SECONDS, "how old the newest value is";
    ALLOWED_HIGH = "allowed_high", SHARE_OF_ROWS, "the largest share of the group that is tolerated";
    ALLOWED_LOW = "allowed_low", SHARE_OF_ROWS, "the smallest share of the group that is tolerated";
    AT_LEAST = "at_least", NONE, "the distance is this at least, whatever lies inside of cells";
    AT_MOST = "at_most", NONE, "the distance is this at most, whatever lies inside of cells";
    BASELINE_DISTINCT = "baseline_distinct", KEYS, "different values in what the batch is compared with";
    BASELINE_ROWS = "baseline_rows", ROWS, "rows with a value in what the batch is compared with";
    BASELINE_STDDEV = "baseline_stddev", OF_COLUMN, "the sample standard deviation of what the batch is compared with";
    BINS = "bins", NONE, "bins or categories that are compared";
    BY_CHANCE = "by_chance", NONE, "what the distance comes to, or more, in one of 20 batches that did not change";
    CENTROID_SHIFT = "centroid_shift", NONE, "the cosine distance between the mean vectors";
    CHANGED = "changed", ROWS, "rows of the same key of which another value differs";
    CHI_SQUARE = "chi_square", NONE, "Pearson's statistic of the groups' counts";
    COHENS_W = "cohens_w", NONE, "the effect size w of the groups' counts";
    COLUMNS = "columns", COLUMNS, "how many columns there are";
    COMPARED_COLUMNS = "compared_columns", COLUMNS, "how many columns were compared";
    COMPARED_WITH = "compared_with", OF_COLUMN, "the same measure of what it is compared with";
    COMPLETENESS = "completeness", SHARE_OF_ROWS, "the share of rows with a value";
    CONFLICTING_KEYS = "conflicting_keys", KEYS, "keys that come with several values";
    COUNT = "count", ROWS, "rows of the group; with `unit`, its different units";
    CRAMERS_V = "cramers_v", NONE, "Cramer's V of the counts as they are";
    DECISION_LEVEL = "decision_level", NONE, "1 - the confidence at which the group was judged";
    DECISION_P_VALUE = "decision_p_value", NONE, "the smallest 1 - confidence at which the group's share is decided";
    DEGREES_OF_FREEDOM = "degrees_of_freedom", NONE, "of the statistic `chi_square`";
    DEMOGRAPHIC_PARITY_DIFFERENCE = "demographic_parity_difference", SHARE_OF_ROWS, "the largest selection rate of a group less the smallest";
    DEMOGRAPHIC_PARITY_RATIO = "demographic_parity_ratio", NONE, "the smallest selection rate of a group by the largest";
    DIFFERENCE = "difference", SHARE_OF_ROWS, "the share less its reference";
    DIFFERENCE_HIGH = "difference_high", SHARE_OF_ROWS, "the upper end of the difference's interval";
    DIFFERENCE_LOW = "difference_low", SHARE_OF_ROWS, "the lower end of the difference's interval";
    DIFFERING_COLUMNS = "differing_columns", COLUMNS, "columns that only one of both has, and those whose values cannot be compared";
    DISTINCT = "distinct", KEYS, "different keys";
    DISTINCTNESS = "distinctness", NONE, "different keys by rows";
    DUPLICATE_ROWS = "duplicate_rows", ROWS, "rows less different keys";
    DUPLICATED_GROUPS = "duplicated_groups", KEYS, "keys of several rows";
    EARLIER_ROWS = "earlier_rows", ROWS, "rows whose time lies before that of the other split";
    EFFECT = "effect", NONE, "how far apart the distributions are: D, or V of samples of one size";
    EQUAL_OPPORTUNITY_DIFFERENCE = "equal_opportunity_difference", SHARE_OF_ROWS, "the largest true positive rate of a group less the smallest";
    EQUAL_OPPORTUNITY_RATIO = "equal_opportunity_ratio", NONE, "the smallest true positive rate of a group by the largest";
    EQUALIZED_ODDS_DIFFERENCE = "equalized_odds_difference", SHARE_OF_ROWS, "how far true positive rates lie apart, or false positive rates if these lie further";
    EQUALIZED_ODDS_RATIO = "equalized_odds_ratio", NONE, "the smallest true positive rate by the largest, or of false positive rates if that is smaller";
    FAILING_ROWS = "failing_rows", ROWS, "failing rows of the group";
    FALSE_POSITIVE_RATE = "false_positive_rate", SHARE_OF_ROWS, "of rows with another label, the share with the positive prediction";
    FALSE_POSITIVE_RATE_DIFFERENCE = "false_positive_rate_difference", SHARE_OF_ROWS, "the false positive rate less that of what the group is compared with";
    FALSE_POSITIVE_RATE_DIFFERENCE_HIGH = "false_positive_rate_difference_high", SHARE_OF_ROWS, "the upper end of that difference's interval";
    FALSE_POSITIVE_RATE_DIFFERENCE_LOW = "false_positive_rate_difference_low", SHARE_OF_ROWS, "the lower end of that difference's interval";
    FREQUENT_KEYS = "frequent_keys", KEYS, "different keys that more rows have than may have one";
    GROUPS = "groups", GROUPS, "how many groups there are";
    HASH = "hash", NAME, "the hash by which keys were compared";
    HIGH = "high", ROWS, "rows above the upper fence";
    IMBALANCE = "imbalance", NONE, "how many times more rows the largest class has than the smallest";
    IN_BOTH = "in_both", KEYS, "keys that the batch and what it is compared with have once each";
    INTERVAL_HIGH = "interval_high", SHARE_OF_ROWS, "the upper end of the share's interval";
    INTERVAL_LOW = "interval_low", SHARE_OF_ROWS, "the lower end of the share's interval";
    INVERTED_ROWS = "inverted_rows", ROWS, "rows whose range ends before it begins";
    JENSEN_SHANNON = "jensen_shannon", NONE, "the Jensen-Shannon distance of the shares from their reference";
    LACKING_KEYS = "lacking_keys", KEYS, "different keys of the other data that have fewer rows than each must have";
    LATER_ROWS = "later_rows", ROWS, "rows whose time lies after that of the other split";
    LONGEST_RUN = "longest_run", ROWS, "the longest run of rows, one behind the other";
    LOW = "low", ROWS, "rows below the lower fence";
    LOWER_FENCE = "lower_fence", OF_COLUMN, "the lower fence; of logarithms with `log`";
    MAD = "mad", OF_COLUMN, "the median absolute deviation";
    MEAN = "mean", OF_COLUMN, "the mean";
    MEAN_AD = "mean_ad", OF_COLUMN, "the mean absolute deviation from the median";
    MEDIAN = "median", OF_COLUMN, "the median";
    MISSING = "missing", ROWS, "rows without a value";
    MISSING_PERIODS = "missing_periods", PERIODS, "periods without a row";
    NEAR_ROWS = "near_rows", ROWS, "rows whose text is nearly another one";
    NEW_VALUE_ROWS = "new_value_rows", ROWS, "rows whose value is not in what the batch is compared with";
    NEW_VALUES = "new_values", KEYS, "different values that are not in what the batch is compared with";
    NEWEST = "newest", TIME, "the newest value";
    OTHER_REPEATED_KEYS = "other_repeated_keys", KEYS, "keys that what the batch is compared with has several times";
    OTHER_ROWS = "other_rows", ROWS, "rows of what the batch is compared with";
    OTHER_WITHOUT_KEY = "other_without_key", ROWS, "rows of what the batch is compared with that lack a part of the key";
    OVERLAPPING_ROWS = "overlapping_rows", ROWS, "rows whose range overlaps that of another";
    P_VALUE = "p_value", NONE, "how probable such a figure or a larger one is by chance";
    PARENTS_SET_ASIDE = "parents_set_aside", ROWS, "rows whose parent in another table was set aside";
    PERIODS = "periods", PERIODS, "periods that are expected to have a row";
    POSITIVES = "positives", ROWS, "rows with the positive label";
    PUBLISHED_BEFORE = "published_before", ROWS, "rows whose key is published already";
    Q1 = "q1", OF_COLUMN, "the first quartile";
    Q3 = "q3", OF_COLUMN, "the third quartile";
    RATIO = "ratio", NONE, "the share of the group by its reference";
    RATIO_HIGH = "ratio_high", NONE, "the upper end of the ratio's interval";
    RATIO_LOW = "ratio_low", NONE, "the lower end of the ratio's interval";
    RECOGNISED = "recognised", KEYS, "different values that look like personal data of one kind";
    REFERENCE = "reference", SHARE_OF_ROWS, "the share that the group should have, or that it is compared with";
    REJECTION_RATE = "rejection_rate", SHARE_OF_ROWS, "the share of the rows that is set aside";
    REMOVED = "removed", ROWS, "rows of what the batch is compared with, whose key the batch has not";
    REPEATED_KEYS = "repeated_keys", KEYS, "keys that the batch has several times";
    RETURNED_ROWS = "returned_rows", ROWS, "rows that a query returns";
    ROBUST_Z = "robust_z", NONE, "how far the measure is from the median of earlier runs: 0.6745 of it by their median absolute deviation";
    ROWS = "rows", ROWS, "rows that were looked at";
    ROWS_IN_SCOPE = "rows_in_scope", ROWS, "rows that the rule speaks of";
    RUNS = "runs", RUNS, "runs that are too long";
    SELECTION_RATE = "selection_rate", SHARE_OF_ROWS, "the share with the positive outcome";
    SET_ASIDE = "set_aside", ROWS, "rows that are set aside";
    SHARE = "share", SHARE_OF_ROWS, "the share of the group";
    SHARE_AFTER = "share_after", SHARE_OF_ROWS, "the group's share of the rows that are left";
    SHARE_BEFORE = "share_before", SHARE_OF_ROWS, "the group's share of all rows";
    SHARED_GROUP_ROWS = "shared_group_rows", ROWS, "rows whose group the other split has too";
    SHARED_KEY_ROWS = "shared_key_rows", ROWS, "rows whose key the other data have too";
    SHARED_KEYS = "shared_keys", KEYS, "different keys that occur in the other data too";
    SHARED_TIME_ROWS = "shared_time_rows", ROWS, "rows whose time lies within that of the other split";
    STDDEV = "stddev", OF_COLUMN, "the sample standard deviation";
    TOTAL_VARIATION = "total_variation", SHARE_OF_ROWS, "the total variation distance of the shares from their reference";
    TRANSFORM = "transform", NAME, "what was taken of the values first: the figures are of that";
    TRUE_POSITIVE_RATE = "true_positive_rate", SHARE_OF_ROWS, "of rows with the positive label, the share with the positive prediction";
    TRUE_POSITIVE_RATE_DIFFERENCE = "true_positive_rate_difference", SHARE_OF_ROWS, "the true positive rate less that of what the group is compared with";
    TRUE_POSITIVE_RATE_DIFFERENCE_HIGH = "true_positive_rate_difference_high", SHARE_OF_ROWS, "the upper end of that difference's interval";
    TRUE_POSITIVE_RATE_DIFFERENCE_LOW = "true_positive_rate_difference_low", SHARE_OF_ROWS, "the lower end of that difference's interval";
    UNIQUE_VALUE_RATIO = "unique_value_ratio", NONE, "keys of one row by different keys";
    UNIQUENESS = "uniqueness", NONE, "keys of one row by rows";
    UPPER_FENCE = "upper_fence", OF_COLUMN, "the upper fence; of logarithms with `log`";
    VALUE = "value", OF_COLUMN, "the measure that was judged";
    VALUES_LOOKED_AT = "values_looked_at", KEYS, "different values that were looked at";
    VANISHED_VALUE_ROWS = "vanished_value_rows", ROWS, "rows of what the batch is compared with, whose value the batch has not";
    VANISHED_VALUES = "vanished_values", KEYS, "different values of what the batch is compared with, that the batch has not";
    WITHOUT_KEY = "without_key", ROWS, "rows that lack a part of the key";
}

/// Whether a figure of this name is one of ours: other names come from the data.
pub fn is_known(name: &str) -> bool {
    ALL.binary_search_by(|known| known.name.cmp(name)).is_ok()
}

/// A value and what it is counted in.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub value: Value,
    pub unit: Unit,
}

/// Figures by name. In JSON each is its value; the name tells the unit. What is named by the data (a column, a value that
/// stands in for a missing one) counts rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(Vec<(Cow<'static, str>, Figure)>);

impl Figures {
    /// Names stay in order. There are few of them for each of very many findings.
    fn insert(&mut self, name: Cow<'static, str>, figure: Figure) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&name)) {
            Ok(at) => self.0[at].1 = figure,
            Err(at) => self.0.insert(at, (name, figure)),
        }
    }

    /// Adds a figure, or takes the place of the one of that name.
    pub fn set(&mut self, name: &'static FigureName, value: impl Into<Value>) {
        self.insert(name.name.into(), Figure { value: value.into(), unit: name.unit.clone() });
    }

    /// Adds how many rows there are of something that the data name.
    pub fn set_rows_of(&mut self, name: impl Into<String>, rows: u64) {
        self.insert(Cow::Owned(name.into()), Figure { value: rows.into(), unit: Unit::ROWS });
    }

    pub fn get(&self, name: &FigureName) -> Option<&Figure> {
        let at = self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name.name)).ok()?;
        Some(&self.0[at].1)
    }

    /// Leaves out all but those for which `stays` says so, of name and figure.
    pub fn retain(&mut self, mut stays: impl FnMut(&str, &Figure) -> bool) {
        self.0.retain(|(name, figure)| stays(name, figure));
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, figure)| &mut figure.value)
    }

    /// Name and figure, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Figure)> {
        self.0.iter().map(|(name, figure)| (name.as_ref(), figure))
    }

    /// All of them as counts of rows, whatever their names say.
    pub(super) fn count_rows(&mut self) {
        self.0.iter_mut().for_each(|(_, figure)| figure.unit = Unit::ROWS);
    }
}

impl<const N: usize> From<[(&'static FigureName, Value); N]> for Figures {
    fn from(entries: [(&'static FigureName, Value); N]) -> Self {
        let mut figures = Self::default();
        entries.into_iter().for_each(|(name, value)| figures.set(name, value));
        figures
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, figure)| (name, &figure.value)))
    }
}

impl<'de> Deserialize<'de> for Figures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Figures;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("figures by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Figures, A::Error> {
                let mut figures = Figures::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let known = named(&name);
                    let name = known.map_or(Cow::Owned(name), |known| known.name.into());
                    figures.insert(name, Figure { value, unit: known.map_or(Unit::ROWS, |known| known.unit.clone()) });
                }
                Ok(figures)
            }
        }
        deserializer.deserialize_map(Each)
    }
}

impl JsonSchema for Figures {
    fn schema_name() -> Cow<'static, str> {
        "Figures".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Figures by name; docs/findings.md says what each is and what it is counted in.",
            "type": "object",
            "additionalProperties": generator.subschema_for::<Value>()
        })
    }
}

/// One group of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupFigures {
    /// The group's values, one a grouping column; null where missing.
    pub group: Vec<Option<String>>,
    pub outcome: Outcome,
    #[serde(flatten)]
    pub message: Message,
    pub figures: Figures,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_differ() {
        assert!(ALL.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn figures_come_back_with_their_units() {
        let mut figures = Figures::from([(&MEAN, 2.5.into()), (&NEWEST, "2026-11-22".into())]);
        figures.set_rows_of("n/a", 3);
        let json = serde_json::to_string(&figures).expect("JSON");
        assert_eq!(json, r#"{"mean":2.5,"n/a":3,"newest":"2026-11-22"}"#);
        assert_eq!(serde_json::from_str::<Figures>(&json).expect("figures"), figures);
    }
}
