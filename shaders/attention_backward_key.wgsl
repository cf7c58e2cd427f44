// The gradients of attention at the keys and the values:
//     P_ij = exp(s_ij − lse_i),   dS_ij = P_ij·(dO_i·v_j − δ_i),   δ_i = dO_i·O_i,
//     dK_j = Σ_i dS_ij·q_i / √d,   dV_j = Σ_i P_ij·dO_i
// with the scores s_ij of attention_forward.wgsl.
//
// q, k, v, grad_out: [batch, head, seq, d] by strides, as vectors of 4
// grad_k, grad_v:    the same; 0 in rows that no query sees, not-a-number where such a query or a sum is not finite
// plan:              words of the host (see the parameters)
// workspace:         levels, deltas and running excesses (from row_products.wgsl and running_excess.wgsl) as bits; gets
//                    the queries that each item looked at
//
// A workgroup keeps one tile of 32 keys (an item, x) and walks over tiles of 32 queries, its own first, then one to the
// left and one to the right in turn. A side ends where for each query farther out the keys of this tile and all that
// lie behind them, together, hold less than 2⁻²⁵ of its sum. The bound takes the largest norm of all keys and falls
// with the distance, so that what a query loses is one tail on each side: less than 2⁻²⁴ of its sum. 64 threads in 8
// rows and 8 columns: a thread holds 4 × 4 scores, and 4 keys of 4 channels in each chunk of 32 channels. Scores are
// logarithms to the base 2.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 256 threads, 16 KiB of memory.

const HEAD_DIM = 64u;

/// Positions of a tile, of queries and of keys.
const TILE = 32u;
/// Threads along an edge of a tile.
const SIDE = 8u;
const THREADS = SIDE * SIDE;
/// Vectors of a row.
const WIDTH = HEAD_DIM / 4u;
/// Vectors of a row that are in workgroup memory at once.
const CHUNK = 8u;
const CHUNKS = (WIDTH + CHUNK - 1u) / CHUNK;
const STEP = 32u;

/// A segment that nobody has.
const NOBODY = 0xffffffffu;
const LN_2 = 0.6931471805599453;
/// Logarithm of the share below which what is farther out on one side does not count.
const BITS = 25.0;
/// Which tensor is read.
const Q = 0u;
const K = 1u;
const V = 2u;
const GRAD_OUT = 3u;

struct Parameters {
    /// Start, and strides of batch, head and seq, in numbers.
    q: vec4<u32>,
    k: vec4<u32>,
    v: vec4<u32>,
    grad_out: vec4<u32>,
    grad_k: vec4<u32>,
    grad_v: vec4<u32>,
    /// The first item of this launch.
    first_item: u32,
    items_of_head: u32,
    heads: u32,
    seq: u32,
    /// 1 where listed blocks alone are seen.
    listed: u32,
    /// Positions of a block; without a list all of them.
    block: u32,
    /// Where in the plan: attention heads by rank [batch · head]; slopes and tails [head, 2]; segments [batch, seq];
    /// ranges of queries [batch, step, 2]; pointers [head · blocks + 1] to pairs of a block of queries and its offset.
    order_at: u32,
    slopes_at: u32,
    segments_at: u32,
    ranges_at: u32,
    pointers_at: u32,
    pairs_at: u32,
    /// log2(e) / √d.
    scale: f32,
    /// Where in the workspace: the largest excess up to a step and from it on [batch, head, step]; levels and deltas
    /// [batch, head, seq, 2]; queries visited [item].
    up_to_at: u32,
    from_at: u32,
    rows_at: u32,
    visited_at: u32,
}

/// Queries to look at; none where the end is not behind the first.
struct Visit {
    first: u32,
    end: u32,
    /// What a block list adds to their scores.
    offset: f32,
}

/// The way over the queries.
struct Walk {
    /// The next tile to the left ends and the next one to the right begins with these, between two bounds.
    left: u32,
    right: u32,
    low: u32,
    high: u32,
    /// 0 before the first step, 1 when the left side was last, 2 when the right one was.
    turn: u32,
    /// The pair of the block list at hand, and the first one that is not in the list any more.
    pair: u32,
    last_pair: u32,
    /// The tile of the listed block.
    part: u32,
    visited: u32,
}

