//! Numbers of an independent implementation in double precision.

use std::path::Path;

use half::f16;
use safetensors::{Dtype, SafeTensors};

use super::{
    super::forward::Form,
    device::{Allow, How, Room, attend, compare, forms, gpu, gradients, room_of},
};
use crate::{
    PositionRule,
    tests::{Numbers, case::Case},
};

/// Where they lie.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/parity/attention_kernel");

/// A tensor in single precision.
fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = tensors.tensor(name).expect("a tensor of the fixture");
    match tensor.dtype() {
        Dtype::F32 => tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Dtype::F16 => tensor.data().as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        other => panic!("{name} is {other:?}"),
    }
}

fn indices(tensors: &SafeTensors<'_>, name: &str) -> Vec<usize> {
    let tensor = tensors.tensor(name).expect("a tensor of the fixture");
    let index = |bytes: &[u8]| bytes.iter().rev().fold(0, |index, byte| index << 8 | usize::from(*byte));
    tensor.data().chunks_exact(8).map(index).collect()
}

/// Some rows of `[head, seq, width]`, of every attention head.
fn rows(values: &[f32], [heads, seq, width]: [usize; 3], rows: &[usize]) -> Vec<f32> {
    let all = (0..heads).flat_map(|head| rows.iter().map(move |row| (head * seq + row) * width));
    all.flat_map(|at| values[at..at + width].to_vec()).collect()
}

fn check(name: &str, path: &Path) {
    let bytes = std::fs::read(path).expect("a file of the fixtures");
    let tensors = SafeTensors::deserialize(&bytes).expect("tensors");
    let [heads, seq, d] = tensors.tensor("q").expect("queries").shape()[..] else { panic!("[head, seq, d]") };
    let real: Vec<usize> = indices(&tensors, "key_mask");
    let mut case = Case::new(&mut Numbers(0), [1, heads, seq, d], PositionRule::None);
    [case.q, case.k, case.v, case.grad_out] = ["q", "k", "v", "grad_out"].map(|name| floats(&tensors, name));
    case.rule = PositionRule::Alibi(floats(&tensors, "slopes"));
    case.segments = Some(real.iter().map(|real| u32::from(*real != 0)).collect());
    let shown: Vec<usize> = (0..seq).filter(|position| real[*position] != 0).collect();
    let stored = if tensors.tensor("grad_rows").is_ok() { indices(&tensors, "grad_rows") } else { (0..seq).collect() };
    let is_sharp = name.starts_with("sharp");
    let out = if is_sharp { Room(1e-4, 2e-5) } else { Room(3e-6, 0.0) };
    let gradient = if is_sharp { Room(5e-4, 2e-5) } else { Room(3e-6, 0.0) };

    for allow in [Allow::Defaults, Allow::All] {
        let Some(gpu) = gpu(allow) else { return };
        // Half precision does not know sharp scores well enough.
        for form in forms(&gpu, allow, d).into_iter().filter(|form| form.is_single() || !is_sharp) {
            for skip in [true, false] {
                let how = How { form, skip, ..How::plain() };
                let found = attend(&gpu, &case, how).expect("attention");
                let of_rows = |name: &str, got: &[f32], width: usize, which: &[usize], room: Room| {
                    let all = floats(&tensors, name);
                    let whole = all.len() == got.len();
                    let want = if whole { rows(&all, [heads, seq, width], which) } else { all };
                    let want: Vec<f64> = want.into_iter().map(f64::from).collect();
                    compare(&format!("{how:?}: {name}"), &rows(got, [heads, seq, width], which), &want, room)
                };
                let worst_out = of_rows("out", &found.out, d, &shown, room_of(form, out));
                let worst_sum = of_rows("lse", &found.log_sums, 1, &shown, room_of(form, Room(2e-6, 2e-6)));
                eprintln!(
                    "{name}, {form:?}, skip {skip}: out {worst_out:.3}, lse {worst_sum:.3} of the room, kept {:.3}",
                    found.kept.fraction()
                );
                if form != Form::Plain {
                    continue;
                }
                let (grads, _) = gradients(&gpu, &case, how).expect("gradients");
                let stored: Vec<usize> = stored.iter().copied().filter(|row| real[*row] != 0).collect();
                for (tensor, got) in [("grad_q", &grads[0]), ("grad_k", &grads[1]), ("grad_v", &grads[2])] {
                    let all = floats(&tensors, tensor);
                    let worst = if all.len() == got.len() {
                        of_rows(tensor, got, d, &stored, gradient)
                    } else {
                        let every = indices(&tensors, "grad_rows");
                        let want: Vec<f64> = all.into_iter().map(f64::from).collect();
                        compare(tensor, &rows(got, [heads, seq, d], &every), &want, gradient)
                    };
                    eprintln!("{name}, skip {skip}: {tensor} {worst:.3} of the room");
                }
            }
        }
    }
}

#[test]
fn all_of_them_are_met() {
    let mut files: Vec<_> = std::fs::read_dir(FOLDER)
        .expect("the fixtures")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 8, "fixtures");
    for path in files {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        check(&name, &path);
    }
}
