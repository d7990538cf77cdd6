//! Options that say how a rule file is read: its variables, settings, and which of its rules are judged.

use clap::Args;

use crate::ruleset;

/// What a rule file is made of beside its text.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Meant {
    /// What `${NAME}` stands for in the rule file; may be given again
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// Part of the rule file, written anew: `--set gate.publish=lake/orders`; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Of a rule file that has `tables`: this table alone. Its foreign keys look into what its parents have published
    #[arg(long = "table", value_name = "NAME")]
    table: Option<String>,
}

impl Meant {
    pub(super) fn choices(&self) -> ruleset::Choices {
        let (variables, settings, table) = (self.variables.clone(), self.settings.clone(), self.table.clone());
        ruleset::Choices { variables, settings, table, ..ruleset::Choices::default() }
    }

    /// With what each of several rule files is read.
    pub(super) fn shared(&self, files: &[String]) -> ruleset::Choices {
        ruleset::Choices { is_shared: files.len() > 1, ..self.choices() }
    }
}

/// These, and which rules are judged.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Choices {
    #[command(flatten)]
    meant: Meant,
    /// Judge these rules alone, by id or as `tag:NAME`; may be given again. The report names those that are left out
    #[arg(long = "only", value_name = "ID")]
    only: Vec<String>,
    /// Whether other rule files are read with the same options.
    #[arg(skip)]
    pub is_shared: bool,
}

impl Choices {
    /// The rules that are asked for; none if all are.
    pub(super) fn only(&self) -> &[String] {
        &self.only
    }

    pub(super) fn choices(&self) -> ruleset::Choices {
        ruleset::Choices { only: self.only.clone(), is_shared: self.is_shared, ..self.meant.choices() }
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("write `--var NAME=VALUE`")?;
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    match pair.0.starts_with(begins) && pair.0.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        true => Ok((pair.0.to_owned(), pair.1.to_owned())),
        false => Err(format!("`{}` is no name of a variable: letters, digits and `_`", pair.0)),
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (keys, value) = text.split_once('=').ok_or("write `--set KEY=VALUE`, such as `--set gate.publish=lake/orders`")?;
    match keys.split('.').all(|key| !key.is_empty()) {
        true => Ok((keys.to_owned(), value.to_owned())),
        false => Err(format!("`{keys}` is no path of keys such as `gate.publish`")),
    }
}
