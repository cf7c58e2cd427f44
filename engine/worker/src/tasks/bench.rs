//! Timed passes, in the form other programs are timed in.

mod attention;
mod measure;
mod model;
mod open;

pub(crate) use attention::attention;
pub(crate) use model::model;
pub(crate) use open::open;
