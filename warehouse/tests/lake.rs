//! The lake from outside: deliveries go in, snapshots come out, whatever fails in between.

#[path = "lake/support.rs"]
mod support;

#[path = "lake/append.rs"]
mod append;
#[path = "lake/computed.rs"]
mod computed;
#[path = "lake/concurrent.rs"]
mod concurrent;
#[path = "lake/evolve.rs"]
mod evolve;
#[path = "lake/faults.rs"]
mod faults;
#[path = "lake/maintain.rs"]
mod maintain;
#[path = "lake/pruning.rs"]
mod pruning;
#[path = "lake/scan.rs"]
mod scan;
#[path = "lake/versions.rs"]
mod versions;
