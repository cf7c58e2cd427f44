//! Faults that are made on purpose, to see that they are survived.
//!
//! `STRANDSCOPE_GPU_FAULT` names them, separated by commas: `lost@3` loses the device when for the third time a kernel is
//! to run or a batch or task to begin, `memory@3` refuses the third buffer of a kernel and all after it, `limit@1000000` opens a device whose buffers hold
//! so many bytes at most, `build@attention_forward` breaks the text of a kernel, and `wrong@attention_forward` has it
//! disagree with the processor.

use std::sync::atomic::{AtomicU64, Ordering};

/// What goes wrong on a device, and when.
#[derive(Debug, Default)]
pub(crate) struct Rehearsal {
    faults: Vec<(String, String)>,
    runs: AtomicU64,
    buffers: AtomicU64,
}

impl Rehearsal {
    /// As the environment asks for.
    pub(crate) fn from_environment() -> Self {
        Self::new(&std::env::var("STRANDSCOPE_GPU_FAULT").unwrap_or_default())
    }

    pub(crate) fn new(faults: &str) -> Self {
        let faults = faults.split(',').filter_map(|fault| fault.split_once('@'));
        let faults = faults.map(|(kind, when)| (kind.to_owned(), when.to_owned())).collect();
        Self { faults, ..Self::default() }
    }

    /// Whether the device gets lost before what is to be done next.
    pub(crate) fn loses(&self) -> bool {
        let run = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        self.number("lost") == Some(run)
    }

    /// Whether there is no memory for the buffer that is asked for next.
    pub(crate) fn is_full(&self) -> bool {
        let buffer = self.buffers.fetch_add(1, Ordering::Relaxed) + 1;
        self.number("memory").is_some_and(|first| buffer >= first)
    }

    /// The most bytes that a buffer of burn can hold.
    pub(crate) fn most_bytes(&self) -> Option<u64> {
        self.number("limit")
    }

    /// Whether a kernel does not compile.
    pub(crate) fn breaks(&self, kernel: &str) -> bool {
        self.has("build", kernel)
    }

    /// Whether a kernel gives other numbers than the processor.
    pub(crate) fn is_wrong(&self, kernel: &str) -> bool {
        self.has("wrong", kernel)
    }

    fn number(&self, kind: &str) -> Option<u64> {
        self.faults.iter().find(|(known, _)| known == kind).and_then(|(_, when)| when.parse().ok())
    }

    fn has(&self, kind: &str, kernel: &str) -> bool {
        self.faults.iter().any(|(known, name)| known == kind && name == kernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_when_they_are_asked_for() {
        let rehearsal = Rehearsal::new("lost@2,memory@2,build@attention_forward");
        assert_eq!([0; 3].map(|_| rehearsal.loses()), [false, true, false], "lost once");
        assert_eq!([0; 3].map(|_| rehearsal.is_full()), [false, true, true], "full from then on");
        assert!(rehearsal.breaks("attention_forward") && !rehearsal.breaks("attention_forward_tiled"), "by its name");
        assert_eq!(rehearsal.most_bytes(), None);
    }
}
