//! Contracts: a dataset is a file. This crate reads the files, checks them against each other, and derives from them
//! everything that can be derived. It knows neither DataFusion nor HTTP.

pub mod bound;
pub mod catalog;
pub mod code_list;
pub mod contract;
pub mod derive;
pub mod duties;
pub mod fiscal_code;
pub mod forecast;
pub mod form;
pub mod formula;
pub mod indicator;
pub mod language;
pub mod letters;
pub mod locale;
pub mod mistake;
pub mod model;
pub mod question;
pub mod read;
pub mod shape;
pub mod source;
pub mod synthetic;
pub mod system;
mod verify;
pub mod workflow;
