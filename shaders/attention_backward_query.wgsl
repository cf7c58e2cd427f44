// The gradient of attention at the queries:
//     P_ij = exp(s_ij − lse_i),   dS_ij = P_ij·(dO_i·v_j − δ_i),   δ_i = dO_i·O_i,   dQ_i = Σ_j dS_ij·k_j / √d
// with the scores s_ij of attention_forward.wgsl.
//
// q, k, v, grad_out: [batch, head, seq, d] by strides, as vectors of 4
// grad_q:            the same; 0 in rows without keys, not-a-number in rows that met a number that is not finite
// plan:              words of the host (see the parameters)
// workspace:         levels, deltas and excesses (from row_products.wgsl) as bits; gets the keys each item looked at
//
// A workgroup keeps one tile of 32 queries (an item, x) and walks over tiles of 32 keys, its own first, then one to the
// left and one to the right in turn. A side ends where all keys farther out, together, hold less than 2⁻²⁵ of every
// row's sum. 64 threads in 8 rows and 8 columns: a thread holds 4 × 4 scores, and 4 queries of 4 channels in each chunk
// of 32 channels. Scores are logarithms to the base 2.
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
    grad_q: vec4<u32>,
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
    /// ranges of keys [batch, step, 2]; pointers [head · blocks + 1] to pairs of a block and its offset.
    order_at: u32,
    slopes_at: u32,
    segments_at: u32,
    ranges_at: u32,
    pointers_at: u32,
    pairs_at: u32,
    /// log2(e) / √d.
    scale: f32,
    /// Where in the workspace: excesses [batch, head, step]; levels and deltas [batch, head, seq, 2]; keys visited, of
    /// each item.
    excess_at: u32,
    rows_at: u32,
    visited_at: u32,
}

/// Keys to look at; none where the end is not behind the first.
struct Visit {
    first: u32,
    end: u32,
    /// What a block list adds to their scores.
    offset: f32,
}

/// The way over the keys.
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
    /// By how much a score can exceed the logarithm of a row's sum, but for what positions take off.
    excess: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> grad_out: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> grad_q: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> plan: array<u32>;
@group(0) @binding(7) var<storage, read_write> workspace: array<u32>;

/// Chunks of what is multiplied, then of what is added up.
var<workgroup> part_a: array<vec4<f32>, TILE * CHUNK>;
var<workgroup> part_b: array<vec4<f32>, TILE * CHUNK>;
/// What 4 keys of a query weigh.
var<workgroup> weights: array<vec4<f32>, TILE * SIDE>;
/// What the threads of a row tell one another, 4 queries each.
var<workgroup> told: array<vec4<f32>, THREADS>;
var<workgroup> key_segments: array<u32, TILE>;
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
    place.excess = -3e38;
    for (var step = place.first / STEP; step * STEP < place.end; step++) {
        let at = parameters.ranges_at + 2u * (place.window * steps + step);
        place.range = vec2<u32>(min(place.range.x, plan[at]), max(place.range.y, plan[at + 1u]));
        let excess = bitcast<f32>(workspace[parameters.excess_at + place.head_row * steps + step]);
        place.excess = max(place.excess, excess);
    }
    place.slope = bitcast<f32>(plan[parameters.slopes_at + 2u * place.head]);
    place.tail = bitcast<f32>(plan[parameters.slopes_at + 2u * place.head + 1u]);
    return place;
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

