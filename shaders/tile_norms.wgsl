// The largest norm of each step of 32 positions, of queries and of keys:
//     norms_t = max ‖x_i‖ over the positions i of step t that are not hidden; 3e38 where a norm is not finite.
//
// q, k:      [batch, head, seq, d] by strides, as vectors of 4
// plan:      words of the host
// workspace: norms as bits, [batch, head, step] each for queries and for keys
//
// A workgroup takes one step (x) of an attention head of a window (y): two threads for each position.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 256 threads, 16 KiB of memory.

const HEAD_DIM = 64u;

const WIDTH = HEAD_DIM / 4u;
const STEP = 32u;
const THREADS = 64u;

struct Parameters {
    /// Start, and strides of batch, head and seq, in numbers.
    q: vec4<u32>,
    k: vec4<u32>,
    first_x: u32,
    first_y: u32,
    heads: u32,
    seq: u32,
    /// Where in the plan: segments [batch, seq].
    segments_at: u32,
    /// Where in the workspace.
    tile_queries_at: u32,
    tile_keys_at: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> plan: array<u32>;
@group(0) @binding(4) var<storage, read_write> workspace: array<u32>;

/// Squares of norms, of queries and of keys: halves of a position lie side by side.
var<workgroup> squares: array<vec2<f32>, THREADS>;

/// The norm of a square that may not be finite.
fn norm(square: f32) -> f32 {
    let is_finite = (bitcast<u32>(square) & 0x7f800000u) != 0x7f800000u;
    return select(3e38, sqrt(square), is_finite);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let step = group.x + parameters.first_x;
    let head_row = group.y + parameters.first_y;
    let window = head_row / parameters.heads;
    let head = head_row % parameters.heads;
    let position = step * STEP + thread / 2u;
    var square = vec2<f32>();
    if (position < parameters.seq && plan[parameters.segments_at + window * parameters.seq + position] != 0u) {
        let place = vec4<u32>(1u, window, head, position);
        let q_at = dot(parameters.q, place) / 4u;
        let k_at = dot(parameters.k, place) / 4u;
        for (var quad = thread % 2u; quad < WIDTH; quad += 2u) {
            square += vec2<f32>(dot(q[q_at + quad], q[q_at + quad]), dot(k[k_at + quad], k[k_at + quad]));
        }
    }
    squares[thread] = square;
    workgroupBarrier();
    var norms = vec2<f32>();
    if (thread < STEP) {
        let whole = squares[2u * thread] + squares[2u * thread + 1u];
        norms = vec2<f32>(norm(whole.x), norm(whole.y));
    }
    workgroupBarrier();
    squares[thread] = norms;
    for (var half = STEP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            squares[thread] = max(squares[thread], squares[thread + half]);
        }
    }
    if (thread == 0u) {
        let steps = (parameters.seq + STEP - 1u) / STEP;
        let at = head_row * steps + step;
        workspace[parameters.tile_queries_at + at] = bitcast<u32>(squares[0].x);
        workspace[parameters.tile_keys_at + at] = bitcast<u32>(squares[0].y);
    }
}
