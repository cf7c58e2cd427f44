//! A checkpoint: its files, and where in them the tensors lie.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    path::{Path, PathBuf},
};

use ::safetensors::Dtype;

use super::{
    form,
    number::Number,
    place::{Place, Walk},
    shards::Index,
    source::Source,
    written::NamedArray,
};
use crate::ModelError;

/// How many bytes of a tensor are read at once; whole numbers of any type fit in it.
const PIECE_BYTES: usize = 1 << 16;

/// Files of a folder that hold its weights, the first that is there.
const WEIGHTS: [&str; 4] = [MODEL, MODEL_INDEX, TORCH, TORCH_INDEX];
const MODEL: &str = "model.safetensors";
const MODEL_INDEX: &str = "model.safetensors.index.json";
const TORCH: &str = "pytorch_model.bin";
const TORCH_INDEX: &str = "pytorch_model.bin.index.json";

/// A checkpoint: its files, and where in them the tensors lie.
///
/// ```no_run
/// use std::path::Path;
/// use strandscope_models::checkpoint::Stored;
///
/// let mut stored = Stored::open_folder(Path::new("models/dnabert2"))?;
/// let (name, dtype, shape) = &stored.tensors()[0];
/// println!("{name} {dtype} {shape:?}");
/// let values = stored.read(&name.clone())?;
/// # Ok::<(), strandscope_models::ModelError>(())
/// ```
pub struct Stored {
    origin: String,
    sources: Vec<Source>,
    paths: Vec<PathBuf>,
    pub(super) tensors: BTreeMap<String, Place>,
}

