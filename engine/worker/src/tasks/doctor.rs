//! What this computer offers.

use std::fs;

use burn::tensor::wgpu::wgpu::{Adapter, AdapterInfo, Limits};
use serde_json::{Value, json};
use strandscope_genome::Genome;
use strandscope_kernels::attention_forms;

use super::device::{ComputeDevice, adapters, is_software};
use crate::EngineOptions;

/// The document of `doctor --json`.
pub(crate) fn document(device: &ComputeDevice, options: &EngineOptions) -> Value {
    let adapters: Vec<Value> = adapters().adapters.iter().map(|(info, adapter)| described(info, adapter)).collect();
    let cache = options.cache.clone().unwrap_or_else(Genome::default_cache);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "device": device.name,
        "threads": device.threads,
        "attention_forms": forms(device),
        "adapters": adapters,
        "cpu": cpu_name(),
        "memory_bytes": memory_bytes(),
        "folders": { "cache": cache.display().to_string() },
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
    let named = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| field(&text, "model name"));
    named.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Memory of the computer, where the system tells it.
fn memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    kibibytes(&text, "MemTotal")
}

/// The value of a line `KEY: VALUE kB` in bytes.
pub(super) fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let value = field(text, key)?;
    value.strip_suffix("kB")?.trim().parse::<u64>().ok().map(|count| count * 1024)
}

fn field(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = lines.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned());
    values.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_system_are_read() {
        let text = "MemTotal:       16 kB\nVmHWM:\t 3 kB\n";
        assert_eq!((kibibytes(text, "MemTotal"), kibibytes(text, "VmHWM")), (Some(16_384), Some(3_072)));
        assert_eq!(kibibytes(text, "MemFree"), None);
    }
}
