//! One item of the `rules` list: the words common to all rules are split off, the rest is read by its rule.

use std::sync::Arc;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;

use super::foreign;
use crate::diagnostic::{Code, Fault, Faults, may_mean, plain};
use crate::findings::{FindingCode, builtin};
use crate::rules::words::{ColumnSelection, Literal, Nulls, OnFail, OnNoData, Over, Texts, Tolerance};
use crate::rules::{self, AnyRule, EarlierLimit, RuleEntry, Subject};
use crate::yaml::{self, Entry, Node, Position, Spanned, Value};

/// The words that every rule understands.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The finding's name. Some are reserved for findings that need no rule. If left out: the rule and its columns, `range-price`.
    pub id: Option<Spanned<String>>,
    /// What the rule is for; shown with its findings. If left out: nothing is shown.
    pub description: Option<String>,
    /// Who answers for it. If left out: nobody is shown.
    pub owner: Option<String>,
    /// Labels. If left out: none.
    pub tags: Option<Texts>,
    /// Where to read what to do about it. If left out: nothing is shown.
    pub runbook: Option<String>,
    /// The column the rule is about. If left out: required unless `columns` is given.
    pub column: Option<Spanned<String>>,
    /// Several columns; one finding each. If left out: required unless `column` is given.
    pub columns: Option<Spanned<ColumnSelection>>,
    /// SQL: the rows that the rule judges. A row for which it cannot be computed (a division by zero) is a fault, exit code 2. If left out: all rows.
    pub r#where: Option<Spanned<String>>,
    /// Columns whose values make groups, each judged by itself. If left out: all rows are one group.
    pub by: Option<Spanned<Texts>>,
    /// What follows when the rule fails. If left out: `quarantine` for rules that name rows, `reject` for others; each rule says.
    pub on_fail: Option<Spanned<OnFail>>,
    /// How many failing rows may stay. If left out: none.
    pub tolerate: Option<Spanned<Tolerance>>,
    /// A stricter limit that only warns: with `tolerate: 2%`, `warn: 1%`. If left out: no earlier limit.
    pub warn: Option<Spanned<Literal>>,
    /// Whether rows whose value is missing pass. If left out: `pass`.
    pub nulls: Option<Spanned<Nulls>>,
    /// What follows when there is nothing to judge: no rows, no values, a column that is not there. If left out: `stop` if `on_fail` is `quarantine` or `reject`, else `warn`; an empty `where` or group warns.
    pub on_no_data: Option<OnNoData>,
    /// A batch, or a group of `by`, with fewer rows than this is shown and not judged: it neither fails nor warns. Rows are counted as the rule sees them, within `where` and `over`; where there is none at all, `on_no_data` decides. If left out: few rows are judged too.
    pub min_rows: Option<u64>,
    /// Whether what cannot be judged for want of data fails: a group below `min_rows`, a group without values, a sample too small to tell. If left out: `false`.
    pub require_evidence: Option<Spanned<bool>>,
    /// Which rows a measure of the batch is taken over. If left out: `sound`.
    pub over: Option<Over>,
}

impl Words {
    pub const KEYS: [&'static str; 17] = [
        "id",
        "description",
        "owner",
        "tags",
        "runbook",
        "column",
        "columns",
        "where",
        "by",
        "on_fail",
        "tolerate",
        "warn",
        "nulls",
        "on_no_data",
        "min_rows",
        "require_evidence",
        "over",
    ];

