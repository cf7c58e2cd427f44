//! A pass through an encoder: what goes in, who looks on, what comes out.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use strandscope_kernels::{Attention, AttentionInput, Conduct, RowStatistics, Segments};

/// Token ids of a batch, `[batch, seq]`, and which of them belong together.
#[derive(Clone, Debug)]
pub struct Tokens {
    ids: Arc<[i64]>,
    seq: usize,
    segments: Option<Segments>,
}

impl Tokens {
    /// Rows of `seq` ids; positions of segment 0 are padding, and `None` means that each row is one sequence.
    ///
    /// # Panics
    /// When the ids fill no whole rows.
    pub fn new(ids: impl Into<Arc<[i64]>>, seq: usize, segments: Option<Segments>) -> Self {
        let ids = ids.into();
        assert!(ids.len().is_multiple_of(seq.max(1)), "ids fill whole rows");
        Self { ids, seq, segments }
    }

    /// Rows and ids of a row.
    pub fn dims(&self) -> [usize; 2] {
        [self.ids.len() / self.seq.max(1), self.seq]
    }

    /// The ids of one row after the other.
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// Which positions belong together; `None` where each row is one sequence.
    pub fn segments(&self) -> Option<&Segments> {
        self.segments.as_ref()
    }

    /// Whether each position holds a token and no padding.
    pub fn real(&self) -> Vec<bool> {
        match &self.segments {
            Some(segments) => segments.numbers().iter().map(|number| *number != 0).collect(),
            None => vec![true; self.ids.len()],
        }
    }

    /// The ids on a device, `[batch, seq]`.
    pub fn tensor(&self, device: &Device) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(self.ids.to_vec(), self.dims()), device)
    }
}

/// How a pass through the encoder goes, and who looks on.
#[derive(Default)]
pub struct Pass<'a> {
    /// How attention is computed.
    pub conduct: Conduct,
    /// Whether the states after the embedding and after each layer are kept.
    pub hidden: bool,
    /// Whether entropy and distance of each query are computed on the way.
    pub row_statistics: bool,
    /// Is shown the attention of each layer.
    pub observe: Option<Observe<'a>>,
}

/// Is given the number of a layer and its attention.
pub type Observe<'a> = &'a mut dyn FnMut(usize, &Seen<'_>);

/// The attention of a layer.
pub struct Seen<'a> {
    /// What it was computed from.
    pub input: &'a AttentionInput,
    /// What it gave.
    pub attention: &'a Attention,
    /// Entropy and distance of each query, where they were asked for.
    pub rows: Option<&'a RowStatistics>,
}

/// What a pass through the encoder gives.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// States after the last layer, `[batch, seq, hidden]`.
    pub last: Tensor<3>,
    /// States after the embedding and each layer, `[batch, seq, hidden]`.
    pub hidden: Vec<Tensor<3>>,
}
