//! Work on a device that may fail.

use burn::tensor::Device;
use strandscope_kernels::{KernelError, watched};
use strandscope_models::ModelError;

use crate::AnalysisError;

/// Does something on a device; its faults stand apart from other errors.
///
/// # Errors
/// The fault of the device.
pub(crate) fn on_device<T>(
    device: &Device,
    work: impl FnOnce() -> Result<T, AnalysisError>,
) -> Result<Result<T, AnalysisError>, KernelError> {
    match watched(device, work)? {
        // What burn could not read back has gone wrong on the device as well.
        Err(AnalysisError::Model(ModelError::Device { reason })) if *device != Device::flex() => {
            Err(KernelError::NoTensor { problem: reason })
        }
        done => Ok(done),
    }
}
