// What each query gives, with the log-sum-exp of every row known:
//     entropy_i = −Σ_j P_ij·ln P_ij,   distance_i = Σ_j P_ij·|i − j|,   sums_si = Σ_j P_ij·u_sj,
//     P_ij = exp(q_i·k_j/√d − m·|i − j| − lse_i).
//
// q, k:     [batch, head, seq, d] by strides, as vectors of 4
// log_sums: [batch, head, seq], bits of f32; not finite where the forward pass met such a number
// plan:     words of the host (see the parameters)
// outlook:  [batch, head, step of 32 queries] from attention_reach.wgsl; then scores looked at, of each workgroup
// vectors:  [sum, batch, seq]
// spread:   [2, batch, head, seq], entropy in nats and distance in positions, bits of f32
// row_sums: [sum, batch, head, seq], bits of f32
//
// A workgroup keeps one tile of queries of an attention head of a window and walks over the tiles of keys in
// its reach. A thread holds 4 × 4 scores, as in attention_columns.wgsl, whose sums these are like as well.
// Queries that are not real get 0; those whose log-sum-exp is not finite become not-a-number.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 256 threads, 12 KiB of memory.

const HEAD_DIM = 64u;
/// Positions of a tile: 64, or 32.
const TILE = 64u;
/// Vectors, up to 4; 0 for entropy and distance alone.
const SUMS = 1u;
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
/// Tiles whose sums are added up before they join the others.
const TILES_TOGETHER = 32u;
/// Whether a pair of tiles lies in one pair of blocks.
const WHOLE = BLOCK % TILE == 0u;

const CAREFUL = 0x80000000u;
const NONE = 0xffffffffu;
/// A segment that no key has.
const NOBODY = 0xffffffffu;
const NOT_A_NUMBER = 0x7fc00000u;
const MASKED = -3e38;
const LOG2_E = 1.4426950408889634;
const LN_2 = 0.6931471805599453;

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
    /// Whether queries or keys need to be looked at one by one.
    careful: u32,
    /// What a block list adds to its scores.
    offset: f32,
    /// Where the search goes on.
    next: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> plan: array<u32>;
@group(0) @binding(5) var<storage, read_write> outlook: array<u32>;
@group(0) @binding(6) var<storage, read_write> vectors: array<f32>;
@group(0) @binding(7) var<storage, read_write> spread: array<u32>;
@group(0) @binding(8) var<storage, read_write> row_sums: array<u32>;

var<workgroup> staged_queries: array<vec4<f32>, TILE * PITCH>;
var<workgroup> staged_keys: array<vec4<f32>, TILE * PITCH>;
/// Of each key of the tile: its segment, and the vectors there.
var<workgroup> key_segments: array<u32, TILE>;
var<workgroup> key_vectors: array<vec4<f32>, TILE>;
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

/// The smallest distance of positions of two tiles.
fn gap(a: u32, b: u32) -> u32 {
    let apart = max(a, b) - min(a, b);
    return select((apart - 1u) * TILE + 1u, 0u, apart == 0u);
}

