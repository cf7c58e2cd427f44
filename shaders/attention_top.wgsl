// The strongest partners of each query, with the log-sum-exp of every row known: the `PLACES` largest
//     P_ij = exp(q_i·k_j/√d − m·|i − j| − lse_i)
// and where they stand; of equal ones the lower index comes first. What is below 2⁻²⁴ is no partner.
// With several attention heads in a group, P is their mean: heads are the innermost loop.
//
// q, k:     [batch, head, seq, d] by strides, as vectors of 4
// log_sums: [batch, head, seq], bits of f32; not finite where the forward pass met such a number
// plan:     words of the host (see the parameters)
// outlook:  [batch, head, step of 32 queries] from attention_reach.wgsl; then scores looked at, of each workgroup
// members:  [group, averaged], the attention heads of each group
// values:   [batch, group, seq, place], bits of f32; 0 where there is no partner
// indices:  [batch, group, seq, place]; 0xffffffff where there is none
//
// A workgroup keeps one tile of queries of a group of attention heads of a window, from the first window meant on, and
// walks over the tiles of keys in reach. A thread holds 4 × 4 scores, as in attention_columns.wgsl. Shares then pass
// through workgroup memory, and LANES threads of each query keep its partners in order, each among its share of the
// keys; one of them joins the lists at the end. Queries whose log-sum-exp is not finite have not-a-number in the first
// place.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 64 threads, 10 KiB of memory.

const HEAD_DIM = 64u;
/// Positions of a tile: 32; 64 with 256 threads and 27 KiB of memory.
const TILE = 32u;
/// Partners to keep, up to 8.
const PLACES = 8u;
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
/// Threads that look for partners of the same query, and keys for each of them.
const LANES = THREADS / TILE;
const KEYS = TILE / LANES;
/// Where the shares of a query begin: one more than there are keys, which spreads queries over the banks.
const SHARE_PITCH = TILE + 1u;
/// What is smaller is no partner.
const SMALLEST = 5.9604644775390625e-8;

const CAREFUL = 0x80000000u;
const NONE = 0xffffffffu;
/// A segment that no key has.
const NOBODY = 0xffffffffu;
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

/// A tile of keys and an attention head to visit.
struct Visit {
    tile: u32,
    head: u32,
    /// Whether positions need to be looked at one by one.
    careful: u32,
    /// Where the search goes on: the head of the group after this one.
    next: u32,
}

