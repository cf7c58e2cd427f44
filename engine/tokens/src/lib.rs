//! Tokenizers and the bases their tokens cover.
