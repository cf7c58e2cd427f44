//! Windows, batches, stitching and tracks.
