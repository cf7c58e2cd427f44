// A part of the attention matrix, with the log-sum-exp of every row known:
//     P_ij = exp(q_i·k_j/√d − m·|i − j| − lse_i)   for i0 ≤ i < i1 and j0 ≤ j < j1.
// With several attention heads in a group, P is their mean: heads are the innermost loop.
//
// q, k:     [batch, head, seq, d] by strides, as vectors of 4
// log_sums: [batch, head, seq], bits of f32; not finite where the forward pass met such a number
// plan:     words of the host (see the parameters)
// outlook:  [batch, head, step of 32 queries] from attention_reach.wgsl
// members:  [group, averaged], the attention heads of each group
// part:     [batch, group, i1 − i0, j1 − j0], bits of f32
// area:     i0, i1, j0, j1
//
// A workgroup writes a tile of keys (x) and queries (y) of a group of attention heads of a window (z); a thread holds
// 4 × 4 scores, as in attention_columns.wgsl. Pairs beyond reach are 0.
// What a query without a finite log-sum-exp sees is not-a-number.
// Keeps the default limits: 7 storage buffers, 65,535 workgroups per axis, 256 threads, 10 KiB of memory.

const HEAD_DIM = 64u;
/// Positions of a tile: 64, or 32.
const TILE = 64u;
/// Whether only listed blocks see one another, of how many positions each.
const LISTED = false;
const BLOCK = 64u;

const SIDE = TILE / 4u;
const THREADS = SIDE * SIDE;
const CHUNK = 16u;
const PARTS = CHUNK / 4u;
/// One vector more than needed, which spreads rows over the banks.
const PITCH = PARTS + 1u;
const CHUNKS = (HEAD_DIM + CHUNK - 1u) / CHUNK;
const STEP = 32u;

const CAREFUL = 0x80000000u;
const NONE = 0xffffffffu;
const NOT_A_NUMBER = 0x7fc00000u;
const MASKED = -3e38;
/// Stands for a share that is not a number, above all shares and their sums.
const BROKEN = 1e30;
const LOG2_E = 1.4426950408889634;

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

