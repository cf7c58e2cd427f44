//! That there is a GPU to test on.

use crate::engine::TestEngine;

/// Fails with `REQUIRE_GPU=1` where there is no adapter, so that checks never pass by being skipped.
#[test]
fn an_adapter_is_there_where_one_is_required() {
    if let Some(engine) = TestEngine::on_gpu() {
        assert!(!engine.device.is_empty(), "the adapter has a name");
        eprintln!("GPU tests run on {}", engine.device);
    }
}
