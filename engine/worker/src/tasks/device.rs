//! Where tensors live.

use std::{
    error::Error as _,
    path::Path,
    pin::pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

use burn::tensor::{
    Device,
    wgpu::wgpu::{Adapter, AdapterInfo, Backends, DeviceType, Instance, InstanceDescriptor},
};
use strandscope_kernels::{close_gpu, is_broken, open_gpu};

use super::doctor;
use crate::{DeviceChoice, ErrorKind, JobError};

/// A device and how it is named to people.
pub(crate) struct ComputeDevice {
    pub(crate) device: Device,
    /// `CPU, 2 threads`, or the adapter with its driver.
    pub(crate) name: String,
    /// The processor, or the adapter alone.
    pub(crate) adapter: String,
    /// Driver of the adapter; empty for a processor.
    pub(crate) driver: String,
    /// Threads for computing on the CPU.
    pub(crate) threads: usize,
}

impl ComputeDevice {
    /// Whether tensors live on a GPU, real or played by the processor.
    pub(crate) fn is_gpu(&self) -> bool {
        self.device != Device::flex()
    }

    /// The processor of this computer.
    pub(crate) fn processor(threads: usize) -> Self {
        let (name, adapter) = (cpu_name(threads), doctor::cpu_name());
        Self { device: Device::flex(), name, adapter, driver: String::new(), threads }
    }

    /// The device that was asked for.
    ///
    /// A processor that plays a GPU is slower than the CPU path: it counts only when a GPU is asked for by name.
    pub(crate) fn choose(choice: DeviceChoice, threads: Option<usize>) -> Result<Self, JobError> {
        let threads = start_threads(threads)?;
        let cpu = || Self::processor(threads);
        if choice == DeviceChoice::Cpu || (choice == DeviceChoice::Auto && !may_have_gpu()) {
            return Ok(cpu());
        }
        let found = adapters();
        let with_software = choice == DeviceChoice::Gpu;
        let Some(info) = best(&found.adapters, with_software) else {
            return if choice == DeviceChoice::Auto { Ok(cpu()) } else { Err(no_gpu()) };
        };
        match (open(&found, info), choice) {
            (Ok(device), _) => {
                let (name, adapter, driver) = (adapter_name(info), info.name.clone(), driver_of(info));
                Ok(Self { device, name, adapter, driver, threads })
            }
            (Err(reason), DeviceChoice::Auto) => {
                tracing::warn!(adapter = %info.name, %reason, "the GPU cannot be used: the CPU computes");
                Ok(cpu())
            }
            (Err(reason), _) => Err(JobError {
                kind: ErrorKind::NoDevice,
                message: format!("the GPU {} cannot be used; update its driver, or use --device cpu", info.name),
                causes: vec![reason],
            }),
        }
    }
}

/// Whether there can be a hardware GPU at all: loading drivers to find none takes longer than a small score.
fn may_have_gpu() -> bool {
    let nodes = ["/dev/dri", "/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/dev/mali0", "/dev/kgsl-3d0"];
    !cfg!(target_os = "linux") || nodes.iter().any(|node| Path::new(node).exists())
}

fn no_gpu() -> JobError {
    JobError::new(
        ErrorKind::NoDevice,
        "no GPU was found: Vulkan, Metal and Direct3D 12 name no adapter; install the driver of the graphics card, \
         or use --device cpu",
    )
}

/// Starts the threads that matrix products share; they are started once for the whole process.
fn start_threads(threads: Option<usize>) -> Result<usize, JobError> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    if let Err(error) = builder.build_global() {
        // Only a refusal of the system has a cause.
        if let Some(cause) = error.source() {
            let message =
                "cannot start the threads for computing; close other programs, or ask for fewer with --threads";
            return Err(JobError { causes: vec![cause.to_string()], ..JobError::new(ErrorKind::Runtime, message) });
        }
        tracing::debug!("the threads run already, as an earlier engine started them");
    }
    Ok(rayon::current_num_threads())
}

/// The processor, for people.
pub(crate) fn cpu_name(threads: usize) -> String {
    let plural = if threads == 1 { "" } else { "s" };
    format!("CPU, {threads} thread{plural}")
}

/// The adapters of this computer.
pub(crate) struct Found {
    instance: Instance,
    /// Every adapter of the graphics interfaces that can compute, as wgpu names it.
    pub(crate) adapters: Vec<(AdapterInfo, Adapter)>,
}

/// Asks the drivers.
pub(crate) fn adapters() -> Found {
    let backends = Backends::PRIMARY;
    let instance = Instance::new(InstanceDescriptor { backends, ..InstanceDescriptor::new_without_display_handle() });
    let adapters = ready(instance.enumerate_adapters(backends));
    Found { instance, adapters: adapters.into_iter().map(|adapter| (adapter.get_info(), adapter)).collect() }
}

/// The result of a future that is ready at once, as wgpu's are outside a browser.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::yield_now(),
        }
    }
}

/// Whether it is a processor that plays a GPU.
pub(crate) fn is_software(info: &AdapterInfo) -> bool {
    info.device_type == DeviceType::Cpu
}

fn best(found: &[(AdapterInfo, Adapter)], with_software: bool) -> Option<&AdapterInfo> {
    let rank = |info: &AdapterInfo| match info.device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    };
    let infos = found.iter().map(|(info, _)| info);
    infos.filter(|info| with_software || !is_software(info)).min_by_key(|info| rank(info))
}

fn open(found: &Found, info: &AdapterInfo) -> Result<Device, String> {
    // A device is brought up once for a process; an engine that is started again takes the same, unless it broke.
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    opened.retain(|(_, device)| {
        let is_broken = is_broken(device);
        if is_broken {
            close_gpu(device);
        }
        !is_broken
    });
    if let Some((_, device)) = opened.iter().find(|(known, _)| known == info) {
        return Ok(device.clone());
    }
    let adapter = found.adapters.iter().find(|(other, _)| other == info).map(|(_, adapter)| adapter.clone());
    let adapter = adapter.ok_or("it is not there any more")?;
    let device = open_gpu(found.instance.clone(), adapter)?;
    opened.push((info.clone(), device.clone()));
    Ok(device)
}

/// Adapters that were brought up, with their devices.
static OPENED: Mutex<Vec<(AdapterInfo, Device)>> = Mutex::new(Vec::new());

/// Name, interface and driver of an adapter.
pub(crate) fn adapter_name(info: &AdapterInfo) -> String {
    let software = if is_software(info) { ", software" } else { "" };
    format!("{} ({:?}, {}{software})", info.name, info.backend, driver_of(info))
}

/// Name and version of an adapter's driver.
fn driver_of(info: &AdapterInfo) -> String {
    [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_owned()
}
