//! `sluicegate completions`: what a shell offers after each option.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};

use crate::docs::SECTIONS;
use crate::rules::RULES;
use crate::source::Format;

/// The completion script for `shell`.
pub(super) fn script(shell: clap_complete::Shell, command: Command) -> String {
    let mut command = offering(command);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "sluicegate", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The commands, with what each argument may be. The parser itself does not know, so that its own messages stay: a wrong
/// rule is answered with the nearest one.
fn offering(command: Command) -> Command {
    command.mut_args(offered).mut_subcommands(offering)
}

fn offered(argument: Arg) -> Arg {
    let (id, placeholder) =
        (argument.get_id().to_string(), argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string));
    match (id.as_str(), placeholder.as_deref()) {
        ("name", _) => {
            let names = RULES.iter().map(|rule| rule.name).chain(SECTIONS.iter().map(|section| section.name));
            argument.value_parser(PossibleValuesParser::new(names))
        }
        ("format", Some("FORMAT")) => argument.value_parser(PossibleValuesParser::new(Format::all_names())),
        (_, Some("DIR")) => argument.value_hint(ValueHint::DirPath),
        ("data" | "rules" | "reports", _) | (_, Some("FILE" | "PATH" | "RULES" | "DATA")) => argument.value_hint(ValueHint::AnyPath),
        _ => argument,
    }
}
