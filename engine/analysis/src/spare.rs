//! Going on without the device when it fails.

use std::cell::OnceCell;

use burn::tensor::Device;
use strandscope_kernels::{KernelError, watched};
use strandscope_models::ModelError;

use crate::AnalysisError;

/// Loads again on the processor what failed on the device; told why.
pub type Load<'a, T> = Box<dyn Fn(&KernelError) -> Result<T, AnalysisError> + 'a>;

/// What computes instead of a device that failed, from then on.
pub(crate) struct Spare<'a, T> {
    load: Option<Load<'a, T>>,
    loaded: OnceCell<T>,
}

impl<'a, T> Spare<'a, T> {
    /// One that has nothing to take the place of the device: its faults are errors.
    pub(crate) fn none() -> Self {
        Self { load: None, loaded: OnceCell::new() }
    }

    pub(crate) fn new(load: Load<'a, T>) -> Self {
        Self { load: Some(load), loaded: OnceCell::new() }
    }

    /// What took the place of the device, once it did.
    pub(crate) fn get(&self) -> Option<&T> {
        self.loaded.get()
    }

    /// Puts something in the place of the device.
    ///
    /// # Errors
    /// The fault where there is nothing, or when it cannot be loaded.
    pub(crate) fn take_over(&self, fault: KernelError) -> Result<(), AnalysisError> {
        let Some(load) = &self.load else { return Err(fault.into()) };
        let loaded = load(&fault)?;
        // Nobody else puts anything there.
        let _ = self.loaded.set(loaded);
        Ok(())
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
