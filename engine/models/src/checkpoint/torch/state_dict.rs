//! The dictionary of tensors in a pickle.

use super::super::pickle::{Id, Pickle, TensorView, Value};

/// Under which names trainers keep the tensors, beside the state of the optimizer and what else they note.
const WRAPPERS: [&str; 3] = ["model_state_dict", "state_dict", "model"];

/// Names and tensors of the state dictionary, in its order.
pub(super) fn tensors(pickle: &Pickle) -> Result<Vec<(&str, &TensorView)>, String> {
    let Value::Dict(top) = pickle.top() else {
        return Err(format!("its pickle holds {}, no dictionary of tensors", pickle.top().kind()));
    };
    let entries = if has_tensors(pickle, top) { top } else { wrapped(pickle, top)? };
    let mut tensors = Vec::new();
    for &(key, value) in entries {
        let name = pickle.text(key).ok_or("its pickle has an entry whose name is no text")?;
        match pickle.value(value) {
            Value::Tensor(tensor) => tensors.push((name, &**tensor)),
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Number | Value::Text(_) | Value::Bytes => {}
            other => return Err(format!("its pickle holds {} named {name} among the tensors", other.kind())),
        }
    }
    Ok(tensors)
}

/// The one dictionary of tensors that a trainer's dictionary holds.
fn wrapped<'a>(pickle: &'a Pickle, top: &[(Id, Id)]) -> Result<&'a [(Id, Id)], String> {
    let named = top.iter().filter(|(key, _)| pickle.text(*key).is_some_and(|name| WRAPPERS.contains(&name)));
    let found: Vec<_> = named
        .filter_map(|&(_, value)| match pickle.value(value) {
            Value::Dict(entries) => has_tensors(pickle, entries).then_some(entries),
            _ => None,
        })
        .collect();
    match *found {
        [entries] => Ok(entries),
        [] => Err(format!("its pickle holds no tensors, neither itself nor under {}", WRAPPERS.join(", "))),
        _ => Err(format!("its pickle holds tensors under more than one of {}", WRAPPERS.join(", "))),
    }
}

fn has_tensors(pickle: &Pickle, entries: &[(Id, Id)]) -> bool {
    entries.iter().any(|&(_, value)| matches!(pickle.value(value), Value::Tensor(_)))
}
