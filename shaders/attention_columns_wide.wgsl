// What each key receives, with the log-sum-exp of every row known:
//     sums_sj = Σ_i w_si·P_ij   and   maxima_j = max_i P_ij   over the real queries i,
//     P_ij = exp(q_i·k_j/√d − m·|i − j| − lse_i).
//
// q, k:     [batch, head, seq, d] by strides, as vectors of 4
// log_sums: [batch, head, seq], bits of f32; not finite where the forward pass met such a number
// plan:     words of the host (see the parameters)
// outlook:  [batch, head, step of 32 queries] from attention_reach.wgsl; then scores looked at, of each workgroup
// weights:       [sum, batch, seq]
// column_sums:   [sum, batch, head, seq], bits of f32
// column_maxima: [batch, head, seq], bits of f32
//
// The faster form of attention_columns.wgsl, for adapters with more workgroup memory: a workgroup keeps 64 keys of an
// attention head of a window there, with all channels, and walks over tiles of 128 queries that reach them, whose
// channels pass through workgroup memory 16 at a time. A thread holds 8 × 4 scores: for 4 channels it reads 12 vectors
// and multiplies 128 times. The next channels are on their way from the buffer meanwhile.
// Sums stay short: 8 queries of a tile, then 32 tiles, then the rest, then the threads of a key as a tree. A correction
// term in the way of Kahan would be more exact still, were it not that compilers with fast arithmetic remove it.
// Block lists are for the other form.
// A key that is seen by a query whose log-sum-exp is not finite becomes not-a-number.
// Keeps the default limits, but for workgroup memory: 8 storage buffers, 65,535 workgroups per axis, 256 threads;
// 14.1 KiB of memory and 256 bytes for each channel: 30.1 KiB for 64.

const HEAD_DIM = 64u;
/// Positions of a tile: of keys, and of queries.
const TILE = 64u;
const QUERIES = 128u;
/// Weight vectors, up to 4.
const SUMS = 1u;

const SIDE = TILE / 4u;
const THREADS = SIDE * SIDE;
const CHUNK = 16u;
const PARTS = CHUNK / 4u;
/// One vector more than needed, which spreads rows over the banks.
const PITCH = PARTS + 1u;
const KEY_PARTS = HEAD_DIM / 4u;
const KEY_PITCH = KEY_PARTS + 1u - KEY_PARTS % 2u;
const CHUNKS = (HEAD_DIM + CHUNK - 1u) / CHUNK;
const STEP = 32u;
/// Tiles whose sums are added up before they join the others.
const TILES_TOGETHER = 32u;

const CAREFUL = 0x80000000u;
const NONE = 0xffffffffu;
/// A segment that no key has.
const NOBODY = 0xffffffffu;
const NOT_A_NUMBER = 0x7fc00000u;
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

/// A tile to visit.
struct Visit {
    tile: u32,
    /// Whether its queries need to be looked at one by one.
    careful: u32,
    /// Where the search goes on.
    next: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> plan: array<u32>;
@group(0) @binding(5) var<storage, read_write> outlook: array<u32>;
@group(0) @binding(6) var<storage, read_write> weights: array<f32>;
@group(0) @binding(7) var<storage, read_write> column_sums: array<u32>;
@group(0) @binding(8) var<storage, read_write> column_maxima: array<u32>;

var<workgroup> staged_queries: array<vec4<f32>, QUERIES * PITCH>;
var<workgroup> kept_keys: array<vec4<f32>, TILE * KEY_PITCH>;
/// Of each query of the tile: its level (see `level_of`), its segment, its weights.
var<workgroup> row_levels: array<f32, QUERIES>;
var<workgroup> row_segments: array<u32, QUERIES>;
var<workgroup> row_weights: array<vec4<f32>, QUERIES>;
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

/// The range of positions that positions `first..end` may see.
fn range_over(window: u32, first: u32, end: u32) -> vec2<u32> {
    let steps = (parameters.seq + STEP - 1u) / STEP;
    var range = vec2<u32>(NONE, 0u);
    for (var step = first / STEP; step * STEP < min(end, parameters.seq); step++) {
        let at = parameters.ranges_at + 2u * (window * steps + step);
        range = vec2<u32>(min(range.x, plan[at]), max(range.y, plan[at + 1u]));
    }
    return range;
}

/// The smallest distance of positions of a tile of queries and of the keys.
fn gap(tile: u32, own: u32) -> u32 {
    let queries = tile * QUERIES;
    let keys = own * TILE;
    if (queries + QUERIES <= keys) {
        return keys - queries - QUERIES + 1u;
    }
    return select(0u, queries - keys - TILE + 1u, keys + TILE <= queries);
}

/// The tile to visit next: among those from the number `next` up to `last`.
fn visit_from(next: u32, last: u32, head_row: u32, own: u32) -> Visit {
    for (var tile = next; tile <= last; tile++) {
        let view = outlook_over(head_row, tile * QUERIES, (tile + 1u) * QUERIES);
        if (gap(tile, own) < (view & ~CAREFUL)) {
            return Visit(tile, view & CAREFUL, tile + 1u);
        }
    }
    return Visit(NONE, 0u, 0u);
}

/// The first and the last tile whose queries reach the own tile, the last being smaller where there is none; every
/// thread looks at some.
fn tiles_in_reach(thread: u32, head_row: u32, own: u32) -> vec2<u32> {
    let range = range_over(head_row / parameters.heads, own * TILE, (own + 1u) * TILE);
    var seen = vec4<f32>(1e9, 0.0, 0.0, 0.0);
    if (range.x < range.y) {
        for (var tile = range.x / QUERIES + thread; tile * QUERIES < range.y; tile += THREADS) {
            if (gap(tile, own) < (outlook_over(head_row, tile * QUERIES, (tile + 1u) * QUERIES) & ~CAREFUL)) {
                seen = vec4<f32>(min(seen.x, f32(tile)), f32(tile), 0.0, 0.0);
            }
        }
    }
    staged_queries[thread] = seen;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            let other = staged_queries[thread + half];
            seen = vec4<f32>(min(seen.x, other.x), max(seen.y, other.y), 0.0, 0.0);
            staged_queries[thread] = seen;
        }
    }
    let all = workgroupUniformLoad(&staged_queries[0]);
    return vec2<u32>(u32(all.x), u32(all.y));
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

