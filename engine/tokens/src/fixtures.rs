//! Where the tests find tokenizers.

use std::{path::PathBuf, sync::LazyLock};

use crate::Tokenizer;

/// Every tokenizer that the reference made encodings with.
pub(crate) const STYLES: [&str; 9] = [
    "bpe_dnabert2_style",
    "bpe_dnabert2_style_512",
    "bpe_gena_style",
    "kmer_dnabert_3",
    "kmer_dnabert_6",
    "nucleotide_transformer_k3",
    "nucleotide_transformer_v1",
    "nucleotide_transformer_v1_k3",
    "nucleotide_transformer_v2",
];

/// A file or folder that the tests of all crates share.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name)
}

/// One of [`STYLES`].
pub(crate) fn style(name: &str) -> Tokenizer {
    Tokenizer::read(&path("fixtures/tokenizers").join(name)).expect(name)
}

/// All of [`STYLES`], read once for tests that use them again and again.
pub(crate) fn styles() -> impl Iterator<Item = (&'static str, &'static Tokenizer)> {
    static ALL: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| STYLES.into_iter().map(style).collect());
    STYLES.into_iter().zip(ALL.iter())
}

/// A million bases of each sort that could cost more than their length.
pub(crate) fn megabases() -> [(&'static str, Vec<u8>); 5] {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"ACGT"[usize::try_from(state >> 62).expect("two bits")]
    };
    let mixed: Vec<u8> = (0..1_000_000).map(|_| random()).collect();
    let mut gaps = mixed.clone();
    gaps.chunks_mut(25_000).for_each(|chunk| chunk[..10_000].fill(b'N'));
    let mut islands = mixed.clone();
    islands.chunks_mut(6).for_each(|chunk| chunk[0] = b'N');
    [
        ("random", mixed),
        ("one letter", vec![b'A'; 1_000_000]),
        ("gaps", gaps),
        ("islands", islands),
        ("unknown", vec![b'X'; 1_000_000]),
    ]
}
