// The largest excess (see row_products.wgsl) of all steps up to each one, and from each one on: a walk over queries,
// away from a key, ends where no step farther out can count.
//
// workspace: excesses, [batch, head, step], as bits; gets [batch, head, step] of both maxima
//
// A workgroup takes one attention head of a window (x); each thread takes some steps in a row.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 256 threads, 16 KiB of memory.

const THREADS = 256u;

struct Parameters {
    first_x: u32,
    /// Steps of a row.
    steps: u32,
    /// Where in the workspace.
    excess_at: u32,
    up_to_at: u32,
    from_at: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> workspace: array<u32>;

/// The largest excess of each thread's steps.
var<workgroup> of_threads: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let base = (group.x + parameters.first_x) * parameters.steps;
    let each = (parameters.steps + THREADS - 1u) / THREADS;
    let first = min(thread * each, parameters.steps);
    let end = min(first + each, parameters.steps);
    var largest = -3e38;
    for (var step = first; step < end; step++) {
        largest = max(largest, bitcast<f32>(workspace[parameters.excess_at + base + step]));
    }
    of_threads[thread] = largest;
    workgroupBarrier();
    var before = -3e38;
    var behind = -3e38;
    for (var other = 0u; other < THREADS; other++) {
        before = select(before, max(before, of_threads[other]), other < thread);
        behind = select(behind, max(behind, of_threads[other]), other > thread);
    }
    for (var step = first; step < end; step++) {
        before = max(before, bitcast<f32>(workspace[parameters.excess_at + base + step]));
        workspace[parameters.up_to_at + base + step] = bitcast<u32>(before);
    }
    for (var step = end; step > first; step--) {
        behind = max(behind, bitcast<f32>(workspace[parameters.excess_at + base + step - 1u]));
        workspace[parameters.from_at + base + step - 1u] = bitcast<u32>(behind);
    }
}
