//! Tests of the whole program.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod window;
