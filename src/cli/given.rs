//! What a run is given beside its options: the environment, and the rule file.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use crate::confines::Confines;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::privacy::MaskKey;
use crate::ruleset::{Choices, Parsed, RuleFile};
use crate::source::{self, ReadOptions};
use crate::store::Surroundings;

use super::output;
use super::web::Web;

/// Beginnings of the variables that say how places elsewhere are reached.
const VARIABLES: [&str; 6] = ["AWS_", "AZURE_", "GOOGLE_", "KAFKA_", "SCHEMA_REGISTRY_", "SLUICEGATE_"];

/// A rule file is at most so large.
const RULE_FILE_BYTES_MAX: u64 = 64 << 20;

/// What places elsewhere need to know of this machine.
pub(super) fn surroundings() -> Surroundings {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    // The key of masks is none of theirs.
    let is_ours = |name: &str| VARIABLES.iter().any(|beginning| name.starts_with(beginning)) && name != MASK_KEY;
    Surroundings {
        variables: variables.filter(|(name, _)| is_ours(name)).collect(),
        staging: std::env::temp_dir(),
        aws_config: aws_file("AWS_CONFIG_FILE", "config"),
        aws_credentials: aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    }
}

/// What stands in a file of AWS: the one that the variable names, or the usual one; nothing if it cannot be read.
fn aws_file(variable: &str, name: &str) -> Option<String> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.or_else(|| Some(std::env::home_dir()?.join(".aws").join(name)))?;
    std::fs::read_to_string(path).ok()
}

/// How to read data, as the rule file says it, from this machine and from elsewhere.
///
/// # Errors
/// The rule file does not say how to read data.
pub(super) fn read_options(rules: &RuleFile) -> Result<ReadOptions, Faults> {
    let of_rules = rules.sections.read_options(&rules.path)?;
    Ok(ReadOptions { surroundings: Arc::new(surroundings()), http: Web::default().allow(of_rules.http), ..of_rules })
}

/// Reads the rule file at `path`, and what its rules name within `confines`.
///
/// # Errors
/// It cannot be read, or says something wrong.
pub(super) fn read_rules(path: &str, confines: Option<&Confines>) -> Result<RuleFile, Faults> {
    read_rules_with(path, confines, &Choices::default())
}

/// The same with variables, settings, and a choice of rules.
///
/// # Errors
/// It cannot be read, or says something wrong.
pub(super) fn read_rules_with(path: &str, confines: Option<&Confines>, choices: &Choices) -> Result<RuleFile, Faults> {
    whole(parse_rules(path, confines, choices)?)
}

/// The rule file, if nothing is wrong with it.
///
/// # Errors
/// What is.
pub(super) fn whole(Parsed { rules, faults, .. }: Parsed) -> Result<RuleFile, Faults> {
    let rules = match rules {
        Some(rules) => faults.or_ok(rules)?,
        None => return Err(faults),
    };
    ensure_one_table(&rules)?;
    Ok(rules)
}

/// Refuses a rule file with several tables where one is worked on.
///
/// # Errors
/// It has several.
pub(super) fn ensure_one_table(rules: &RuleFile) -> Result<(), Fault> {
    if rules.tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = rules.tables.iter().map(|table| format!("`{}`", table.name)).collect();
    let fault = Fault::new(Code::Unsupported, format!("the rule file has several tables ({}), and this works on one", names.join(", ")));
    Err(fault.at(Place::file(&rules.path)).hint("choose one: `--table NAME`; `check` and `gate` judge all of them as one"))
}

/// What can be read of the rule file at `path`, and what is wrong with it.
///
/// # Errors
/// It cannot be read at all.
pub(super) fn parse_rules(path: &str, confines: Option<&Confines>, choices: &Choices) -> Result<Parsed, Fault> {
    let text = whole_text(path).map_err(|e| {
        let fault = match e.kind() {
            std::io::ErrorKind::NotFound => {
                let fault = Fault::new(Code::FileNotFound, "no such rule file");
                let near = source::nearest_beside(path);
                fault.hint(near.map_or_else(|| "check the path behind `-r`".to_owned(), |near| format!("did you mean `{near}`?")))
            }
            std::io::ErrorKind::InvalidData => Fault::new(Code::InvalidEncoding, "this is not text in UTF-8, as a rule file is")
                .hint("name the rule file behind `-r`, and the data without it: `sluicegate check DATA -r RULES.yaml`"),
            std::io::ErrorKind::IsADirectory => Fault::new(Code::NotAFile, "this is a directory, and a rule file is needed")
                .hint("name one file in it, such as `rules.yaml`; `check` and `gate` judge by each file of a directory"),
            _ => Fault::new(Code::of_reading(&e), format!("cannot read the rule file: {e}")),
        };
        fault.at(Place::file(path))
    })?;
    let allow = |named: &str| confines.map_or(Ok(()), |confines| confines.allow(named));
    Ok(RuleFile::read_with(&text, path, choices, &allow).with_files(&allow))
}

/// The text of a rule file, which is no larger than it may be: a device gives bytes for ever.
fn whole_text(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(RULE_FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match text.len() as u64 > RULE_FILE_BYTES_MAX {
        true => Err(std::io::Error::other(format!("it has more than {} MiB", RULE_FILE_BYTES_MAX >> 20))),
        false => Ok(text),
    }
}

/// Holds the key of masks that hash.
const MASK_KEY: &str = "SLUICEGATE_MASK_KEY";

/// The key of masks that hash, if the environment has one.
///
/// # Errors
/// It is too short.
pub(super) fn mask_key() -> Result<Option<MaskKey>, Fault> {
    std::env::var_os(MASK_KEY).map(|secret| MaskKey::new(secret.as_encoded_bytes())).transpose()
}

/// Makes sure that there is a key if the rule file needs one, before anything is read.
///
/// # Errors
/// There is none.
pub(super) fn ensure_mask_key(rules: &RuleFile) -> Result<(), Fault> {
    let privacy = rules.privacy(None);
    if privacy.is_empty() { Ok(()) } else { rules.privacy(mask_key()?).ensure_key() }
}

/// Says that windows of the rule file are not judged by a run of one batch.
pub(super) fn say_of_windows(rules: &RuleFile) {
    if !rules.sections.windows.is_empty() {
        output::note("`windows` are judged where batches keep coming: `gate` over a topic, a watched directory, or with `--every`");
    }
}
