//! What follows from a contract: schemas, checks, documentation and exports. Nothing here is written twice by hand.

pub mod arrow;
pub mod book;
pub mod checks;
pub mod csv_template;
pub mod dcat;
pub mod dictionary;
pub mod frictionless;
pub mod json_schema;
pub mod odcs;
