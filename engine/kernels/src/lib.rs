//! Attention on the GPU and the CPU.
