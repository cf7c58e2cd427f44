//! Work on a device that may fail.

use burn::tensor::Device;
use strandscope_kernels::{KernelError, watched};
use strandscope_models::{ModelError, model::Model};

use crate::{AnalysisError, host::ReadHost};

/// What `work` makes with a model, or where its device fails, with the one on the processor that `host` gives for it
/// and that `spare` keeps from then on.
///
/// # Errors
/// That of the work, or that nothing takes the device's place.
pub(crate) fn with_spare<T>(
    model: &Model,
    spare: &mut Option<Model>,
    host: &mut dyn ReadHost,
    work: impl Fn(&Model) -> Result<T, AnalysisError>,
) -> Result<T, AnalysisError> {
    loop {
        let model = spare.as_ref().unwrap_or(model);
        match on_device(&model.network.device(), || work(model)) {
            Ok(done) => return done,
            Err(fault) => *spare = Some(host.on_processor(fault)?),
        }
    }
}

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