struct Partner {
    share: f32,
    index: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> plan: array<u32>;
@group(0) @binding(5) var<storage, read_write> outlook: array<u32>;
@group(0) @binding(6) var<storage, read_write> members: array<u32>;
@group(0) @binding(7) var<storage, read_write> values: array<u32>;
@group(0) @binding(8) var<storage, read_write> indices: array<u32>;

var<workgroup> staged_queries: array<vec4<f32>, TILE * PITCH>;
var<workgroup> staged_keys: array<vec4<f32>, TILE * PITCH>;
/// Of the tile, [query, key].
var<workgroup> tile_shares: array<f32, TILE * SHARE_PITCH>;
/// Partners on their way to another thread, [place, query].
var<workgroup> passed: array<Partner, PLACES * TILE>;
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

/// The first pair of a tile of keys and a head of the group from `tile` and `slot` on, before the tile `end`.
fn visit_from(tile: u32, slot: u32, end: u32, window: u32, group: u32, own: u32) -> Visit {
    var from_slot = slot;
    for (var number = tile; number < end; number++) {
        for (; from_slot < parameters.averaged; from_slot++) {
            let head = members[group * parameters.averaged + from_slot];
            let head_row = window * parameters.heads + head;
            let view = outlook_over(head_row, own * TILE, (own + 1u) * TILE);
            if (gap(number, own) < (view & ~CAREFUL)) {
                let careful = (view | outlook_over(head_row, number * TILE, (number + 1u) * TILE)) & CAREFUL;
                return Visit(number, head, careful, from_slot + 1u);
            }
        }
        from_slot = 0u;
    }
    return Visit(NONE, 0u, 0u, 0u);
}

/// The tiles of keys that any head of the group may reach: the first, and the one behind the last.
fn tiles_in_reach(window: u32, group: u32, own: u32) -> vec2<u32> {
    var reach = 0u;
    for (var slot = 0u; slot < parameters.averaged; slot++) {
        let head_row = window * parameters.heads + members[group * parameters.averaged + slot];
        reach = max(reach, outlook_over(head_row, own * TILE, (own + 1u) * TILE) & ~CAREFUL);
    }
    let range = range_over(window, own * TILE, (own + 1u) * TILE);
    if (reach == 0u || range.x >= range.y) {
        return vec2<u32>(0u, 0u);
    }
    let end = min(range.y, (own + 1u) * TILE + reach);
    return vec2<u32>(max(range.x, own * TILE - min(own * TILE, reach)) / TILE, (end + TILE - 1u) / TILE);
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

/// Whether the first partner stands before the second.
fn precedes(a: Partner, b: Partner) -> bool {
    return a.share > b.share || (a.share == b.share && a.index < b.index);
}

/// Partners with one more among them; the last one drops out.
fn with_partner(partners: array<Partner, PLACES>, candidate: Partner) -> array<Partner, PLACES> {
    var rest = candidate;
    var joined = partners;
    for (var place = 0u; place < PLACES; place++) {
        let held = joined[place];
        if (precedes(rest, held)) {
            joined[place] = rest;
            rest = held;
        }
    }
    return joined;
}

/// Whether the log-sum-exp of a query is finite in all heads of the group.
fn is_whole(window: u32, group: u32, i: u32) -> bool {
    for (var slot = 0u; slot < parameters.averaged; slot++) {
        let head_row = window * parameters.heads + members[group * parameters.averaged + slot];
        if (!is_finite(log_sums[head_row * parameters.seq + i])) {
            return false;
        }
    }
    return true;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tiles = (parameters.seq + TILE - 1u) / TILE;
    let item = workgroup.x + parameters.first_item;
    let own = item % tiles;
    let line = item / tiles;
    let window = line / parameters.groups + parameters.first_window;
    let group = line % parameters.groups;
    let row = thread / SIDE;
    let column = thread % SIDE;
    let rule = vec4<u32>(0u, 1u, 2u, 3u) * SIDE;

    var queries: Queries;
    queries.positions = vec4<u32>(own * TILE + row) + rule;
    queries.segments = segments_of(window, queries.positions, parameters.seq);
    var partners: array<Partner, PLACES>;
    for (var place = 0u; place < PLACES; place++) {
        partners[place] = Partner(SMALLEST, NONE);
    }

    let reached = tiles_in_reach(window, group, own);
    if (thread == 0u) {
        upcoming = visit_from(reached.x, 0u, reached.y, window, group, own);
    }
    var visit = workgroupUniformLoad(&upcoming);
    var shares = mat4x4<f32>();
    var looked_at = 0u;
    while (visit.tile != NONE) {
        let first_key = visit.tile * TILE;
        // Looked for now, so that it is there when this tile is done.
        if (thread == 0u) {
            upcoming = visit_from(visit.tile, visit.next, reached.y, window, group, own);
        }
        let product = products(thread, own * TILE, first_key, query_base_of(window, visit.head),
                               key_base_of(window, visit.head));
        let keys = vec4<u32>(first_key + column) + rule;
        let key_segments = segments_of(window, keys, parameters.seq);
        queries.levels = levels_of(window * parameters.heads + visit.head, queries);
        let careful = visit.careful != 0u || parameters.packed != 0u;
        shares += shares_of_all(product, queries, keys, key_segments, visit.head, careful);
        looked_at += min(TILE, parameters.seq - first_key);
        let following = workgroupUniformLoad(&upcoming);
        if (following.tile != visit.tile) {
            for (var r = 0u; r < 4u; r++) {
                for (var c = 0u; c < 4u; c++) {
                    let at = (row + r * SIDE) * SHARE_PITCH + column + c * SIDE;
                    tile_shares[at] = shares[r][c] / f32(parameters.averaged);
                }
            }
            shares = mat4x4<f32>();
            workgroupBarrier();
            for (var n = 0u; n < KEYS; n++) {
                let key = (thread / TILE) * KEYS + n;
                let candidate = Partner(tile_shares[(thread % TILE) * SHARE_PITCH + key], first_key + key);
                // Shares that are not numbers are told apart at the end.
                if (precedes(candidate, partners[PLACES - 1u]) && candidate.share < 2.0) {
                    partners = with_partner(partners, candidate);
                }
            }
        }
        visit = following;
    }

    for (var lane = 1u; lane < LANES; lane++) {
        workgroupBarrier();
        if (thread / TILE == lane) {
            for (var place = 0u; place < PLACES; place++) {
                passed[place * TILE + thread % TILE] = partners[place];
            }
        }
        workgroupBarrier();
        if (thread < TILE) {
            for (var place = 0u; place < PLACES; place++) {
                partners = with_partner(partners, passed[place * TILE + thread]);
            }
        }
    }
    let i = own * TILE + thread;
    if (thread < TILE && i < parameters.seq) {
        let at = (line * parameters.seq + i) * PLACES;
        let real = segment_of(window, i) != 0u;
        let whole = is_whole(window, group, i);
        for (var place = 0u; place < PLACES; place++) {
            let found = real && whole && partners[place].index != NONE;
            var bits = select(0u, bitcast<u32>(partners[place].share), found);
            if (real && !whole && place == 0u) {
                bits = NOT_A_NUMBER;
            }
            values[at + place] = bits;
            indices[at + place] = select(NONE, partners[place].index, found);
        }
    }
    if (thread == 0u) {
        outlook[parameters.kept_at + line * tiles + own] = looked_at * min(TILE, parameters.seq - own * TILE);
    }
}
