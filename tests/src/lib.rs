//! Tests of the whole program.

#[cfg(test)]
mod attention_kernel;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod gpu;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod window;