    /// The words that the built-in rule `malformed` takes.
    pub const OF_MALFORMED: [&'static str; 7] = ["description", "owner", "tags", "runbook", "on_fail", "tolerate", "warn"];

    /// The words that mean something for `rule`.
    pub fn keys_for(rule: &RuleEntry) -> impl Iterator<Item = &'static str> + '_ {
        Self::KEYS.into_iter().filter(|key| !rule.claims.contains(key) && rule.refuses(key).is_none())
    }
}

/// A rule of the file, configured.
pub struct RuleItem {
    /// Which kind its findings are.
    pub code: FindingCode,
    pub entry: &'static RuleEntry,
    pub rule: Box<dyn AnyRule>,
    pub words: Arc<Words>,
    pub at: Position,
    /// Whether it uses a word with which its rule speaks of rows.
    pub about_rows: bool,
    /// What stands behind its name.
    pub config: Node,
    /// A digest of what the rule file says of it.
    pub meaning: u128,
}

impl RuleItem {
    /// Whether its findings are about rows rather than about one column each.
    pub fn is_about_rows(&self) -> bool {
        self.entry.subject == Subject::Table || self.about_rows
    }
}

pub(super) enum Read {
    Rule(Box<RuleItem>),
    Malformed(Box<Spanned<Words>>),
}

/// Reads one item: `- missing: { … }`.
pub(super) fn read(node: &Node, file: &str) -> Result<Read, Faults> {
    let fault = |what: String| Fault::new(Code::InvalidValue, what).at(node.at.in_file(file));
    let mut faults = Faults::default();
    let (name, name_at, config) = match &node.value {
        Value::Mapping(entries) => match entries.as_slice() {
            [Entry { key, key_at, value }] => (key.as_str(), *key_at, value.clone()),
            [] => return Err(fault("an empty rule".into()).hint(ITEM).into()),
            [first, rest @ ..] => {
                faults.push(side_by_side(first, rest, node.at).at(rest[0].key_at.in_file(file)));
                let beside = || Node { at: node.at, value: Value::Mapping([first.value.entries(), rest].concat()) };
                let are_words = is_rule(&first.key) && rest.iter().all(|e| !is_rule(&e.key));
                (first.key.as_str(), first.key_at, if are_words { beside() } else { return Err(faults) })
            }
        },
        Value::Scalar { text, .. } => (text.as_str(), node.at, Node { at: node.at, value: Value::Mapping(Vec::new()) }),
        Value::Null | Value::Sequence(_) => {
            return Err(fault(format!("a rule is `name: {{ … }}`, this is {}", node.kind())).hint(ITEM).into());
        }
    };
    let at = if matches!(config.value, Value::Null) { name_at } else { name_at.to(config.at) };
    let is_malformed = name == builtin::MALFORMED.rule;
    let Some(entry) = rules::find(name).or(is_malformed.then_some(&rules::MISSING)) else {
        let known = rules::RULES.iter().map(|r| r.name).chain([builtin::MALFORMED.rule]);
        let fault = Fault::new(Code::UnknownRule, format!("unknown rule `{name}`")).at(name_at.in_file(file));
        faults.push(match foreign::instead_of(name, &config) {
            Some(hint) => fault.hint(hint),
            None => fault.hint_word(name, known),
        });
        return Err(faults);
    };
    let config = match config.value {
        Value::Null => Node { at: config.at, value: Value::Mapping(Vec::new()) },
        Value::Mapping(_) => config,
        Value::Scalar { .. } | Value::Sequence(_) => {
            let what = format!("`{name}` takes a mapping, this is {}", config.kind());
            let fault = Fault::new(Code::InvalidValue, what).at(config.at.in_file(file));
            faults.push(fault.hint(in_braces(name, entry, &config)));
            return Err(faults);
        }
    };
    let read = if is_malformed {
        malformed(&config, file).map(|value| Read::Malformed(Box::new(Spanned { at, value })))
    } else {
        configure(entry, &config, at, file).map(|item| Read::Rule(Box::new(RuleItem { meaning: meaning(entry, &config), config, ..item })))
    };
    match faults.take(read) {
        Some(read) => faults.or_ok(read),
        None => Err(faults),
    }
}

/// A digest of what the rule file says of the rule, whatever its layout.
fn meaning(entry: &RuleEntry, config: &Node) -> u128 {
    let mut canonical = entry.name.to_owned();
    config.canonical(&mut canonical);
    xxhash_rust::xxh3::xxh3_128(canonical.as_bytes())
}

/// What to write where a rule's name is followed by something else than its keys.
fn in_braces(name: &str, entry: &RuleEntry, config: &Node) -> String {
    let is_column = entry.subject == Subject::Column;
    match &config.value {
        Value::Scalar { text, .. } if is_column => format!("write `- {name}: {{ column: {text} }}`"),
        Value::Sequence(items) if items.iter().all(|item| !item.entries().is_empty()) => "leave out the `- ` before its keys".to_owned(),
        Value::Sequence(items) if is_column => {
            format!("write `- {name}: {{ columns: [{}] }}`", items.iter().filter_map(Node::text).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => {
            format!("write its keys in braces: `- {name}: {{ … }}`; `sluicegate explain {name}` lists them")
        }
    }
}

const ITEM: &str = "write such as `- missing: { column: email }`";

pub(super) fn is_rule(name: &str) -> bool {
    rules::find(name).is_some() || name == builtin::MALFORMED.rule
}

/// Why several keys stand in one item of the list.
fn side_by_side(first: &Entry, rest: &[Entry], at: Position) -> Fault {
    let second = &rest[0];
    let fault = |what: String| Fault::new(Code::InvalidValue, what);
    match (is_rule(&first.key), is_rule(&second.key)) {
        (true, false) => fault(format!("`{}` stands beside `{}`, not within it", second.key, first.key)).hint(format!(
            "indent `{0}` by {1} blanks, so that it stands within `{2}`",
            second.key,
            at.column + 3,
            first.key
        )),
        (true, true) => fault(format!("`{}` and `{}` are two rules in one item of the list", first.key, second.key))
            .hint(format!("begin each with `- `: `- {}: …`", second.key)),
        (false, _) => match rest.iter().find(|e| is_rule(&e.key)) {
            Some(rule) => fault(format!("`{}` stands before the rule `{}`, not within it", first.key, rule.key))
                .hint(format!("begin the item with the rule: `- {}: {{ {}: … }}`", rule.key, first.key)),
            None => fault(format!("no rule is named here: `{}` and `{}` stand in one item", first.key, second.key))
                .hint("begin each item with the name of a rule, such as `- range: { column: age, min: 0 }`"),
        },
    }
}

fn malformed(config: &Node, file: &str) -> Result<Words, Faults> {
    let mut faults = Faults::default();
    let (known, unknown): (Vec<Entry>, Vec<Entry>) =
        config.entries().iter().cloned().partition(|e| Words::OF_MALFORMED.contains(&e.key.as_str()));
    for entry in unknown {
        let fault = Fault::new(Code::UnknownWord, format!("unknown key `{}`", entry.key)).at(entry.key_at.in_file(file));
        faults.push(fault.hint_word(&entry.key, Words::OF_MALFORMED));
    }
    let words = faults.take(yaml::read::<Words>(&Node { at: config.at, value: Value::Mapping(known) }, file));
    if let Some(words) = &words {
        warns_earlier(EarlierLimit::Rows, words, file, &mut faults);
        let tolerate = words.tolerate.as_ref().map_or(Tolerance::NONE, |t| t.value);
        if let Some(warn) =
            words.warn.as_ref().filter(|warn| warn.value.0.parse().is_ok_and(|warn: Tolerance| !warn.comes_before(&tolerate)))
        {
            faults.push(never_warns(&tolerate).at(warn.at.in_file(file)));
        }
    }
    faults.or_ok(words.unwrap_or_default())
}

/// `warn` must be a limit of the rule's own kind.
fn warns_earlier(limit: EarlierLimit, words: &Words, file: &str, faults: &mut Faults) {
    if let Some(warn) = &words.warn
        && let Err(why) = limit.check(&warn.value)
    {
        faults.push(Fault::told(Code::InvalidValue, why).at(warn.at.in_file(file)));
    }
}

/// A fault: whatever fails beyond `warn` fails beyond `tolerate` already.
pub(crate) fn never_warns(tolerate: &Tolerance) -> Fault {
    let fault = Fault::new(Code::ConflictingWords, "`warn` is not an earlier limit than `tolerate`, so it would never warn");
    match tolerate.is_none() {
        true => fault.hint("without `tolerate` one failing row is too many; add `tolerate`, or write `on_fail: warn`"),
        false => fault.hint(format!("write less than {tolerate}")),
    }
}

/// Why the id cannot be a finding's of this rule: it is reserved for findings that need no rule. A rule may write out the
/// id that it has anyway.
fn taken(id: &Spanned<String>, entry: &RuleEntry, file: &str) -> Option<Fault> {
    let owner = builtin::owner_of(&id.value).filter(|_| id.value != entry.name)?;
    let fault = Fault::new(Code::DuplicateId, format!("the id `{}` is reserved", id.value)).at(id.at.in_file(file));
    Some(fault.hint(format!("it belongs to findings of the kind `{}`, which need no rule; choose another", owner.code)))
}

/// The fault with the values that stand behind the key, instead of examples, so that its hint can be copied.
fn as_written(mut fault: Fault, entry: &Entry) -> Fault {
    let Some(hint) = fault.hint.take() else { return fault };
    let is_mostly = plain(&entry.key) == "mostly" && hint.contains("`tolerate: ");
    let share = entry.value.text().and_then(|text| text.parse::<f64>().ok()).filter(|share| is_mostly && (0.0..1.0).contains(share));
    let hint = match (share, foreign::listed(&entry.value)) {
        // In ten-thousandths of a percent, so that 1 − 0.95 is 5% and no more.
        (Some(share), _) => format!("write `tolerate: {}%`, the failing rows that may stay", ((1.0 - share) * 1e6).round() / 1e4),
        (None, Some(values)) => {
            let regex = entry.value.text().map(foreign::in_quotes).unwrap_or_default();
            hint.replace(": [a, b]`", &format!(": [{values}]`"))
                .replace(": [column]`", &format!(": [{values}]`"))
                .replace("'^[A-Z]+$'", if regex.is_empty() { "'^[A-Z]+$'" } else { &regex })
        }
        (None, None) => hint,
    };
    fault.hint(hint)
}

/// What is wrong with a key that the rule does not take.
fn misplaced(entry: &RuleEntry, key: &str, own: &[String], words: &[&str]) -> Fault {
    let own = own.iter().map(String::as_str);
    if plain(key).starts_with("inclusive") && own.clone().any(|own| own == "above") {
        let fault = Fault::new(Code::UnknownWord, format!("unknown key `{key}` for `{}`", entry.name));
        return fault.hint("leave it out: `min` and `max` include the bound, `above` and `below` do not");
    }
    let Some(why) = Words::KEYS.contains(&key).then(|| entry.refuses(key)).flatten() else {
        let fault = Fault::new(Code::UnknownWord, format!("unknown key `{key}` for `{}`", entry.name));
        return fault.hint_word(key, own.chain(words.iter().copied()));
    };
    let fault = Fault::new(Code::MisplacedWord, format!("`{key}` has no meaning for `{}`", entry.name));
    // Who writes `column` here may mean the columns that the rule calls otherwise.
    let names_columns = matches!(key, "column" | "columns") && own.clone().any(|own| matches!(own, "key" | "groups"));
    if names_columns { fault.hint_word(key, own) } else { fault.hint(format!("{why}; leave it out")) }
}

/// What is wrong with the words that name columns; `about_rows` is the rule's own word that names some itself.
fn wrong_column(entry: &RuleEntry, words: &Words, about_rows: Option<&str>, at: Position, file: &str) -> Option<Fault> {
    match (entry.subject, &words.column, &words.columns, about_rows) {
        (Subject::Column, Some(Spanned { at, .. }), _, Some(word)) | (Subject::Column, _, Some(Spanned { at, .. }), Some(word)) => {
            let fault = Fault::new(Code::MisplacedWord, format!("`{word}` names its columns itself")).at(at.in_file(file));
            Some(fault.hint("leave out `column`"))
        }
        (Subject::Column, None, None, None) => {
            let fault = Fault::new(Code::MissingWord, format!("`{}` needs a column", entry.name)).at(at.in_file(file));
            Some(fault.hint("give `column: name`, or `columns: [a, b]`"))
        }
        (Subject::Column, Some(_), Some(both), None) => {
            let fault = Fault::new(Code::ConflictingWords, "`column` and `columns` stand together").at(both.at.in_file(file));
            Some(fault.hint("keep one of them"))
        }
        (Subject::Column | Subject::Table, ..) => None,
    }
}

/// The entries of a rule; what a comma within text cut off is put back, and said: `{ sql: coalesce(a, 0) > 1 }`.
fn rejoined(config: &Node, is_known: impl Fn(&str) -> bool, file: &str, faults: &mut Faults) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut cut = None;
    for entry in config.entries() {
        let is_rest = matches!(entry.value.value, Value::Null) && !is_known(&entry.key);
        let is_open = |text: &str| text.matches('(').count() > text.matches(')').count();
        match entries.last_mut().map(|last| &mut last.value) {
            Some(Node { at, value: Value::Scalar { text, quoted: false } }) if is_rest && is_open(text) => {
                *text = format!("{text}, {}", entry.key);
                *at = at.to(entry.key_at);
                cut = Some(entries.len() - 1);
            }
            Some(_) | None => entries.push(entry.clone()),
        }
    }
    if let Some((key, Node { at, value: Value::Scalar { text, .. } })) = cut.map(|cut| (&entries[cut].key, &entries[cut].value)) {
        let fault = Fault::new(Code::InvalidValue, "within `{ }` a comma ends the text, unless it is in quotes").at(at.in_file(file));
        let quote = if text.contains('"') { '\'' } else { '"' };
        faults.push(
            fault.hint(format!("write `{key}: {quote}{}{quote}`", if quote == '"' { text.clone() } else { text.replace('\'', "''") })),
        );
    }
    entries
}

fn configure(entry: &'static RuleEntry, config: &Node, at: Position, file: &str) -> Result<RuleItem, Faults> {
    let schema = (entry.schema)(&mut SchemaGenerator::default());
    let own: Vec<String> = schema.get("properties").and_then(|p| p.as_object()).map(|p| p.keys().cloned().collect()).unwrap_or_default();
    let words: Vec<&str> = Words::keys_for(entry).collect();
    let mut faults = Faults::default();
    let (mut own_entries, mut word_entries) = (Vec::new(), Vec::new());
    let is_known = |key: &str| own.iter().any(|o| o == key) || words.contains(&key);
    for e in &rejoined(config, is_known, file, &mut faults) {
        let key = e.key.as_str();
        if let ("column", Value::Sequence(items), true) = (key, &e.value.value, words.contains(&"columns")) {
            // Read as what it was meant to be, so that nothing follows from the mistake.
            let names: Vec<&str> = items.iter().filter_map(Node::text).collect();
            let fault = Fault::new(Code::InvalidValue, "`column` names one column, this is a list").at(e.value.at.in_file(file));
            faults.push(fault.hint(format!("write `columns: [{}]`", names.join(", "))));
            word_entries.push(Entry { key: "columns".to_owned(), ..e.clone() });
        } else if own.iter().any(|o| o == key) {
            own_entries.push(e.clone());
        } else if words.contains(&key) {
            word_entries.push(e.clone());
        } else {
            faults.push(as_written(misplaced(entry, key, &own, &words), e).at(e.key_at.in_file(file)));
        }
    }
    // Its column stands there under another name, which is the mistake.
    let meant_column = config.entries().iter().any(|e| !is_known(&e.key) && (may_mean(&e.key, "column") || may_mean(&e.key, "columns")));
    let speaks_of_rows = |e: &&Entry| entry.about_rows.contains(&e.key.as_str()) && !matches!(e.value.value, Value::Null);
    let about_rows = own_entries.iter().find(speaks_of_rows).map(|e| e.key.clone());
    let node = |entries| Node { at: config.at, value: Value::Mapping(entries) };
    let rule = faults.take((entry.read)(&node(own_entries), file));
    let words = faults.take(yaml::read::<Words>(&node(word_entries), file));
    if let Some(words) = &words {
        let about_rows = about_rows.as_deref();
        faults.extend(wrong_column(entry, words, about_rows, at, file).filter(|fault| !(meant_column && fault.code == Code::MissingWord)));
        if let Some(fault) = words.id.as_ref().and_then(|id| taken(id, entry, file)) {
            faults.push(fault);
        }
        let on_fail = words.on_fail.as_ref().map_or(entry.on_fail, |o| o.value);
        if let Some(required) = words.require_evidence.as_ref().filter(|r| r.value && on_fail == OnFail::Quarantine) {
            let fault = Fault::new(Code::ConflictingWords, "`require_evidence` needs another `on_fail` than `quarantine`");
            let hint = "where there is too little data, no row can be set aside for it: write `on_fail: reject`, or `warn`, beside it";
            faults.push(fault.at(required.at.in_file(file)).hint(hint));
        }
        warns_earlier(entry.warn, words, file, &mut faults);
        if let Some(on_fail) = words.on_fail.as_ref().filter(|o| o.value == OnFail::Quarantine && !entry.names_rows) {
            let fault = Fault::new(Code::MisplacedWord, format!("`{}` names no rows that could be set aside", entry.name))
                .at(on_fail.at.in_file(file));
            faults.push(fault.hint("write `reject`, `warn` or `info`"));
        }
    }
    match (rule, words) {
        (Some(rule), Some(words)) if faults.is_empty() => {
            let (code, config) = (FindingCode::new(entry.name), Node::default());
            Ok(RuleItem { code, entry, rule, words: Arc::new(words), at, about_rows: about_rows.is_some(), config, meaning: 0 })
        }
        _ => Err(faults),
    }
}