impl Stored {
    /// One file: safetensors, or what `torch.save` writes; its content tells.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or is a pickle of more than tensors.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        Self::of(Source::open(path)?)
    }

    /// The weights of a model's folder, in one file or several: safetensors before what `torch.save` writes.
    ///
    /// # Errors
    /// When there are none, a file of several is missing, or one is as [`Stored::open`] refuses it.
    pub fn open_folder(folder: &Path) -> Result<Self, ModelError> {
        let found = WEIGHTS.into_iter().find(|name| folder.join(name).exists());
        match found {
            Some(index @ (MODEL_INDEX | TORCH_INDEX)) => Self::open_shards(folder, &Index::read(folder, index)?),
            Some(file) => Self::open(&folder.join(file)),
            None => Err(ModelError::NoWeights { folder: folder.to_owned(), looked_for: WEIGHTS.to_vec() }),
        }
    }

    /// A file in memory; `name` stands for it in errors.
    ///
    /// # Errors
    /// When it is as [`Stored::open`] refuses it.
    pub fn from_bytes(bytes: &'static [u8], name: &str) -> Result<Self, ModelError> {
        Self::of(Source::of_bytes(bytes, name))
    }

    fn of(mut source: Source) -> Result<Self, ModelError> {
        let tensors = form::read(&mut source)?;
        let paths = source.path().map(Path::to_owned).into_iter().collect();
        Ok(Self { origin: source.name().to_owned(), sources: vec![source], paths, tensors })
    }

    fn open_shards(folder: &Path, index: &Index) -> Result<Self, ModelError> {
        let (mut sources, mut paths, mut tensors) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut shard_of: BTreeMap<String, String> = BTreeMap::new();
        for (file, shard) in index.shards().into_iter().enumerate() {
            paths.push(folder.join(shard));
            let mut source = Source::open(&paths[file])?;
            for (name, place) in form::read(&mut source)? {
                match shard_of.entry(name.clone()) {
                    Entry::Vacant(entry) => entry.insert(shard.to_owned()),
                    Entry::Occupied(entry) => {
                        return Err(index.wrong(format!("{name} is in both {} and {shard}", entry.get())));
                    }
                };
                tensors.insert(name, Place { file, ..place });
            }
            sources.push(source);
        }
        index.check_tensors(&shard_of)?;
        Ok(Self { origin: index.origin().to_owned(), sources, paths, tensors })
    }

    /// How messages name it: its file, or the index of its files.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The files that hold its tensors, sorted by name; none where it is in memory.
    pub fn files(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Name, type and shape of every tensor, sorted by name; types are called as in `F32`.
    pub fn tensors(&self) -> Vec<(String, String, Vec<usize>)> {
        let tensors = self.tensors.iter();
        tensors.map(|(name, place)| (name.clone(), format!("{:?}", place.dtype), place.shape.clone())).collect()
    }

    /// The values of a tensor of weights, in row-major order.
    ///
    /// # Errors
    /// When it is not there, holds no weights, or cannot be read.
    pub fn read(&mut self, name: &str) -> Result<Vec<f32>, ModelError> {
        self.read_as(name)
    }

    /// The same in the type of numbers that is asked for.
    pub(super) fn read_as<T: Number>(&mut self, name: &str) -> Result<Vec<T>, ModelError> {
        let wrong = |reason: String| ModelError::Misfit { origin: self.origin.clone(), problems: vec![reason] };
        let place = self.tensors.get(name).ok_or_else(|| wrong(format!("missing {name}")))?.clone();
        if !T::reads(place.dtype) {
            return Err(wrong(format!("{name} is stored as {:?}, which holds no {}", place.dtype, T::WHAT)));
        }
        self.values(&place).map_err(|error| self.sources[place.file].failed(error))
    }

    /// A tensor as it is written again: weights in single precision, whole numbers in 64 bits.
    pub(super) fn array(&mut self, name: &str, place: &Place) -> Result<NamedArray, ModelError> {
        let mut bytes = Vec::new();
        let dtype = self.encode(place, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        let dtype = dtype.map_err(|error| self.sources[place.file].failed(error))?;
        Ok(NamedArray { name: name.to_owned(), dtype, shape: place.shape.clone(), bytes })
    }

    /// Shows the values of a tensor as they are written again, piece by piece, and says in which type.
    pub(super) fn encode(&mut self, place: &Place, each: Encoded<'_>) -> io::Result<Dtype> {
        let mut outcome = Ok(());
        let is_float = f32::reads(place.dtype);
        let mut pass = |bytes: Vec<u8>| {
            outcome = each(&bytes);
            outcome.is_ok()
        };
        if is_float {
            self.visit::<f32>(place, &mut |piece| pass(piece.iter().flat_map(|value| value.to_le_bytes()).collect()))?;
        } else {
            self.visit::<i64>(place, &mut |piece| pass(piece.iter().flat_map(|value| value.to_le_bytes()).collect()))?;
        }
        outcome.map(|()| written_as(place))
    }

    /// Which file a tensor lies in, for messages.
    pub(super) fn file_of(&self, place: &Place) -> &Source {
        &self.sources[place.file]
    }

    /// All values of a tensor, in row-major order; piece by piece, so that none is in memory twice.
    pub(super) fn values<T: Number>(&mut self, place: &Place) -> io::Result<Vec<T>> {
        let mut values = Vec::new();
        match &place.strides {
            Some(strides) => self.gather(place, strides),
            None => {
                values.reserve_exact(place.count());
                self.visit(place, &mut |piece| {
                    values.extend_from_slice(piece);
                    true
                })?;
                Ok(values)
            }
        }
    }

    /// Shows the values of a tensor in row-major order, piece by piece; `false` where `each` said to stop.
    pub(super) fn visit<T: Number>(&mut self, place: &Place, each: &mut dyn FnMut(&[T]) -> bool) -> io::Result<bool> {
        if let Some(strides) = &place.strides {
            return Ok(each(&self.gather(place, strides)?));
        }
        let count = place.count();
        for from in (0..count).step_by(piece_of(place)) {
            if !each(&self.piece(place, from, count)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether two tensors have the same shape and values.
    pub(super) fn are_same(&mut self, one: &Place, other: &Place) -> io::Result<bool> {
        if one == other || one.shape != other.shape {
            return Ok(one == other);
        }
        if f32::reads(one.dtype) && f32::reads(other.dtype) {
            // Compared by their bits, of which NaN has many.
            return self.agree::<f32>(one, other, |one, other| one.to_bits() == other.to_bits());
        }
        let are_whole = i64::reads(one.dtype) && i64::reads(other.dtype);
        Ok(are_whole && self.agree::<i64>(one, other, |one, other| one == other)?)
    }

    fn agree<T: Number>(&mut self, one: &Place, other: &Place, same: fn(T, T) -> bool) -> io::Result<bool> {
        let all_same = |one: &[T], other: &[T]| one.iter().zip(other).all(|(&one, &other)| same(one, other));
        if one.strides.is_some() || other.strides.is_some() {
            return Ok(all_same(&self.values(one)?, &self.values(other)?));
        }
        let count = one.count();
        for from in (0..count).step_by(piece_of(one).min(piece_of(other))) {
            let to = count.min(from + piece_of(one).min(piece_of(other)));
            if !all_same(&self.piece(one, from, to)?, &self.piece(other, from, to)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Values of a tensor that lies in one order with its strides, put into row-major order.
    fn gather<T: Number>(&mut self, place: &Place, strides: &[usize]) -> io::Result<Vec<T>> {
        let mut values = vec![T::default(); place.count()];
        let last: usize = place.shape.iter().zip(strides).map(|(size, stride)| stride * size.saturating_sub(1)).sum();
        let (mut start, mut piece) = (0, Vec::new());
        for (from, to) in Walk::new(&place.shape, strides) {
            if from < start || from - start >= piece.len() {
                piece = self.piece(place, from, last + 1)?;
                start = from;
            }
            values[to] = piece[from - start];
        }
        Ok(values)
    }

    /// Values as they lie, from the `from`th on, at most as many as are read at once and none from `end` on.
    fn piece<T: Number>(&mut self, place: &Place, from: usize, end: usize) -> io::Result<Vec<T>> {
        let width = width(place);
        let count = piece_of(place).min(end - from);
        let mut bytes = vec![0; count * width];
        self.sources[place.file].read_at(place.at + (from * width) as u64, &mut bytes)?;
        T::decode(&bytes, place.dtype).ok_or_else(|| io::Error::other(format!("it holds no {}", T::WHAT)))
    }
}

/// Takes the bytes of a tensor.
type Encoded<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// The type in which a tensor is written again.
pub(super) fn written_as(place: &Place) -> Dtype {
    if f32::reads(place.dtype) { Dtype::F32 } else { Dtype::I64 }
}

/// Bytes of a value; types of less than a byte are never read.
fn width(place: &Place) -> usize {
    place.dtype.bitsize().div_ceil(8)
}

/// How many values of a tensor are read at once.
fn piece_of(place: &Place) -> usize {
    PIECE_BYTES / width(place)
}