/// What does not change along the way.
struct Place {
    item: u32,
    head_row: u32,
    window: u32,
    head: u32,
    /// The own positions.
    first: u32,
    end: u32,
    /// Those that they may see.
    range: vec2<u32>,
    slope: f32,
    tail: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> grad_out: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> grad_k: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> grad_v: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> plan: array<u32>;
@group(0) @binding(8) var<storage, read_write> workspace: array<u32>;

/// Chunks of what is multiplied, then of what is added up.
var<workgroup> part_a: array<vec4<f32>, TILE * CHUNK>;
var<workgroup> part_b: array<vec4<f32>, TILE * CHUNK>;
/// What 4 queries give to a key.
var<workgroup> weights: array<vec4<f32>, TILE * SIDE>;
/// What the threads of a row tell one another, 4 keys each.
var<workgroup> told: array<vec4<f32>, THREADS>;
/// Of each query of the tile: its segment, its level, its delta, and 1 where it is not finite.
var<workgroup> query_segments: array<u32, TILE>;
var<workgroup> query_levels: array<f32, TILE>;
var<workgroup> query_deltas: array<f32, TILE>;
var<workgroup> query_faults: array<u32, TILE>;
var<workgroup> upcoming: Visit;

/// Where a vector of a row stands: the columns of every 4 rows are in another order, so that neighbouring threads read
/// from different banks.
fn slot(row: u32, column: u32) -> u32 {
    return row * CHUNK + (column ^ ((row / 4u) % CHUNK));
}

fn segment_of(window: u32, position: u32) -> u32 {
    return plan[parameters.segments_at + window * parameters.seq + position];
}

/// Which own positions an item has, and what is known of them.
fn place_of(item: u32) -> Place {
    var place: Place;
    place.item = item;
    place.head_row = plan[parameters.order_at + item / parameters.items_of_head];
    place.window = place.head_row / parameters.heads;
    place.head = place.head_row % parameters.heads;
    let tiles = (parameters.block + TILE - 1u) / TILE;
    let number = item % parameters.items_of_head;
    let block = number / tiles;
    place.first = block * parameters.block + number % tiles * TILE;
    place.end = min(min(place.first + TILE, (block + 1u) * parameters.block), parameters.seq);
    place.range = vec2<u32>(NOBODY, 0u);
    let steps = (parameters.seq + STEP - 1u) / STEP;
    for (var step = place.first / STEP; step * STEP < place.end; step++) {
        let at = parameters.ranges_at + 2u * (place.window * steps + step);
        place.range = vec2<u32>(min(place.range.x, plan[at]), max(place.range.y, plan[at + 1u]));
    }
    place.slope = bitcast<f32>(plan[parameters.slopes_at + 2u * place.head]);
    place.tail = bitcast<f32>(plan[parameters.slopes_at + 2u * place.head + 1u]);
    return place;
}

/// The segment of an own position, and one that nobody has where it is hidden or beyond the end.
fn own_segment(place: Place, position: u32) -> u32 {
    if (position >= place.end) {
        return NOBODY;
    }
    let segment = segment_of(place.window, position);
    return select(segment, NOBODY, segment == 0u);
}

fn walk_of(place: Place) -> Walk {
    var walk: Walk;
    if (parameters.listed != 0u) {
        let blocks = (parameters.seq + parameters.block - 1u) / parameters.block;
        let list = parameters.pointers_at + place.head * blocks + place.first / parameters.block;
        walk.pair = plan[list];
        walk.last_pair = plan[list + 1u];
    } else if (place.range.x < place.range.y) {
        walk.left = place.first / TILE;
        walk.right = walk.left + 1u;
        walk.low = place.range.x / TILE;
        walk.high = (place.range.y + TILE - 1u) / TILE;
    } else {
        walk.turn = 1u;
    }
    return walk;
}

/// Whether queries at a distance and farther may count, when none of them has a larger excess.
fn reaches(place: Place, excess_at: u32, tile: u32, distance: u32) -> bool {
    let steps = (parameters.seq + STEP - 1u) / STEP;
    let excess = bitcast<f32>(workspace[excess_at + place.head_row * steps + tile]);
    return excess - place.slope * f32(distance) - place.tail >= -BITS;
}

fn visit_tile(place: Place, tile: u32) -> Visit {
    return Visit(max(tile * TILE, place.range.x), min((tile + 1u) * TILE, place.range.y), 0.0);
}

/// The next tile outward.
fn next_outward(walk: ptr<function, Walk>, place: Place) -> Visit {
    if ((*walk).turn == 0u) {
        (*walk).turn = 2u;
        if ((*walk).high > 0u) {
            return visit_tile(place, (*walk).left);
        }
    }
    for (var side = 0u; side < 2u; side++) {
        (*walk).turn = 3u - (*walk).turn;
        if ((*walk).turn == 1u) {
            if ((*walk).left > (*walk).low
                && reaches(place, parameters.up_to_at, (*walk).left - 1u, place.first - (*walk).left * TILE + 1u)) {
                (*walk).left -= 1u;
                return visit_tile(place, (*walk).left);
            }
            (*walk).left = (*walk).low;
        } else {
            if ((*walk).right < (*walk).high
                && reaches(place, parameters.from_at, (*walk).right, (*walk).right * TILE + 1u - place.end)) {
                (*walk).right += 1u;
                return visit_tile(place, (*walk).right - 1u);
            }
            (*walk).right = (*walk).high;
        }
    }
    return Visit(0u, 0u, 0.0);
}

/// The next tile of the listed blocks.
fn next_listed(walk: ptr<function, Walk>, place: Place) -> Visit {
    while ((*walk).pair < (*walk).last_pair) {
        let at = parameters.pairs_at + 2u * (*walk).pair;
        let begin = plan[at] * parameters.block;
        let first = begin + (*walk).part * TILE;
        let end = min(min(first + TILE, begin + parameters.block), place.range.y);
        (*walk).part += 1u;
        if ((*walk).part * TILE >= parameters.block) {
            (*walk).part = 0u;
            (*walk).pair += 1u;
        }
        let visit = Visit(max(first, place.range.x), end, bitcast<f32>(plan[at + 1u]) / LN_2);
        if (visit.first < visit.end) {
            return visit;
        }
    }
    return Visit(0u, 0u, 0.0);
}

fn next_visit(walk: ptr<function, Walk>, place: Place) -> Visit {
    var visit: Visit;
    if (parameters.listed != 0u) {
        visit = next_listed(walk, place);
    } else {
        visit = next_outward(walk, place);
    }
    (*walk).visited += visit.end - visit.first;
    return visit;
}

/// A vector of a row of a tensor; zeros beyond the end and where hidden, since anything may stand there.
fn read_quad(which: u32, place: Place, position: u32, end: u32, column: u32) -> vec4<f32> {
    if (position >= end || column >= WIDTH || segment_of(place.window, position) == 0u) {
        return vec4<f32>();
    }
    let at = vec4<u32>(1u, place.window, place.head, position);
    if (which == Q) {
        return q[dot(parameters.q, at) / 4u + column];
    }
    if (which == K) {
        return k[dot(parameters.k, at) / 4u + column];
    }
    if (which == V) {
        return v[dot(parameters.v, at) / 4u + column];
    }
    return grad_out[dot(parameters.grad_out, at) / 4u + column];
}

/// Adds the products of the chunks in workgroup memory to 4 × 4 scores: a column of the matrix for each key.
fn multiply(scores: mat4x4<f32>, row: u32, column: u32) -> mat4x4<f32> {
    var sums = scores;
    for (var quad = 0u; quad < CHUNK; quad++) {
        let keys = mat4x4<f32>(
            part_b[slot(4u * column, quad)],
            part_b[slot(4u * column + 1u, quad)],
            part_b[slot(4u * column + 2u, quad)],
            part_b[slot(4u * column + 3u, quad)],
        );
        sums[0] += part_a[slot(4u * row, quad)] * keys;
        sums[1] += part_a[slot(4u * row + 1u, quad)] * keys;
        sums[2] += part_a[slot(4u * row + 2u, quad)] * keys;
        sums[3] += part_a[slot(4u * row + 3u, quad)] * keys;
    }
    return sums;
}

/// What 4 keys get from 4 queries.
fn weights_of(row: u32, quad: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        weights[slot(4u * row, quad)],
        weights[slot(4u * row + 1u, quad)],
        weights[slot(4u * row + 2u, quad)],
        weights[slot(4u * row + 3u, quad)],
    );
}

