//! Events in, orders and state out.
