//! Every shader parses and validates, and takes the parameters that the host gives.

use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::super::{
    backward::{self, Backward, Places},
    forward::{self, Form},
    norms::{self, Workspace},
    parameters::Parameters,
    source::{Constant, Kernel},
    view::View,
};
use super::device::{Allow, How, gpu, with_plan};
use crate::{
    PositionRule,
    tests::{Numbers, case::Case},
};

fn validated(name: &str, text: &str) -> naga::Module {
    let module = naga::front::wgsl::parse_str(text).unwrap_or_else(|error| panic!("{}", error.emit_to_string(text)));
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
    if let Err(error) = validator.validate(&module) {
        panic!("{name}: {}", error.emit_to_string(text));
    }
    module
}

#[test]
fn every_file_is_valid_by_itself() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shaders");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("shaders").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "there are shaders");
    for file in files {
        let name = file.display().to_string();
        let module = validated(&name, &std::fs::read_to_string(&file).expect("text"));
        let [entry] = &module.entry_points[..] else { panic!("{name} has one entry point") };
        assert_eq!(entry.name, "main", "{name}");
        for (_, global) in module.global_variables.iter() {
            if let naga::AddressSpace::Storage { access } = global.space {
                assert!(access.contains(naga::StorageAccess::STORE), "{name}: {:?} is read_write", global.name);
            }
        }
    }
}

/// Functions that several kernels have word for word: WGSL takes nothing from other files.
const SHARED: [&str; 22] = [
    "slot",
    "own_segment",
    "weights_of",
    "gather_a",
    "gather_b",
    "not_finite",
    "total_of",
    "is_finite",
    "outlook_over",
    "range_over",
    "listed_offset",
    "listed_offsets",
    "level_of",
    "along",
    "load_row",
    "sum_of_rows",
    "max_of_rows",
    "largest",
    "sum_of",
    "scaled",
    "exact_log2",
    "write_row",
];

#[test]
fn functions_that_kernels_share_are_the_same_in_all_of_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shaders");
    let texts: Vec<String> = std::fs::read_dir(folder)
        .expect("shaders")
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"))
        .collect();
    for name in SHARED {
        let of = |text: &String| {
            let begin = text.find(&format!("\nfn {name}("))? + 1;
            let end = text[begin..].find("\n}\n")?;
            Some(text[begin..begin + end].to_owned())
        };
        let mut found: Vec<String> = texts.iter().filter_map(of).collect();
        assert!(found.len() > 1, "several kernels have {name}");
        found.dedup();
        assert_eq!(found.len(), 1, "{name} differs from kernel to kernel");
    }
}

#[test]
fn constants_that_the_host_replaces_are_valid_too() {
    for d in [16, 32, 48, 64, 80, 96, 128] {
        for kernel in [&backward::ROW_PRODUCTS, &backward::QUERY, &backward::KEY, &norms::TILE_NORMS] {
            let text = kernel.with(&[("HEAD_DIM", Constant::Count(d))]).expect("its constants");
            assert!(workgroup_bytes(&validated(kernel.name, &text)) <= 16_384, "{} at {d}", kernel.name);
        }
        let limits =
            [(Form::Plain, 16_384), (Form::Tiled, 30_000), (Form::TiledHalf, 30_000), (Form::Matrix, 17_400 + 192 * d)];
        for (form, most) in limits {
            for on in [false, true] {
                let text = form.kernel().with(&form.constants(d, on)).expect("its constants");
                let bytes = workgroup_bytes(&validated(form.kernel().name, &text));
                assert!(bytes <= most, "{form:?} at {d}: {bytes}");
            }
        }
    }
}

fn workgroup_bytes(module: &naga::Module) -> u32 {
    let shared = module.global_variables.iter().filter(|(_, global)| global.space == naga::AddressSpace::WorkGroup);
    let size = |ty: naga::Handle<naga::Type>| module.types[ty].inner.size(module.to_ctx());
    shared.map(|(_, global)| size(global.ty).next_multiple_of(16)).sum()
}

#[test]
fn parameter_blocks_are_as_the_shaders_read_them() {
    let Some(gpu) = gpu(Allow::Defaults) else { return };
    let case = Case::new(&mut Numbers(1), [1, 1, 4, 16], PositionRule::None);
    with_plan(&gpu, &case, How::plain(), |plan| {
        let workspace = Workspace::new(&gpu, plan, 1, 0).expect("memory");
        let view = View::contiguous(gpu.buffer("a tensor", 256).expect("memory"), plan.shape());
        let binding = wgpu::BufferBinding { buffer: &workspace.buffer, offset: 0, size: None };
        let tensors =
            forward::Forward { q: &view, k: &view, v: &view, out: &view, log_sums: &binding, statistics: None };
        same(&norms::TILE_NORMS, &workspace.tile_parameters(plan, [&view, &view]));
        same(&norms::HEAD_NORMS, &workspace.head_parameters(plan));
        for kernel in [&forward::PLAIN, &forward::TILED, &forward::MATRIX] {
            same(kernel, &forward::parameters(plan, 32, &workspace, tensors));
        }
        let (places, _) = Places::new(plan, workspace.own_at);
        let [q, k, v, out, grad_out, grad_q, grad_k, grad_v] = [&view; 8];
        let tensors = Backward { q, k, v, out, log_sums: &binding, grad_out, grad_q, grad_k, grad_v };
        same(&backward::ROW_PRODUCTS, &backward::row_parameters(plan, &workspace, places, tensors));
        same(&backward::RUNNING_EXCESS, &backward::excess_parameters(plan, places));
        same(&backward::QUERY, &backward::query_parameters(plan, &workspace, places, tensors));
        same(&backward::KEY, &backward::key_parameters(plan, places, tensors));
    });
}

/// Whether a block has the members of the shader's struct, at the same places.
fn same(kernel: &Kernel, parameters: &Parameters) {
    let module = validated(kernel.name, kernel.text);
    let (_, block) = module
        .global_variables
        .iter()
        .find(|(_, global)| global.space == naga::AddressSpace::Uniform)
        .expect("a block of parameters");
    let naga::TypeInner::Struct { members, span } = &module.types[block.ty].inner else { panic!("it is a struct") };
    let read: Vec<_> =
        members.iter().map(|member| (member.name.as_deref().expect("a name"), member.offset as usize / 4)).collect();
    assert_eq!(parameters.members(), read, "{}", kernel.name);
    assert_eq!(parameters.bytes().len(), (*span as usize).next_multiple_of(16), "{}", kernel.name);
    let storage = |global: &naga::GlobalVariable| matches!(global.space, naga::AddressSpace::Storage { .. });
    let buffers = module.global_variables.iter().filter(|(_, global)| storage(global)).count();
    assert_eq!(kernel.buffers as usize, buffers, "{} binds its buffers", kernel.name);
    assert!(buffers <= 8, "{} keeps the default limit", kernel.name);
}
