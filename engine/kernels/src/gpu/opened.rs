//! GPUs that were brought up for computing: burn's device, our kernels on it, and what went wrong there.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use burn::tensor::{Device, wgpu::WgpuSetup};

use super::{
    agreement::Agreement, context::Gpu, error::KernelError, forward::Form, plan::Plan, rehearsal::Rehearsal,
    statistics::SweepPlan,
};
use crate::{
    blocks::BlockList,
    problem::{Problem, Rule},
};

/// All that are open, with burn's names for them.
static OPENED: Mutex<Vec<(Device, Arc<Opened>)>> = Mutex::new(Vec::new());

/// A GPU that computes.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) gpu: Gpu,
    /// Which kernels were found to agree with the processor.
    pub(crate) agreement: Agreement,
    /// The first thing that went wrong and that nobody was told yet.
    fault: Arc<Mutex<Option<KernelError>>>,
    /// Whether something went wrong that nobody had asked about.
    is_spoilt: Arc<AtomicBool>,
    /// Whether somebody was told that the device is lost.
    is_loss_told: AtomicBool,
    /// The most memory that was seen in use.
    peak_bytes: AtomicU64,
    /// The plan of the last attention: layers of a network share it.
    plan: Mutex<Option<(Key, Arc<Plan>)>>,
    /// The same for statistics.
    sweep_plan: Mutex<Option<(Key, Arc<SweepPlan>)>>,
}

/// What a plan was made for.
#[derive(Debug, PartialEq)]
struct Key {
    sizes: [usize; 4],
    switches: [bool; 2],
    slopes: Vec<f32>,
    blocks: Option<BlockList>,
    segments: Option<Vec<u32>>,
}

/// Brings up an adapter for computing, on a device of its own.
///
/// Errors that nobody asked about are kept for [`sound`] instead of ending the program.
///
/// # Errors
/// When the driver gives no device, or burn cannot compute on it.
pub fn open_gpu(instance: wgpu::Instance, adapter: wgpu::Adapter) -> Result<Device, String> {
    let rehearsal = Rehearsal::from_environment();
    let descriptor = descriptor(&adapter, rehearsal.most_bytes());
    let (device, queue) = ready(adapter.request_device(&descriptor)).map_err(|error| error.to_string())?;
    let backend = adapter.get_info().backend;
    let gpu = Gpu::new(device.clone(), queue.clone()).map_err(|error| error.to_string())?;
    let gpu = gpu.with_adapter(&adapter).with_faults(rehearsal);
    let setup = WgpuSetup { instance, adapter, device: device.clone(), queue, backend };
    let opened = Device::wgpu_options().setup(setup).init().map_err(|error| error.to_string())?;
    // After burn's own, which ends the thread that computes.
    let fault = Arc::<Mutex<Option<KernelError>>>::default();
    let (noted, adapter) = (Arc::clone(&fault), gpu.adapter().to_owned());
    let is_spoilt = Arc::new(AtomicBool::new(false));
    let spoilt = Arc::clone(&is_spoilt);
    device.on_uncaptured_error(Arc::new(move |error| {
        spoilt.store(true, Ordering::Relaxed);
        note(&noted, KernelError::uncaught(&adapter, error));
    }));
    let (agreement, is_loss_told, peak_bytes) = (Agreement::default(), AtomicBool::new(false), AtomicU64::new(0));
    let new = Opened {
        gpu,
        agreement,
        fault,
        is_spoilt,
        is_loss_told,
        peak_bytes,
        plan: Mutex::default(),
        sweep_plan: Mutex::default(),
    };
    all().push((opened.clone(), Arc::new(new)));
    Ok(opened)
}

#[expect(unsafe_code, reason = "cooperative matrices count as experimental")]
fn descriptor(adapter: &wgpu::Adapter, most_bytes: Option<u64>) -> wgpu::DeviceDescriptor<'static> {
    let mut limits = adapter.limits();
    if let Some(most) = most_bytes {
        limits.max_buffer_size = most;
        limits.max_storage_buffer_binding_size = most;
    }
    wgpu::DeviceDescriptor {
        label: Some("computing"),
        required_features: adapter.features().difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS),
        required_limits: limits,
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        // SAFETY: of experimental features only those are used that kernels are written for and checked with.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        ..Default::default()
    }
}

/// The outcome of something that is known at once, as everything here is off the web.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

/// Whether what a device gave since this was last asked is worth anything; one that is lost says so each time.
///
/// Waits for nothing: ask once results have been read.
///
/// # Errors
/// What went wrong.
pub fn sound(device: &Device) -> Result<(), KernelError> {
    opened(device).and_then(|opened| opened.fault()).map_or(Ok(()), Err)
}

/// Whether a device should be opened again: it is lost, or burn has gone on with memory that it did not get.
pub fn is_broken(device: &Device) -> bool {
    opened(device).is_some_and(|opened| opened.is_spoilt.load(Ordering::Relaxed) || opened.gpu.check_alive().is_err())
}

/// Does something on a device and asks for its faults: where there was one, whatever `work` gave is worth nothing, and
/// the fault is told in its place. So it is when burn panics because of one.
///
/// # Errors
/// The fault of the device.
pub fn watched<T>(device: &Device, work: impl FnOnce() -> T) -> Result<T, KernelError> {
    checked(device, work, |opened| {
        let fault = opened.fault();
        opened.is_loss_told.fetch_or(fault.as_ref().is_some_and(KernelError::is_of_loss), Ordering::Relaxed);
        fault
    })
}

