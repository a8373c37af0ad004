//! The read-only gate in front of SQL that users wrote: size and tokens before parsing, shape before planning,
//! nodes and functions before execution (security.md A2). What is not allowed by name is refused.

pub mod big_stack;
pub mod errors;
pub mod functions;
pub mod parameters;
pub mod plan;
pub mod shape;
pub mod syntax;
pub mod text;