/// The tile to visit next: from the number `next` on, within a reach or in the list of the own tile.
fn visit_from(next: u32, head_row: u32, own: u32) -> Visit {
    let view = outlook_over(head_row, own * TILE, (own + 1u) * TILE);
    let reach = view & ~CAREFUL;
    let range = range_over(head_row / parameters.heads, own * TILE, (own + 1u) * TILE);
    var number = next;
    var end = 0u;
    if (LISTED) {
        let list = (head_row % parameters.heads) * ((parameters.seq + TILE - 1u) / TILE) + own;
        number = max(number, plan[parameters.tile_pointers_at + list]);
        end = plan[parameters.tile_pointers_at + list + 1u];
    } else if (range.x < range.y) {
        number = max(number, max(range.x, own * TILE - min(own * TILE, reach)) / TILE);
        end = (min(range.y, (own + 1u) * TILE + reach) + TILE - 1u) / TILE;
    }
    for (; number < end; number++) {
        var tile = number;
        var offset = 0.0;
        if (LISTED) {
            tile = plan[parameters.tiles_at + 2u * number];
            offset = bitcast<f32>(plan[parameters.tiles_at + 2u * number + 1u]);
        }
        if (gap(tile, own) < reach) {
            let careful = (view | outlook_over(head_row, tile * TILE, (tile + 1u) * TILE)) & CAREFUL;
            return Visit(tile, careful, offset, number + 1u);
        }
    }
    return Visit(NONE, 0u, 0.0, 0u);
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

/// Reads what is known of one key of a tile.
fn load_key(column: u32, j: u32, window: u32) {
    let segment = segment_of(window, j);
    var of_key = vec4<f32>();
    if (segment != 0u) {
        let at = window * parameters.seq + j;
        let all = parameters.batch * parameters.seq;
        if (SUMS > 0u) {
            of_key.x = vectors[at];
        }
        if (SUMS > 1u) {
            of_key.y = vectors[all + at];
        }
        if (SUMS > 2u) {
            of_key.z = vectors[2u * all + at];
        }
        if (SUMS > 3u) {
            of_key.w = vectors[3u * all + at];
        }
    }
    key_segments[column] = segment;
    key_vectors[column] = of_key;
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

/// What a thread knows of the place it looks at.
struct Place {
    /// Its first query and the keys.
    query: u32,
    keys: vec4<u32>,
    segments: vec4<u32>,
    slope: f32,
    head: u32,
    offset: f32,
    careful: bool,
    /// What stands at its keys, one column each.
    vectors: mat4x4<f32>,
}

/// What 4 keys add to one query: entropy and distance, and the sums.
struct Given {
    entropy: f32,
    distance: f32,
    sums: vec4<f32>,
}

fn given(place: Place, i: u32, level: f32, segment: u32, product: vec4<f32>) -> Given {
    let distances = abs(vec4<f32>(place.keys) - f32(i));
    var levels = fma(product, vec4<f32>(parameters.scale), vec4<f32>(place.offset - level));
    levels = fma(vec4<f32>(-place.slope), distances, levels);
    var allowed = vec4<bool>(true);
    if (LISTED && !WHOLE) {
        let offsets = listed_offsets(place.head, i, place.keys);
        allowed = offsets > vec4<f32>(MASKED);
        levels += select(vec4<f32>(), offsets, allowed);
    }
    var shares = exp2(levels);
    if (place.careful || (LISTED && !WHOLE)) {
        // Positions that are not real may hold anything, and so may their products.
        allowed &= (place.segments == vec4<u32>(segment)) & vec4<bool>(abs(level) < 1e38);
        shares = select(vec4<f32>(), shares, allowed);
        levels = select(vec4<f32>(), levels, allowed);
    }
    return Given(-LN_2 * dot(shares, levels), dot(shares, distances), place.vectors * shares);
}

/// What was added up for 4 queries; sums have one column for each query.
struct Totals {
    entropy: vec4<f32>,
    distance: vec4<f32>,
    sums: mat4x4<f32>,
}

fn added(a: Totals, b: Totals) -> Totals {
    return Totals(a.entropy + b.entropy, a.distance + b.distance, a.sums + b.sums);
}

/// The sum over the threads that share a query, in a fixed order.
fn sum_of_columns(thread: u32, values: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    staged_queries[thread] = values;
    for (var half = SIDE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread % SIDE < half) {
            staged_queries[thread] += staged_queries[thread + half];
        }
    }
    return staged_queries[thread];
}

/// The bits of one number for each of 4 queries.
fn written(values: vec4<f32>, levels: vec4<f32>) -> vec4<u32> {
    let bits = select(bitcast<vec4<u32>>(values), vec4<u32>(), levels > vec4<f32>(1e38));
    return select(bits, vec4<u32>(NOT_A_NUMBER), levels < vec4<f32>(-1e38));
}

fn write_sums(sum: u32, head_row: u32, first: u32, bits: vec4<u32>) {
    let at = (sum * parameters.batch * parameters.heads + head_row) * parameters.seq;
    for (var r = 0u; r < 4u; r++) {
        if (first + r * SIDE < parameters.seq) {
            row_sums[at + first + r * SIDE] = bits[r];
        }
    }
}

fn write_spread(which: u32, head_row: u32, first: u32, bits: vec4<u32>) {
    let at = (which * parameters.batch * parameters.heads + head_row) * parameters.seq;
    for (var r = 0u; r < 4u; r++) {
        if (first + r * SIDE < parameters.seq) {
            spread[at + first + r * SIDE] = bits[r];
        }
    }
}

/// Component `s` of each column.
fn across(sums: mat4x4<f32>, s: u32) -> vec4<f32> {
    return vec4<f32>(sums[0][s], sums[1][s], sums[2][s], sums[3][s]);
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
    let column = thread % SIDE;

    let queries = vec4<u32>(own * TILE + thread / SIDE) + vec4<u32>(0u, 1u, 2u, 3u) * SIDE;
    var segments: vec4<u32>;
    var row_levels: vec4<f32>;
    for (var r = 0u; r < 4u; r++) {
        let segment = segment_of(window, queries[r]);
        row_levels[r] = level_of(head_row, queries[r], segment);
        segments[r] = select(segment, NOBODY, segment == 0u);
    }
    var place: Place;
    place.slope = bitcast<f32>(plan[parameters.slopes_at + 2u * head]);
    place.head = head;

    if (thread == 0u) {
        upcoming = visit_from(0u, head_row, own);
    }
    var visit = workgroupUniformLoad(&upcoming);
    var total: Totals;
    var together: Totals;
    var visited = 0u;
    var looked_at = 0u;
    while (visit.tile != NONE) {
        let first_key = visit.tile * TILE;
        if (thread < TILE) {
            load_key(thread, first_key + thread, window);
        }
        // Looked for now, so that it is there when this tile is done.
        if (thread == 0u) {
            upcoming = visit_from(visit.next, head_row, own);
        }
        let product = products(thread, own * TILE, first_key, query_base, key_base);
        place.keys = vec4<u32>(first_key + column) + vec4<u32>(0u, 1u, 2u, 3u) * SIDE;
        place.offset = visit.offset;
        place.careful = visit.careful != 0u || parameters.packed != 0u;
        place.segments = vec4<u32>(key_segments[column], key_segments[column + SIDE],
                                   key_segments[column + 2u * SIDE], key_segments[column + 3u * SIDE]);
        place.vectors = mat4x4<f32>(key_vectors[column], key_vectors[column + SIDE],
                                    key_vectors[column + 2u * SIDE], key_vectors[column + 3u * SIDE]);
        let g0 = given(place, queries.x, row_levels.x, segments.x, product[0]);
        let g1 = given(place, queries.y, row_levels.y, segments.y, product[1]);
        let g2 = given(place, queries.z, row_levels.z, segments.z, product[2]);
        let g3 = given(place, queries.w, row_levels.w, segments.w, product[3]);
        together = added(together, Totals(
            vec4<f32>(g0.entropy, g1.entropy, g2.entropy, g3.entropy),
            vec4<f32>(g0.distance, g1.distance, g2.distance, g3.distance),
            mat4x4<f32>(g0.sums, g1.sums, g2.sums, g3.sums),
        ));
        visited += 1u;
        looked_at += min(TILE, parameters.seq - first_key);
        if (visited % TILES_TOGETHER == 0u) {
            total = added(total, together);
            together = Totals();
        }
        visit = workgroupUniformLoad(&upcoming);
    }
    total = added(total, together);

    let entropy = sum_of_columns(thread, total.entropy);
    if (column == 0u) {
        write_spread(0u, head_row, queries.x, written(entropy, row_levels));
    }
    let distance = sum_of_columns(thread, total.distance);
    if (column == 0u) {
        write_spread(1u, head_row, queries.x, written(distance, row_levels));
    }
    for (var s = 0u; s < SUMS; s++) {
        let sum = sum_of_columns(thread, across(total.sums, s));
        if (column == 0u) {
            write_sums(s, head_row, queries.x, written(sum, row_levels));
        }
    }
    if (thread == 0u) {
        outlook[parameters.kept_at + head_row * tiles + own] = looked_at * min(TILE, parameters.seq - own * TILE);
    }
}
