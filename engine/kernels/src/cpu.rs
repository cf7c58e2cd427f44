//! The kernels for the processor: written once over small tiles, compiled for each instruction set.

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
mod sweep;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use backward::{Saved, backward};
pub(crate) use columns::columns;
pub use dense::rows_at_once;
pub(crate) use dense::{Table, add_layer_norm, add_linear, swiglu};
pub use forward::MOST_PACKED;
pub(crate) use forward::{Forward, forward};
pub(crate) use head::Strided;
pub(crate) use pairs::{Source, cells, cut_out, partners};
