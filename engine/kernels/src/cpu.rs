//! The kernels for the processor: written once over small tiles, compiled for each instruction set.

pub(crate) mod activation;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
mod backward;
mod columns;
mod dense;
mod exponential;
mod forward;
mod head;
mod isa;
mod pairs;
mod queries;
mod scores;
mod stored;
mod sweep;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use backward::{Saved, backward};
pub(crate) use columns::columns;
pub use dense::feed_forward_bytes;
pub(crate) use dense::{Table, add_layer_norm, add_linear, feed_forward};
pub use forward::MOST_PACKED;
pub(crate) use forward::{Forward, forward};
pub(crate) use head::Strided;
pub(crate) use pairs::{Source, cells, cut_out, partners};
pub(crate) use stored::Stored;
