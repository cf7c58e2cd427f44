//! Tensors where they lie.

use std::num::NonZero;

use super::{context::Gpu, error::KernelError, parameters::Parameters};

/// A tensor `[batch, head, seq, d]` in a buffer of the device; the channels of a position lie side by side.
///
/// So q, k and v can be slices of one `[batch, seq, 3·hidden]` tensor, and the output can be `[batch, seq, head·d]`.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The buffer, which may hold other tensors as well.
    pub(crate) buffer: wgpu::Buffer,
    /// Where its part of the buffer begins: a multiple of the device's alignment of storage bindings.
    pub(crate) offset_bytes: u64,
    /// How long that part is.
    pub(crate) size_bytes: u64,
    /// Where the first number stands in that part.
    pub(crate) start: u32,
    /// Numbers from one to the next along batch, head and seq.
    pub(crate) strides: [u32; 3],
}

impl View {
    /// The whole of a buffer that holds `[batch, head, seq, d]` without gaps.
    pub(crate) fn contiguous(buffer: wgpu::Buffer, [_, heads, seq, d]: [u32; 4]) -> Self {
        let size_bytes = buffer.size();
        Self { buffer, offset_bytes: 0, size_bytes, start: 0, strides: [heads * seq * d, seq * d, d] }
    }

    /// Whether every number of a tensor of this shape lies inside, where kernels that read four at a time find it.
    pub(crate) fn check(&self, name: &'static str, gpu: &Gpu, shape: [u32; 4]) -> Result<(), KernelError> {
        let wrong = |problem: String| Err(KernelError::Tensor { tensor: name, problem });
        if shape.contains(&0) {
            return wrong(format!("is empty: {shape:?}"));
        }
        let alignment = u64::from(gpu.limits().min_storage_buffer_offset_alignment);
        if !self.offset_bytes.is_multiple_of(alignment) {
            return wrong(format!("begins at byte {}, which no {alignment} divides", self.offset_bytes));
        }
        if self.size_bytes > gpu.limits().max_storage_buffer_binding_size {
            let most = gpu.limits().max_storage_buffer_binding_size;
            return wrong(format!("takes {} bytes, of which {} can bind {most}", self.size_bytes, gpu.adapter()));
        }
        if self.offset_bytes.checked_add(self.size_bytes).is_none_or(|end| end > self.buffer.size()) {
            return wrong(format!("ends behind its buffer of {} bytes", self.buffer.size()));
        }
        let quads = self.strides.iter().chain([&self.start, &shape[3]]).all(|number| number.is_multiple_of(4));
        if !quads {
            let Self { start, strides, .. } = self;
            return wrong(format!("has start {start}, strides {strides:?} and width {}, not all in fours", shape[3]));
        }
        let farthest: u64 =
            self.strides.iter().zip(shape).map(|(&by, count)| u64::from(by) * u64::from(count - 1)).sum();
        let end = u64::from(self.start) + farthest + u64::from(shape[3]);
        if end * 4 > self.size_bytes || end > u64::from(u32::MAX) {
            return wrong(format!("reaches to number {end} of {}", self.size_bytes / 4));
        }
        Ok(())
    }

    /// What a kernel binds.
    pub(crate) fn binding(&self) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset: self.offset_bytes,
            size: NonZero::new(self.size_bytes),
        })
    }

    /// Start and strides, as kernels take them: one vector.
    pub(crate) fn parameter(&self, name: &'static str) -> Parameters {
        let [batch, head, seq] = self.strides;
        Parameters::default().words(name, &[self.start, batch, head, seq])
    }
}