/// Adds weighted rows of the chunk in the first part of workgroup memory: a column for each key.
fn gather_a(sums: mat4x4<f32>, row: u32, column: u32) -> mat4x4<f32> {
    var all = sums;
    for (var quad = 0u; quad < SIDE; quad++) {
        let values = mat4x4<f32>(
            part_a[slot(4u * quad, column)],
            part_a[slot(4u * quad + 1u, column)],
            part_a[slot(4u * quad + 2u, column)],
            part_a[slot(4u * quad + 3u, column)],
        );
        all += values * weights_of(row, quad);
    }
    return all;
}

/// The same from the second part.
fn gather_b(sums: mat4x4<f32>, row: u32, column: u32) -> mat4x4<f32> {
    var all = sums;
    for (var quad = 0u; quad < SIDE; quad++) {
        let values = mat4x4<f32>(
            part_b[slot(4u * quad, column)],
            part_b[slot(4u * quad + 1u, column)],
            part_b[slot(4u * quad + 2u, column)],
            part_b[slot(4u * quad + 3u, column)],
        );
        all += values * weights_of(row, quad);
    }
    return all;
}

fn not_finite(values: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(values) & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u);
}

/// What a row gets: sums over the threads that share it.
fn total_of(row: u32) -> vec4<f32> {
    var total = vec4<f32>();
    for (var other = 0u; other < SIDE; other++) {
        total += told[row * SIDE + other];
    }
    return total;
}

