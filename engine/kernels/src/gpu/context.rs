//! The device, and what is built for it once.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use super::{
    error::KernelError,
    pace::{Pacer, Watching, Work},
    parameters::{Parameters, bytes_of},
    rehearsal::Rehearsal,
    source::{Constant, Kernel},
    tiles::word,
};

/// A kernel and what was replaced in its text.
type Built = (&'static str, Vec<(&'static str, Constant)>);

/// A device with its queue, the kernels built for it, and how fast they were.
pub(crate) struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: wgpu::AdapterInfo,
    limits: wgpu::Limits,
    has_matrices: bool,
    pipelines: Mutex<BTreeMap<Built, Arc<Pipeline>>>,
    pacer: Mutex<Pacer>,
    /// Bound where a kernel has a buffer that is not asked for.
    spare: wgpu::Buffer,
    /// Mapped to see whether the device lives, by one at a time.
    pulse: Mutex<wgpu::Buffer>,
    rehearsal: Rehearsal,
}

/// A kernel, built.
#[derive(Debug)]
pub(crate) struct Pipeline {
    kernel: Kernel,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// One run of a kernel, before its work is cut into pieces.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// What runs.
    pub(crate) pipeline: &'a Pipeline,
    /// Its parameters. Members `first_item`, `first_x`, `first_y` and `first_z`, where it has them, are set for each
    /// piece.
    pub(crate) parameters: Parameters,
    /// Its storage buffers, in the order of the slots from binding 1 on.
    pub(crate) buffers: &'a [wgpu::BindingResource<'a>],
}

