// The largest norms of an attention head, from those of its steps of 32 positions.
//
// workspace: as bits, [batch, head, step] each for queries and for keys; gets [batch, head] of each
//
// A workgroup takes one attention head of a window (x), and its threads take steps in turn.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 256 threads, 16 KiB of memory.

const THREADS = 256u;

struct Parameters {
    first_x: u32,
    /// Steps of a row.
    steps: u32,
    /// Where in the workspace.
    key_norms_at: u32,
    query_norms_at: u32,
    tile_queries_at: u32,
    tile_keys_at: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> workspace: array<u32>;

/// Of queries and of keys.
var<workgroup> largest: array<vec2<f32>, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let head_row = group.x + parameters.first_x;
    let base = head_row * parameters.steps;
    var norms = vec2<f32>();
    for (var step = thread; step < parameters.steps; step += THREADS) {
        let of_queries = bitcast<f32>(workspace[parameters.tile_queries_at + base + step]);
        let of_keys = bitcast<f32>(workspace[parameters.tile_keys_at + base + step]);
        norms = max(norms, vec2<f32>(of_queries, of_keys));
    }
    largest[thread] = norms;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            largest[thread] = max(largest[thread], largest[thread + half]);
        }
    }
    if (thread == 0u) {
        workspace[parameters.query_norms_at + head_row] = bitcast<u32>(largest[0].x);
        workspace[parameters.key_norms_at + head_row] = bitcast<u32>(largest[0].y);
    }
}
