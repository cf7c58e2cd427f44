//! The kernels on the adapters of this machine, against a reference in double precision.
//!
//! Without an adapter they are left out and say so; `REQUIRE_GPU=1` makes that a failure.

mod backward;
mod conduct;
pub(super) mod device;
mod fixtures;
mod forward;
mod shaders;
