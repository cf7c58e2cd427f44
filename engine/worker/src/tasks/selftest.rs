//! Whether this very device computes what it should.
//!
//! Attention and dense layers are compared with plain loops in double precision, the built-in model and heads with
//! values that are stored in the program; a GPU is compared with the processor as well.

mod attention;
mod check;
mod dense;
mod golden;
mod host;
mod model;
mod stored;

use serde_json::{Value, json};

pub(crate) use self::stored::{keep, last};
use self::{
    check::Report,
    golden::{BUILT_IN, Golden},
};
use super::{device::ComputeDevice, shelf::Shelf};
use crate::{
    Outcome, SelfTestRequest,
    engine::{Job, Stop},
};

/// Does all checks; one that differs or cannot be done is told and hinders no other.
pub(crate) fn selftest(
    shelf: &mut Shelf,
    device: &ComputeDevice,
    request: &SelfTestRequest,
    job: &Job,
) -> Result<Outcome, Stop> {
    let mut report = Report::new(job);
    attention::check(&device.device, &mut report)?;
    dense::check(&device.device, &mut report)?;
    let golden = match &request.golden {
        Some(golden) => serde_json::from_value(golden.clone()),
        None => serde_json::from_str::<Golden>(BUILT_IN),
    };
    match golden {
        Ok(golden) => model::check(shelf, device, &golden, &mut report)?,
        Err(error) => report.fail("golden values", &format!("they cannot be read: {error}")),
    }
    Ok(Outcome::Json(document(&device.name, report)))
}

fn document(device: &str, report: Report<'_>) -> Value {
    let checks = report.into_checks();
    let passed = !checks.is_empty() && checks.iter().all(|check| check.passed);
    json!({
        "passed": passed,
        "device": device,
        "program": format!("strandscope {}", env!("CARGO_PKG_VERSION")),
        "checks": checks,
    })
}
