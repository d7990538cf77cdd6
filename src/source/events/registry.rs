//! The schema registry: which schema an id stands for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault};
use crate::remote::Surroundings;
use crate::source::avro::WriterSchema;

/// A schema is text that people write; a longer one is none.
const ANSWER_BYTES_MAX: usize = 16 << 20;
const TIME_MAX: Duration = Duration::from_secs(30);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long to wait before each further attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// What a registry says of an id that it does not know.
const UNKNOWN_SCHEMA: i64 = 40403;

/// Whoever may ask, by the names of the variables that say so.
const USER: &str = "SCHEMA_REGISTRY_USER";
const PASSWORD: &str = "SCHEMA_REGISTRY_PASSWORD";
/// A file that holds the password.
const PASSWORD_FILE: &str = "SCHEMA_REGISTRY_PASSWORD_FILE";

/// A schema registry, and the schemas that it gave so far: what an id stands for never changes.
#[derive(Debug)]
pub struct Registry {
    url: String,
    schemas: Mutex<HashMap<u32, Arc<Registered>>>,
}

/// The schema of an id, or why its records cannot be read.
pub(super) type Registered = Result<WriterSchema, String>;

impl Registry {
    /// The one at `url`.
    pub fn new(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), schemas: Mutex::default() }
    }

    /// The schema that `id` stands for, or why records that name it cannot be read.
    ///
    /// # Errors
    /// The registry does not answer, or not as one does.
    pub(super) fn schema(&self, id: u32, here: &Surroundings) -> Result<Arc<Registered>, Fault> {
        let known = self.schemas.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let answer = self.ask(id, here)?;
        // What is not known today may be registered tomorrow.
        let Some(registered) = answer else { return Ok(Arc::new(Err(format!("the schema registry has no schema {id}")))) };
        let registered = Arc::new(registered);
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner).insert(id, registered.clone());
        Ok(registered)
    }

    /// What the registry says of `id`; none where it says that it does not know it.
    fn ask(&self, id: u32, here: &Surroundings) -> Result<Option<Registered>, Fault> {
        let failed =
            |what: String| Fault::new(Code::Unreadable, what).hint("the offsets stay where they are: run again once the registry answers");
        let url = format!("{}/schemas/ids/{id}", self.url);
        let credentials = credentials(here)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| failed(format!("{url}: cannot ask: {e}")))?;
        let (status, body) = runtime.block_on(asked(&url, credentials)).map_err(|why| failed(format!("{url}: {why}")))?;
        if status == StatusCode::OK {
            return said(id, &body).map(Some).map_err(|why| failed(format!("{url}: the answer is none of a schema registry: {why}")));
        }
        #[derive(Deserialize)]
        struct Refusal {
            error_code: i64,
        }
        let refusal = serde_json::from_slice::<Refusal>(&body).ok().map(|refusal| refusal.error_code);
        match (status, refusal) {
            (StatusCode::NOT_FOUND, Some(UNKNOWN_SCHEMA)) => Ok(None),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                let fault = Fault::new(Code::PermissionDenied, format!("{url}: the schema registry answers {status}"));
                Err(fault.hint(format!("set {USER} and {PASSWORD}, or {PASSWORD_FILE}")))
            }
            _ => Err(failed(format!("{url}: the schema registry answers {status}"))),
        }
    }
}

impl PartialEq for Registry {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for Registry {}

/// User and password, where there are any.
fn credentials(here: &Surroundings) -> Result<Option<(String, String)>, Fault> {
    let Some(user) = here.variable(USER) else { return Ok(None) };
    let password = match (here.variable(PASSWORD), here.variable(PASSWORD_FILE)) {
        (Some(password), _) => password.to_owned(),
        (None, Some(path)) => std::fs::read_to_string(path)
            .map_err(|e| Fault::new(Code::of_reading(&e), format!("{path}, which {PASSWORD_FILE} names: cannot read: {e}")))?
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
        (None, None) => String::new(),
    };
    Ok(Some((user.to_owned(), password)))
}

/// Status and body of the answer; a registry that is busy or starting is asked again.
async fn asked(url: &str, credentials: Option<(String, String)>) -> Result<(StatusCode, Vec<u8>), String> {
    // The environment, which may name a proxy, is read by the command line alone.
    let client = reqwest::Client::builder().no_proxy().timeout(TIME_MAX).connect_timeout(CONNECT_TIME_MAX);
    // Whoever redirects would be shown the password.
    let client = client.redirect(reqwest::redirect::Policy::none()).build().map_err(|e| why(&e))?;
    let mut pauses = PAUSES.into_iter();
    loop {
        let answer = once(&client, url, credentials.as_ref()).await;
        let is_passing = match &answer {
            Ok((status, _)) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Err(_) => true,
        };
        match pauses.next().filter(|_| is_passing) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return answer,
        }
    }
}

async fn once(client: &reqwest::Client, url: &str, credentials: Option<&(String, String)>) -> Result<(StatusCode, Vec<u8>), String> {
    let mut request = client.get(url).header("accept", "application/vnd.schemaregistry.v1+json, application/json");
    if let Some((user, password)) = credentials {
        request = request.basic_auth(user, Some(password));
    }
    let mut answer = request.send().await.map_err(|e| why(&e))?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| why(&e))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(format!("the answer is longer than {} MiB", ANSWER_BYTES_MAX >> 20));
        }
    }
    Ok((answer.status(), body))
}

/// What went wrong, to its root, without the URL, which the message names already.
fn why(error: &reqwest::Error) -> String {
    let mut root: &dyn std::error::Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    match error.is_timeout() {
        true => "the schema registry does not answer in time".to_owned(),
        false => format!("cannot reach the schema registry: {root}"),
    }
}

/// What an answer says of the schema.
fn said(id: u32, body: &[u8]) -> Result<Registered, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        schema: String,
        schema_type: Option<String>,
        #[serde(default)]
        references: Vec<serde_json::Value>,
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    Ok(match answer.schema_type.as_deref().unwrap_or("AVRO") {
        "AVRO" if answer.references.is_empty() => {
            WriterSchema::of(&answer.schema).map_err(|why| format!("schema {id} cannot be used: {why}"))
        }
        "AVRO" => Err(format!("schema {id} refers to other schemas, which is not supported")),
        other => Err(format!("schema {id} is of {other}, and the value is read as Avro")),
    })
}
