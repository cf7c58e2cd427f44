//! Weights: where a network's tensors come from, and how they are stored.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    iter::once,
    path::Path,
};

use burn::{
    module::{Module, ModuleVisitor, Param, ParamId, RunningState},
    tensor::{Device, Gradients, Tensor, TensorData},
};
use half::{bf16, f16};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo, TensorView},
};
use sha2::{Digest, Sha256};

use crate::ModelError;

/// Longest header of a safetensors file that is read, as the format fixes it.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// How much of a tensor is read at once; whole numbers of any type fit in it.
const PIECE_BYTES: usize = 1 << 16;

/// What a tensor is filled with when a network is made from scratch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// 0.
    Zeros,
    /// 1.
    Ones,
    /// Normally distributed with this standard deviation.
    Normal(f32),
}

/// Where the tensors of a network come from: a file, or chance.
pub struct Weights {
    origin: Origin,
    device: Device,
    problems: Vec<String>,
}

enum Origin {
    File { file: Box<dyn ReadSeek>, name: String, start: u64, tensors: BTreeMap<String, TensorInfo> },
    Random(Box<ChaCha8Rng>),
}

trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

impl Weights {
    /// Tensors drawn at random; the same seed gives the same network on every device.
    pub fn random(seed: u64, device: &Device) -> Self {
        Self {
            origin: Origin::Random(Box::new(ChaCha8Rng::seed_from_u64(seed))),
            device: device.clone(),
            problems: Vec::new(),
        }
    }

    /// Tensors of a safetensors file, read one by one as they are asked for.
    ///
    /// # Errors
    /// When the file cannot be read or its header is damaged.
    pub fn open(path: &Path, device: &Device) -> Result<Self, ModelError> {
        let (file, length) = open_file(path)?;
        Self::from_stream(file, length, path.display().to_string(), device)
    }

    /// Tensors of a safetensors file in memory.
    ///
    /// # Errors
    /// When the header is damaged.
    pub fn from_bytes(bytes: &'static [u8], name: &str, device: &Device) -> Result<Self, ModelError> {
        Self::from_stream(std::io::Cursor::new(bytes), bytes.len() as u64, name.to_owned(), device)
    }

    fn from_stream(
        mut stream: impl Read + Seek + 'static,
        length: u64,
        name: String,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (tensors, start) = read_header(&mut stream, length, &name)?;
        let origin = Origin::File { file: Box::new(stream), name, start, tensors };
        Ok(Self { origin, device: device.clone(), problems: Vec::new() })
    }

    /// Whether a file has this tensor; a random network has every one.
    pub fn has(&self, name: &str) -> bool {
        match &self.origin {
            Origin::File { tensors, .. } => tensors.contains_key(name),
            Origin::Random(_) => true,
        }
    }

    /// The parameter `name` of this shape.
    ///
    /// What is missing or does not fit is noted for [`Weights::finish`]; until then a single zero stands for it.
    pub fn param<const D: usize>(&mut self, name: &str, shape: [usize; D], fill: Fill) -> Param<Tensor<D>> {
        let read = match &mut self.origin {
            Origin::Random(random) => Ok(filled(random, shape.iter().product(), fill)),
            Origin::File { file, name: origin, start, tensors } => tensors
                .remove(name)
                .ok_or_else(|| format!("missing {name} {shape:?}"))
                .and_then(|info| read_tensor(file, origin, *start, name, &info, &shape)),
        };
        let tensor = match read {
            Ok(values) => Tensor::from_data(TensorData::new(values, shape), &self.device),
            Err(problem) => {
                self.problems.push(problem);
                // Never of the shape asked for: a damaged configuration may ask for more than there is memory.
                Tensor::zeros([1; D], &self.device)
            }
        };
        let mut param = Param::from_tensor(tensor);
        param.id = id_of(name);
        param
    }

