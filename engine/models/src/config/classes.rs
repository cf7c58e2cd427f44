//! What a fine-tuned checkpoint tells apart.

use serde::Serialize;

use super::Fields;

/// The classes, or values, that a fine-tuned checkpoint answers with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Classes {
    /// Their names in the order of the logits.
    pub labels: Vec<String>,
    /// Whether each token is answered for, and not the row as a whole.
    pub per_token: bool,
    /// How the answers relate to each other.
    pub problem: Problem,
    /// Whether the configuration names a classifier, and not labels alone, which every checkpoint may list.
    #[serde(skip)]
    pub(crate) is_certain: bool,
}

/// How the answers of a fine-tuned checkpoint relate to each other, as `problem_type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Exactly one class holds.
    SingleLabelClassification,
    /// Classes hold independently.
    MultiLabelClassification,
    /// Measured values.
    Regression,
}

/// Most labels that a checkpoint may have.
const MOST_LABELS: usize = 1 << 20;

/// Labels of a configuration that says nothing of them, as the upstream library has it.
const DEFAULT_LABELS: usize = 2;

impl Classes {
    /// Of a configuration whose `architectures` name a classifier, or that lists labels.
    pub(crate) fn read(fields: &Fields) -> Result<Option<Self>, String> {
        let architectures = fields.architectures();
        let is = |ending: &str| architectures.iter().any(|name| name.ends_with(ending));
        let per_token = is("ForTokenClassification");
        let is_certain = per_token || is("ForSequenceClassification");
        if !is_certain && !fields.has("num_labels") && !fields.has("id2label") {
            return Ok(None);
        }
        let labels = labels(fields)?;
        let default = if labels.len() == 1 { "regression" } else { "single_label_classification" };
        let problem = match fields.text_or("problem_type", default)?.as_str() {
            "single_label_classification" => Problem::SingleLabelClassification,
            "multi_label_classification" => Problem::MultiLabelClassification,
            "regression" => Problem::Regression,
            other => return Err(format!("problem_type '{other}' is unknown")),
        };
        Ok(Some(Self { labels, per_token, problem, is_certain }))
    }
}

/// The names of `id2label`, or as many as `num_labels` says.
fn labels(fields: &Fields) -> Result<Vec<String>, String> {
    let mut named = Vec::new();
    for (id, name) in fields.texts("id2label")? {
        let number: usize = id.parse().map_err(|_| format!("id2label has the key '{id}', which is no number"))?;
        named.push((number, name));
    }
    named.sort();
    if named.iter().enumerate().any(|(place, (number, _))| place != *number) {
        return Err(format!("id2label must number its {} labels from 0 on", named.len()));
    }
    let default = if named.is_empty() { DEFAULT_LABELS } else { named.len() };
    let count = fields.size_or("num_labels", default, MOST_LABELS)?;
    if !named.is_empty() && named.len() != count {
        return Err(format!("num_labels is {count}, id2label names {} labels", named.len()));
    }
    if named.is_empty() {
        return Ok((0..count).map(|number| format!("LABEL_{number}")).collect());
    }
    Ok(named.into_iter().map(|(_, name)| name).collect())
}
