//! Model families, task heads, and their files.

pub mod card;