impl Gpu {
    /// On a device that exists; its callbacks for loss and for uncaught errors stay as they are.
    ///
    /// # Errors
    /// When not even a few bytes can be had.
    pub(crate) fn new(device: wgpu::Device, queue: wgpu::Queue) -> Result<Self, KernelError> {
        let (info, limits) = (device.adapter_info(), device.limits());
        let few = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor { label: None, size: 16, usage, mapped_at_creation: false })
        };
        let made = scoped(&device, || {
            (few(wgpu::BufferUsages::STORAGE), few(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST))
        });
        let (spare, pulse) = made.map_err(|source| refusal(&info, "a first buffer", 16, source))?;
        let (pipelines, pacer, rehearsal) = (Mutex::default(), Mutex::default(), Rehearsal::default());
        Ok(Self {
            device,
            queue,
            info,
            limits,
            has_matrices: false,
            pipelines,
            pacer,
            spare,
            pulse: Mutex::new(pulse),
            rehearsal,
        })
    }

    /// Looks up what only the adapter tells: matrix units of 16 × 16 × 16 that take half and give single precision.
    #[must_use]
    pub(crate) fn with_adapter(self, adapter: &wgpu::Adapter) -> Self {
        let (half, single) = (wgpu::CooperativeScalarType::F16, wgpu::CooperativeScalarType::F32);
        let has_matrices = adapter.cooperative_matrix_properties().into_iter().any(|matrix| {
            [matrix.m_size, matrix.n_size, matrix.k_size] == [16; 3]
                && matrix.ab_type == half
                && matrix.cr_type == single
        });
        Self { has_matrices, ..self }
    }

    /// Has faults happen.
    #[must_use]
    pub(crate) fn with_faults(self, rehearsal: Rehearsal) -> Self {
        Self { rehearsal, ..self }
    }

    /// Loses the device where this is the time for it.
    pub(super) fn rehearse_loss(&self) {
        if self.rehearsal.loses() {
            self.device.destroy();
        }
    }

    pub(super) fn rehearsal(&self) -> &Rehearsal {
        &self.rehearsal
    }

    /// The name of the adapter.
    pub(crate) fn adapter(&self) -> &str {
        &self.info.name
    }

    /// What the device allows.
    pub(crate) fn limits(&self) -> &wgpu::Limits {
        &self.limits
    }

    /// What the device can do beyond the plain form.
    pub(crate) fn features(&self) -> wgpu::Features {
        self.device.features()
    }

    /// Whether there are matrix units as [`Self::with_adapter`] looks for.
    pub(crate) fn has_matrices(&self) -> bool {
        self.has_matrices
    }

    /// The driver and its version.
    pub(crate) fn driver(&self) -> String {
        format!("{} {}", self.info.driver, self.info.driver_info).trim().to_owned()
    }

    /// Bytes of all buffers that are there, where the driver's allocator is wgpu's own.
    pub(crate) fn bytes_in_use(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// A kernel with constants replaced, built now or before.
    ///
    /// # Errors
    /// When it has no such constant, or does not compile here.
    pub(crate) fn pipeline(
        &self,
        kernel: &Kernel,
        constants: &[(&'static str, Constant)],
    ) -> Result<Arc<Pipeline>, KernelError> {
        let key = (kernel.name, constants.to_vec());
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = pipelines.get(&key) {
            return Ok(Arc::clone(built));
        }
        let text = kernel.with(constants)?;
        let text = if self.rehearsal.breaks(kernel.name) { text.replace("fn main", "fn broken") } else { text };
        let built = Arc::new(self.build(kernel, &text)?);
        pipelines.insert(key, Arc::clone(&built));
        Ok(built)
    }

    fn build(&self, kernel: &Kernel, text: &str) -> Result<Pipeline, KernelError> {
        self.check_alive()?;
        let built = scoped(&self.device, || {
            let layout = self.layout(kernel);
            let module = self.module(kernel, text);
            let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(kernel.name),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
            let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(kernel.name),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            });
            Pipeline { kernel: *kernel, pipeline, layout }
        });
        built.map_err(|source| match source {
            wgpu::Error::OutOfMemory { .. } => refusal(&self.info, kernel.name, 0, source),
            source => KernelError::Build {
                kernel: kernel.name,
                adapter: self.info.name.clone(),
                driver: self.driver(),
                source,
            },
        })
    }

    #[expect(unsafe_code, reason = "checks inside innermost loops keep drivers from unrolling them")]
    fn module(&self, kernel: &Kernel, text: &str) -> wgpu::ShaderModule {
        let module =
            wgpu::ShaderModuleDescriptor { label: Some(kernel.name), source: wgpu::ShaderSource::Wgsl(text.into()) };
        // SAFETY: the text is one of this program's own files. Its loops end, and its indices stay inside buffers whose
        // sizes the host has checked against shapes and strides before each launch.
        unsafe { self.device.create_shader_module_trusted(module, wgpu::ShaderRuntimeChecks::unchecked()) }
    }

    fn layout(&self, kernel: &Kernel) -> wgpu::BindGroupLayout {
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        // All of them writable: wgpu refuses a buffer that is bound both ways, and tensors share buffers.
        let storage = wgpu::BufferBindingType::Storage { read_only: false };
        let entries: Vec<_> = std::iter::once(entry(0, wgpu::BufferBindingType::Uniform))
            .chain((1..=kernel.buffers).map(|binding| entry(binding, storage)))
            .collect();
        let descriptor = wgpu::BindGroupLayoutDescriptor { label: Some(kernel.name), entries: &entries };
        self.device.create_bind_group_layout(&descriptor)
    }

    /// A buffer for kernels, cleared.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn buffer(&self, what: &'static str, bytes: u64) -> Result<wgpu::Buffer, KernelError> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        self.buffer_for(what, bytes, usage)
    }

    fn buffer_for(
        &self,
        what: &'static str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, KernelError> {
        self.check_alive()?;
        if self.rehearsal.is_full() {
            let source = wgpu::Error::OutOfMemory { source: "a fault on purpose".into() };
            return Err(refusal(&self.info, what, bytes, source));
        }
        let size = bytes.max(16).next_multiple_of(16);
        let descriptor = wgpu::BufferDescriptor { label: Some(what), size, usage, mapped_at_creation: false };
        scoped(&self.device, || self.device.create_buffer(&descriptor))
            .map_err(|source| refusal(&self.info, what, bytes, source))
    }

    /// A buffer for kernels that holds these words.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn buffer_of(&self, what: &'static str, words: &[u32]) -> Result<wgpu::Buffer, KernelError> {
        let bytes = bytes_of(words);
        let buffer = self.buffer(what, bytes.len() as u64)?;
        self.checked(what, || self.queue.write_buffer(&buffer, 0, &bytes))?;
        Ok(buffer)
    }

    /// Stands for a buffer that a kernel has a slot for, but was not asked to fill.
    pub(crate) fn spare(&self) -> wgpu::BindingResource<'_> {
        self.spare.as_entire_binding()
    }

    /// Words of a buffer, once all work so far is done.
    ///
    /// # Errors
    /// When there is no memory, or the device is lost.
    pub(crate) fn read(&self, buffer: &wgpu::Buffer, first: u32, count: u32) -> Result<Vec<u32>, KernelError> {
        let (from, bytes) = (u64::from(first) * 4, u64::from(count) * 4);
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let copy = self.buffer_for("reading results", bytes, usage)?;
        let index = self.checked("reading results", || {
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(buffer, from, &copy, 0, bytes);
            let index = self.queue.submit([encoder.finish()]);
            copy.map_async(wgpu::MapMode::Read, .., |_| {});
            index
        })?;
        self.wait(&index)?;
        let mapped = copy.get_mapped_range(..bytes).map_err(|_| self.lost())?;
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        Ok(mapped.chunks_exact(4).map(word).collect())
    }

    /// The first numbers of a buffer, once all work so far is done.
    ///
    /// # Errors
    /// When there is no memory, or the device is lost.
    pub(crate) fn floats(&self, buffer: &wgpu::Buffer, count: usize) -> Result<Vec<f32>, KernelError> {
        Ok(self.read(buffer, 0, word(count))?.into_iter().map(f32::from_bits).collect())
    }

    /// A buffer for kernels that holds these numbers.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn buffer_of_floats(&self, what: &'static str, values: &[f32]) -> Result<wgpu::Buffer, KernelError> {
        self.buffer_of(what, &values.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
    }

    /// Runs a kernel over its work, in pieces; `watching` is told the share that is done and may end it.
    ///
    /// Returns when the last piece is submitted; what comes after it in the queue sees its results.
    ///
    /// # Errors
    /// When the device is lost or refuses, or the one who watches ends the work.
    pub(crate) fn run(
        &self,
        launch: Launch<'_>,
        work: &mut dyn Work,
        watching: &mut Watching<'_>,
    ) -> Result<(), KernelError> {
        self.rehearse_loss();
        let mut pacer = self.pacer.lock().unwrap_or_else(PoisonError::into_inner);
        let kernel = launch.pipeline.kernel.name;
        let uniform = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let mut block = launch.parameters;
        let parameters = self.buffer_for("parameters", block.bytes().len() as u64, uniform)?;
        let bindings = self.bind(launch.pipeline, &parameters, launch.buffers)?;
        pacer.run(self, kernel, work, watching, |piece| {
            let [x, y, z] = piece.first;
            for (member, value) in [("first_item", x), ("first_x", x), ("first_y", y), ("first_z", z)] {
                block.set(member, value);
            }
            self.checked(kernel, || {
                // Copied before the commands of the next submission, and so for this piece alone.
                self.queue.write_buffer(&parameters, 0, &block.bytes());
                let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                {
                    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                    pass.set_pipeline(&launch.pipeline.pipeline);
                    pass.set_bind_group(0, &bindings, &[]);
                    let [x, y, z] = piece.count;
                    pass.dispatch_workgroups(x, y, z);
                }
                self.queue.submit([encoder.finish()])
            })
        })
    }

    fn bind(
        &self,
        pipeline: &Pipeline,
        parameters: &wgpu::Buffer,
        buffers: &[wgpu::BindingResource<'_>],
    ) -> Result<wgpu::BindGroup, KernelError> {
        let all = std::iter::once(parameters.as_entire_binding()).chain(buffers.iter().cloned());
        let entries: Vec<_> =
            (0..).zip(all).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        let descriptor = wgpu::BindGroupDescriptor {
            label: Some(pipeline.kernel.name),
            layout: &pipeline.layout,
            entries: &entries,
        };
        self.checked(pipeline.kernel.name, || self.device.create_bind_group(&descriptor))
    }

    /// Does something that the device may refuse.
    fn checked<T>(&self, what: &'static str, act: impl FnOnce() -> T) -> Result<T, KernelError> {
        self.check_alive()?;
        scoped(&self.device, act).map_err(|source| refusal(&self.info, what, 0, source))
    }

    /// Waits for a submission and all before it.
    pub(super) fn wait(&self, index: &wgpu::SubmissionIndex) -> Result<(), KernelError> {
        self.poll(wgpu::PollType::Wait { submission_index: Some(index.clone()), timeout: None }).map(|_| ())
    }

    /// Whether a submission is done already.
    pub(super) fn is_done(&self, index: &wgpu::SubmissionIndex) -> Result<bool, KernelError> {
        let timeout = Some(std::time::Duration::ZERO);
        self.poll(wgpu::PollType::Wait { submission_index: Some(index.clone()), timeout })
    }

    /// Tells whether what was to be waited for has come.
    fn poll(&self, what: wgpu::PollType) -> Result<bool, KernelError> {
        // A device that gets lost while it is waited for makes wgpu panic: no error of `poll` stands for it.
        let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(what))).map_err(|_| self.lost())?;
        self.check_alive()?;
        Ok(polled.is_ok())
    }

    /// Whether the device is there.
    ///
    /// A lost one drops commands in silence and tells the owner of its callback alone; but it maps nothing.
    pub(crate) fn check_alive(&self) -> Result<(), KernelError> {
        let pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&refused);
        // A refusal is told at once; a mapping that waits is taken back below, which no longer matters.
        let noted = scoped(&self.device, || {
            pulse.map_async(wgpu::MapMode::Read, .., move |mapped| {
                seen.fetch_or(mapped.is_err(), Ordering::Relaxed);
            });
            refused.load(Ordering::Relaxed)
        });
        let _ = scoped(&self.device, || pulse.unmap());
        if noted.unwrap_or(true) { Err(self.lost()) } else { Ok(()) }
    }

    /// Submits every item alone, as if the device were very slow.
    #[cfg(test)]
    pub(super) fn slow_down(&self) {
        self.pacer.lock().expect("nobody panicked").slow_down();
    }

    /// Closes the device, as if it were unplugged.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.device.destroy();
    }

    fn lost(&self) -> KernelError {
        KernelError::Lost { adapter: self.info.name.clone() }
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gpu").field("adapter", &self.info.name).finish_non_exhaustive()
    }
}

/// Does something, and tells the first error that it causes on the device.
fn scoped<T>(device: &wgpu::Device, act: impl FnOnce() -> T) -> Result<T, wgpu::Error> {
    let [validation, memory, internal] =
        [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Internal]
            .map(|filter| device.push_error_scope(filter));
    let done = act();
    let errors = [at_once(internal.pop()), at_once(memory.pop()), at_once(validation.pop())];
    errors.into_iter().flatten().next().map_or(Ok(done), Err)
}

/// What an error scope has caught: off the web it is known at once.
fn at_once(scope: impl Future<Output = Option<wgpu::Error>>) -> Option<wgpu::Error> {
    match pin!(scope).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(error) => error,
        Poll::Pending => None,
    }
}

fn refusal(info: &wgpu::AdapterInfo, what: &'static str, bytes: u64, source: wgpu::Error) -> KernelError {
    let adapter = info.name.clone();
    match source {
        wgpu::Error::OutOfMemory { .. } => KernelError::OutOfMemory { adapter, what, bytes, source },
        _ => KernelError::Refused { adapter, what, source },
    }
}
