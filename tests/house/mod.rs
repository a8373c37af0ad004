//! Invariants of the tree: what a review would look for each time.

mod crates;
mod docs;
mod files;