    /// The tensor `name` of this shape as something that training keeps but does not learn.
    pub fn buffer<const D: usize>(&mut self, name: &str, shape: [usize; D], fill: Fill) -> RunningState<Tensor<D>> {
        let (id, tensor, _) = self.param(name, shape, fill).consume();
        RunningState::with_id(id, tensor.detach())
    }

    /// Leaves out tensors that a network does not need, for example stored buffers.
    pub fn ignore(&mut self, unneeded: impl Fn(&str) -> bool) {
        if let Origin::File { tensors, .. } = &mut self.origin {
            tensors.retain(|name, _| !unneeded(name));
        }
    }

    /// Ends loading.
    ///
    /// # Errors
    /// When tensors were missing, did not fit, were not finite, or are left over; all of them are listed.
    pub fn finish(self) -> Result<(), ModelError> {
        let Origin::File { name, tensors, .. } = self.origin else { return Ok(()) };
        let unexpected = tensors.iter().map(|(tensor, info)| format!("unexpected {tensor} {:?}", info.shape));
        let problems: Vec<String> = self.problems.into_iter().chain(unexpected).collect();
        if problems.is_empty() { Ok(()) } else { Err(ModelError::Misfit { origin: name, problems }) }
    }
}

/// A weights file and its length. A pipe is refused, since it would be waited for without end.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64), ModelError> {
    let failed =
        |source| ModelError::Io { action: "opening weights", path: path.to_owned(), remedy: "Check the path", source };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is no regular file")));
    }
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok((file, length))
}

/// Name, type and shape of every tensor of a safetensors file.
///
/// # Errors
/// When the file cannot be read or its header is damaged.
pub fn list_tensors(path: &Path) -> Result<Vec<(String, String, Vec<usize>)>, ModelError> {
    let (mut file, length) = open_file(path)?;
    listed(&mut file, length, &path.display().to_string())
}

/// Name, type and shape of every tensor of a safetensors file in memory; `name` stands for it in errors.
///
/// # Errors
/// When the header is damaged.
pub fn list_tensors_of(bytes: &[u8], name: &str) -> Result<Vec<(String, String, Vec<usize>)>, ModelError> {
    listed(&mut std::io::Cursor::new(bytes), bytes.len() as u64, name)
}

/// A tensor of a file, read from end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTensor {
    /// Its name.
    pub name: String,
    /// How it is stored: `F32`.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// SHA-256 of its values as little-endian 32-bit floats; `None` where it holds no weights.
    pub sha256_f32le: Option<String>,
    /// Values that are NaN or infinite.
    pub not_finite: usize,
}

/// Reads every tensor of a safetensors file; `None` when `go_on` said to stop.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn examine(path: &Path, go_on: &dyn Fn() -> bool) -> Result<Option<Vec<SeenTensor>>, ModelError> {
    let io =
        |source| ModelError::Io { action: "reading weights", path: path.to_owned(), remedy: "Check the disk", source };
    let (mut file, length) = open_file(path)?;
    let (tensors, start) = read_header(&mut file, length, &path.display().to_string())?;
    let mut seen = Vec::new();
    for (name, info) in tensors {
        if !go_on() {
            return Ok(None);
        }
        let (from, to) = info.data_offsets;
        let mut bytes = vec![0; to - from];
        file.seek(SeekFrom::Start(start + from as u64)).and_then(|_| file.read_exact(&mut bytes)).map_err(io)?;
        let values = floats(&bytes, info.dtype);
        let digest =
            |values: &Vec<f32>| sha256(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        seen.push(SeenTensor {
            name,
            dtype: format!("{:?}", info.dtype),
            sha256_f32le: values.as_ref().map(digest),
            not_finite: values.map_or(0, |values| values.iter().filter(|value| !value.is_finite()).count()),
            shape: info.shape,
        });
    }
    Ok(Some(seen))
}

