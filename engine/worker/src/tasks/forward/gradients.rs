//! The gradient of a loss at every parameter, and at the vectors of the tokens.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use strandscope_models::{ModelError, checkpoint::gradients_of, model::Model, pass::Pass};

use super::{input::Input, outputs::Outputs};
use crate::{
    ErrorKind, ForwardRequest, GradientsOf, JobError,
    engine::{Job, Stop},
    tasks::shelf::Shelf,
};

/// Stands where no token is asked for.
const NO_LABEL: i64 = -100;

/// Adds the loss and its gradients: the mean cross-entropy over labelled tokens, or over the classes of the rows.
pub(super) fn add(
    shelf: &Shelf,
    request: &ForwardRequest,
    of: GradientsOf,
    input: &Input,
    outputs: &mut Outputs,
    job: &Job,
) -> Result<(), Stop> {
    let model = shelf.network_to_train(&request.model)?;
    let device = model.network.device();
    let tokens = input.tokens();
    let words = model.network.words(&tokens);
    // The gradient at the vectors is that at zeros added to them, which belong to no parameter.
    let zeros = Tensor::<3>::zeros(words.dims(), &device).require_grad();
    let words = words + zeros.clone();
    let mut pass = Pass { conduct: job.conduct(true), ..Pass::default() };
    let last = model.network.encode_words(words.clone(), &tokens, &mut pass).last;
    let loss = match of {
        GradientsOf::Mlm => masked_loss(&model, input, last)?,
        GradientsOf::Class => class_loss(&model, input, last)?,
    };
    let gradients = loss.backward();
    if job.is_cancelled() {
        return Err(Stop::Cancelled);
    }
    let host = |data: TensorData| -> Result<Vec<f32>, ModelError> {
        data.try_into_vec().map_err(|error| ModelError::Device { reason: format!("{error:?}") })
    };
    outputs.add_values("loss", &[1], &host(loss.inner().into_data())?);
    for (name, (shape, values)) in gradients_of(&model.network, &gradients)? {
        outputs.add_values(&format!("grad.{name}"), &shape, &values);
    }
    if let Some(gradient) = zeros.grad(&gradients) {
        let shape = gradient.dims();
        let saliency = (gradient.clone() * words.inner()).sum_dim(2);
        outputs.add_values("grad.word_embedding_output", &shape, &host(gradient.into_data())?);
        outputs.add_values("grad_times_input", &shape[..2], &host(saliency.into_data())?);
    }
    Ok(())
}

/// Mean cross-entropy over the labelled tokens.
fn masked_loss(model: &Model, input: &Input, last: Tensor<3>) -> Result<Tensor<1>, Stop> {
    let labels = input.labels.as_ref().ok_or_else(|| missing("labels", "mlm"))?;
    let asked = labels.iter().enumerate().filter(|(_, label)| **label != NO_LABEL);
    let (places, answers): (Vec<i64>, Vec<i64>) = asked.map(|(place, label)| (place as i64, *label)).unzip();
    let states = last.flatten::<2>(0, 1);
    let places = Tensor::<1, Int>::from_data(TensorData::new(places.clone(), [places.len()]), &states.device());
    let logits = model.network.token_logits(states.select(0, places));
    let logits = logits.ok_or_else(|| JobError::new(ErrorKind::Usage, "this checkpoint predicts no tokens"))?;
    cross_entropy(logits, answers, "labels")
}

/// Mean cross-entropy over the rows.
fn class_loss(model: &Model, input: &Input, last: Tensor<3>) -> Result<Tensor<1>, Stop> {
    let classes = input.class_target.clone().ok_or_else(|| missing("class_target", "class"))?;
    let logits = model.network.class_logits(last);
    let logits = logits.ok_or_else(|| JobError::new(ErrorKind::Usage, "this checkpoint has no classes"))?;
    if logits.dims()[1] != 1 {
        let message = "this checkpoint has classes of tokens, not of rows; leave out --gradients class";
        return Err(JobError::new(ErrorKind::Usage, message).into());
    }
    cross_entropy(logits.squeeze_dim(1), classes, "class_target")
}

fn cross_entropy(logits: Tensor<2>, answers: Vec<i64>, name: &str) -> Result<Tensor<1>, Stop> {
    let classes = logits.dims()[1];
    if answers.is_empty() || answers.iter().any(|&answer| !usize::try_from(answer).is_ok_and(|answer| answer < classes))
    {
        let message = format!("{name} must name at least one of the classes 0 to {}, and no other", classes - 1);
        return Err(JobError::new(ErrorKind::BadInput, message).into());
    }
    let answers = Tensor::<2, Int>::from_data(TensorData::new(answers.clone(), [answers.len(), 1]), &logits.device());
    Ok(log_softmax(logits, 1).gather(1, answers).mean().neg())
}

fn missing(tensor: &str, of: &str) -> JobError {
    let message = format!("the input holds no {tensor}, which --gradients {of} needs; add it to the file");
    JobError::new(ErrorKind::BadInput, message)
}
