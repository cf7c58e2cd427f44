//! Where the tensors of a network come from: a checkpoint, or chance.

use std::{collections::BTreeMap, path::Path};

use burn::{
    module::{Param, ParamId, RunningState},
    tensor::{DType, Device, Tensor, TensorData},
};
use half::{bf16, f16};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use strandscope_kernels::is_processor;

use super::{number::Number, place::Place, stored::Stored, written::NamedArray};
use crate::ModelError;

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

/// In which type the tables of feed-forward layers are kept, two thirds of all weights; everything is computed in single
/// precision.
///
/// Attention is touchier: with its tables in half precision too, networks with large scores leave the tolerances of the
/// parity fixtures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightType {
    /// Four bytes a weight.
    #[default]
    F32,
    /// Two bytes a weight: 11 bits of it, and sizes up to 65,504.
    F16,
    /// Two bytes a weight: 8 bits of it, and all sizes.
    Bf16,
}

impl WeightType {
    /// Bytes of a weight.
    pub fn bytes(self) -> u64 {
        if self == Self::F32 { 4 } else { 2 }
    }

    /// As command lines call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// Where the tensors of a network come from: a checkpoint, or chance.
pub struct Weights {
    origin: Origin,
    device: Device,
    tables: WeightType,
    drawn: Option<Drawn>,
    problems: Vec<String>,
    warnings: Vec<String>,
}

enum Origin {
    /// A checkpoint; `taken` are the places of the tensors that were asked for, `aside` of those that belong to it and
    /// are no parameters.
    Stored {
        stored: Stored,
        taken: BTreeMap<String, Place>,
        aside: BTreeMap<String, Place>,
    },
    Random(Box<ChaCha8Rng>),
}

/// What a checkpoint may lack and is drawn at random then.
struct Drawn {
    random: Box<ChaCha8Rng>,
    may_lack: fn(&str) -> bool,
    names: Vec<String>,
}

impl Weights {
    /// Tensors of a checkpoint, read one by one as they are asked for.
    pub fn new(stored: Stored, device: &Device) -> Self {
        Self::of(Origin::Stored { stored, taken: BTreeMap::new(), aside: BTreeMap::new() }, device)
    }

    /// Tensors drawn at random; the same seed gives the same network on every device.
    pub fn random(seed: u64, device: &Device) -> Self {
        Self::of(Origin::Random(Box::new(ChaCha8Rng::seed_from_u64(seed))), device)
    }

    /// Tensors of a file, read one by one as they are asked for.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or is a pickle of more than tensors.
    pub fn open(path: &Path, device: &Device) -> Result<Self, ModelError> {
        Ok(Self::new(Stored::open(path)?, device))
    }

    /// Tensors of a file in memory.
    ///
    /// # Errors
    /// When it is damaged, or is a pickle of more than tensors.
    pub fn from_bytes(bytes: &'static [u8], name: &str, device: &Device) -> Result<Self, ModelError> {
        Ok(Self::new(Stored::from_bytes(bytes, name)?, device))
    }

    fn of(origin: Origin, device: &Device) -> Self {
        let (problems, warnings) = (Vec::new(), Vec::new());
        Self { origin, device: device.clone(), tables: WeightType::F32, drawn: None, problems, warnings }
    }

    /// The same with the tables of feed-forward layers kept in this type.
    #[must_use]
    pub fn with_tables(self, tables: WeightType) -> Self {
        Self { tables, ..self }
    }

    /// The same, with what a checkpoint lacks drawn at random where `may_lack` says of its name that it may.
    #[must_use]
    pub(crate) fn drawing(self, seed: u64, may_lack: fn(&str) -> bool) -> Self {
        let random = Box::new(ChaCha8Rng::seed_from_u64(seed));
        Self { drawn: Some(Drawn { random, may_lack, names: Vec::new() }), ..self }
    }

    /// Names of the tensors that a checkpoint lacked and that were drawn.
    pub(crate) fn drawn(&self) -> &[String] {
        self.drawn.as_ref().map_or(&[], |drawn| &drawn.names)
    }

