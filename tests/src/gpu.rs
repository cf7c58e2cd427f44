//! GPUs to test on.

use std::{
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, Waker},
};

use burn::tensor::{
    Device, Tensor, TensorData,
    wgpu::wgpu::{Instance, InstanceDescriptor, RequestAdapterOptions},
};
use strandscope_kernels::{Watch, add_linear, by_rows, open_gpu};

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

#[test]
fn many_rows_go_part_by_part_and_change_no_copy_on_the_gpu() {
    const ROWS: usize = 4_097;
    let Some(device) = device() else { return };
    let values: Vec<f32> = (0..2 * ROWS).map(|place| (place % 97) as f32).collect();
    let x = Tensor::<3>::from_data(TensorData::new(values.clone(), [1, ROWS, 2]), &device);
    let read = |tensor: Tensor<3>| tensor.into_data().try_to_vec::<f32>().expect("floats");

    let doubled = read(by_rows(x.clone(), |rows| rows * 2.0 + 1.0));
    assert!(doubled.iter().zip(&values).all(|(got, value)| *got == 2.0 * value + 1.0), "each row by itself");

    // The first output is the sum of a row, the second its first value.
    let weight = Tensor::<2>::from_floats([[1.0, 1.0], [1.0, 0.0]], &device);
    let sums = read(add_linear(x.clone(), x.clone(), weight, None, &Watch::default()));
    let right = sums.chunks(2).zip(values.chunks(2)).all(|(got, row)| got == [2.0 * row[0] + row[1], row[1] + row[0]]);
    assert!(right, "{:?} of {:?}", &sums[..6], &values[..6]);
    assert_eq!(read(x), values, "what went in is as it was");
}
