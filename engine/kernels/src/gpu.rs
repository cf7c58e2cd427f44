//! Attention on the GPU: plain wgpu compute on the device and queue that burn has made, so that nothing here depends
//! on burn's own shader compiler.
//!
//! A kernel is a file in `shaders/`, whole and valid by itself; the host replaces constants at its top and nothing
//! else ([`source`]). An operation reads: check shapes, choose a pipeline, bind, dispatch. What it works on is a list of
//! independent items, which [`pace`] cuts into submissions of 50 to 100 ms, so that no watchdog bites and work can be
//! watched and ended; how it is cut never changes a bit of the result.
//!
//! Everything that is known before the first product (which positions belong together, slopes, block lists, in which
//! order to work) is one buffer of words, the [`plan::Plan`], made once for a batch and used by every layer and kernel.

mod agreement;
mod backward;
mod context;
mod error;
mod forward;
mod norms;
mod opened;
mod pace;
mod parameters;
mod plan;
mod rehearsal;
mod source;
mod statistics;
mod sweeps;
mod tensors;
#[cfg(test)]
mod tests;
mod tiles;
mod view;

pub use error::KernelError;
pub(crate) use opened::{Opened, opened};
pub use opened::{attention_forms, close_gpu, is_broken, open_gpu, peak_bytes, sound, watched, watched_around};
pub(crate) use sweeps::OnGpu;
pub(crate) use tensors::{Attended, Saved};
