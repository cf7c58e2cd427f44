//! What one thread of the engine knows and another asks for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use strandscope_kernels::attention_forms;

use super::{device::ComputeDevice, shelf::Key};

/// Fingerprints remembered at once.
const MOST_KNOWN: usize = 64;

/// What the thread of tensors has found out, for threads that never wait for it.
#[derive(Clone, Default)]
pub(crate) struct Facts(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    device: Option<DeviceFacts>,
    /// SHA-256 of the weights of models and heads.
    sha256: Vec<(Key, String)>,
}

/// The device in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceFacts {
    /// For people.
    pub(crate) name: String,
    /// The processor, or the adapter alone.
    pub(crate) adapter: String,
    /// Driver of the adapter; empty for a processor.
    pub(crate) driver: String,
    pub(crate) is_gpu: bool,
    /// The ways that attention takes on a GPU, by the width of an attention head, as far as these were met.
    pub(super) forms: BTreeMap<usize, String>,
}

impl DeviceFacts {
    pub(crate) fn of(device: &ComputeDevice) -> Self {
        let ComputeDevice { name, adapter, driver, .. } = device;
        let is_gpu = device.is_gpu();
        Self { name: name.clone(), adapter: adapter.clone(), driver: driver.clone(), is_gpu, forms: BTreeMap::new() }
    }

    /// What decides on the last digits of numbers: the device, its driver, and how attention is computed for heads of
    /// this width; `None` on a GPU that has not computed any yet.
    pub(crate) fn numeric_form(&self, head_width: usize) -> Option<String> {
        let forms = if self.is_gpu { self.forms.get(&head_width)?.as_str() } else { "" };
        Some([&self.name, &self.adapter, &self.driver, forms].join("; "))
    }
}

impl Facts {
    /// Tells which device is in use.
    pub(crate) fn tell_device(&self, device: &ComputeDevice) {
        self.lock().device = Some(DeviceFacts::of(device));
    }

    /// The device in use; `None` while it is brought up.
    pub(crate) fn device(&self) -> Option<DeviceFacts> {
        self.lock().device.clone()
    }

    /// The numeric form of the device in use, which is asked how it computes attention for heads of this width.
    pub(crate) fn numeric_form(&self, device: &ComputeDevice, head_width: usize) -> String {
        let forms = attention_forms(&device.device, head_width).into_iter();
        let forms: Vec<String> = forms.map(|(form, state)| format!("{form}: {state}")).collect();
        let mut known = self.lock();
        let facts = known.device.get_or_insert_with(|| DeviceFacts::of(device));
        facts.forms.insert(head_width, forms.join(", "));
        facts.numeric_form(head_width).unwrap_or_default()
    }

    /// Remembers the SHA-256 of weights.
    pub(crate) fn tell_sha256(&self, key: Key, sha256: &str) {
        let mut known = self.lock();
        known.sha256.retain(|(other, _)| *other != key);
        if known.sha256.len() >= MOST_KNOWN {
            known.sha256.remove(0);
        }
        known.sha256.push((key, sha256.to_owned()));
    }

    /// SHA-256 of weights that were loaded before.
    pub(crate) fn sha256(&self, key: &Key) -> Option<String> {
        self.lock().sha256.iter().find(|(known, _)| known == key).map(|(_, sha256)| sha256.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_has_no_form_before_it_was_asked() {
        let processor = DeviceFacts::of(&ComputeDevice::processor(2));
        assert!(
            processor.numeric_form(32).is_some_and(|form| form.starts_with("CPU, 2 threads; ")),
            "a processor has one"
        );
        let mut gpu = DeviceFacts { is_gpu: true, ..processor };
        assert_eq!(gpu.numeric_form(32), None);
        gpu.forms.insert(32, "plain: in use".to_owned());
        assert!(gpu.numeric_form(32).is_some_and(|form| form.ends_with("plain: in use")), "of this width");
        assert_eq!(gpu.numeric_form(64), None, "of no other");
    }
}
