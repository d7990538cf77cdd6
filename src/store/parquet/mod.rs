//! What stores of Parquet files have in common: staged files, what files say of themselves, and what is read of them.

mod appended;
mod batch;
mod conform;
mod constants;
mod contents;
mod groups;
mod metadata;
mod stage;
mod staged;
pub(super) mod statistics;
mod types;
mod values;
mod view;

pub(super) use self::batch::{BatchFile, BatchPiece, live_file};
pub(super) use self::constants::Constants;
pub(super) use self::contents::{Span, contents};
pub(crate) use self::groups::is_wide;
pub(super) use self::groups::{EncodedGroup, GroupEncoder};
pub use self::metadata::{done_in, replays_in, stored_at};
pub(super) use self::metadata::{positions_in, whole_at};
pub(super) use self::stage::{ParquetStage, Target};
pub(super) use self::staged::StagedFile;
pub(super) use self::types::nearest;
pub use self::types::{as_parquet, held};
pub(super) use self::values::{may_hold, rows_in};
pub(super) use self::view::{FilesView, TableFile};
