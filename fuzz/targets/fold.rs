//! What was counted, as bytes: the checksum is made right, so that what stands behind it is looked at. With `SLUICEGATE_FUZZ_SEEDS` it
//! writes what all targets begin with instead.

#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use sluicegate::audit::{Budget, Fold};
use sluicegate_fuzz::{contained, place, quiet, sound_fold};
use xxhash_rust::xxh3::xxh3_128;

static MAGIC: OnceLock<[u8; 8]> = OnceLock::new();

fn sealed(body: &[u8]) -> Vec<u8> {
    let mut all = MAGIC.get().expect("the first bytes").to_vec();
    all.extend((body.len() as u64).to_le_bytes());
    all.extend(xxh3_128(body).to_le_bytes());
    all.extend(body);
    all
}

fuzz_target!(
    init: {
        if std::env::var_os("SLUICEGATE_FUZZ_SEEDS").is_some() {
            sluicegate_fuzz::seeds::write();
            std::process::exit(0);
        }
        quiet();
        MAGIC.set(sound_fold()[..8].try_into().expect("eight bytes")).expect("set once");
    },
    |body: &[u8]| contained(|| {
        let memory = Arc::new(Budget::new(64 << 20, place().to_owned()));
        let bytes = sealed(body);
        let Ok(fold) = Fold::decode(&bytes, &memory) else { return };
        // What could be read can be written, and is the same when it is read again.
        let again = fold.encode().expect("written");
        let fold = Fold::decode(&again, &memory).expect("read again");
        assert!(fold.encode().expect("written") == again, "a fold changes by being read");
    })
);
