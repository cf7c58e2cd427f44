//! What this computer offers.

use std::fs;

use burn::tensor::wgpu::wgpu::{Adapter, AdapterInfo, Limits};
use serde_json::{Value, json};
use strandscope_genome::Genome;
use strandscope_kernels::attention_forms;

use super::{
    device::{ComputeDevice, adapters, is_software},
    memory,
};
use crate::EngineOptions;

/// The document of `doctor --json`.
pub(crate) fn document(device: &ComputeDevice, options: &EngineOptions) -> Value {
    let adapters: Vec<Value> = adapters().adapters.iter().map(|(info, adapter)| described(info, adapter)).collect();
    let models = strandscope_library::Library::open(options.data_folder());
    let cache = options.cache.clone().unwrap_or_else(Genome::default_cache);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "device": device.name,
        "threads": device.threads,
        "attention_forms": forms(device),
        "adapters": adapters,
        "cpu": cpu_name(),
        "memory_bytes": memory::of_computer(),
        "folders": {
            "cache": cache.display().to_string(),
            "models": models.models_folder().display().to_string(),
        },
    })
}

/// Width of attention heads that forms are told for: that of most published models.
const USUAL_WIDTH: usize = 64;

/// The ways to compute attention on the GPU in use, and what becomes of each.
fn forms(device: &ComputeDevice) -> Vec<Value> {
    let forms = attention_forms(&device.device, USUAL_WIDTH).into_iter();
    forms.map(|(name, state)| json!({ "form": name, "state": state })).collect()
}

fn described(info: &AdapterInfo, adapter: &Adapter) -> Value {
    let features: Vec<&str> = adapter.features().iter_names().map(|(name, _)| name).collect();
    let reason = if is_software(info) {
        "a processor that plays a GPU: used only with --device gpu, as the CPU path is faster"
    } else {
        "a GPU: used unless --device cpu is given"
    };
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    json!({
        "name": info.name,
        "backend": format!("{:?}", info.backend),
        "driver": driver.trim(),
        "type": format!("{:?}", info.device_type),
        "limits": limits(&adapter.limits()),
        "features": features,
        "usable": true,
        "reason": reason,
    })
}

/// The limits that decide how long a sequence fits.
fn limits(limits: &Limits) -> Value {
    json!({
        "max_buffer_size": limits.max_buffer_size,
        "max_storage_buffer_binding_size": limits.max_storage_buffer_binding_size,
        "max_compute_workgroup_storage_size": limits.max_compute_workgroup_storage_size,
        "max_compute_invocations_per_workgroup": limits.max_compute_invocations_per_workgroup,
        "max_compute_workgroups_per_dimension": limits.max_compute_workgroups_per_dimension,
    })
}

/// The processor's name where the system tells it, otherwise its kind.
pub(super) fn cpu_name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let named = lines.find(|(key, _)| key.trim() == "model name").map(|(_, name)| name.trim().to_owned());
    named.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
