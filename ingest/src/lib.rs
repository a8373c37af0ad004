//! The delivery pipeline: receive → read → check → load → report. Bad rows are reported, never raised; nothing received is lost.

pub mod certification;
mod check;
mod convert;
pub mod deliver;
pub mod erase;
pub mod error;
pub mod findings;
pub mod folder;
pub mod form;
mod identity;
pub mod incoming;
pub mod landing;
mod late;
mod layout;
pub mod mapping;
pub mod mend;
mod messages;
mod pipeline;
pub mod read;
mod record;
pub mod report;
pub mod signature;
pub mod siuss;
mod unique;
pub mod vault;
