//! The text of a baseline.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::summary::Summary;
use sluicegate_fuzz::{contained, quiet};

fuzz_target!(
    init: quiet(),
    |text: &str| contained(|| {
        let Ok(summary) = Summary::read(text) else { return };
        let written = summary.write().expect("written");
        let again = Summary::read(&written).expect("read again").write().expect("written");
        assert_eq!(again, written, "a baseline changes by being read");
    })
);
