//! Timed passes, in the form other programs are timed in.

mod attention;
mod measure;
mod model;

pub(crate) use attention::attention;
pub(crate) use model::model;