    /// How messages name where they come from.
    pub fn origin(&self) -> &str {
        match &self.origin {
            Origin::Stored { stored, .. } => stored.origin(),
            Origin::Random(_) => "a random network",
        }
    }

    /// Whether a checkpoint has this tensor; a random network has every one.
    pub fn has(&self, name: &str) -> bool {
        match &self.origin {
            Origin::Stored { stored, .. } => stored.tensors.contains_key(name),
            Origin::Random(_) => true,
        }
    }

    /// What a checkpoint has that was not asked for yet, sorted.
    pub fn names(&self) -> Vec<String> {
        match &self.origin {
            Origin::Stored { stored, .. } => stored.tensors.keys().cloned().collect(),
            Origin::Random(_) => Vec::new(),
        }
    }

    /// Renames the tensors of a checkpoint; those for which there is no new name keep theirs.
    ///
    /// Two that end with one name are noted for [`Weights::finish`].
    pub fn rename(&mut self, new_name: impl Fn(&str) -> Option<String>) {
        let Origin::Stored { stored, .. } = &mut self.origin else { return };
        let mut old_names: BTreeMap<String, String> = BTreeMap::new();
        for (old, place) in std::mem::take(&mut stored.tensors) {
            let new = new_name(&old).unwrap_or_else(|| old.clone());
            if let Some(other) = old_names.get(&new) {
                self.problems.push(format!("both {other} and {old} are {new}"));
                continue;
            }
            old_names.insert(new.clone(), old);
            stored.tensors.insert(new, place);
        }
    }

    /// Leaves out tensors that a network does not need, for example stored buffers.
    pub fn ignore(&mut self, unneeded: impl Fn(&str) -> bool) {
        if let Origin::Stored { stored, .. } = &mut self.origin {
            stored.tensors.retain(|name, _| !unneeded(name));
        }
    }

    /// Sets aside tensors that the published class has and that no network here computes with: nothing is missing without
    /// them, but they belong to the checkpoint.
    pub(crate) fn set_aside(&mut self, unneeded: impl Fn(&str) -> bool) {
        let Origin::Stored { stored, aside, .. } = &mut self.origin else { return };
        aside.extend(stored.tensors.extract_if(.., |name, _| unneeded(name)));
    }

    /// What belongs to the checkpoint and is no parameter: what was set aside, and whole numbers.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn beside(&mut self) -> Result<Vec<NamedArray>, ModelError> {
        let Origin::Stored { stored, aside, .. } = &mut self.origin else { return Ok(Vec::new()) };
        aside.iter().map(|(name, place)| stored.array(name, place)).collect()
    }

    /// Leaves out `alias`, which networks with tied weights store beside `of` though both are one tensor.
    ///
    /// Where they differ, that is told by [`Weights::finish`] as a warning. Without `of`, `alias` stays.
    pub fn tied(&mut self, alias: &str, of: &str) {
        let Origin::Stored { stored, taken, .. } = &mut self.origin else { return };
        let Some(used) = stored.tensors.get(of).or_else(|| taken.get(of)).cloned() else { return };
        let Some(place) = stored.tensors.remove(alias) else { return };
        match stored.are_same(&place, &used) {
            Ok(true) => {}
            Ok(false) => self.warnings.push(format!("{alias} differs from {of}, to which it is tied; {of} is used")),
            Err(error) => {
                let origin = stored.file_of(&place).name();
                self.problems.push(format!("{alias} at byte {} of {origin}: {error}", place.at));
            }
        }
    }

    /// The parameter `name` of this shape.
    ///
    /// What is missing or does not fit is noted for [`Weights::finish`]; until then a single zero stands for it.
    pub fn param<const D: usize>(&mut self, name: &str, shape: [usize; D], fill: Fill) -> Param<Tensor<D>> {
        self.param_as(WeightType::F32, name, shape, fill)
    }

    /// The same, kept in the type that [`Weights::with_tables`] says.
    pub fn table(&mut self, name: &str, shape: [usize; 2], fill: Fill) -> Param<Tensor<2>> {
        self.param_as(self.tables, name, shape, fill)
    }

