//! Why the synthetic region could not be made.

use std::io;

use crate::model::DatasetName;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The region's reference data, `territorio/data/`, is absent or damaged.
    #[error("reference data of the territory: {0}")]
    Reference(String),
    /// A contract asks for something the region does not know how to make.
    #[error("dataset {dataset}: {message}")]
    Contract { dataset: DatasetName, message: String },
    /// A format's writer refused.
    #[error("a file could not be encoded: {0}")]
    Encode(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    pub(super) fn contract(dataset: &DatasetName, message: impl Into<String>) -> Self {
        Self::Contract { dataset: dataset.clone(), message: message.into() }
    }

    pub(super) fn encode(error: impl std::fmt::Display) -> Self {
        Self::Encode(error.to_string())
    }
}
