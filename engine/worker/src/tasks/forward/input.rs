//! The file of token ids.

use std::{fs, path::Path};

use safetensors::{Dtype, SafeTensors};
use strandscope_kernels::Segments;
use strandscope_models::{checkpoint::sha256, pass::Tokens};

use crate::{ErrorKind, JobError, engine::Stop, tasks::errors::kind_of_io};

/// Largest input file that is read.
const MOST_INPUT_BYTES: u64 = 1 << 30;

/// Token ids and which of them are real.
pub(super) struct Input {
    pub(super) rows: usize,
    pub(super) tokens: usize,
    ids: Vec<i64>,
    pub(super) real: Vec<bool>,
    /// The token that stands at each place, −100 where none is asked for; what `--gradients mlm` needs.
    pub(super) labels: Option<Vec<i64>>,
    /// The class of each row; what `--gradients class` needs.
    pub(super) class_target: Option<Vec<i64>>,
    /// Of the file.
    pub(super) sha256: String,
}

impl Input {
    /// Token ids, and which of them are real.
    pub(super) fn tokens(&self) -> Tokens {
        let segments = Segments::from_mask(self.real.iter().copied(), self.tokens);
        let padded = self.real.iter().any(|real| !real);
        let segments = padded.then(|| segments.expect("ids and mask have one shape"));
        Tokens::new(self.ids.clone(), self.tokens, segments)
    }

    pub(super) fn read(path: &Path, vocab_size: usize) -> Result<Self, Stop> {
        let bytes = read_bytes(path)?;
        let shown = path.display();
        let bad = |reason: String| JobError::new(ErrorKind::BadInput, format!("cannot use {shown}: {reason}"));
        let file =
            SafeTensors::deserialize(&bytes).map_err(|error| bad(format!("it is no safetensors file: {error}")))?;
        let (shape, ids) =
            integers(&file, "input_ids").map_err(bad)?.ok_or_else(|| bad("input_ids is missing".to_owned()))?;
        let [rows, tokens] = shape[..] else {
            return Err(bad(format!("input_ids has shape {shape:?}, [batch, tokens] is needed")).into());
        };
        if let Some(place) = ids.iter().position(|&id| !usize::try_from(id).is_ok_and(|id| id < vocab_size)) {
            let (row, column) = (place / tokens, place % tokens);
            let id = ids[place];
            let reason = format!("input_ids[{row},{column}] is {id}; the model has tokens 0 to {}", vocab_size - 1);
            return Err(bad(reason).into());
        }
        if ids.is_empty() {
            return Err(bad("input_ids is empty".to_owned()).into());
        }
        let real = match integers(&file, "attention_mask").map_err(bad)? {
            None => vec![true; ids.len()],
            Some((mask_shape, mask)) if mask_shape == shape => mask.iter().map(|&value| value != 0).collect(),
            Some((other, _)) => {
                return Err(bad(format!("attention_mask has shape {other:?}, input_ids has {shape:?}")).into());
            }
        };
        let labels = integers(&file, "labels").map_err(bad)?;
        if let Some((other, _)) = labels.as_ref().filter(|(other, _)| *other != shape) {
            return Err(bad(format!("labels has shape {other:?}, input_ids has {shape:?}")).into());
        }
        let class_target = integers(&file, "class_target").map_err(bad)?;
        if let Some((other, _)) = class_target.as_ref().filter(|(other, _)| other[..] != [rows]) {
            return Err(
                bad(format!("class_target has shape {other:?}, one class for each of {rows} rows is needed")).into()
            );
        }
        let [labels, class_target] = [labels, class_target].map(|tensor| tensor.map(|(_, values)| values));
        Ok(Self { rows, tokens, ids, real, labels, class_target, sha256: sha256(&bytes) })
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, JobError> {
    let failed = |kind, reason: String| {
        JobError::new(kind, format!("cannot read {}: {reason}; give a safetensors file with input_ids", path.display()))
    };
    let of_io = |error: std::io::Error| failed(kind_of_io(&error), error.to_string());
    let metadata = fs::metadata(path).map_err(of_io)?;
    if !metadata.is_file() || metadata.len() > MOST_INPUT_BYTES {
        return Err(failed(ErrorKind::BadInput, "it is no regular file or too large".to_owned()));
    }
    fs::read(path).map_err(of_io)
}

/// Shape and values.
type Integers = (Vec<usize>, Vec<i64>);

/// A tensor of whole numbers, where the file has it.
fn integers(file: &SafeTensors<'_>, name: &str) -> Result<Option<Integers>, String> {
    let Ok(tensor) = file.tensor(name) else { return Ok(None) };
    let data = tensor.data();
    let values = match tensor.dtype() {
        Dtype::I64 => data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
        Dtype::I32 => data.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes).into()).collect(),
        Dtype::U8 | Dtype::BOOL => data.iter().map(|&byte| byte.into()).collect(),
        other => return Err(format!("{name} is stored as {other:?}; whole numbers (I64) are needed")),
    };
    Ok(Some((tensor.shape().to_vec(), values)))
}