fn listed(
    stream: &mut (impl Read + Seek),
    length: u64,
    name: &str,
) -> Result<Vec<(String, String, Vec<usize>)>, ModelError> {
    let (tensors, _) = read_header(stream, length, name)?;
    Ok(tensors.into_iter().map(|(name, info)| (name, format!("{:?}", info.dtype), info.shape)).collect())
}

/// The number by which an optimizer knows a parameter: the same in every run, so that training can be resumed.
fn id_of(name: &str) -> ParamId {
    let digest = Sha256::digest(name.as_bytes());
    ParamId::from(digest.iter().take(8).fold(0, |number, &byte| (number << 8) | u64::from(byte)))
}

fn read_header(
    stream: &mut (impl Read + Seek),
    length: u64,
    name: &str,
) -> Result<(BTreeMap<String, TensorInfo>, u64), ModelError> {
    let damaged = |reason: String| ModelError::Damaged { origin: name.to_owned(), reason };
    let mut size = [0; 8];
    stream.read_exact(&mut size).map_err(|_| damaged(format!("{length} bytes are too few for a header (byte 0)")))?;
    let header_bytes = u64::from_le_bytes(size);
    if header_bytes > MAX_HEADER_BYTES || header_bytes + 8 > length {
        return Err(damaged(format!("the header at byte 0 claims {header_bytes} bytes of a file of {length}")));
    }
    let header_length = usize::try_from(header_bytes).map_err(|error| damaged(error.to_string()))?;
    let mut header = vec![0; header_length];
    stream.read_exact(&mut header).map_err(|error| damaged(format!("header at byte 8: {error}")))?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| damaged(format!("header at byte 8: {error}")))?;
    let start = header_bytes + 8;
    let end = start + end_of_tensors(&metadata).map_err(damaged)?;
    if end != length {
        let what = if end > length { "it is truncated" } else { "there is something behind the tensors" };
        return Err(damaged(format!("{what}: the tensors end at byte {end}, the file at byte {length}")));
    }
    Ok((metadata.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect(), start))
}

/// Where the last tensor ends, once it is sure that the tensors lie one behind the other and are as large as their
/// shapes say. (The library checks this only for files that are in memory as a whole.)
fn end_of_tensors(metadata: &Metadata) -> Result<u64, String> {
    let mut tensors: Vec<(String, &TensorInfo)> = metadata.tensors().into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, info) in tensors {
        let (from, to) = info.data_offsets;
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |bits, &size| bits.checked_mul(size));
        if from != end || to < from || bits != (to - from).checked_mul(8) {
            return Err(format!("{name} with shape {:?} cannot lie at bytes {from} to {to} of the data", info.shape));
        }
        end = to;
    }
    Ok(end as u64)
}

fn read_tensor(
    file: &mut (impl Read + Seek + ?Sized),
    origin: &str,
    start: u64,
    name: &str,
    info: &TensorInfo,
    shape: &[usize],
) -> Result<Vec<f32>, String> {
    if info.shape != shape {
        return Err(format!("{name} has shape {:?}, {shape:?} expected", info.shape));
    }
    let (from, to) = info.data_offsets;
    let at = start + from as u64;
    let failed = |error: io::Error| format!("{name} at byte {at} of {origin}: {error}");
    file.seek(SeekFrom::Start(at)).map_err(failed)?;
    let mut values = Vec::with_capacity(shape.iter().product());
    // Piece by piece, so that no tensor is in memory twice.
    let mut piece = vec![0; PIECE_BYTES.min(to - from)];
    let mut left = to - from;
    while left > 0 {
        let bytes = &mut piece[..PIECE_BYTES.min(left)];
        file.read_exact(bytes).map_err(failed)?;
        let read = floats(bytes, info.dtype)
            .ok_or_else(|| format!("{name} is stored as {:?}, which holds no weights", info.dtype))?;
        values.extend(read);
        left -= bytes.len();
    }
    if values.iter().all(|value| value.is_finite()) { Ok(values) } else { Err(format!("{name} holds NaN or infinity")) }
}

