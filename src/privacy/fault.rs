//! Faults where columns are masked: what may quote a value is not shown.

use super::Privacy;
use crate::diagnostic::{Code, Fault, Faults};

/// What a fault of some kind may quote.
enum Quotes {
    /// Names, words and places.
    Nothing,
    /// What the rule file, or a table, says of values.
    Literals,
    /// Values of the data, in the words of a library.
    Values,
}

impl Privacy {
    /// The faults without values of masked columns. `around` gives what stands in the rule file at a line.
    #[must_use]
    pub fn quiet<'a>(&self, faults: Faults, around: impl Fn(u32) -> &'a str) -> Faults {
        if self.is_empty() {
            return faults;
        }
        Faults(faults.0.into_iter().map(|fault| self.quietened(fault, &around)).collect())
    }

    fn quietened<'a>(&self, fault: Fault, around: &impl Fn(u32) -> &'a str) -> Fault {
        const WHY: &str = "what is wrong may hold values of masked columns, and is not shown";
        let speaks = |fault: &Fault| {
            self.mentions(&fault.what) || fault.place.as_ref().is_some_and(|place| place.line > 0 && self.mentions(around(place.line)))
        };
        match quotes(fault.code) {
            Quotes::Literals if speaks(&fault) => {
                let meaning = fault.code.meaning().trim_end_matches('.');
                Fault { what: format!("{meaning}: {WHY}"), hint: None, ..fault }
            }
            Quotes::Values => {
                let begins = fault.what.split(": ").next().unwrap_or_default();
                let begins = if self.mentions(begins) { fault.code.meaning().trim_end_matches('.') } else { begins };
                Fault { what: format!("{begins}: {WHY}"), hint: None, ..fault.clone() }
            }
            Quotes::Nothing | Quotes::Literals => fault,
        }
    }
}

fn quotes(code: Code) -> Quotes {
    use Code::*;
    match code {
        InvalidValue | ConflictingWords | InvalidSql | ExpressionFailed | TableRefused | UnknownWord | UnfitColumn | NotReplaceable
        | TooManyGroups | UnsupportedType => Quotes::Literals,
        ScratchFailed | Internal => Quotes::Values,
        InvalidYaml | MissingWord | MisplacedWord | DuplicateId | UnknownRule | UnknownColumn | MissingOption | MalformedOption
        | ConflictingOptions | InvalidEnvironment | InvalidLocation | CredentialsInUrl | OutsideRoot | FileNotFound | NotAFile
        | UnsafeLink | PermissionDenied | Unreadable | Unwritable | NoSpace | NotDurable | Occupied | UnknownFormat | WrongFormat
        | Empty | Damaged | InvalidLayout | InvalidEncoding | FilesDiffer | DuplicateColumn | Unsupported | TooLarge | FileChanged
        | ForeignFold | TypesUnsettled | SetAsideBefore | UnfitDestination | SchemaDiffers | TableChanged | Locked | UnsafeStore
        | AlreadyPublished | NotPublished | RowsGone | FateUnknown | UnknownBatch | NotReplayable | ReplayUnfinished | InvalidMended
        | Cancelled | Other => Quotes::Nothing,
    }
}
