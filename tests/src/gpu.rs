//! GPUs to test on.

use std::{
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, Waker},
};

use burn::tensor::{
    Device,
    wgpu::wgpu::{Instance, InstanceDescriptor, RequestAdapterOptions},
};
use strandscope_kernels::open_gpu;

use crate::engine::TestEngine;

/// A GPU for tensors, the same in all tests; `None`, and said, where there is none and `REQUIRE_GPU` does not ask for
/// one.
pub(crate) fn device() -> Option<Device> {
    static DEVICE: OnceLock<Option<Device>> = OnceLock::new();
    let open = || {
        let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
        match ready(instance.request_adapter(&RequestAdapterOptions::default())) {
            Ok(adapter) => Some(open_gpu(instance, adapter).expect("a device")),
            Err(reason) if std::env::var_os("REQUIRE_GPU").is_some() => panic!("there is no GPU adapter: {reason}"),
            Err(reason) => {
                eprintln!("no GPU tests: {reason}");
                None
            }
        }
    };
    DEVICE.get_or_init(open).clone()
}

/// The outcome of something that is known at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("adapters are there at once"),
    }
}

/// Fails with `REQUIRE_GPU=1` where there is no adapter, so that checks never pass by being skipped.
#[test]
fn an_adapter_is_there_where_one_is_required() {
    if let Some(engine) = TestEngine::on_gpu() {
        assert!(!engine.device.is_empty(), "the adapter has a name");
        eprintln!("GPU tests run on {}", engine.device);
    }
}
