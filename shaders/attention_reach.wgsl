// How far attention reaches from each step of 32 queries, when the log-sum-exp of every row is known.
//
// P_ij = exp(s_ij − lse_i) is at most exp(E − m·|i − j|), where m is the slope of the attention head and E the largest
// ‖q_i‖·K/√d − lse_i of the step, K being the largest ‖k‖ of the attention head. The keys of one side from a distance Δ
// on hold together at most exp(E − m·Δ) / (1 − exp(−m)) of a row. The reach is the smallest Δ for which that is below
// 2⁻²⁵, so that both sides stay below 2⁻²⁴ of each row. It depends on the queries alone and not on who asks: a kernel
// that keeps its keys and walks over the queries leaves out the same pairs as one that keeps its queries, and what a
// column weighted by w loses is at most 2⁻²⁴·Σw.
//
// q:        [batch, head, seq, d] by strides, as vectors of 4
// log_sums: [batch, head, seq], bits of f32
// plan:     words of the host (see the parameters); without skipping, tails that are never light enough
// norms:    [batch, head], the largest ‖k‖, from head_norms.wgsl; 3e38 where one is not finite
// outlook:  [batch, head, step]: the reach in positions, 0 where no query is real; CAREFUL where not every query is
//           real and of one segment with a finite log-sum-exp
//
// One workgroup for each step (x) and attention head of a window (y), 4 threads for each query.
// Keeps the default limits: 5 storage buffers, 65,535 workgroups per axis (2 million positions), 1 KiB of memory.

const HEAD_DIM = 64u;

const STEP = 32u;
const LANES = 4u;
const THREADS = STEP * LANES;
const PARTS = HEAD_DIM / 4u;

const CAREFUL = 0x80000000u;
const FARTHEST = 0x3fffffffu;
const LOG2_E = 1.4426950408889634;
/// Norms are rounded up by this much, so that rounding cannot make a bound too small.
const MARGIN = 1.0001;
/// Bits below which the keys of one side do not count.
const BITS = 25.0;

struct Parameters {
    /// Start, and strides of batch, head and seq, in numbers.
    queries: vec4<u32>,
    keys: vec4<u32>,
    /// What the kernel works on, as it says itself.
    area: vec4<u32>,
    batch: u32,
    heads: u32,
    seq: u32,
    /// log2(e) / √d.
    scale: f32,
    /// 1 where a window may hold several segments.
    packed: u32,
    /// Attention heads that are averaged, and how many such groups there are.
    averaged: u32,
    groups: u32,
    /// The first workgroup of this launch.
    first_item: u32,
    first_x: u32,
    first_y: u32,
    first_z: u32,
    /// Where in the outlook each workgroup tells how many scores it looked at.
    kept_at: u32,
    /// Where in the plan: attention heads of the batch in the order of work [batch · head]; segments [batch, seq];
    /// ranges of keys [batch, step, 2]; slopes and tails [head, 2], in bits, to the base 2.
    order_at: u32,
    segments_at: u32,
    ranges_at: u32,
    slopes_at: u32,
    /// Block lists: pointers [head · blocks + 1] to pairs of a block and its offset; blocks of a sequence.
    block_pointers_at: u32,
    blocks_at: u32,
    blocks: u32,
    /// Pointers [head · tiles + 1] to pairs of a tile and its offset, from the side of what the kernel keeps.
    tile_pointers_at: u32,
    tiles_at: u32,
    /// The first row of the batch that is meant.
    first_window: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> log_sums: array<u32>;
@group(0) @binding(3) var<storage, read_write> plan: array<u32>;
@group(0) @binding(4) var<storage, read_write> norms: array<f32>;
@group(0) @binding(5) var<storage, read_write> outlook: array<u32>;

/// Sums of squares, then what is largest.
var<workgroup> squares: array<f32, THREADS>;
/// Whether all is as it should be, and whether any query is real.
var<workgroup> states: array<vec2<u32>, STEP>;

fn is_finite(bits: u32) -> bool {
    return (bits & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let step = group.x + parameters.first_x;
    let head_row = group.y + parameters.first_y;
    let window = head_row / parameters.heads;
    let head = head_row % parameters.heads;
    let row = thread / LANES;
    let i = step * STEP + row;
    var sum = 0.0;
    if (i < parameters.seq) {
        let base = (parameters.queries.x + window * parameters.queries.y + head * parameters.queries.z
            + i * parameters.queries.w) / 4u;
        for (var part = thread % LANES; part < PARTS; part += LANES) {
            let values = q[base + part];
            sum += dot(values, values);
        }
    }
    squares[thread] = sum;
    workgroupBarrier();

    let slope = bitcast<f32>(plan[parameters.slopes_at + 2u * head]);
    let tail = bitcast<f32>(plan[parameters.slopes_at + 2u * head + 1u]);
    let first_segment = plan[parameters.segments_at + window * parameters.seq + step * STEP];
    var excess = -3e38;
    var state = vec2<u32>(0u, 0u);
    if (thread < STEP) {
        let own = step * STEP + thread;
        var segment = 0u;
        var bits = 0u;
        if (own < parameters.seq) {
            segment = plan[parameters.segments_at + window * parameters.seq + own];
            bits = log_sums[head_row * parameters.seq + own];
        }
        let at = thread * LANES;
        let square = squares[at] + squares[at + 1u] + squares[at + 2u] + squares[at + 3u];
        let bounded = is_finite(bits) && is_finite(bitcast<u32>(square));
        let total = max(bitcast<f32>(bits), -1e38);
        // A real row without keys, as a block list can leave it, gives nothing to anyone.
        let summed = bounded && total > -1e38;
        if (segment != 0u && !bounded) {
            excess = 3e38;
        } else if (segment != 0u && summed) {
            let norm = min(sqrt(square) * MARGIN, 1e18);
            excess = norm * min(norms[head_row] * MARGIN, 1e18) * parameters.scale - total * LOG2_E;
        }
        state = vec2<u32>(u32(segment == 0u || segment != first_segment || !summed), u32(excess > -3e38));
    }
    workgroupBarrier();
    if (thread < STEP) {
        squares[thread] = excess;
        states[thread] = state;
    }
    for (var half = STEP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            squares[thread] = max(squares[thread], squares[thread + half]);
            states[thread] |= states[thread + half];
        }
    }
    if (thread == 0u) {
        let steps = (parameters.seq + STEP - 1u) / STEP;
        var reach = FARTHEST;
        if (states[0].y == 0u) {
            reach = 0u;
        } else if (slope > 0.0 && tail > -1e29) {
            let distance = (squares[0] - tail + BITS) / slope;
            // One more for what is cut off, one for rounding.
            reach = u32(clamp(distance, 0.0, 1e9)) + 2u;
            reach = min(reach, FARTHEST);
        }
        outlook[head_row * steps + step] = reach | select(0u, CAREFUL, states[0].x != 0u);
    }
}
