//! The doors to the warehouse. Each turns its wire into a principal and a question, asks the one gate, and encodes the answer.

pub mod accept;
pub mod flight;
pub mod http;
pub mod postgres;
