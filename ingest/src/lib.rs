//! The delivery pipeline: receive → read → check → load → report. Bad rows are reported, never raised; nothing received is lost.

mod check;
mod convert;
pub mod deliver;
pub mod error;
mod findings;
pub mod folder;
pub mod incoming;
pub mod landing;
mod layout;
pub mod mapping;
mod messages;
mod pipeline;
pub mod read;
mod record;
pub mod report;
mod unique;
