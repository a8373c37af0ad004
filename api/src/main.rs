//! `siss`: every subcommand is one file of `api::commands`.

use std::process::ExitCode;

/// Delta and Arrow allocate in many threads; the system allocator keeps what they free.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    api::commands::run(std::env::args_os().collect())
}
