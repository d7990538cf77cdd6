//! JSON Schemas, and which of their keywords rows fail.

mod instance;
mod violations;

use std::fmt;
use std::sync::{Arc, OnceLock};

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{PatternOptions, ReferencingError, ValidationError, Validator};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use self::instance::{Instance, NotJson, each_instance, each_text};
pub use self::violations::{Violations, ViolationsOut};
use crate::diagnostic::Misread;

/// Editions of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Draft {
    Draft4,
    Draft6,
    Draft7,
    Draft201909,
    Draft202012,
}

impl Draft {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Draft4, "4", "json-schema.org/draft-04/schema"),
        (Self::Draft6, "6", "json-schema.org/draft-06/schema"),
        (Self::Draft7, "7", "json-schema.org/draft-07/schema"),
        (Self::Draft201909, "2019-09", "json-schema.org/draft/2019-09/schema"),
        (Self::Draft202012, "2020-12", "json-schema.org/draft/2020-12/schema"),
    ];

    /// The draft of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(draft, ..)| *draft)
    }

    /// Every name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(_, name, _)| *name)
    }

    /// The draft that a schema's `$schema` names.
    fn of_uri(uri: &str) -> Option<Self> {
        let uri = uri.trim_end_matches('#');
        let uri = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
        Self::ALL.iter().find(|(.., known)| *known == uri).map(|(draft, ..)| *draft)
    }

    fn known(self) -> jsonschema::Draft {
        match self {
            Self::Draft4 => jsonschema::Draft::Draft4,
            Self::Draft6 => jsonschema::Draft::Draft6,
            Self::Draft7 => jsonschema::Draft::Draft7,
            Self::Draft201909 => jsonschema::Draft::Draft201909,
            Self::Draft202012 => jsonschema::Draft::Draft202012,
        }
    }
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(draft, ..)| draft == self).map_or("", |(_, name, _)| name);
        f.write_str(name)
    }
}

/// A schema, and what of a row is held against it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SchemaSpec {
    /// JSON text.
    pub schema: String,
    pub draft: Draft,
    /// Whether `format` is checked.
    pub formats: bool,
    pub instance: Instance,
    /// Whether missing values are left out of objects, rather than written as `null`.
    pub omit_missing: bool,
    /// Made once for all copies.
    #[serde(skip)]
    compiled: Compiled,
}

#[derive(Debug, Clone, Default)]
struct Compiled(Arc<OnceLock<Option<Validator>>>);

impl PartialEq for SchemaSpec {
    fn eq(&self, other: &Self) -> bool {
        let parts = |s: &Self| (s.draft, s.formats, s.omit_missing);
        parts(self) == parts(other) && self.instance == other.instance && self.schema == other.schema
    }
}

impl SchemaSpec {
    /// A schema of records, of `draft` or of the one that it names itself.
    ///
    /// # Errors
    /// It is no JSON Schema that can be used here.
    pub fn read(schema: String, draft: Option<Draft>, formats: bool, omit_missing: bool) -> Result<Self, Misread> {
        let json: Json = serde_json::from_str(&schema).map_err(|e| Misread::new(format!("the schema is not JSON: {e}")))?;
        let named = match json.get("$schema") {
            None => None,
            Some(uri) => match (uri.as_str().and_then(Draft::of_uri), draft) {
                (Some(named), Some(draft)) if named != draft => {
                    let what = format!("the schema's `$schema` names draft {named}, and `draft` says {draft}");
                    return Err(Misread::new(what).hint("keep one of them"));
                }
                (Some(named), _) => Some(named),
                (None, Some(_)) => None,
                (None, None) => {
                    let hint =
                        format!("the drafts are {}; `draft` beside `schema` says which", Draft::names().collect::<Vec<_>>().join(", "));
                    return Err(Misread::new(format!("the schema's `$schema` is {uri}, which is no draft known here")).hint(hint));
                }
            },
        };
        let draft = draft.or(named).unwrap_or(Draft::Draft202012);
        let (instance, compiled) = (Instance::default(), Compiled::default());
        let spec = Self { schema, draft, formats, instance, omit_missing, compiled };
        let validator = compile(&json, draft, formats)?;
        if spec.compiled.0.set(Some(validator)).is_err() {
            return Err(Misread::new("internal error: a schema was compiled twice"));
        }
        Ok(spec)
    }

    /// The same schema, held against another part of the row.
    #[must_use]
    pub fn of(&self, instance: Instance) -> Self {
        Self { instance, ..self.clone() }
    }

    /// None of text that no [`SchemaSpec::read`] has seen: a damaged plan.
    pub fn validator(&self) -> Option<&Validator> {
        let compiled = || compile(&serde_json::from_str(&self.schema).ok()?, self.draft, self.formats).ok();
        self.compiled.0.get_or_init(compiled).as_ref()
    }
}

fn compile(schema: &Json, draft: Draft, formats: bool) -> Result<Validator, Misread> {
    let options = jsonschema::options().with_draft(draft.known()).offline();
    // Patterns in linear time; formats that nobody knows would pass unseen.
    let options =
        options.with_pattern_options(PatternOptions::regex()).should_validate_formats(formats).should_ignore_unknown_formats(!formats);
    options.build(schema).map_err(|why| explained(&why))
}

/// Why a schema cannot be used.
fn explained(why: &ValidationError<'_>) -> Misread {
    if let ValidationErrorKind::Referencing(reference) = why.kind() {
        let hint = "put what it refers to into `$defs` (`definitions` before draft 2019-09) of the same schema";
        return match reference {
            ReferencingError::Unretrievable { uri, .. } => {
                Misread::new(format!("the schema refers to `{uri}`, and other files and addresses are not read")).hint(hint)
            }
            other => Misread::new(format!("a reference in the schema leads nowhere: {other}")).hint(hint),
        };
    }
    let path = why.instance_path().as_str();
    if path.ends_with("/format") {
        let what = format!("the format {} at `{path}` is not known here", why.instance());
        return Misread::new(what).hint("leave out `formats` to have no format checked");
    }
    let at = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
    let misread = Misread::new(format!("no valid JSON Schema{at}: {why}"));
    match why.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => {
            misread.hint("patterns are regular expressions without look-around and back references, as in the rule `pattern`")
        }
        _ if path.ends_with("/type") => misread.hint("the types are array, boolean, integer, null, number, object and string"),
        _ => misread,
    }
}

/// A keyword that an instance fails, and where: `items[].price`, in the notation of columns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reason {
    /// Empty where the whole instance fails.
    pub path: String,
    pub keyword: String,
}

impl Reason {
    pub(super) fn of(error: &ValidationError<'_>) -> Self {
        fn step(path: &mut String, name: &str) {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(name);
        }
        let mut path = String::new();
        for segment in error.instance_path().iter() {
            match segment {
                LocationSegment::Property(name) => step(&mut path, &name),
                LocationSegment::Index(_) => path.push_str("[]"),
            }
        }
        // What is required and not there says more than the object that lacks it.
        if let ValidationErrorKind::Required { property: Json::String(name) } = error.kind() {
            step(&mut path, name);
        }
        Self { path, keyword: error.kind().keyword().to_owned() }
    }

    /// It could not be written or read as JSON at all.
    pub(super) fn of_text(why: NotJson) -> Self {
        let (path, keyword) = match why {
            NotJson::Text => (String::new(), "not JSON"),
            NotJson::Infinite(path) => (path, "infinite, which JSON cannot say"),
        };
        Self { path, keyword: keyword.to_owned() }
    }
}
