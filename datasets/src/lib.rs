//! Contracts: a dataset is a file. This crate reads the files, checks them against each other, and derives from them
//! everything that can be derived. It knows neither DataFusion nor HTTP.

pub mod model;
pub mod system;
