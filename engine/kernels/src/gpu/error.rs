//! What can go wrong on a GPU.

/// Why a kernel gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// Its text does not compile on this adapter.
    #[error(
        "the kernel {kernel} does not compile for {adapter} with the driver {driver}; compute on the processor, or \
         update the driver"
    )]
    Build {
        /// The kernel.
        kernel: &'static str,
        /// The adapter.
        adapter: String,
        /// The driver and its version.
        driver: String,
        /// What the compiler says.
        #[source]
        source: wgpu::Error,
    },
    /// A constant was to be replaced that its text does not have.
    #[error("the kernel {kernel} has no constant {name} that could be replaced")]
    Constant {
        /// The kernel.
        kernel: &'static str,
        /// The constant.
        name: &'static str,
    },
    /// A tensor is not what the operation needs.
    #[error("the tensor {tensor} of attention {problem}")]
    Tensor {
        /// Its name.
        tensor: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Sizes beyond what the kernels count with, or a rule that does not fit them.
    #[error("attention of this size or rule cannot run on the GPU: {problem}")]
    Problem {
        /// What is wrong.
        problem: String,
    },
    /// There is no memory left on the device.
    #[error("no memory on {adapter} for {what}{}; use shorter windows or a smaller batch", in_brackets(*bytes))]
    OutOfMemory {
        /// The adapter.
        adapter: String,
        /// What it was for.
        what: &'static str,
        /// How much was asked for; 0 where it is not known.
        bytes: u64,
        /// What wgpu says.
        #[source]
        source: wgpu::Error,
    },
    /// The device refused a command: a fault of this program.
    #[error("{adapter} refused {what}")]
    Refused {
        /// The adapter.
        adapter: String,
        /// What it was to do.
        what: &'static str,
        /// What wgpu says.
        #[source]
        source: wgpu::Error,
    },
    /// The device is gone: reset by the driver, unplugged, or closed.
    #[error("{adapter} was lost: reset by its driver, unplugged or closed; try again, or compute on the processor")]
    Lost {
        /// The adapter.
        adapter: String,
    },
    /// It gives other numbers than the processor.
    #[error("the kernel {kernel} gives wrong numbers on {adapter}; update its driver, or compute on the processor")]
    Disagrees {
        /// The kernel.
        kernel: &'static str,
        /// The adapter.
        adapter: String,
    },
    /// A tensor of burn's could not be had, as something before went wrong with it.
    #[error("tensors could not be had on the GPU: {problem}; use shorter windows, or compute on the processor")]
    NoTensor {
        /// What burn says.
        problem: String,
    },
    /// The one who watches ended the work.
    #[error("the work was cancelled")]
    Cancelled,
}

fn in_brackets(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(" ({bytes} bytes)") }
}

impl KernelError {
    /// What an error means that wgpu told when nobody asked for it.
    pub(super) fn uncaught(adapter: &str, source: wgpu::Error) -> Self {
        let (adapter, what) = (adapter.to_owned(), "what was asked of it");
        match source {
            wgpu::Error::OutOfMemory { .. } => Self::OutOfMemory { adapter, what: "tensors", bytes: 0, source },
            _ => Self::Refused { adapter, what, source },
        }
    }

    /// Whether another way to compute the same on the same device may do better.
    pub(crate) fn is_of_one_kernel(&self) -> bool {
        matches!(
            self,
            Self::Build { .. }
                | Self::Constant { .. }
                | Self::Tensor { .. }
                | Self::Problem { .. }
                | Self::Disagrees { .. }
        )
    }

    /// Whether a smaller batch may do better.
    pub fn is_of_memory(&self) -> bool {
        matches!(self, Self::OutOfMemory { .. } | Self::NoTensor { .. })
    }

    /// Whether the device is gone.
    pub fn is_of_loss(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}
