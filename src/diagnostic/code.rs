//! What kind of fault it is, in a word that never changes.

use std::fmt;
use std::io::{self, ErrorKind};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $code:ident = $text:literal,)+) => {
        /// The kind of a fault, by what is to be done about it. Programs act on it; what a fault says may change any time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Code {
            $($(#[doc = $meaning])+ #[serde(rename = $text)] $code,)+
        }

        impl Code {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// As reports write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)+
                }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$code => concat!($($meaning),+).trim_ascii_start(),)+
                }
            }
        }
    };
}

codes! {
    // The rule file.
    /// The rule file is not YAML, or not the part of YAML that is read.
    InvalidYaml = "invalid-yaml",
    /// A key or a word of the rule file is not known.
    UnknownWord = "unknown-word",
    /// A key that must be given is not there.
    MissingWord = "missing-word",
    /// A value is not of the kind, form or range that its key takes.
    InvalidValue = "invalid-value",
    /// Keys contradict each other, or one stands twice.
    ConflictingWords = "conflicting-words",
    /// A key has no meaning where it stands.
    MisplacedWord = "misplaced-word",
    /// Two rules, findings or known issues have one id.
    DuplicateId = "duplicate-id",
    /// No rule or finding has the name that was given.
    UnknownRule = "unknown-rule",
    /// The data has no column of the name that was given.
    UnknownColumn = "unknown-column",
    /// A column is of a type that this rule cannot judge.
    UnfitColumn = "unfit-column",
    /// An SQL expression cannot be parsed or computed.
    InvalidSql = "invalid-sql",
    // How it was called.
    /// Neither the command line nor the rule file says what is needed.
    MissingOption = "missing-option",
    /// An option of the command line has a value that it does not take.
    MalformedOption = "malformed-option",
    /// Two options, or two places that they name, exclude each other.
    ConflictingOptions = "conflicting-options",
    /// A variable of the environment holds what it must not hold.
    InvalidEnvironment = "invalid-environment",
    /// A path or URL can name no place of the kind that is needed.
    InvalidLocation = "invalid-location",
    /// A URL, a variable or a header of the rule file holds credentials, which would end up in logs.
    CredentialsInUrl = "credentials-in-url",
    /// The rule file names a place outside of what `--root` allows.
    OutsideRoot = "outside-root",
    /// A server leads to an address of this machine or of a private network.
    RefusedAddress = "refused-address",
    // Files, wherever they are.
    /// No file or directory is there.
    FileNotFound = "file-not-found",
    /// A directory, a pipe or a device is there, where a file is needed, or a file where a directory is.
    NotAFile = "not-a-file",
    /// A symbolic link of another user is in the way; it may lead anywhere.
    UnsafeLink = "unsafe-link",
    /// This user may not read or write there.
    PermissionDenied = "permission-denied",
    /// It cannot be read, for a reason of the disk, the network or the store.
    Unreadable = "unreadable",
    /// It took longer than it may.
    TimedOut = "timed-out",
    /// It cannot be written or locked, for a reason of the disk, the network or the store.
    Unwritable = "unwritable",
    /// The disk or the quota is full, or files may not grow larger.
    NoSpace = "no-space",
    /// It is written, and may not survive a crash of the machine.
    NotDurable = "not-durable",
    /// A temporary file cannot be made, written or read back.
    ScratchFailed = "scratch-failed",
    /// Something is there that would be lost.
    Occupied = "occupied",
    // Topics.
    /// The brokers have no topic or partition of that name.
    UnknownTopic = "unknown-topic",
    /// Events that were not read yet are gone from their topic.
    EventsGone = "events-gone",
    // The data.
    /// The format of a file cannot be told, or is not known.
    UnknownFormat = "unknown-format",
    /// A file holds nothing, not even columns.
    Empty = "empty",
    /// A file is of another format than its name, or the option, says.
    WrongFormat = "wrong-format",
    /// A file is damaged, or cut short.
    Damaged = "damaged",
    /// A text file is not laid out so that its records can be told apart.
    InvalidLayout = "invalid-layout",
    /// Text is in another encoding than the one it was read in.
    InvalidEncoding = "invalid-encoding",
    /// Files of one batch differ in format or columns.
    FilesDiffer = "files-differ",
    /// Two columns have one name.
    DuplicateColumn = "duplicate-column",
    /// A type, or a value of it, cannot be read, or cannot be held where it should go.
    UnsupportedType = "unsupported-type",
    /// The data or the table makes use of something that is not supported.
    Unsupported = "unsupported",
    /// Something is longer, deeper or more numerous than can be handled.
    TooLarge = "too-large",
    /// A file changed while it was being read.
    FileChanged = "file-changed",
    /// What was counted elsewhere is of other data, rules or units than what it should be merged with.
    ForeignFold = "foreign-fold",
    /// The types of columns contradict each other however they are guessed.
    TypesUnsettled = "types-unsettled",
    /// The batch is made of rows that were set aside before.
    SetAsideBefore = "set-aside-before",
    // Judging.
    /// An expression cannot be computed for a row, so it is not known whether the row passes.
    ExpressionFailed = "expression-failed",
    /// `by` makes more groups than are kept apart.
    TooManyGroups = "too-many-groups",
    // Destinations and tables.
    /// The destination is of a kind that cannot take what is to be published.
    UnfitDestination = "unfit-destination",
    /// The table promises its readers something that Sluicegate, or this batch, cannot keep.
    TableRefused = "table-refused",
    /// The columns of the batch are not those of the table, or of what was published before.
    SchemaDiffers = "schema-differs",
    /// The rows to be published cannot take the place of others as `replace` asks.
    NotReplaceable = "not-replaceable",
    /// A table or a quarantine was changed meanwhile by others.
    TableChanged = "table-changed",
    /// Another gate has published these events meanwhile.
    MovedOn = "moved-on",
    /// Another program holds the lock.
    Locked = "locked",
    /// The object store lets writers overwrite each other.
    UnsafeStore = "unsafe-store",
    /// The data are those of a batch that is settled: there is nothing to do.
    Unchanged = "unchanged",
    /// Another batch, or other content, is published under this id.
    AlreadyPublished = "already-published",
    /// The batch is not published.
    NotPublished = "not-published",
    /// The batch cannot be released: it is not rejected, or no row of it would pass.
    NotReleasable = "not-releasable",
    /// Rows that were published are gone.
    RowsGone = "rows-gone",
    /// Whether the batch was published is not known.
    FateUnknown = "fate-unknown",
    /// A rule asks what no summary tells; the data must be read for it.
    NeedsScan = "needs-scan",
    // Rows set aside.
    /// No rows of that batch are set aside.
    UnknownBatch = "unknown-batch",
    /// These rows cannot join their batch; it must be gated again.
    NotReplayable = "not-replayable",
    /// A replay was killed before its end, and must be ended first.
    ReplayUnfinished = "replay-unfinished",
    /// A file of mended rows does not fit the rows that were set aside.
    InvalidMended = "invalid-mended",
    // Recorded runs.
    /// No run, or no single one, has the name that was given.
    UnknownRun = "unknown-run",
    /// No recorded run has the figure that was given.
    UnknownFigure = "unknown-figure",
    // Ended from outside.
    /// The run was asked to end before its time.
    Cancelled = "cancelled",
    // Of reports read back.
    /// The report was written by a version that said no code, or one that is not known here.
    Other = "other",
    // Our own mistakes.
    /// A mistake of Sluicegate itself; please report it.
    Internal = "internal",
}

impl Code {
    /// Why a file could not be read.
    pub fn of_reading(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::FileNotFound,
            ErrorKind::PermissionDenied => Self::PermissionDenied,
            ErrorKind::IsADirectory | ErrorKind::NotADirectory => Self::NotAFile,
            _ => Self::Unreadable,
        }
    }

    /// Why a file could not be written.
    pub fn of_writing(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::NoSpace,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::PermissionDenied,
            ErrorKind::IsADirectory | ErrorKind::NotADirectory => Self::NotAFile,
            _ => Self::Unwritable,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
