//! What a network with recurrent memory gives, step by step.

use burn::tensor::{Tensor, TensorData};
use strandscope_models::{
    network::Network,
    pass::Pass,
    rmt::{Rmt, Step},
};

use super::{Wanted, input::Input, outputs::Outputs};
use crate::engine::{Job, Stop};

impl Outputs {
    /// Each step by itself, and the classes that the last one tells.
    pub(super) fn of_steps(
        network: &Network,
        rmt: &Rmt,
        input: &Input,
        wanted: &Wanted<'_>,
        job: &Job,
    ) -> Result<Self, Stop> {
        let tokens = input.tokens();
        let mut steps: Vec<Step> = Vec::new();
        let mut pass = Pass { conduct: job.conduct(true), ..Pass::default() };
        rmt.steps(network.words(&tokens), &tokens, &mut pass, |step| steps.push(step));
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let mut outputs = Self::default();
        for (number, step) in steps.iter().enumerate() {
            outputs.step(&format!("segment.{number}"), step, network, wanted)?;
        }
        if let Some(last) = steps.last() {
            outputs.classes("", &last.encoded.last, network, wanted)?;
        }
        Ok(outputs)
    }

    fn step(&mut self, name: &str, step: &Step, network: &Network, wanted: &Wanted<'_>) -> Result<(), Stop> {
        let last = &step.encoded.last;
        let shape = step.tokens.dims();
        let real = step.tokens.real();
        let rows: Vec<i64> = step.rows.iter().map(|&row| i64::try_from(row).unwrap_or(i64::MAX)).collect();
        let mask: Vec<i64> = real.iter().map(|real| i64::from(*real)).collect();
        let whole_numbers = [
            ("rows", &shape[..1], &rows[..]),
            ("input_ids", &shape[..], step.tokens.ids()),
            ("attention_mask", &shape, &mask),
        ];
        for (part, shape, values) in whole_numbers {
            self.add_integers(&format!("{name}.{part}"), shape, values, wanted);
        }
        let real = real.iter().map(|real| if *real { 1f32 } else { 0.0 }).collect::<Vec<_>>();
        let real = Tensor::<3>::from_data(TensorData::new(real, [shape[0], shape[1], 1]), &last.device());
        self.add(&format!("{name}.last_hidden"), last.clone() * real, wanted)?;
        self.add(&format!("{name}.memory_after"), step.memory.clone(), wanted)?;
        self.classes(&format!("{name}."), last, network, wanted)
    }

    fn classes(&mut self, prefix: &str, last: &Tensor<3>, network: &Network, wanted: &Wanted<'_>) -> Result<(), Stop> {
        if let Some(logits) = network.class_logits(last.clone()).filter(|logits| logits.dims()[1] == 1) {
            self.add(&format!("{prefix}class_logits"), logits.squeeze_dim::<2>(1), wanted)?;
        }
        if let Some(pooled) = network.pooled(last).filter(|_| prefix.is_empty()) {
            self.add("pooled", pooled, wanted)?;
        }
        Ok(())
    }
}