fn floats(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
    let values = match dtype {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        Dtype::BF16 => bytes.as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
        _ => return None,
    };
    Some(values)
}

fn filled(random: &mut ChaCha8Rng, count: usize, fill: Fill) -> Vec<f32> {
    match fill {
        Fill::Zeros => vec![0.0; count],
        Fill::Ones => vec![1.0; count],
        Fill::Normal(deviation) => (0..count).map(|_| deviation * normal(random)).collect(),
    }
}

/// A normally distributed number (Box and Muller 1958).
fn normal(random: &mut ChaCha8Rng) -> f32 {
    let radius = (-2.0 * (1.0 - random.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * random.random::<f32>()).cos()
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Four bytes a weight, exact.
    F32,
    /// Two bytes a weight, rounded.
    F16,
}

/// The parameters of a network as the bytes of a safetensors file, named by their place in it.
///
/// # Errors
/// When the device gives the values back in another type.
pub fn to_safetensors(network: &impl Module, storage: Storage) -> Result<Vec<u8>, ModelError> {
    struct Collect(Vec<String>, BTreeMap<String, (Vec<usize>, TensorData)>);
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            self.1.insert(self.0.join("."), (tensor.dims().to_vec(), tensor.into_data()));
        }
    }
    let mut collect = Collect(Vec::new(), BTreeMap::new());
    network.visit(&mut collect);
    let mut stored = Vec::new();
    for (name, (shape, data)) in collect.1 {
        let values: Vec<f32> =
            data.try_to_vec().map_err(|error| ModelError::Device { reason: format!("{error:?}") })?;
        let bytes = match storage {
            Storage::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
            Storage::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        };
        stored.push((name, shape, bytes));
    }
    write_tensors(stored, if storage == Storage::F32 { Dtype::F32 } else { Dtype::F16 }, &[])
}

/// Shape and values of the gradient at a parameter.
pub type Gradient = (Vec<usize>, Vec<f32>);

/// The gradient of each parameter of a network that has one, named by its place.
///
/// # Errors
/// When the device fails or gives the values back in another type.
pub fn gradients_of(network: &impl Module, gradients: &Gradients) -> Result<BTreeMap<String, Gradient>, ModelError> {
    struct Collect<'a>(Vec<String>, &'a Gradients, BTreeMap<String, (Vec<usize>, TensorData)>);
    impl ModuleVisitor for Collect<'_> {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad(self.1) {
                self.2.insert(self.0.join("."), (gradient.dims().to_vec(), gradient.into_data()));
            }
        }
    }
    let mut collect = Collect(Vec::new(), gradients, BTreeMap::new());
    network.visit(&mut collect);
    let values = collect.2.into_iter().map(|(name, (shape, data))| {
        let values = data.try_to_vec().map_err(|error| ModelError::Device { reason: format!("{error:?}") })?;
        Ok((name, (shape, values)))
    });
    values.collect()
}

/// Named arrays as the bytes of a safetensors file; `provenance` says what made them, as pairs of a key and a value.
///
/// # Errors
/// When sizes and shapes do not agree.
pub fn write_tensors(
    tensors: Vec<(String, Vec<usize>, Vec<u8>)>,
    dtype: Dtype,
    provenance: &[(String, String)],
) -> Result<Vec<u8>, ModelError> {
    let damaged = |error: safetensors::SafeTensorError| ModelError::Damaged {
        origin: "output".to_owned(),
        reason: error.to_string(),
    };
    let views: Result<Vec<_>, _> =
        tensors.iter().map(|(name, shape, bytes)| Ok((name, TensorView::new(dtype, shape.clone(), bytes)?))).collect();
    let metadata = once(("format".to_owned(), "pt".to_owned())).chain(provenance.iter().cloned()).collect();
    safetensors::serialize(views.map_err(damaged)?, Some(metadata)).map_err(damaged)
}

/// SHA-256 of bytes, lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