/// Four queries as a thread sees them.
struct Queries {
    positions: vec4<f32>,
    segments: vec4<u32>,
    levels: vec4<f32>,
    deltas: vec4<f32>,
    faults: vec4<bool>,
}

/// Reads what is known of a query of the tile.
fn load_query(place: Place, visit: Visit, line: u32) {
    let i = visit.first + line;
    var segment = 0u;
    var level = bitcast<u32>(3e38);
    var delta = 0u;
    if (i < visit.end) {
        let at = parameters.rows_at + 2u * (place.head_row * parameters.seq + i);
        segment = segment_of(place.window, i);
        level = workspace[at];
        delta = workspace[at + 1u];
    }
    let fault = (level & 0x7f800000u) == 0x7f800000u || (delta & 0x7f800000u) == 0x7f800000u;
    query_segments[line] = segment;
    query_levels[line] = select(bitcast<f32>(level), 3e38, fault);
    query_deltas[line] = select(bitcast<f32>(delta), 0.0, fault);
    query_faults[line] = u32(fault);
}

fn queries_of(visit: Visit, column: u32) -> Queries {
    let line = 4u * column;
    return Queries(
        f32(visit.first + line) + vec4<f32>(0.0, 1.0, 2.0, 3.0),
        vec4<u32>(
            query_segments[line],
            query_segments[line + 1u],
            query_segments[line + 2u],
            query_segments[line + 3u],
        ),
        vec4<f32>(query_levels[line], query_levels[line + 1u], query_levels[line + 2u], query_levels[line + 3u]),
        vec4<f32>(query_deltas[line], query_deltas[line + 1u], query_deltas[line + 2u], query_deltas[line + 3u]),
        vec4<bool>(
            query_faults[line] != 0u,
            query_faults[line + 1u] != 0u,
            query_faults[line + 2u] != 0u,
            query_faults[line + 3u] != 0u,
        ),
    );
}

/// The shares that 4 queries give to a key.
fn shares_of(product: vec4<f32>, place: Place, visit: Visit, queries: Queries, j: u32, segment: u32) -> vec4<f32> {
    let distances = abs(queries.positions - f32(j));
    let levels = product * parameters.scale - place.slope * distances + (visit.offset - queries.levels);
    return exp2(select(vec4<f32>(-3e38), levels, queries.segments == vec4<u32>(segment)));
}

