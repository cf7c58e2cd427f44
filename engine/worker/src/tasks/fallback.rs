//! Telling that the processor went on where the GPU failed.

use std::{cell::RefCell, error::Error};

use strandscope_kernels::KernelError;

use super::device::cpu_name;
use crate::engine::Job;

/// What computed a run: a device and, from some window on, the processor.
pub(crate) struct Fallback<'a> {
    job: &'a Job,
    /// For people; longer once the processor took over.
    devices: RefCell<String>,
}

impl<'a> Fallback<'a> {
    pub(crate) fn new(job: &'a Job, device: &str) -> Self {
        Self { job, devices: RefCell::new(device.to_owned()) }
    }

    /// Warns that the processor takes over behind so many windows.
    pub(crate) fn tell(&self, fault: &KernelError, windows: u64) {
        let mut reason = fault.to_string();
        if let Some(source) = fault.source() {
            // Drivers tell in several lines.
            let source = source.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            reason = format!("{reason} ({source})");
        }
        self.job.warn(format!("{reason}. From window {} on the CPU computes", windows + 1));
        let cpu = cpu_name(rayon::current_num_threads());
        self.devices.borrow_mut().push_str(&format!("; from window {} on {cpu}", windows + 1));
    }

    /// All that computed, for people.
    pub(crate) fn devices(&self) -> String {
        self.devices.borrow().clone()
    }
}
