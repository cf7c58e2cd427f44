//! Networks and arrays as the bytes of safetensors files.

use std::{collections::BTreeMap, iter::once};

use ::safetensors::{Dtype, SafeTensorError, tensor::TensorView};
use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Gradients, Tensor, TensorData},
};
use half::f16;

use crate::ModelError;

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
    to_safetensors_beside(network, storage, &[])
}

/// The same with arrays that belong to the checkpoint and are no parameters.
///
/// # Errors
/// When the device gives the values back in another type.
pub fn to_safetensors_beside(
    network: &impl Module,
    storage: Storage,
    beside: &[NamedArray],
) -> Result<Vec<u8>, ModelError> {
    #[derive(Default)]
    struct Collect(PlaceInNetwork, BTreeMap<String, (Vec<usize>, TensorData)>);
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.leave();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            self.1.insert(self.0.name(), (tensor.dims().to_vec(), tensor.into_data()));
        }
    }
    let mut collect = Collect::default();
    network.visit(&mut collect);
    let mut stored = beside.to_vec();
    for (name, (shape, data)) in collect.1 {
        let values: Vec<f32> =
            data.try_to_vec().map_err(|error| ModelError::Device { reason: format!("{error:?}") })?;
        let bytes = match storage {
            Storage::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
            Storage::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        };
        let dtype = if storage == Storage::F32 { Dtype::F32 } else { Dtype::F16 };
        stored.push(NamedArray { name, dtype, shape, bytes });
    }
    write_tensors(stored, &[])
}

/// Where in a network a visitor is.
#[derive(Default)]
pub(crate) struct PlaceInNetwork(Vec<Option<String>>);

impl PlaceInNetwork {
    /// Goes into a field. A choice between networks adds nothing to the name, and a field that could not be called as
    /// the checkpoint has it ends with `_`.
    pub(crate) fn enter(&mut self, field: &str, container: &str) {
        let is_choice = container.starts_with("Enum:");
        self.0.push((!is_choice).then(|| field.strip_suffix('_').unwrap_or(field).to_owned()));
    }

    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }

    /// The name that a checkpoint has for it.
    pub(crate) fn name(&self) -> String {
        self.0.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

/// Shape and values of the gradient at a parameter.
pub type Gradient = (Vec<usize>, Vec<f32>);

/// The gradient of each parameter of a network, named by its place; 0 for those that the loss does not depend on.
///
/// # Errors
/// When the device fails or gives the values back in another type.
pub fn gradients_of(network: &impl Module, gradients: &Gradients) -> Result<BTreeMap<String, Gradient>, ModelError> {
    struct Collect<'a>(PlaceInNetwork, &'a Gradients, BTreeMap<String, (Vec<usize>, TensorData)>);
    impl ModuleVisitor for Collect<'_> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.leave();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let param = param.val();
            let gradient = param.grad(self.1).unwrap_or_else(|| Tensor::zeros(param.dims(), &param.device().inner()));
            self.2.insert(self.0.name(), (gradient.dims().to_vec(), gradient.into_data()));
        }
    }
    let mut collect = Collect(PlaceInNetwork::default(), gradients, BTreeMap::new());
    network.visit(&mut collect);
    let values = collect.2.into_iter().map(|(name, (shape, data))| {
        let values = data.try_to_vec().map_err(|error| ModelError::Device { reason: format!("{error:?}") })?;
        Ok((name, (shape, values)))
    });
    values.collect()
}

/// An array to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedArray {
    /// Its name.
    pub name: String,
    /// What its numbers are.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, little-endian and in row-major order.
    pub bytes: Vec<u8>,
}

impl NamedArray {
    fn view(&self) -> Result<TensorView<'_>, SafeTensorError> {
        TensorView::new(self.dtype, self.shape.clone(), &self.bytes)
    }
}

/// Named arrays as the bytes of a safetensors file; `provenance` says what made them, as pairs of a key and a value.
///
/// # Errors
/// When sizes and shapes do not agree.
pub fn write_tensors(tensors: Vec<NamedArray>, provenance: &[(String, String)]) -> Result<Vec<u8>, ModelError> {
    let damaged =
        |error: SafeTensorError| ModelError::Damaged { origin: "output".to_owned(), reason: error.to_string() };
    let views: Result<Vec<_>, _> = tensors.iter().map(|tensor| Ok((&tensor.name, tensor.view()?))).collect();
    let metadata = once(("format".to_owned(), "pt".to_owned())).chain(provenance.iter().cloned()).collect();
    ::safetensors::serialize(views.map_err(damaged)?, Some(metadata)).map_err(damaged)
}
