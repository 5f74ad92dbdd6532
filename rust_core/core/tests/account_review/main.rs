//! The account core where money could be lost: signs, leftovers, late fills, reversals, kills.

// Tests may stop at the first surprise; helpers of an integration test are not seen as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod exits;
mod fills;
mod kills;
mod limits;
