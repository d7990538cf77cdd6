use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::Value as Json;

use super::files::Files;
use super::judgement::{Judgement, RowsJudged};
use super::requests::Handle;
use super::words::Literal;
use super::{Binder, GroupFacts, Judge, RowTest, Rule, SecondPass, Subject, TestHandle, Tested};
use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::findings::Figures;
use crate::metric::Column;
use crate::metric::json_schema::{Draft, Instance, SchemaSpec, Violations, ViolationsOut, each_instance};
use crate::rows::Mask;
use crate::types::is_text;
use crate::yaml::Spanned;

/// Records, or values of one column, that a JSON Schema does not allow.
///
/// Without `column` each row is one JSON object, its columns are the keys. With `column` it is the
/// value of that column: of text the JSON that it writes, of a struct, a list or any other type the
/// value itself. A row fails if the schema does not allow its JSON, or if a text is not JSON. The
/// finding names the most frequent reasons, each with the path of what fails (`items[].price`), the
/// keyword and how many rows it fails; for that the failing batch is read a second time. All columns
/// are read.
///
/// Rows become JSON so: numbers as numbers (a decimal as a whole number or the nearest float, and
/// whole numbers beyond 64 bits as floats), booleans as such, text as text, dates as `2026-01-31`,
/// timestamps as `2026-01-31T17:45:00Z` (one without a zone is UTC), times as `17:45:00`, binary
/// values as hexadecimal digits, structs and maps as objects, lists as arrays. In JSON text the last of two equal keys counts.
///
/// A missing value (NaN is one) is `null`: `type: string` fails it. With `omit_missing: true` it is
/// a key that is absent: `required` fails it, `type` does not. A file of JSON records does not tell
/// the two apart once it is read, since a key that some records lack is a column that they have no
/// value in. Missing elements of lists are always `null`.
///
/// Drafts 4, 6, 7, 2019-09 and 2020-12, as `$schema` or `draft` says; 2020-12 if neither does.
/// `format` is checked with `formats: true` only, whatever the draft; a format that is not known is
/// then a mistake. Patterns are regular expressions in linear time, without look-around and back
/// references. The schema is one file: a `$ref` may lead to another place in it, such as `$defs`,
/// and not to other files or addresses, which are never read. A changed schema file is a changed
/// rule file.
///
/// `- json_schema: schemas/order.json` is short for `- json_schema: { schema: schemas/order.json }`. Beside a contract,
/// `schema: { json_schema: schemas/order.json }` is that rule too.
///
/// - Missing values and NaN: `null` in the record (with `column`, a missing value passes, unless `nulls: fail`).
/// - Infinities: JSON has none, so the row fails.
/// - No rows: `no_data`.
///
/// Why: a producer and its consumers agreed on a schema, and the payload in a column is what they agreed on.
///
/// ```yaml
/// - json_schema: { schema: schemas/order.json }
/// - json_schema: { column: payload, schema: schemas/event.json, draft: 7, formats: true }
/// - json_schema: { column: tags, schema: { type: array, minItems: 1, items: { type: string } } }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordSchema {
    /// The column whose values are judged. If left out: the whole record.
    column: Option<Spanned<String>>,
    /// The JSON Schema: the path of a file, or the schema itself.
    schema: Spanned<Given>,
    /// The draft that the schema is of: 4, 6, 7, 2019-09 or 2020-12. If left out: `$schema` of the schema, else 2020-12.
    draft: Option<Spanned<DraftName>>,
    /// Whether `format` is checked.
    #[serde(default)]
    formats: bool,
    /// Whether a missing value is a key that is absent, rather than `null`.
    #[serde(default)]
    omit_missing: bool,
    /// The schema, once it was read.
    #[serde(skip)]
    #[schemars(skip)]
    read: Option<SchemaSpec>,
}

/// A schema as a rule file gives it.
#[derive(Debug, Clone)]
enum Given {
    File(String),
    Inline(Json),
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Given;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the path of a JSON Schema, or the schema itself")
            }
            fn visit_str<E: de::Error>(self, path: &str) -> Result<Given, E> {
                Ok(Given::File(path.to_owned()))
            }
            fn visit_bool<E: de::Error>(self, schema: bool) -> Result<Given, E> {
                Ok(Given::Inline(schema.into()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Given, A::Error> {
                Json::deserialize(de::value::MapAccessDeserializer::new(map)).map(Given::Inline)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Given {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "GivenSchema".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "object", "boolean"] })
    }
}

#[derive(Debug, Clone, Copy)]
struct DraftName(Draft);

impl<'de> Deserialize<'de> for DraftName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Literal::deserialize(deserializer)?.0;
        let hint = || format!("write one of {}", Draft::names().collect::<Vec<_>>().join(", "));
        let unknown = || Misread::new(format!("`{name}` is no draft known here")).hint(hint());
        Draft::named(&name).map(Self).ok_or_else(|| crate::yaml::misread(unknown()))
    }
}

impl JsonSchema for DraftName {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Draft".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "enum": [4, 6, 7, "2019-09", "2020-12"] }, { "type": "string", "pattern": "^[467]$" }] })
    }
}