/// Reads what is known of one query of a tile.
fn load_row(row: u32, i: u32, window: u32, head_row: u32) {
    let segment = segment_of(window, i);
    let level = level_of(head_row, i, segment);
    var of_row = vec4<f32>();
    if (abs(level) < 1e38) {
        let at = window * parameters.seq + i;
        let all = parameters.batch * parameters.seq;
        of_row.x = weights[at];
        if (SUMS > 1u) {
            of_row.y = weights[all + at];
        }
        if (SUMS > 2u) {
            of_row.z = weights[2u * all + at];
        }
        if (SUMS > 3u) {
            of_row.w = weights[3u * all + at];
        }
    }
    row_levels[row] = level;
    row_segments[row] = select(segment, NOBODY, segment == 0u);
    row_weights[row] = of_row;
}

/// Adds the products of one query with 4 keys along 4 channels.
fn along(sum: vec4<f32>, values: vec4<f32>, x: vec4<f32>, y: vec4<f32>, z: vec4<f32>, w: vec4<f32>) -> vec4<f32> {
    let half = fma(vec4<f32>(values.y), y, fma(vec4<f32>(values.x), x, sum));
    return fma(vec4<f32>(values.w), w, fma(vec4<f32>(values.z), z, half));
}

/// `q·k` of 8 queries and 4 keys.
struct Products {
    near: mat4x4<f32>,
    far: mat4x4<f32>,
}

/// 4 channels of a query of the tile; `slot` counts those of 16 channels, `chunk` the sixteens.
fn channels_of(slot: u32, chunk: u32, first_query: u32, query_base: u32) -> vec4<f32> {
    let i = first_query + slot / PARTS;
    let channel = chunk * CHUNK + (slot % PARTS) * 4u;
    if (channel >= HEAD_DIM || i >= parameters.seq) {
        return vec4<f32>();
    }
    return q[(query_base + i * parameters.queries.w + channel) / 4u];
}

