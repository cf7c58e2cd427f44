//! Why an analysis gives no result.

use strandscope_kernels::KernelError;
use strandscope_models::ModelError;
use strandscope_tokens::TokenError;
use thiserror::Error;

/// Why an analysis gives no result.
#[derive(Debug, Error)]
pub enum AnalysisError {
    /// Bases could not be cut into tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// The model or head cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The device failed.
    #[error(transparent)]
    Device(#[from] KernelError),
    /// Bases could not be read.
    #[error(transparent)]
    Bases(Box<dyn std::error::Error + Send + Sync>),
    /// The request does not fit the head or model.
    #[error("{0}")]
    Request(String),
    /// Stopped as asked.
    #[error("stopped as asked")]
    Cancelled,
}
