//! Digests by which files and tensors are known again.

use sha2::{Digest, Sha256};

/// SHA-256 of bytes, lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 of floats as little-endian 32-bit numbers, fed piece by piece.
#[derive(Default)]
pub(super) struct FloatDigest(Sha256);

impl FloatDigest {
    pub(super) fn update(&mut self, values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
