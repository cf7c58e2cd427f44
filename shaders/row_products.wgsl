// What the backward pass needs of each query, and how far each step of 32 queries reaches:
//     level_i = lse_i·log2 e,   delta_i = dO_i·O_i,
//     excess_t = max ‖q‖ · max ‖k‖ · log2(e)/√d − min level_i, over the queries i of step t that see any key.
// A key at distance Δ and all keys behind it hold less than 2^(excess − m·Δ·log2 e − tail) of a row's sum.
//
// grad_out, out: [batch, head, seq, d] by strides, as vectors of 4
// log_sums:      [batch, head, seq], as bits
// plan:          words of the host
// workspace:     norms as bits; gets levels and deltas, [batch, head, seq, 2], and excesses, [batch, head, step]. A
//                level is 3e38 where a query sees nothing; level and delta may be not-a-number.
//
// A workgroup takes one step (x) of an attention head of a window (y): two threads for each query.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 256 threads, 16 KiB of memory.

const HEAD_DIM = 64u;

const WIDTH = HEAD_DIM / 4u;
const STEP = 32u;
const THREADS = 64u;
const LOG2_E = 1.4426950408889634;
/// What rounding may take off a norm.
const MARGIN = 1.00001;

struct Parameters {
    /// Start, and strides of batch, head and seq, in numbers.
    grad_out: vec4<u32>,
    out: vec4<u32>,
    first_x: u32,
    first_y: u32,
    heads: u32,
    seq: u32,
    /// log2(e) / √d.
    scale: f32,
    /// Where in the plan: segments [batch, seq].
    segments_at: u32,
    /// Where in the workspace.
    key_norms_at: u32,
    tile_queries_at: u32,
    excess_at: u32,
    rows_at: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> grad_out: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> plan: array<u32>;
@group(0) @binding(5) var<storage, read_write> workspace: array<u32>;

var<workgroup> halves: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let step = group.x + parameters.first_x;
    let head_row = group.y + parameters.first_y;
    let window = head_row / parameters.heads;
    let head = head_row % parameters.heads;
    let i = step * STEP + thread / 2u;
    let shown = i < parameters.seq && plan[parameters.segments_at + window * parameters.seq + i] != 0u;
    var product = 0.0;
    if (shown) {
        let place = vec4<u32>(1u, window, head, i);
        let grad_at = dot(parameters.grad_out, place) / 4u;
        let out_at = dot(parameters.out, place) / 4u;
        for (var quad = thread % 2u; quad < WIDTH; quad += 2u) {
            product += dot(grad_out[grad_at + quad], out[out_at + quad]);
        }
    }
    halves[thread] = product;
    workgroupBarrier();
    let delta = halves[thread & ~1u] + halves[thread | 1u];
    workgroupBarrier();

    // The least level of the step; far above all of them where nothing counts.
    var least = 3e38;
    if (i < parameters.seq) {
        let bits = log_sums[head_row * parameters.seq + i];
        var level = bitcast<u32>(3e38);
        if (shown && (bits & 0x7f800000u) == 0x7f800000u) {
            level = bits;
            least = -3e38;
        } else if (shown && bitcast<f32>(bits) > -1e38) {
            least = bitcast<f32>(bits) * LOG2_E;
            level = bitcast<u32>(least);
        }
        if (thread % 2u == 0u) {
            let at = parameters.rows_at + 2u * (head_row * parameters.seq + i);
            workspace[at] = level;
            workspace[at + 1u] = bitcast<u32>(delta);
        }
    }
    halves[thread] = least;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            halves[thread] = min(halves[thread], halves[thread + half]);
        }
    }
    if (thread == 0u) {
        let steps = (parameters.seq + STEP - 1u) / STEP;
        let at = head_row * steps + step;
        let query_norm = bitcast<f32>(workspace[parameters.tile_queries_at + at]);
        let key_norm = bitcast<f32>(workspace[parameters.key_norms_at + head_row]);
        let bound = min(query_norm * MARGIN, 1e18) * min(key_norm * MARGIN, 1e18) * parameters.scale;
        let excess = select(bound - max(halves[0], -1e38), -3e38, halves[0] > 1e38);
        workspace[parameters.excess_at + at] = bitcast<u32>(excess);
    }
}
