//! The doors (REST and pages, PostgreSQL, Flight SQL), sign-in, and the commands of the one binary `siss`.

pub mod accounts;
pub mod app;
pub mod background;
pub mod commands;
pub mod config;
pub mod doors;
pub mod intake;
pub mod jose;
pub mod lock;
pub mod logs;
pub mod oidc;
pub mod queries;
pub mod releases;
pub mod search;
pub mod server;
pub mod shelf;
pub mod sign_ins;
pub mod site;
pub mod state;
pub mod tls;