/// Whether a key is seen by a query that is not finite.
fn meets_fault(queries: Queries, segment: u32) -> bool {
    return any(queries.faults & (queries.segments == vec4<u32>(segment)));
}

/// Puts what 4 × 4 pairs weigh where the other threads find it.
fn tell_weights(row: u32, column: u32, of_pairs: mat4x4<f32>) {
    weights[slot(4u * row, column)] = of_pairs[0];
    weights[slot(4u * row + 1u, column)] = of_pairs[1];
    weights[slot(4u * row + 2u, column)] = of_pairs[2];
    weights[slot(4u * row + 3u, column)] = of_pairs[3];
}

/// Reads one chunk or two of a tensor of the queries.
fn stage(which: u32, place: Place, visit: Visit, row: u32, column: u32, pair: u32) {
    for (var line = row; line < TILE; line += SIDE) {
        let quad = pair * CHUNK + column;
        part_a[slot(line, column)] = read_quad(which, place, visit.first + line, visit.end, quad);
        if (pair + 1u < CHUNKS) {
            part_b[slot(line, column)] = read_quad(which, place, visit.first + line, visit.end, quad + CHUNK);
        }
    }
}

fn any_not_finite(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> bool {
    return any(not_finite(a) | not_finite(b) | not_finite(c) | not_finite(d));
}

/// Writes 4 channels of a key.
fn write_quads(place: Place, j: u32, column: u32, of_key: vec4<f32>, of_value: vec4<f32>, broken: bool) {
    if (j >= place.end || column >= WIDTH) {
        return;
    }
    let at = vec4<u32>(1u, place.window, place.head, j);
    let not_a_number = bitcast<vec4<f32>>(vec4<u32>(0x7fc00000u | (j & 0u)));
    grad_k[dot(parameters.grad_k, at) / 4u + column] =
        select(of_key * (parameters.scale * LN_2), not_a_number, broken);
    grad_v[dot(parameters.grad_v, at) / 4u + column] = select(of_value, not_a_number, broken);
}

/// Writes 4 channels of 4 keys. No index here is a variable: then everything stays in registers.
fn write_all(
    place: Place,
    j: vec4<u32>,
    column: u32,
    of_keys: mat4x4<f32>,
    of_values: mat4x4<f32>,
    broken: vec4<bool>,
) {
    write_quads(place, j.x, column, of_keys[0], of_values[0], broken.x);
    write_quads(place, j.y, column, of_keys[1], of_values[1], broken.y);
    write_quads(place, j.z, column, of_keys[2], of_values[2], broken.z);
    write_quads(place, j.w, column, of_keys[3], of_values[3], broken.w);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let place = place_of(group.x + parameters.first_item);
    let row = thread / SIDE;
    let column = thread % SIDE;
    let j = place.first + 4u * row + vec4<u32>(0u, 1u, 2u, 3u);
    let segments =
        vec4<u32>(own_segment(place, j.x), own_segment(place, j.y), own_segment(place, j.z), own_segment(place, j.w));
    var broken = vec4<bool>();
    var key_0 = mat4x4<f32>();
    var key_1 = mat4x4<f32>();
    var key_2 = mat4x4<f32>();
    var key_3 = mat4x4<f32>();
    var value_0 = mat4x4<f32>();
    var value_1 = mat4x4<f32>();
    var value_2 = mat4x4<f32>();
    var value_3 = mat4x4<f32>();

    var walk = walk_of(place);
    if (thread == 0u) {
        upcoming = next_visit(&walk, place);
    }
    loop {
        let visit = workgroupUniformLoad(&upcoming);
        if (visit.first >= visit.end) {
            break;
        }
        if (thread < TILE) {
            load_query(place, visit, thread);
        }
        var scores = mat4x4<f32>();
        var grad_products = mat4x4<f32>();
        for (var chunk = 0u; chunk < 2u * CHUNKS; chunk++) {
            if (chunk > 0u) {
                workgroupBarrier();
            }
            let of_scores = chunk < CHUNKS;
            let quad = chunk % CHUNKS * CHUNK + column;
            for (var line = row; line < TILE; line += SIDE) {
                let own = select(V, K, of_scores);
                let other = select(GRAD_OUT, Q, of_scores);
                part_a[slot(line, column)] = read_quad(own, place, place.first + line, place.end, quad);
                part_b[slot(line, column)] = read_quad(other, place, visit.first + line, visit.end, quad);
            }
            workgroupBarrier();
            if (of_scores) {
                scores = multiply(scores, row, column);
            } else {
                grad_products = multiply(grad_products, row, column);
            }
        }

        let queries = queries_of(visit, column);
        broken |= vec4<bool>(
            meets_fault(queries, segments.x),
            meets_fault(queries, segments.y),
            meets_fault(queries, segments.z),
            meets_fault(queries, segments.w),
        );
        let shares = mat4x4<f32>(
            shares_of(scores[0], place, visit, queries, j.x, segments.x),
            shares_of(scores[1], place, visit, queries, j.y, segments.y),
            shares_of(scores[2], place, visit, queries, j.z, segments.z),
            shares_of(scores[3], place, visit, queries, j.w, segments.w),
        );
        tell_weights(row, column, shares);
        for (var pair = 0u; pair < CHUNKS; pair += 2u) {
            workgroupBarrier();
            stage(GRAD_OUT, place, visit, row, column, pair);
            workgroupBarrier();
            if (pair == 0u) {
                value_0 = gather_a(value_0, row, column);
                if (CHUNKS > 1u) {
                    value_1 = gather_b(value_1, row, column);
                }
            } else {
                value_2 = gather_a(value_2, row, column);
                if (CHUNKS > 3u) {
                    value_3 = gather_b(value_3, row, column);
                }
            }
        }
        workgroupBarrier();
        tell_weights(row, column, mat4x4<f32>(
            shares[0] * (grad_products[0] - queries.deltas),
            shares[1] * (grad_products[1] - queries.deltas),
            shares[2] * (grad_products[2] - queries.deltas),
            shares[3] * (grad_products[3] - queries.deltas),
        ));
        for (var pair = 0u; pair < CHUNKS; pair += 2u) {
            if (pair > 0u) {
                workgroupBarrier();
            }
            stage(Q, place, visit, row, column, pair);
            workgroupBarrier();
            if (pair == 0u) {
                key_0 = gather_a(key_0, row, column);
                if (CHUNKS > 1u) {
                    key_1 = gather_b(key_1, row, column);
                }
            } else {
                key_2 = gather_a(key_2, row, column);
                if (CHUNKS > 3u) {
                    key_3 = gather_b(key_3, row, column);
                }
            }
        }
        if (thread == 0u) {
            upcoming = next_visit(&walk, place);
        }
    }

    // A thread that met a number that is not finite tells the others of its row.
    broken |= vec4<bool>(
        any_not_finite(key_0[0], key_1[0], key_2[0], key_3[0]),
        any_not_finite(key_0[1], key_1[1], key_2[1], key_3[1]),
        any_not_finite(key_0[2], key_1[2], key_2[2], key_3[2]),
        any_not_finite(key_0[3], key_1[3], key_2[3], key_3[3]),
    );
    broken |= vec4<bool>(
        any_not_finite(value_0[0], value_1[0], value_2[0], value_3[0]),
        any_not_finite(value_0[1], value_1[1], value_2[1], value_3[1]),
        any_not_finite(value_0[2], value_1[2], value_2[2], value_3[2]),
        any_not_finite(value_0[3], value_1[3], value_2[3], value_3[3]),
    );
    told[thread] = vec4<f32>(broken);
    workgroupBarrier();
    broken = total_of(row) > vec4<f32>();
    write_all(place, j, column, key_0, value_0, broken);
    if (CHUNKS > 1u) {
        write_all(place, j, CHUNK + column, key_1, value_1, broken);
    }
    if (CHUNKS > 2u) {
        write_all(place, j, 2u * CHUNK + column, key_2, value_2, broken);
    }
    if (CHUNKS > 3u) {
        write_all(place, j, 3u * CHUNK + column, key_3, value_3, broken);
    }
    if (thread == 0u) {
        workspace[parameters.visited_at + place.item] = walk.visited;
    }
}