/// Whether keys at a distance and farther may count.
fn reaches(place: Place, distance: u32) -> bool {
    return place.excess - place.slope * f32(distance) - place.tail >= -BITS;
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
            if ((*walk).left > (*walk).low && reaches(place, place.first - (*walk).left * TILE + 1u)) {
                (*walk).left -= 1u;
                return visit_tile(place, (*walk).left);
            }
            (*walk).left = (*walk).low;
        } else {
            if ((*walk).right < (*walk).high && reaches(place, (*walk).right * TILE + 1u - place.end)) {
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

/// Adds the products of the chunks in workgroup memory to 4 × 4 scores: a column of the matrix for each query.
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

/// Weights of 4 queries and 4 keys, 4 keys after another.
fn weights_of(row: u32, quad: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        weights[slot(4u * row, quad)],
        weights[slot(4u * row + 1u, quad)],
        weights[slot(4u * row + 2u, quad)],
        weights[slot(4u * row + 3u, quad)],
    );
}

/// Adds weighted values of the chunk in the first part of workgroup memory: a column for each query.
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

/// What is known of a query.
struct Row {
    segment: u32,
    level: f32,
    delta: f32,
    broken: bool,
}

fn row_of(place: Place, i: u32) -> Row {
    if (i >= place.end) {
        return Row(NOBODY, 3e38, 0.0, false);
    }
    let segment = segment_of(place.window, i);
    let at = parameters.rows_at + 2u * (place.head_row * parameters.seq + i);
    let level = workspace[at];
    let delta = workspace[at + 1u];
    if ((level & 0x7f800000u) == 0x7f800000u || (delta & 0x7f800000u) == 0x7f800000u) {
        return Row(NOBODY, 3e38, 0.0, true);
    }
    return Row(select(segment, NOBODY, segment == 0u), bitcast<f32>(level), bitcast<f32>(delta), false);
}

/// What a query gives to 4 keys: the gradient at their scores.
fn grad_scores(
    product: vec4<f32>,
    grad_product: vec4<f32>,
    place: Place,
    visit: Visit,
    positions: vec4<f32>,
    segments: vec4<u32>,
    i: u32,
    row: Row,
) -> vec4<f32> {
    let distances = abs(positions - f32(i));
    let levels = product * parameters.scale - place.slope * distances + (visit.offset - row.level);
    let shares = exp2(select(vec4<f32>(-3e38), levels, segments == vec4<u32>(row.segment)));
    return shares * (grad_product - row.delta);
}

/// Writes 4 channels of a query.
fn write_quad(place: Place, i: u32, column: u32, values: vec4<f32>, broken: bool) {
    if (i >= place.end || column >= WIDTH) {
        return;
    }
    let at = dot(parameters.grad_q, vec4<u32>(1u, place.window, place.head, i)) / 4u + column;
    let not_a_number = bitcast<vec4<f32>>(vec4<u32>(0x7fc00000u | (i & 0u)));
    grad_q[at] = select(values * (parameters.scale * LN_2), not_a_number, broken);
}

/// Writes 4 channels of 4 queries. No index here is a variable: then everything stays in registers.
fn write_quads(place: Place, i: vec4<u32>, column: u32, sums: mat4x4<f32>, broken: vec4<bool>) {
    write_quad(place, i.x, column, sums[0], broken.x);
    write_quad(place, i.y, column, sums[1], broken.y);
    write_quad(place, i.z, column, sums[2], broken.z);
    write_quad(place, i.w, column, sums[3], broken.w);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let place = place_of(group.x + parameters.first_item);
    let row = thread / SIDE;
    let column = thread % SIDE;
    let i = place.first + 4u * row + vec4<u32>(0u, 1u, 2u, 3u);
    let row_0 = row_of(place, i.x);
    let row_1 = row_of(place, i.y);
    let row_2 = row_of(place, i.z);
    let row_3 = row_of(place, i.w);
    var sum_0 = mat4x4<f32>();
    var sum_1 = mat4x4<f32>();
    var sum_2 = mat4x4<f32>();
    var sum_3 = mat4x4<f32>();

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
            var segment = 0u;
            if (visit.first + thread < visit.end) {
                segment = segment_of(place.window, visit.first + thread);
            }
            key_segments[thread] = segment;
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
                let own = select(GRAD_OUT, Q, of_scores);
                let other = select(V, K, of_scores);
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

        let positions = f32(visit.first + 4u * column) + vec4<f32>(0.0, 1.0, 2.0, 3.0);
        let segments = vec4<u32>(
            key_segments[4u * column],
            key_segments[4u * column + 1u],
            key_segments[4u * column + 2u],
            key_segments[4u * column + 3u],
        );
        weights[slot(4u * row, column)] =
            grad_scores(scores[0], grad_products[0], place, visit, positions, segments, i.x, row_0);
        weights[slot(4u * row + 1u, column)] =
            grad_scores(scores[1], grad_products[1], place, visit, positions, segments, i.y, row_1);
        weights[slot(4u * row + 2u, column)] =
            grad_scores(scores[2], grad_products[2], place, visit, positions, segments, i.z, row_2);
        weights[slot(4u * row + 3u, column)] =
            grad_scores(scores[3], grad_products[3], place, visit, positions, segments, i.w, row_3);

        for (var pair = 0u; pair < CHUNKS; pair += 2u) {
            workgroupBarrier();
            for (var line = row; line < TILE; line += SIDE) {
                let quad = pair * CHUNK + column;
                part_a[slot(line, column)] = read_quad(K, place, visit.first + line, visit.end, quad);
                if (pair + 1u < CHUNKS) {
                    part_b[slot(line, column)] = read_quad(K, place, visit.first + line, visit.end, quad + CHUNK);
                }
            }
            workgroupBarrier();
            if (pair == 0u) {
                sum_0 = gather_a(sum_0, row, column);
                if (CHUNKS > 1u) {
                    sum_1 = gather_b(sum_1, row, column);
                }
            } else {
                sum_2 = gather_a(sum_2, row, column);
                if (CHUNKS > 3u) {
                    sum_3 = gather_b(sum_3, row, column);
                }
            }
        }
        if (thread == 0u) {
            upcoming = next_visit(&walk, place);
        }
    }

    // A thread that met a number that is not finite tells the others of its row.
    told[thread] = vec4<f32>(vec4<bool>(
        row_0.broken || any(not_finite(sum_0[0]) | not_finite(sum_1[0]) | not_finite(sum_2[0]) | not_finite(sum_3[0])),
        row_1.broken || any(not_finite(sum_0[1]) | not_finite(sum_1[1]) | not_finite(sum_2[1]) | not_finite(sum_3[1])),
        row_2.broken || any(not_finite(sum_0[2]) | not_finite(sum_1[2]) | not_finite(sum_2[2]) | not_finite(sum_3[2])),
        row_3.broken || any(not_finite(sum_0[3]) | not_finite(sum_1[3]) | not_finite(sum_2[3]) | not_finite(sum_3[3])),
    ));
    workgroupBarrier();
    let broken = total_of(row) > vec4<f32>();
    write_quads(place, i, column, sum_0, broken);
    if (CHUNKS > 1u) {
        write_quads(place, i, CHUNK + column, sum_1, broken);
    }
    if (CHUNKS > 2u) {
        write_quads(place, i, 2u * CHUNK + column, sum_2, broken);
    }
    if (CHUNKS > 3u) {
        write_quads(place, i, 3u * CHUNK + column, sum_3, broken);
    }
    if (thread == 0u) {
        workspace[parameters.visited_at + place.item] = walk.visited;
    }
}