/// Products of a tile of queries with the kept keys; a thread stages two vectors of each sixteen channels.
fn products(thread: u32, first_query: u32, query_base: u32) -> Products {
    let row = thread / SIDE;
    let column = (thread % SIDE) * KEY_PITCH;
    var near0 = vec4<f32>();
    var near1 = vec4<f32>();
    var near2 = vec4<f32>();
    var near3 = vec4<f32>();
    var far0 = vec4<f32>();
    var far1 = vec4<f32>();
    var far2 = vec4<f32>();
    var far3 = vec4<f32>();
    var staged_a = channels_of(thread, 0u, first_query, query_base);
    var staged_b = channels_of(thread + THREADS, 0u, first_query, query_base);
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        workgroupBarrier();
        staged_queries[thread / PARTS * PITCH + thread % PARTS] = staged_a;
        staged_queries[(thread + THREADS) / PARTS * PITCH + thread % PARTS] = staged_b;
        workgroupBarrier();
        if (chunk + 1u < CHUNKS) {
            staged_a = channels_of(thread, chunk + 1u, first_query, query_base);
            staged_b = channels_of(thread + THREADS, chunk + 1u, first_query, query_base);
        }
        for (var part = 0u; part < min(PARTS, KEY_PARTS - chunk * PARTS); part++) {
            let at = column + chunk * PARTS + part;
            let k0 = kept_keys[at];
            let k1 = kept_keys[at + SIDE * KEY_PITCH];
            let k2 = kept_keys[at + 2u * SIDE * KEY_PITCH];
            let k3 = kept_keys[at + 3u * SIDE * KEY_PITCH];
            let x = vec4<f32>(k0.x, k1.x, k2.x, k3.x);
            let y = vec4<f32>(k0.y, k1.y, k2.y, k3.y);
            let z = vec4<f32>(k0.z, k1.z, k2.z, k3.z);
            let w = vec4<f32>(k0.w, k1.w, k2.w, k3.w);
            near0 = along(near0, staged_queries[row * PITCH + part], x, y, z, w);
            near1 = along(near1, staged_queries[(row + SIDE) * PITCH + part], x, y, z, w);
            near2 = along(near2, staged_queries[(row + 2u * SIDE) * PITCH + part], x, y, z, w);
            near3 = along(near3, staged_queries[(row + 3u * SIDE) * PITCH + part], x, y, z, w);
            far0 = along(far0, staged_queries[(row + 4u * SIDE) * PITCH + part], x, y, z, w);
            far1 = along(far1, staged_queries[(row + 5u * SIDE) * PITCH + part], x, y, z, w);
            far2 = along(far2, staged_queries[(row + 6u * SIDE) * PITCH + part], x, y, z, w);
            far3 = along(far3, staged_queries[(row + 7u * SIDE) * PITCH + part], x, y, z, w);
        }
    }
    return Products(mat4x4<f32>(near0, near1, near2, near3), mat4x4<f32>(far0, far1, far2, far3));
}

/// Brings the keys of the tile into workgroup memory, for good.
fn keep_keys(thread: u32, first_key: u32, key_base: u32) {
    for (var slot = thread; slot < TILE * KEY_PARTS; slot += THREADS) {
        let j = first_key + slot / KEY_PARTS;
        var channels = vec4<f32>();
        if (j < parameters.seq) {
            channels = k[(key_base + j * parameters.keys.w) / 4u + slot % KEY_PARTS];
        }
        kept_keys[slot / KEY_PARTS * KEY_PITCH + slot % KEY_PARTS] = channels;
    }
}

/// What a thread knows of its 4 keys.
struct Keys {
    positions: vec4<u32>,
    segments: vec4<u32>,
    slope: f32,
}

/// What it has added up for them.
struct Received {
    /// One column for each weight vector.
    sums: mat4x4<f32>,
    maxima: vec4<f32>,
}

/// Adds one query of the tile.
fn receive(received: Received, keys: Keys, product: vec4<f32>, visit: Visit, row: u32) -> Received {
    let i = visit.tile * QUERIES + row;
    let level = row_levels[row];
    let distances = abs(vec4<f32>(keys.positions) - f32(i));
    let levels = fma(vec4<f32>(-keys.slope), distances, fma(product, vec4<f32>(parameters.scale), vec4<f32>(-level)));
    var shares = exp2(levels);
    if (visit.careful != 0u || parameters.packed != 0u) {
        let allowed = keys.segments == vec4<u32>(row_segments[row]);
        shares = select(shares, vec4<f32>(BROKEN), level < -1e38);
        // Rows that give nothing may hold anything, and so may their products.
        shares = select(vec4<f32>(), shares, allowed & vec4<bool>(level < 1e38));
    }
    let of_row = row_weights[row];
    return Received(
        received.sums + mat4x4<f32>(shares * of_row.x, shares * of_row.y, shares * of_row.z, shares * of_row.w),
        max(received.maxima, shares),
    );
}

/// The sum over the threads that share a key, in a fixed order.
fn sum_of_rows(thread: u32, values: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    staged_queries[thread] = values;
    for (var half = THREADS / 2u; half >= SIDE; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            staged_queries[thread] += staged_queries[thread + half];
        }
    }
    return staged_queries[thread];
}

fn max_of_rows(thread: u32, values: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    staged_queries[thread] = values;
    for (var half = THREADS / 2u; half >= SIDE; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            staged_queries[thread] = max(staged_queries[thread], staged_queries[thread + half]);
        }
    }
    return staged_queries[thread];
}

/// The bits of one number for each of 4 keys: 0 for keys that are not real.
fn written(keys: Keys, values: vec4<f32>, highest: vec4<f32>) -> vec4<u32> {
    let bits = select(bitcast<vec4<u32>>(values), vec4<u32>(NOT_A_NUMBER), highest > vec4<f32>(0.5 * BROKEN));
    return select(bits, vec4<u32>(), keys.segments == vec4<u32>());
}

