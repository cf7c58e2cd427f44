//! What the pickle of a checkpoint is made of.

use ::safetensors::Dtype;

/// Number of a value in the list of all values.
pub(crate) type Id = usize;

/// A value of a pickle. It holds other values by their numbers, so that dropping it never recurses.
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i128),
    /// A floating-point number, or a whole one of more than 128 bits: nothing reads it.
    Number,
    Text(Box<str>),
    /// Bytes that are no text: nothing reads them.
    Bytes,
    Tuple(Box<[Id]>),
    /// A list or a set.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Import(Import),
    Storage(Box<StorageView>),
    Tensor(Box<TensorView>),
}

/// What a pickle may import: names of what this program does itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Import {
    OrderedDict,
    Size,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// Values of one type behind each other, of which tensors are parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StorageView {
    pub(crate) key: String,
    pub(crate) dtype: Dtype,
    /// Values of the whole storage.
    pub(crate) length: usize,
    /// First value that tensors of it count from, and how many there are.
    pub(crate) start: usize,
    pub(crate) view_length: usize,
}

/// A part of a storage.
pub(crate) struct TensorView {
    pub(crate) storage: StorageView,
    pub(crate) offset: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<usize>,
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Number => "a number",
            Self::Text(_) => "a text",
            Self::Bytes => "bytes",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Import(_) => "an import",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

impl Import {
    /// The import of this name, where it is allowed.
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch", "Size") => Self::Size,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", storage) => Self::Storage(dtype_of(storage)?),
            _ => return None,
        })
    }
}

/// The numbers in a storage of torch.
fn dtype_of(storage: &str) -> Option<Dtype> {
    Some(match storage {
        "DoubleStorage" => Dtype::F64,
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" => Dtype::U8,
        "BoolStorage" => Dtype::BOOL,
        _ => return None,
    })
}
