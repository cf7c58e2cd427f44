//! What the caller gives while a region is read window by window.

use std::ops::Range;

use strandscope_kernels::KernelError;
use strandscope_models::model::Model;

use crate::AnalysisError;

/// What the caller gives while a region is read window by window.
pub trait ReadHost {
    /// The bases of a stretch of the contig.
    ///
    /// # Errors
    /// When they cannot be read.
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError>;

    /// Told after each window how many bases of the region are done; an error stops the work.
    ///
    /// # Errors
    /// [`AnalysisError::Cancelled`] when the work shall stop.
    fn done(&mut self, bases: u64) -> Result<(), AnalysisError>;

    /// The model on the processor, to go on with when the device fails.
    ///
    /// # Errors
    /// The fault, or that the model cannot be loaded again.
    fn on_processor(&mut self, fault: KernelError) -> Result<Model, AnalysisError>;
}