fn write_sums(sum: u32, head_row: u32, keys: Keys, bits: vec4<u32>) {
    let at = (sum * parameters.batch * parameters.heads + head_row) * parameters.seq;
    for (var c = 0u; c < 4u; c++) {
        if (keys.positions[c] < parameters.seq) {
            column_sums[at + keys.positions[c]] = bits[c];
        }
    }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tiles = (parameters.seq + TILE - 1u) / TILE;
    let item = group.x + parameters.first_item;
    let own = item % tiles;
    let head_row = plan[parameters.order_at + item / tiles];
    let window = head_row / parameters.heads;
    let head = head_row % parameters.heads;
    let query_base = parameters.queries.x + window * parameters.queries.y + head * parameters.queries.z;
    let key_base = parameters.keys.x + window * parameters.keys.y + head * parameters.keys.z;
    let row = thread / SIDE;

    var keys: Keys;
    keys.positions = vec4<u32>(own * TILE + thread % SIDE) + vec4<u32>(0u, 1u, 2u, 3u) * SIDE;
    keys.slope = bitcast<f32>(plan[parameters.slopes_at + 2u * head]);
    keys.segments = vec4<u32>(
        segment_of(window, keys.positions.x),
        segment_of(window, keys.positions.y),
        segment_of(window, keys.positions.z),
        segment_of(window, keys.positions.w),
    );

    let reached = tiles_in_reach(thread, head_row, own);
    keep_keys(thread, own * TILE, key_base);
    if (thread == 0u) {
        upcoming = visit_from(reached.x, reached.y, head_row, own);
    }
    var visit = workgroupUniformLoad(&upcoming);
    var total = mat4x4<f32>();
    var together = mat4x4<f32>();
    var maxima = vec4<f32>();
    var visited = 0u;
    var looked_at = 0u;
    while (visit.tile != NONE) {
        let first_query = visit.tile * QUERIES;
        if (thread < QUERIES) {
            load_row(thread, first_query + thread, window, head_row);
        }
        // Looked for now, so that it is there when this tile is done.
        if (thread == 0u) {
            upcoming = visit_from(visit.next, reached.y, head_row, own);
        }
        let product = products(thread, first_query, query_base);
        var received = Received(mat4x4<f32>(), maxima);
        received = receive(received, keys, product.near[0], visit, row);
        received = receive(received, keys, product.near[1], visit, row + SIDE);
        received = receive(received, keys, product.near[2], visit, row + 2u * SIDE);
        received = receive(received, keys, product.near[3], visit, row + 3u * SIDE);
        received = receive(received, keys, product.far[0], visit, row + 4u * SIDE);
        received = receive(received, keys, product.far[1], visit, row + 5u * SIDE);
        received = receive(received, keys, product.far[2], visit, row + 6u * SIDE);
        received = receive(received, keys, product.far[3], visit, row + 7u * SIDE);
        maxima = received.maxima;
        together += received.sums;
        visited += 1u;
        looked_at += min(QUERIES, parameters.seq - first_query);
        if (visited % TILES_TOGETHER == 0u) {
            total += together;
            together = mat4x4<f32>();
        }
        visit = workgroupUniformLoad(&upcoming);
    }
    total += together;

    let highest = max_of_rows(thread, maxima);
    if (thread < SIDE) {
        let bits = written(keys, highest, highest);
        for (var c = 0u; c < 4u; c++) {
            if (keys.positions[c] < parameters.seq) {
                column_maxima[head_row * parameters.seq + keys.positions[c]] = bits[c];
            }
        }
    }
    let sum0 = sum_of_rows(thread, total[0]);
    if (thread < SIDE) {
        write_sums(0u, head_row, keys, written(keys, sum0, highest));
    }
    if (SUMS > 1u) {
        let sum1 = sum_of_rows(thread, total[1]);
        if (thread < SIDE) {
            write_sums(1u, head_row, keys, written(keys, sum1, highest));
        }
    }
    if (SUMS > 2u) {
        let sum2 = sum_of_rows(thread, total[2]);
        if (thread < SIDE) {
            write_sums(2u, head_row, keys, written(keys, sum2, highest));
        }
    }
    if (SUMS > 3u) {
        let sum3 = sum_of_rows(thread, total[3]);
        if (thread < SIDE) {
            write_sums(3u, head_row, keys, written(keys, sum3, highest));
        }
    }
    if (thread == 0u) {
        outlook[parameters.kept_at + head_row * tiles + own] = looked_at * min(TILE, parameters.seq - own * TILE);
    }
}