    fn param_as<const D: usize>(
        &mut self,
        as_type: WeightType,
        name: &str,
        shape: [usize; D],
        fill: Fill,
    ) -> Param<Tensor<D>> {
        let read = match &mut self.origin {
            Origin::Random(random) => Ok(filled(random, shape.iter().product(), fill)),
            Origin::Stored { stored, taken, .. } => match &mut self.drawn {
                Some(drawn) if (drawn.may_lack)(name) && !stored.tensors.contains_key(name) => {
                    drawn.names.push(name.to_owned());
                    Ok(filled(&mut drawn.random, shape.iter().product(), fill))
                }
                _ => take(stored, taken, name, &shape).and_then(|values| finite(name, values)),
            },
        };
        let tensor = match read {
            Ok(values) => kept(values, shape, as_type, &self.device),
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

    /// The stored whole numbers or truth values `name` of this shape; of a random network they are zeros.
    ///
    /// What is missing or does not fit is noted for [`Weights::finish`]; until then no numbers stand for it.
    pub fn integers(&mut self, name: &str, shape: &[usize]) -> Vec<i64> {
        let read = match &mut self.origin {
            Origin::Random(_) => Ok(vec![0; shape.iter().product()]),
            Origin::Stored { stored, aside, .. } => take(stored, aside, name, shape),
        };
        read.unwrap_or_else(|problem| {
            self.problems.push(problem);
            Vec::new()
        })
    }

    /// Ends loading; tells what was odd, though the network can be used.
    ///
    /// # Errors
    /// When tensors were missing, did not fit, were not finite, or are left over; all of them are listed.
    pub fn finish(self) -> Result<Vec<String>, ModelError> {
        self.finish_with_used().map(|(_, warnings)| warnings)
    }

    /// The same; gives the checkpoint with those tensors alone that were asked for or set aside, by the names that
    /// networks ask for. A random network has none.
    pub(crate) fn finish_with_used(self) -> Result<(Option<Stored>, Vec<String>), ModelError> {
        let Origin::Stored { mut stored, taken, aside } = self.origin else { return Ok((None, self.warnings)) };
        let left = stored.tensors.iter();
        let unexpected = left.map(|(tensor, place)| format!("unexpected {tensor} {:?}", place.shape));
        let problems: Vec<String> = self.problems.into_iter().chain(unexpected).collect();
        if !problems.is_empty() {
            return Err(ModelError::Misfit { origin: stored.origin().to_owned(), problems });
        }
        stored.tensors = taken.into_iter().chain(aside).collect();
        Ok((Some(stored), self.warnings))
    }
}

/// A tensor whose numbers are kept in this type; on a GPU, which computes with what it stores, they are only rounded.
fn kept<const D: usize>(values: Vec<f32>, shape: [usize; D], as_type: WeightType, device: &Device) -> Tensor<D> {
    let is_narrow = is_processor(device) && !device.is_autodiff();
    match as_type {
        WeightType::F32 => Tensor::from_data(TensorData::new(values, shape), device),
        WeightType::F16 if is_narrow => {
            let values: Vec<f16> = values.into_iter().map(f16::from_f32).collect();
            Tensor::from_data(TensorData::new(values, shape), (device, DType::F16))
        }
        WeightType::Bf16 if is_narrow => {
            let values: Vec<bf16> = values.into_iter().map(bf16::from_f32).collect();
            Tensor::from_data(TensorData::new(values, shape), (device, DType::BF16))
        }
        WeightType::F16 => {
            let values: Vec<f32> = values.into_iter().map(|value| f16::from_f32(value).to_f32()).collect();
            Tensor::from_data(TensorData::new(values, shape), device)
        }
        WeightType::Bf16 => {
            let values: Vec<f32> = values.into_iter().map(|value| bf16::from_f32(value).to_f32()).collect();
            Tensor::from_data(TensorData::new(values, shape), device)
        }
    }
}

/// Reads a tensor, which is then no longer left over; or says why it cannot be used.
fn take<T: Number>(
    stored: &mut Stored,
    taken: &mut BTreeMap<String, Place>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<T>, String> {
    let place = stored.tensors.remove(name).ok_or_else(|| format!("missing {name} {shape:?}"))?;
    taken.insert(name.to_owned(), place.clone());
    if place.shape != shape {
        return Err(format!("{name} has shape {:?}, {shape:?} expected", place.shape));
    }
    if !T::reads(place.dtype) {
        return Err(format!("{name} is stored as {:?}, which holds no {}", place.dtype, T::WHAT));
    }
    let origin = stored.file_of(&place).name().to_owned();
    stored.values(&place).map_err(|error| format!("{name} at byte {} of {origin}: {error}", place.at))
}

fn finite(name: &str, values: Vec<f32>) -> Result<Vec<f32>, String> {
    if values.iter().all(|value| value.is_finite()) { Ok(values) } else { Err(format!("{name} holds NaN or infinity")) }
}

/// The number by which an optimizer knows a parameter: the same in every run, so that training can be resumed.
fn id_of(name: &str) -> ParamId {
    let digest = Sha256::digest(name.as_bytes());
    ParamId::from(digest.iter().take(8).fold(0, |number, &byte| (number << 8) | u64::from(byte)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::made::{MATRIX, Made, bytes_of, kept, state, zipped};

    const SIX: [f32; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

    /// Tensors of storage 0, which holds six numbers, and of storage 1, which holds the same but for the last.
    fn weights(tensors: &[Made]) -> Weights {
        let other = [SIX[..5].to_vec(), vec![-5.0]].concat();
        let file = zipped(&state(tensors), &[("0", bytes_of(&SIX)), ("1", bytes_of(&other)), ("2", bytes_of(&SIX))]);
        Weights::from_bytes(kept(file), "made.bin", &Device::flex()).expect("a good file")
    }

    fn problems(weights: Weights) -> Vec<String> {
        match weights.finish() {
            Err(ModelError::Misfit { origin, problems }) => {
                assert_eq!(origin, "made.bin", "the file is named");
                problems
            }
            other => panic!("{other:?} in place of problems"),
        }
    }

    fn values(param: &Param<Tensor<2>>) -> Vec<f32> {
        param.val().into_data().try_to_vec().expect("floats")
    }

    #[test]
    fn what_is_missing_left_over_or_does_not_fit_is_listed() {
        let whole = Made { name: "whole", kind: "IntStorage", ..MATRIX };
        let mut weights = weights(&[MATRIX, Made { name: "v", ..MATRIX }, Made { name: "left", ..MATRIX }, whole]);
        assert_eq!(weights.origin(), "made.bin", "origin");
        assert_eq!(weights.names(), ["left", "v", "w", "whole"], "names");
        assert_eq!(values(&weights.param("w", [2, 3], Fill::Zeros)), SIX, "w");
        assert!(!weights.has("w"), "w was taken");
        weights.param("v", [3, 2], Fill::Zeros);
        weights.param("gone", [7], Fill::Zeros);
        weights.param("whole", [2, 3], Fill::Zeros);
        let wanted = [
            "v has shape [2, 3], [3, 2] expected",
            "missing gone [7]",
            "whole is stored as I32, which holds no weights",
            "unexpected left [2, 3]",
        ];
        assert_eq!(problems(weights), wanted, "problems");
    }

    #[test]
    fn renamed_tensors_are_found_and_clashes_are_listed() {
        let mut weights = weights(&[Made { name: "a.gamma", ..MATRIX }, Made { name: "b", ..MATRIX }]);
        weights.rename(|name| name.strip_suffix("gamma").map(|stem| format!("{stem}weight")));
        assert_eq!(weights.names(), ["a.weight", "b"], "names");
        weights.rename(|name| (name == "b").then(|| "a.weight".to_owned()));
        weights.param("a.weight", [2, 3], Fill::Zeros);
        assert_eq!(problems(weights), ["both a.weight and b are a.weight"], "problems");
    }

    #[test]
    fn a_tied_tensor_is_left_out_with_a_warning_where_it_differs() {
        let named = |name, key| Made { name, key, ..MATRIX };
        let turned = Made { shape: &[3, 2], strides: &[1, 3], ..named("turned", "1") };
        let tensors = [MATRIX, named("alias", "0"), named("equal", "2"), named("other", "1"), turned];
        let mut weights = weights(&tensors);
        weights.tied("alias", "w");
        weights.tied("equal", "w");
        weights.tied("missing", "w");
        weights.param("w", [2, 3], Fill::Zeros);
        // Also once the tensor was taken.
        weights.tied("other", "w");
        weights.tied("turned", "w");
        let warnings = weights.finish().expect("nothing is left over");
        let differs = |name| format!("{name} differs from w, to which it is tied; w is used");
        assert_eq!(warnings, [differs("other"), differs("turned")], "warnings");
    }

    #[test]
    fn an_alias_without_its_tensor_stays() {
        let mut weights = weights(&[Made { name: "alias", ..MATRIX }]);
        weights.tied("alias", "w");
        assert_eq!(problems(weights), ["unexpected alias [2, 3]"], "problems");
    }

    #[test]
    fn stored_whole_numbers_are_read() {
        let tensor = Made { kind: "ByteStorage", name: "layout", length: 3, shape: &[3], strides: &[1], ..MATRIX };
        let mut weights = weights(&[tensor, MATRIX]);
        assert_eq!(weights.integers("layout", &[3]), [0, 0, 0], "the first bytes of 0.0");
        assert_eq!(weights.integers("w", &[2, 3]), [0; 0], "floats are no whole numbers");
        assert_eq!(weights.integers("gone", &[2]), [0; 0], "nothing stands for what is missing");
        let wanted = ["w is stored as F32, which holds no whole numbers", "missing gone [2]"];
        assert_eq!(problems(weights), wanted, "problems");
        assert_eq!(Weights::random(1, &Device::flex()).integers("layout", &[2, 2]), [0; 4], "of a random network");
    }

    #[test]
    fn what_may_be_lacking_is_drawn_and_named() {
        let drawn = |seed| {
            let mut weights = weights(&[MATRIX]).drawing(seed, |name| name == "new" || name == "w");
            assert_eq!(values(&weights.param("w", [2, 3], Fill::Zeros)), SIX, "what is there is taken");
            let new = values(&weights.param("new", [2, 3], Fill::Normal(1.0)));
            weights.param("gone", [7], Fill::Zeros);
            assert_eq!(weights.drawn(), ["new"], "names");
            assert_eq!(problems(weights), ["missing gone [7]"], "what may not be lacking");
            new
        };
        assert_eq!(drawn(1), drawn(1), "the same seed");
        assert_ne!(drawn(1), drawn(2), "another seed");
    }

    #[test]
    fn what_is_set_aside_and_whole_numbers_stand_beside() {
        let layout = Made { kind: "ByteStorage", name: "layout", length: 3, shape: &[3], strides: &[1], ..MATRIX };
        let mut weights = weights(&[layout, MATRIX, Made { name: "unneeded", ..MATRIX }]);
        weights.set_aside(|name| name == "unneeded");
        weights.integers("layout", &[3]);
        weights.param("w", [2, 3], Fill::Zeros);
        let beside = weights.beside().expect("readable");
        let named: Vec<_> = beside.iter().map(|array| (array.name.as_str(), array.dtype, array.bytes.len())).collect();
        assert_eq!(named, [("layout", ::safetensors::Dtype::I64, 24), ("unneeded", ::safetensors::Dtype::F32, 24)]);
        let (used, _) = weights.finish_with_used().expect("nothing is left over");
        let names: Vec<String> = used.expect("a file").tensors().into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["layout", "unneeded", "w"], "what belongs to it");
    }

    #[test]
    fn weights_that_are_not_finite_are_listed() {
        let file = zipped(&state(&[MATRIX]), &[("0", bytes_of(&[0.0, f32::NAN, 0.0, 0.0, 0.0, 0.0]))]);
        let mut weights = Weights::from_bytes(kept(file), "made.bin", &Device::flex()).expect("a good file");
        weights.param("w", [2, 3], Fill::Zeros);
        assert_eq!(problems(weights), ["w holds NaN or infinity"], "problems");
    }
}
