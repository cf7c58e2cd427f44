//! Memory of this computer and of this process, and whether a run fits.

use std::fs;

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

use strandscope_models::model::Model;

use super::device::ComputeDevice;
use crate::{ErrorKind, JobError};

/// The program itself, before it holds a model, in bytes.
const PROGRAM: u64 = 27_000_000;

/// What a run will take at its largest, in bytes: this process, or the buffers on the GPU that computes.
///
/// `pass` is what comes on top of the weights of `model`.
pub(super) fn expected(device: &ComputeDevice, model: &Model, pass: u64) -> u64 {
    with_weights(device.is_gpu(), model.weight_bytes(device.is_gpu()), pass)
}

/// The same by the size of the weights.
pub(super) fn with_weights(on_gpu: bool, weight_bytes: u64, pass: u64) -> u64 {
    let program = if on_gpu { 0 } else { PROGRAM };
    program + weight_bytes + pass
}

/// Refuses what takes more than there is, where that is known: on the processor. `remedy` says what takes less.
pub(super) fn check(device: &ComputeDevice, pass: u64, remedy: &str) -> Result<(), JobError> {
    let Some(free) = free_bytes().filter(|free| !device.is_gpu() && pass > *free) else { return Ok(()) };
    let message = format!(
        "the run does not fit into memory: it takes {} more, and {} are free; {remedy}, or close other programs",
        memory_in_words(pass),
        memory_in_words(free)
    );
    Err(JobError::new(ErrorKind::Runtime, message))
}

/// Memory for people: `0.3 MB`, `310 MB`, `2.4 GB`.
pub fn memory_in_words(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    match megabytes {
        ..9.95 => format!("{megabytes:.1} MB"),
        9.95..999.5 => format!("{megabytes:.0} MB"),
        _ => format!("{:.1} GB", megabytes / 1e3),
    }
}

/// A number of parameters for people: `28.3 k`, `117.0 M`, `2.5 G`.
pub fn count_in_words(count: u64) -> String {
    let count = count as f64;
    match count {
        ..1e3 => format!("{count:.0}"),
        1e3..1e6 => format!("{:.1} k", count / 1e3),
        1e6..1e9 => format!("{:.1} M", count / 1e6),
        _ => format!("{:.1} G", count / 1e9),
    }
}

/// Memory that this process may still take: of the computer, or of the group of processes it was put into.
fn free_bytes() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory();
    let free = Some(system.available_memory()).filter(|free| *free > 0)?;
    let process = get_current_pid().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[process]), false, ProcessRefreshKind::nothing());
    let group = system.process(process).and_then(|process| process.cgroup_limits());
    // What the group has read from files makes way, so that only its own memory counts.
    Some(group.map_or(free, |group| free.min(group.total_memory.saturating_sub(group.rss))))
}

/// Memory of the computer.
pub(super) fn of_computer() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory();
    Some(system.total_memory()).filter(|bytes| *bytes > 0)
}

/// The most memory that this process held, where the system tells it.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    of_process("VmHWM")
}

/// Memory that this process holds, where the system tells it.
pub(super) fn rss_bytes() -> Option<u64> {
    of_process("VmRSS")
}

/// Memory of this process, by the name that Linux gives it.
fn of_process(key: &str) -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/self/status").ok()?, key)
}

/// The value of a line `KEY: VALUE kB` in bytes.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = lines.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim());
    values.next()?.strip_suffix("kB")?.trim().parse::<u64>().ok().map(|count| count * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_system_are_read() {
        let text = "VmRSS:       16 kB\nVmHWM:\t 3 kB\n";
        assert_eq!((kibibytes(text, "VmRSS"), kibibytes(text, "VmHWM")), (Some(16_384), Some(3_072)));
        assert_eq!(kibibytes(text, "VmSize"), None);
    }

    #[test]
    fn memory_is_told_in_few_digits() {
        let told = [310_000, 310_400_000, 2_440_000_000].map(memory_in_words);
        assert_eq!(told, ["0.3 MB", "310 MB", "2.4 GB"]);
        let told = [128, 28_310, 117_000_000, 2_500_000_000].map(count_in_words);
        assert_eq!(told, ["128", "28.3 k", "117.0 M", "2.5 G"]);
    }

    #[test]
    fn what_is_larger_than_the_computer_is_refused_with_both_figures() {
        let cpu = ComputeDevice::processor(1);
        assert_eq!(check(&cpu, 1 << 20, "ask for less"), Ok(()));
        let error = check(&cpu, 5 << 50, "ask for less").expect_err("no computer has that much");
        assert!(error.message.contains("5629499.5 GB more") && error.message.contains("ask for less"), "{error}");
    }
}
