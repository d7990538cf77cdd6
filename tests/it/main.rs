//! Everything that is tested from outside: one crate, since each test binary links the whole engine.

#![allow(clippy::panic, clippy::let_underscore_must_use, reason = "a test that cannot go on says so")]
#![allow(unreachable_pub, reason = "nothing is reached from outside")]

mod across;
mod amounts;
mod apart;
mod arithmetic;
mod around;
mod beside_others;
mod cancel;
mod cases;
mod cli;
mod crash;
mod damage;
mod delta;
mod examples;
mod findings;
mod foreign_folds;
mod formats;
mod gate;
mod generated;
mod house;
mod html;
mod inference;
mod json;
mod laws;
mod measured;
mod measures;
mod mended;
mod other_stores;
mod parity;
mod planted;
mod promises;
mod quarantine;
mod reference;
mod replace;
mod replay;
mod representation;
mod review;
mod row_judge;
mod rulesets;
mod s3;
mod set_aside;
mod strangers;
mod support;
mod table_drift;
mod text;
mod weights;
mod words;
mod workshop;
mod written_by_0_1;
