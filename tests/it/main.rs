//! Everything that is tested from outside: one crate, since each test binary links the whole engine.

mod across;
mod cases;
mod cli;
mod crash;
mod delta;
mod examples;
mod formats;
mod gate;
mod generated;
mod html;
mod inference;
mod json;
mod laws;
mod measures;
mod mended;
mod parity;
mod planted;
mod quarantine;
mod reference;
mod replace;
mod replay;
mod review;
mod rulesets;
mod s3;
mod set_aside;
mod support;
