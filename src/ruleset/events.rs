//! The records of a topic, as a rule file speaks of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::diagnostic::{Code, Fault, Faults};
use crate::source::{EventColumn, EventKey, EventOptions, EventValue, Registry, Tombstones};
use crate::yaml::Spanned;

/// How the records of a topic become rows.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Events")]
pub struct EventsSection {
    /// How values are written. If left out: `json`.
    value: Option<Spanned<EventValue>>,
    /// The schema registry that says what an id stands for: `http://host:8081`. If left out: required for `value: avro`.
    registry: Option<Spanned<String>>,
    /// What of a record becomes a column beside its value. If left out: nothing.
    #[serde(default)]
    columns: Vec<Spanned<EventColumn>>,
    /// What type the column `kafka_key` is of. If left out: `text`.
    key: Option<Spanned<EventKey>>,
    /// What becomes of records without a value. If left out: `malformed`.
    tombstones: Option<Tombstones>,
}

impl EventsSection {
    /// The same for a source; `faults` take what is wrong.
    pub(super) fn options(&self, path: &str, faults: &mut Faults) -> EventOptions {
        let mut columns: Vec<EventColumn> = Vec::new();
        for column in &self.columns {
            if columns.contains(&column.value) {
                let fault = Fault::new(Code::ConflictingWords, format!("`{}` stands twice in `columns`", column.value.word()));
                faults.push(fault.at(column.at.in_file(path)).hint("name each once"));
                continue;
            }
            columns.push(column.value);
        }
        if let Some(key) = self.key.as_ref().filter(|_| !columns.contains(&EventColumn::Key)) {
            let fault = Fault::new(Code::MisplacedWord, "`key` says how the column `kafka_key` is read, and there is none");
            faults.push(fault.at(key.at.in_file(path)).hint("write `columns: [key]` too, or leave `key` out"));
        }
        let value = self.value.as_ref().map(|value| value.value).unwrap_or_default();
        EventOptions {
            value,
            registry: self.registry(value, path, faults),
            columns,
            key: self.key.as_ref().map(|key| key.value).unwrap_or_default(),
            tombstones: self.tombstones.unwrap_or_default(),
        }
    }

    fn registry(&self, value: EventValue, path: &str, faults: &mut Faults) -> Option<Arc<Registry>> {
        let Some(registry) = &self.registry else {
            if let Some(written) = self.value.as_ref().filter(|_| value == EventValue::Avro) {
                let fault = Fault::new(Code::MissingWord, "`value: avro` needs a `registry`: values name schemas by their ids");
                faults.push(fault.at(written.at.in_file(path)).hint("write `registry: http://host:8081`"));
            }
            return None;
        };
        let fault = match (value, Url::parse(&registry.value)) {
            (EventValue::Json | EventValue::Text, _) => {
                let fault = Fault::new(Code::MisplacedWord, "a schema registry is asked for `value: avro` alone");
                fault.hint("leave `registry` out: JSON behind a registry's header is read without it")
            }
            (EventValue::Avro, Ok(url)) if !url.username().is_empty() || url.password().is_some() => {
                let fault = Fault::new(Code::CredentialsInUrl, "the URL of the schema registry holds credentials");
                fault.hint("set SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD, and leave them out of the URL")
            }
            (EventValue::Avro, Ok(url))
                if matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none() =>
            {
                return Some(Arc::new(Registry::new(&registry.value)));
            }
            (EventValue::Avro, Ok(_) | Err(_)) => {
                let fault = Fault::new(Code::InvalidValue, format!("`{}` is not the URL of a schema registry", registry.value));
                fault.hint("write it as `http://host:8081` or `https://host/path`")
            }
        };
        faults.push(fault.at(registry.at.in_file(path)));
        None
    }
}