/// The same around work that takes care of faults itself: tells those that nobody was told.
///
/// # Errors
/// The fault of the device.
pub fn watched_around<T>(device: &Device, work: impl FnOnce() -> T) -> Result<T, KernelError> {
    checked(device, work, |opened| {
        let is_told = opened.is_loss_told.load(Ordering::Relaxed);
        opened.fault().filter(|fault| !(is_told && fault.is_of_loss()))
    })
}

fn checked<T>(
    device: &Device,
    work: impl FnOnce() -> T,
    fault: impl FnOnce(&Opened) -> Option<KernelError>,
) -> Result<T, KernelError> {
    let Some(opened) = opened(device) else { return Ok(work()) };
    opened.gpu.rehearse_loss();
    let done = catch_unwind(AssertUnwindSafe(work));
    match (fault(&opened), done) {
        (Some(fault), _) => Err(fault),
        (None, Ok(done)) => Ok(done),
        (None, Err(panic)) => std::panic::resume_unwind(panic),
    }
}

/// The most memory of a device that was in use since this was last asked: buffers that are there, of tensors and of
/// kernels. `None` where the driver does not tell, and on the processor.
pub fn peak_bytes(device: &Device) -> Option<u64> {
    let opened = opened(device)?;
    opened.look_at_memory();
    let peak = opened.peak_bytes.swap(0, Ordering::Relaxed);
    (peak > 0).then_some(peak)
}

/// The ways to compute attention with heads of width `d`, by name, and what becomes of each on a device; none on the
/// processor.
pub fn attention_forms(device: &Device, d: usize) -> Vec<(&'static str, &'static str)> {
    let Some(opened) = opened(device) else { return Vec::new() };
    let Ok(width) = u32::try_from(d) else { return Vec::new() };
    let offered = Form::on(&opened.gpu, width);
    let used = opened.agreement.form_of_width(&opened.gpu, d).ok();
    let state = |form: Form| match form {
        _ if !offered.contains(&form) => "not offered by this adapter, untested here",
        _ if used == Some(form) => "in use: agrees with the processor",
        _ if opened.agreement.is_refused(form, width) => "refused: does not compile, or disagrees with the processor",
        _ if form.is_single() => "can run, not in use",
        _ => "can run, not in use: less exact",
    };
    Form::ALL.map(|form| (form.name(), state(form))).to_vec()
}

/// Forgets a device, so that its memory can go once no tensor is left on it.
pub fn close_gpu(device: &Device) {
    let device = undifferentiated(device);
    all().retain(|(known, _)| *known != device);
}

/// The GPU behind a device, where it is one that was brought up here.
pub(crate) fn opened(device: &Device) -> Option<Arc<Opened>> {
    let device = undifferentiated(device);
    all().iter().find(|(known, _)| *known == device).map(|(_, opened)| Arc::clone(opened))
}

fn undifferentiated(device: &Device) -> Device {
    if device.is_autodiff() { device.clone().inner() } else { device.clone() }
}

fn all() -> std::sync::MutexGuard<'static, Vec<(Device, Arc<Opened>)>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(slot: &Mutex<Option<KernelError>>, error: KernelError) {
    tracing::debug!(error = %error, "a fault on the GPU");
    slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
}

impl Opened {
    /// Notes how much memory is in use.
    pub(crate) fn look_at_memory(&self) {
        if let Some(bytes) = self.gpu.bytes_in_use() {
            self.peak_bytes.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    fn fault(&self) -> Option<KernelError> {
        let noted = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.gpu.check_alive().err().or(noted)
    }

    /// Keeps a fault for the one who asks next; that work was ended as asked is none.
    pub(crate) fn note_unless_cancelled(&self, error: KernelError) {
        if !matches!(error, KernelError::Cancelled) {
            note(&self.fault, error);
        }
    }

    /// The plan of a problem, made now or for the layer before.
    pub(crate) fn plan(&self, problem: &Problem<'_>) -> Result<Arc<Plan>, KernelError> {
        kept(&self.plan, problem, || Plan::new(&self.gpu, problem))
    }

    /// The plan of statistics of a problem that has a plan.
    pub(crate) fn sweep_plan(&self, problem: &Problem<'_>) -> Result<Arc<SweepPlan>, KernelError> {
        kept(&self.sweep_plan, problem, || SweepPlan::new(&self.gpu, problem))
    }
}

/// What was made for the same problem last, or is made now.
fn kept<T>(
    last: &Mutex<Option<(Key, Arc<T>)>>,
    problem: &Problem<'_>,
    make: impl FnOnce() -> Result<T, KernelError>,
) -> Result<Arc<T>, KernelError> {
    let key = Key::new(problem);
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, made)) = &*last
        && *of == key
    {
        return Ok(Arc::clone(made));
    }
    let made = Arc::new(make()?);
    *last = Some((key, Arc::clone(&made)));
    Ok(made)
}

impl Key {
    fn new(problem: &Problem<'_>) -> Self {
        let (slopes, blocks) = match problem.rule {
            Rule::Slopes(slopes) => (slopes.to_vec(), None),
            Rule::Blocks(list) => (Vec::new(), Some(list.clone())),
        };
        Self {
            sizes: [problem.batch, problem.heads, problem.seq, problem.d],
            switches: [problem.skip, problem.row_statistics],
            slopes,
            blocks,
            segments: problem.segments.map(<[u32]>::to_vec),
        }
    }
}
