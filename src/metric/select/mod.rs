//! Second looks at an ordered column: the values inside windows, the rows outside fences, equal-width bins.

mod all;
mod bins;
mod collect;
mod near;
mod outside;

pub use self::all::AllValues;
pub use self::bins::{Bins, BinsOut, BinsSpec, Edges};
pub use self::collect::{Collect, CollectSpec};
pub use self::outside::{Fences, Inside, Outside, OutsideOut, Side};