/// An attention head to visit.
struct Visit {
    head: u32,
    /// Whether positions need to be looked at one by one.
    careful: u32,
    /// Where the search goes on: the head of the group after this one.
    next: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> plan: array<u32>;
@group(0) @binding(5) var<storage, read_write> outlook: array<u32>;
@group(0) @binding(6) var<storage, read_write> members: array<u32>;
@group(0) @binding(7) var<storage, read_write> part: array<u32>;

var<workgroup> staged_queries: array<vec4<f32>, TILE * PITCH>;
var<workgroup> staged_keys: array<vec4<f32>, TILE * PITCH>;
var<workgroup> upcoming: Visit;

fn is_finite(bits: u32) -> bool {
    return (bits & 0x7f800000u) != 0x7f800000u;
}

/// The reach of queries `first..end`, and whether they need care.
fn outlook_over(head_row: u32, first: u32, end: u32) -> u32 {
    let steps = (parameters.seq + STEP - 1u) / STEP;
    var reach = 0u;
    var careful = select(0u, CAREFUL, end > parameters.seq);
    for (var step = first / STEP; step * STEP < min(end, parameters.seq); step++) {
        let of_step = outlook[head_row * steps + step];
        reach = max(reach, of_step & ~CAREFUL);
        careful |= of_step & CAREFUL;
    }
    return reach | careful;
}

/// The smallest distance of positions of two ranges.
fn gap_between(a: vec2<u32>, b: vec2<u32>) -> u32 {
    if (a.y <= b.x) {
        return b.x - a.y + 1u;
    }
    return select(0u, a.x - b.y + 1u, b.y <= a.x);
}

/// The first head of the group from `slot` on in which queries reach keys.
fn visit_from(slot: u32, window: u32, group: u32, queries: vec2<u32>, keys: vec2<u32>) -> Visit {
    for (var number = slot; number < parameters.averaged; number++) {
        let head = members[group * parameters.averaged + number];
        let head_row = window * parameters.heads + head;
        let view = outlook_over(head_row, queries.x, queries.y);
        if (gap_between(queries, keys) < (view & ~CAREFUL)) {
            return Visit(head, (view | outlook_over(head_row, keys.x, keys.y)) & CAREFUL, number + 1u);
        }
    }
    return Visit(NONE, 0u, 0u);
}

/// What is added to the score of a query and a key, in bits; [`MASKED`] where their blocks do not see one another.
fn listed_offset(head: u32, i: u32, j: u32) -> f32 {
    if (i >= parameters.seq || j >= parameters.seq) {
        return MASKED;
    }
    let list = parameters.block_pointers_at + head * parameters.blocks + i / BLOCK;
    let wanted = j / BLOCK;
    var low = plan[list];
    var high = plan[list + 1u];
    while (low < high) {
        let middle = (low + high) / 2u;
        let block = plan[parameters.blocks_at + 2u * middle];
        if (block == wanted) {
            return bitcast<f32>(plan[parameters.blocks_at + 2u * middle + 1u]) * LOG2_E;
        }
        if (block < wanted) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return MASKED;
}

/// The same for one query and 4 keys.
fn listed_offsets(head: u32, i: u32, keys: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(
        listed_offset(head, i, keys.x),
        listed_offset(head, i, keys.y),
        listed_offset(head, i, keys.z),
        listed_offset(head, i, keys.w),
    );
}

/// The log-sum-exp of a query in bits (to the base 2): 3e38 where it gives nothing, −3e38 where it is not finite.
fn level_of(head_row: u32, i: u32, segment: u32) -> f32 {
    if (segment == 0u || i >= parameters.seq) {
        return 3e38;
    }
    let bits = log_sums[head_row * parameters.seq + i];
    if (!is_finite(bits)) {
        return -3e38;
    }
    let total = bitcast<f32>(bits);
    if (total < -1e38) {
        return 3e38;
    }
    return total * LOG2_E;
}

/// The segment of a position, 0 beyond the end.
fn segment_of(window: u32, position: u32) -> u32 {
    if (position >= parameters.seq) {
        return 0u;
    }
    return plan[parameters.segments_at + window * parameters.seq + position];
}

/// Adds the products of one query with 4 keys along 4 channels.
fn along(sum: vec4<f32>, values: vec4<f32>, x: vec4<f32>, y: vec4<f32>, z: vec4<f32>, w: vec4<f32>) -> vec4<f32> {
    let half = fma(vec4<f32>(values.y), y, fma(vec4<f32>(values.x), x, sum));
    return fma(vec4<f32>(values.w), w, fma(vec4<f32>(values.z), z, half));
}

/// `q·k` of 4 queries (columns of the matrix) and 4 keys of two tiles.
fn products(thread: u32, first_query: u32, first_key: u32, query_base: u32, key_base: u32) -> mat4x4<f32> {
    let row = thread / SIDE;
    let column = thread % SIDE;
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        workgroupBarrier();
        for (var slot = thread; slot < TILE * PARTS; slot += THREADS) {
            let line = slot / PARTS;
            let channel = chunk * CHUNK + (slot % PARTS) * 4u;
            var of_query = vec4<f32>();
            var of_key = vec4<f32>();
            if (channel < HEAD_DIM && first_query + line < parameters.seq) {
                of_query = q[(query_base + (first_query + line) * parameters.queries.w + channel) / 4u];
            }
            if (channel < HEAD_DIM && first_key + line < parameters.seq) {
                of_key = k[(key_base + (first_key + line) * parameters.keys.w + channel) / 4u];
            }
            staged_queries[line * PITCH + slot % PARTS] = of_query;
            staged_keys[line * PITCH + slot % PARTS] = of_key;
        }
        workgroupBarrier();
        for (var part = 0u; part < PARTS; part++) {
            let k0 = staged_keys[column * PITCH + part];
            let k1 = staged_keys[(column + SIDE) * PITCH + part];
            let k2 = staged_keys[(column + 2u * SIDE) * PITCH + part];
            let k3 = staged_keys[(column + 3u * SIDE) * PITCH + part];
            let x = vec4<f32>(k0.x, k1.x, k2.x, k3.x);
            let y = vec4<f32>(k0.y, k1.y, k2.y, k3.y);
            let z = vec4<f32>(k0.z, k1.z, k2.z, k3.z);
            let w = vec4<f32>(k0.w, k1.w, k2.w, k3.w);
            sum0 = along(sum0, staged_queries[row * PITCH + part], x, y, z, w);
            sum1 = along(sum1, staged_queries[(row + SIDE) * PITCH + part], x, y, z, w);
            sum2 = along(sum2, staged_queries[(row + 2u * SIDE) * PITCH + part], x, y, z, w);
            sum3 = along(sum3, staged_queries[(row + 3u * SIDE) * PITCH + part], x, y, z, w);
        }
    }
    return mat4x4<f32>(sum0, sum1, sum2, sum3);
}

/// The shares that a query gives to 4 keys, from their products.
///
/// `level` is as `level_of` has it; `careful` where not all of them are real and of one segment.
fn shares_of(product: vec4<f32>, i: u32, level: f32, segment: u32, keys: vec4<u32>, key_segments: vec4<u32>, head: u32,
             slope: f32, careful: bool) -> vec4<f32> {
    let distances = abs(vec4<f32>(keys) - f32(i));
    var levels = fma(vec4<f32>(-slope), distances, fma(product, vec4<f32>(parameters.scale), vec4<f32>(-level)));
    var allowed = vec4<bool>(true);
    if (LISTED) {
        let offsets = listed_offsets(head, i, keys);
        allowed = offsets > vec4<f32>(MASKED);
        levels += select(vec4<f32>(), offsets, allowed);
    }
    var shares = exp2(levels);
    if (careful || LISTED) {
        allowed &= key_segments == vec4<u32>(segment);
        shares = select(shares, vec4<f32>(BROKEN), level < -1e38);
        // Rows that give nothing may hold anything, and so may their products.
        shares = select(vec4<f32>(), shares, allowed & vec4<bool>(level < 1e38));
    }
    return shares;
}

/// What a thread knows of its 4 queries in one attention head.
struct Queries {
    positions: vec4<u32>,
    segments: vec4<u32>,
    levels: vec4<f32>,
}

/// The shares of 4 queries (columns of the matrix) and 4 keys.
fn shares_of_all(product: mat4x4<f32>, queries: Queries, keys: vec4<u32>, key_segments: vec4<u32>, head: u32,
                 careful: bool) -> mat4x4<f32> {
    let slope = bitcast<f32>(plan[parameters.slopes_at + 2u * head]);
    return mat4x4<f32>(
        shares_of(product[0], queries.positions.x, queries.levels.x, queries.segments.x, keys, key_segments, head,
                  slope, careful),
        shares_of(product[1], queries.positions.y, queries.levels.y, queries.segments.y, keys, key_segments, head,
                  slope, careful),
        shares_of(product[2], queries.positions.z, queries.levels.z, queries.segments.z, keys, key_segments, head,
                  slope, careful),
        shares_of(product[3], queries.positions.w, queries.levels.w, queries.segments.w, keys, key_segments, head,
                  slope, careful),
    );
}

/// Levels of 4 queries in one attention head.
fn levels_of(head_row: u32, queries: Queries) -> vec4<f32> {
    return vec4<f32>(
        level_of(head_row, queries.positions.x, queries.segments.x),
        level_of(head_row, queries.positions.y, queries.segments.y),
        level_of(head_row, queries.positions.z, queries.segments.z),
        level_of(head_row, queries.positions.w, queries.segments.w),
    );
}

/// Segments of 4 positions up to an end, 0 beyond.
fn segments_of(window: u32, positions: vec4<u32>, end: u32) -> vec4<u32> {
    let segments = vec4<u32>(
        segment_of(window, positions.x),
        segment_of(window, positions.y),
        segment_of(window, positions.z),
        segment_of(window, positions.w),
    );
    return select(vec4<u32>(), segments, positions < vec4<u32>(end));
}

/// Where the queries of an attention head begin, in numbers.
fn query_base_of(window: u32, head: u32) -> u32 {
    return parameters.queries.x + window * parameters.queries.y + head * parameters.queries.z;
}

/// Where its keys begin.
fn key_base_of(window: u32, head: u32) -> u32 {
    return parameters.keys.x + window * parameters.keys.y + head * parameters.keys.z;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let area = parameters.area;
    let first_key = area.z + (workgroup.x + parameters.first_x) * TILE;
    let first_query = area.x + (workgroup.y + parameters.first_y) * TILE;
    let of_part = workgroup.z + parameters.first_z;
    let window = of_part / parameters.groups + parameters.first_window;
    let group = of_part % parameters.groups;
    let rule = vec4<u32>(0u, 1u, 2u, 3u) * SIDE;

    var queries: Queries;
    queries.positions = vec4<u32>(first_query + thread / SIDE) + rule;
    queries.segments = segments_of(window, queries.positions, parameters.seq);
    let keys = vec4<u32>(first_key + thread % SIDE) + rule;
    let key_segments = segments_of(window, keys, parameters.seq);
    let query_range = vec2<u32>(first_query, first_query + TILE);
    let key_range = vec2<u32>(first_key, first_key + TILE);

    if (thread == 0u) {
        upcoming = visit_from(0u, window, group, query_range, key_range);
    }
    var visit = workgroupUniformLoad(&upcoming);
    var shares = mat4x4<f32>();
    while (visit.head != NONE) {
        if (thread == 0u) {
            upcoming = visit_from(visit.next, window, group, query_range, key_range);
        }
        let product = products(thread, first_query, first_key, query_base_of(window, visit.head),
                               key_base_of(window, visit.head));
        queries.levels = levels_of(window * parameters.heads + visit.head, queries);
        let careful = visit.careful != 0u || parameters.packed != 0u;
        shares += shares_of_all(product, queries, keys, key_segments, visit.head, careful);
        visit = workgroupUniformLoad(&upcoming);
    }

    let size = vec2<u32>(area.y - area.x, area.w - area.z);
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < 4u; c++) {
            if (queries.positions[r] < area.y && keys[c] < area.w) {
                let share = shares[r][c] / f32(parameters.averaged);
                let line = of_part * size.x + queries.positions[r] - area.x;
                let bits = select(bitcast<u32>(share), NOT_A_NUMBER, share > 1.0 + 1e-3);
                part[line * size.y + keys[c] - area.z] = bits;
            }
        }
    }
}
