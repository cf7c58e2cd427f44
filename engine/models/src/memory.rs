//! Memory that a pass takes at its largest, told before it runs.

use strandscope_kernels::{MOST_PACKED, feed_forward_bytes};

use crate::{attention_layer::MOST_PROJECTED, config::Sizes, head::HeadConfig};

/// Bytes of a number.
const NUMBER: u64 = 4;

/// A pass through an encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncoderPass {
    /// Positions of all rows, padding included.
    pub positions: u64,
    /// What those hold who look on; `None` where nobody does.
    pub observed: Option<Observed>,
    /// Whether a GPU computes.
    pub on_gpu: bool,
}

/// What those who look on a pass hold at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Layers whose queries, keys and values are there.
    pub attentions: u64,
    /// Layers whose queries and keys are packed for a question about pairs.
    pub packed: u64,
    /// Layers whose states are kept.
    pub states: u64,
}

impl Sizes {
    /// Memory that a pass takes where tensors live, weights apart, in bytes.
    ///
    /// Two arrays of states and a little more are there at once. Queries, keys, values and what attention gives are
    /// made for a group of attention heads at a time, unless somebody looks on. The processor packs keys and values, and
    /// in a feed-forward layer tables or wide states of some rows. What burn holds on a GPU was measured.
    pub fn pass_bytes(&self, pass: &EncoderPass) -> u64 {
        /// What is small, all together.
        const ON_PROCESSOR: u64 = 2_000_000;
        /// Compiled kernels' buffers, and pages that are partly used.
        const ON_GPU: u64 = 25_000_000;
        let states = pass.positions * self.hidden_size as u64;
        let (fixed, together) = if pass.on_gpu {
            (ON_GPU, states * 26 / 5)
        } else {
            let rows = usize::try_from(pass.positions).unwrap_or(usize::MAX);
            let wide = feed_forward_bytes(rows, self.hidden_size, self.intermediate_size) as u64;
            let packed = (2 * states).min(MOST_PACKED as u64);
            let projected = (3 * states).min(MOST_PROJECTED as u64) * 5 / 3;
            (
                ON_PROCESSOR + wide + NUMBER * packed,
                states * 21 / 10 + if pass.observed.is_none() { projected } else { 0 },
            )
        };
        let held = pass.observed.map_or(0, |observed| {
            states * 6 / 5 + states * (3 * observed.attentions + 2 * observed.packed + observed.states)
        });
        fixed + NUMBER * (together + held)
    }
}

impl HeadConfig {
    /// Memory that windows of so many bases together take, weights and encoder apart, in bytes.
    ///
    /// The trunk gathers the neighbours of each base; besides there are letters, their columns and the answers.
    pub fn pass_bytes(&self, bases: u64) -> u64 {
        const BASE: u64 = 90;
        /// Of the number of a row.
        const INDEX: u64 = 8;
        let trunk = self.network.trunk.as_ref().map_or(0, |trunk| {
            let width = trunk.block_width_bp as u64;
            NUMBER * trunk.channels as u64 * (width + 4) + INDEX * width
        });
        bases * (BASE + trunk)
    }
}
