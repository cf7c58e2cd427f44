//! Data sets, training and metrics.