impl Rule for RecordSchema {
    const NAME: &'static str = "json_schema";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = true;
    const CLAIMS: &'static [&'static str] = &["column"];
    const SHORT: Option<&'static str> = Some("schema");

    fn read_files(&mut self, files: &mut Files<'_>) -> Result<(), Faults> {
        let text = match &self.schema.value {
            Given::File(path) => files.text(&Spanned { at: self.schema.at, value: path.clone() })?,
            Given::Inline(json) => json.to_string(),
        };
        let draft = self.draft.as_ref().map(|draft| draft.value.0);
        let read = SchemaSpec::read(text, draft, self.formats, self.omit_missing);
        let of_file = |why: Misread| match &self.schema.value {
            Given::File(path) => Misread { what: format!("`{path}`: {}", why.what), ..why },
            Given::Inline(_) => why,
        };
        self.read = Some(read.map_err(|why| files.fault_at(&self.schema, Code::InvalidValue, of_file(why)))?);
        Ok(())
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let Some(schema) = &self.read else {
            return Err(to.fault(Code::Internal, "internal error: the schema was not read").into());
        };
        let (instance, columns, has_elements) = match &self.column {
            None => {
                if to.nulls_fail() {
                    let fault = to.fault(Code::MisplacedWord, "`nulls` has no meaning for a whole record, which is never missing");
                    return Err(fault.hint("say in the schema what is `required`, or judge missing values with `missing`").into());
                }
                let names = to.schema().fields().iter().map(|f| f.name().clone()).collect();
                (Instance::Record(names), to.all_columns(), false)
            }
            Some(name) => {
                let column = to.find(name)?;
                let instance = if is_text(&column.data_type) { Instance::Text } else { Instance::Value };
                (instance, vec![column.index], to.is_element(column.index))
            }
        };
        let spec = schema.of(instance);
        let test = to.row_test(SchemaTest { spec: spec.clone() }, &columns);
        // A state counts rows, and an element of a list is none.
        let reasons = if has_elements { Reasons::Untold } else { Reasons::Unasked };
        Ok(Box::new(SchemaCheck { test, spec, columns, reasons }))
    }
}

struct SchemaTest {
    spec: SchemaSpec,
}

impl RowTest for SchemaTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let validator = self.spec.validator().expect("the schema was compiled when it was read");
        let unknown = || columns[0].missing().clone();
        match &self.spec.instance {
            Instance::Text => {
                let is_wrong = |text: &str| !serde_json::from_str(text).is_ok_and(|json| validator.is_valid(&json));
                let fails = columns[0].texts_for_which(is_wrong).expect("the column was bound as text");
                Tested { fails, unknown: unknown() }
            }
            Instance::Record(_) | Instance::Value => {
                let mut fails = vec![false; len];
                each_instance(&self.spec.instance, self.spec.omit_missing, columns, &Mask::All, len, |row, json| {
                    fails[row] = !json.is_ok_and(|json| validator.is_valid(json));
                });
                let unknown = if self.spec.instance == Instance::Value { unknown() } else { Mask::None };
                Tested { fails: Mask::new(fails.into()), unknown }
            }
        }
    }
}

/// Why rows fail: counted in a second pass, once it is known that some do.
#[derive(Clone, Copy)]
enum Reasons {
    Unasked,
    Asked(Handle<Violations>),
    Untold,
}

#[derive(Clone)]
struct SchemaCheck {
    test: TestHandle,
    spec: SchemaSpec,
    columns: Vec<usize>,
    reasons: Reasons,
}

impl Judge for SchemaCheck {
    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let counts = facts.test(self.test);
        let reasons = match self.reasons {
            Reasons::Unasked if counts.failing > 0 => {
                self.reasons = Reasons::Asked(pass.want_of_all_rows::<Violations>(self.spec.clone(), &self.columns));
                return Ok(Judgement::NeedsPass);
            }
            Reasons::Asked(handle) => facts.get(handle)?,
            Reasons::Unasked | Reasons::Untold => None,
        };
        let mut judged = RowsJudged::of_test(counts, "do not match the JSON Schema");
        if let Some(reasons) = reasons.filter(|reasons| !reasons.is_empty()) {
            judged.says = format!("{}: {}", judged.says, self.said(reasons));
            let mut figures = Figures::default();
            reasons.iter().take(SHOWN_MAX).for_each(|(reason, rows)| figures.set_rows_of(self.name(&reason.path, &reason.keyword), *rows));
            judged.figures = figures;
        }
        Ok(Judgement::Rows(judged))
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }
}

/// So many reasons are named.
const SHOWN_MAX: usize = 5;

impl SchemaCheck {
    fn said(&self, reasons: &ViolationsOut) -> String {
        let one = |(reason, rows): &(_, u64)| {
            let crate::metric::json_schema::Reason { path, keyword } = reason;
            format!("{} ({})", self.name(path, keyword), crate::shown::counted(*rows, "row"))
        };
        let mut said: Vec<String> = reasons.iter().take(SHOWN_MAX).map(one).collect();
        let more = reasons.len().saturating_sub(SHOWN_MAX);
        said.extend((more > 0).then(|| format!("and {more} more")));
        said.join(", ")
    }

    /// "`price`: minimum".
    fn name(&self, path: &str, keyword: &str) -> String {
        match (path.is_empty(), &self.spec.instance) {
            (false, _) => format!("`{path}`: {keyword}"),
            (true, Instance::Record(_)) => format!("the record: {keyword}"),
            (true, Instance::Text | Instance::Value) => format!("the value: {keyword}"),
        }
    }
}
