// Attention with an online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867; Dao et al. 2022, arXiv 2205.14135):
//     s_ij = q_i·k_j/√d − m·|i − j| + offset,   out_i = Σ_j exp(s_ij − lse_i)·v_j,   lse_i = ln Σ_j exp(s_ij)
// over the keys j of the query's segment, in listed blocks where there is a list.
// On demand the entropy −Σ_j P_ij·ln P_ij and the mean distance Σ_j P_ij·|i − j| of each query.
//
// q, k, v:    [batch, head, seq, d] by strides, as vectors of 4
// out:        the same; 0 in rows without keys, not-a-number in rows that met a number that is not finite
// log_sums:   [batch, head, seq]; −3e38 in rows without keys, not-a-number as above
// statistics: [entropy and distance, batch, head, seq]; not touched when not asked for
// plan:       words of the host (see the parameters)
// workspace:  norms (from tile_norms.wgsl and head_norms.wgsl) as bits; gets the keys that each item looked at
//
// A workgroup keeps one tile of 32 queries (an item, x) and walks over tiles of 32 keys, its own first, then one to the
// left and one to the right in turn. A side ends where even the largest norms put all keys farther out, together, below
// 2⁻²⁵ of every row's sum. 64 threads in 8 rows and 8 columns: a thread holds 4 × 4 scores, and 4 queries of 4 channels
// in each chunk of 32 channels. Scores are logarithms to the base 2.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 256 threads, 16 KiB of memory.

const HEAD_DIM = 64u;
const ROW_STATISTICS = false;

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

const MASKED = -3e38;
/// No real score is below this, and no masked one above: the first maximum of a row.
const FLOOR = -1e38;
/// A segment that no key has.
const NOBODY = 0xffffffffu;
const LN_2 = 0.6931471805599453;
/// Logarithm of the share below which the keys of one side do not count.
const BITS = 25.0;
/// What rounding may take off a norm.
const MARGIN = 1.00001;

struct Parameters {
    /// Start, and strides of batch, head and seq, in numbers.
    q: vec4<u32>,
    k: vec4<u32>,
    v: vec4<u32>,
    out: vec4<u32>,
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
    /// Where in the workspace: norms [batch, head] of keys and [batch, head, step] of queries; keys visited [item].
    key_norms_at: u32,
    tile_queries_at: u32,
    visited_at: u32,
    batch: u32,
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
    /// The queries.
    first: u32,
    end: u32,
    /// The keys that they may see.
    range: vec2<u32>,
    slope: f32,
    tail: f32,
    /// No score is above this, but for what positions take off.
    bound: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> log_sums: array<u32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<u32>;
@group(0) @binding(7) var<storage, read_write> plan: array<u32>;
@group(0) @binding(8) var<storage, read_write> workspace: array<u32>;

/// Chunks of queries and keys, then of values.
var<workgroup> part_a: array<vec4<f32>, TILE * CHUNK>;
var<workgroup> part_b: array<vec4<f32>, TILE * CHUNK>;
/// Weights of 4 keys of a query.
var<workgroup> weights: array<vec4<f32>, TILE * SIDE>;
/// What the threads of a row tell one another, 4 queries each.
var<workgroup> told: array<vec4<f32>, THREADS>;
var<workgroup> told_too: array<vec4<f32>, THREADS>;
var<workgroup> key_segments: array<u32, TILE>;
/// The least logarithm of a sum so far, by thread row.
var<workgroup> least: array<f32, SIDE>;
var<workgroup> upcoming: Visit;

/// Where a vector of a row stands: the columns of every 4 rows are in another order, so that neighbouring threads read
/// from different banks.
fn slot(row: u32, column: u32) -> u32 {
    return row * CHUNK + (column ^ ((row / 4u) % CHUNK));
}

fn segment_of(window: u32, position: u32) -> u32 {
    return plan[parameters.segments_at + window * parameters.seq + position];
}

/// Which queries an item has, and what is known of them.
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
    var norm = 0.0;
    for (var step = place.first / STEP; step * STEP < place.end; step++) {
        let at = parameters.ranges_at + 2u * (place.window * steps + step);
        place.range = vec2<u32>(min(place.range.x, plan[at]), max(place.range.y, plan[at + 1u]));
        norm = max(norm, bitcast<f32>(workspace[parameters.tile_queries_at + place.head_row * steps + step]));
    }
    let key_norm = bitcast<f32>(workspace[parameters.key_norms_at + place.head_row]);
    place.bound = min(norm * MARGIN, 1e18) * min(key_norm * MARGIN, 1e18) * parameters.scale;
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

/// Whether keys at a distance and farther may count for a row whose sum has this logarithm.
fn reaches(place: Place, level: f32, distance: u32) -> bool {
    return place.bound - level - place.slope * f32(distance) - place.tail >= -BITS;
}

fn visit_tile(place: Place, tile: u32) -> Visit {
    return Visit(max(tile * TILE, place.range.x), min((tile + 1u) * TILE, place.range.y), 0.0);
}

/// The next tile outward; `level` is the least logarithm of a sum so far.
fn next_outward(walk: ptr<function, Walk>, place: Place, level: f32) -> Visit {
    if ((*walk).turn == 0u) {
        (*walk).turn = 2u;
        if ((*walk).high > 0u) {
            return visit_tile(place, (*walk).left);
        }
    }
    for (var side = 0u; side < 2u; side++) {
        (*walk).turn = 3u - (*walk).turn;
        if ((*walk).turn == 1u) {
            if ((*walk).left > (*walk).low && reaches(place, level, place.first - (*walk).left * TILE + 1u)) {
                (*walk).left -= 1u;
                return visit_tile(place, (*walk).left);
            }
            (*walk).left = (*walk).low;
        } else {
            if ((*walk).right < (*walk).high && reaches(place, level, (*walk).right * TILE + 1u - place.end)) {
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

fn next_visit(walk: ptr<function, Walk>, place: Place, level: f32) -> Visit {
    var visit: Visit;
    if (parameters.listed != 0u) {
        visit = next_listed(walk, place);
    } else {
        visit = next_outward(walk, place, level);
    }
    (*walk).visited += visit.end - visit.first;
    return visit;
}

/// A vector of a row of q, k or v; zeros beyond the end and where hidden, since anything may stand there.
fn read_quad(which: u32, place: Place, position: u32, end: u32, column: u32) -> vec4<f32> {
    if (position >= end || column >= WIDTH || segment_of(place.window, position) == 0u) {
        return vec4<f32>();
    }
    let at = vec4<u32>(1u, place.window, place.head, position);
    if (which == 0u) {
        return q[dot(parameters.q, at) / 4u + column];
    }
    if (which == 1u) {
        return k[dot(parameters.k, at) / 4u + column];
    }
    return v[dot(parameters.v, at) / 4u + column];
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

/// The levels of a query against 4 keys: scores to the base 2, masked ones far below.
fn levels_of(
    product: vec4<f32>,
    place: Place,
    visit: Visit,
    positions: vec4<f32>,
    segments: vec4<u32>,
    i: u32,
    segment: u32,
) -> vec4<f32> {
    let distances = abs(positions - f32(i));
    let levels = product * parameters.scale - place.slope * distances + visit.offset;
    return select(vec4<f32>(MASKED), levels, segments == vec4<u32>(segment));
}

fn not_finite(values: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(values) & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u);
}

fn largest(values: vec4<f32>) -> f32 {
    return max(max(values.x, values.y), max(values.z, values.w));
}

fn sum_of(values: vec4<f32>) -> f32 {
    return dot(values, vec4<f32>(1.0));
}

/// Each column times its own factor.
fn scaled(columns: mat4x4<f32>, by: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(columns[0] * by.x, columns[1] * by.y, columns[2] * by.z, columns[3] * by.w);
}

/// The logarithm of a number from 1 on to the base 2, rounded down: its exponent.
fn floor_log2(values: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(vec4<i32>(bitcast<vec4<u32>>(values) >> vec4<u32>(23u)) - 127);
}

/// Logarithm to the base 2, closer than the built-in one has to be: the exponent, and of the rest, which lies between
/// √½ and √2, the series 2·artanh((x − 1) / (x + 1)).
fn exact_log2(value: f32) -> f32 {
    let bits = bitcast<u32>(value) + 0x004afb0du;
    let exponent = f32(i32(bits >> 23u) - 127);
    let rest = bitcast<f32>((bits & 0x007fffffu) + 0x3f3504f3u);
    let t = (rest - 1.0) / (rest + 1.0);
    let square = t * t;
    let series = 1.0 + square * (0.33333333 + square * (0.2 + square * (0.14285714 + square * 0.11111111)));
    return exponent + 2.8853900817779268 * t * series;
}

/// What a row gets: sums over the threads that share it.
fn total_of(row: u32) -> vec4<f32> {
    var total = vec4<f32>();
    for (var other = 0u; other < SIDE; other++) {
        total += told[row * SIDE + other];
    }
    return total;
}

/// Writes 4 channels of a query.
fn write_out(place: Place, i: u32, column: u32, values: vec4<f32>, total: f32, broken: bool) {
    if (i >= place.end || column >= WIDTH) {
        return;
    }
    let at = dot(parameters.out, vec4<u32>(1u, place.window, place.head, i)) / 4u + column;
    let mean = select(vec4<f32>(), values / max(total, 1e-37), total > 0.0);
    out[at] = select(mean, bitcast<vec4<f32>>(vec4<u32>(0x7fc00000u | (i & 0u))), broken);
}

/// Writes 4 channels of 4 queries. No index here is a variable: then everything stays in registers.
fn write_outs(place: Place, i: vec4<u32>, column: u32, sums: mat4x4<f32>, total: vec4<f32>, broken: vec4<bool>) {
    write_out(place, i.x, column, sums[0], total.x, broken.x);
    write_out(place, i.y, column, sums[1], total.y, broken.y);
    write_out(place, i.z, column, sums[2], total.z, broken.z);
    write_out(place, i.w, column, sums[3], total.w, broken.w);
}

/// Writes what there is for a whole query.
fn write_row(place: Place, i: u32, max_level: f32, total: f32, moment: f32, span: f32, broken: bool) {
    if (i >= place.end) {
        return;
    }
    let at = place.head_row * parameters.seq + i;
    var log_sum = MASKED;
    var entropy = 0.0;
    var distance = 0.0;
    if (total > 0.0) {
        let log_total = exact_log2(total);
        log_sum = (max_level + log_total) * LN_2;
        entropy = (log_total - moment / total) * LN_2;
        distance = span / total;
    }
    log_sums[at] = select(bitcast<u32>(log_sum), 0x7fc00000u, broken);
    if (ROW_STATISTICS) {
        let all = parameters.batch * parameters.heads * parameters.seq;
        statistics[at] = select(bitcast<u32>(entropy), 0x7fc00000u, broken);
        statistics[all + at] = select(bitcast<u32>(distance), 0x7fc00000u, broken);
    }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let place = place_of(group.x + parameters.first_item);
    let row = thread / SIDE;
    let column = thread % SIDE;
    // This thread's queries, and what it has summed up for them.
    let i = place.first + 4u * row + vec4<u32>(0u, 1u, 2u, 3u);
    let segments =
        vec4<u32>(own_segment(place, i.x), own_segment(place, i.y), own_segment(place, i.z), own_segment(place, i.w));
    var max_levels = vec4<f32>(FLOOR);
    var sums = vec4<f32>();
    var moments = vec4<f32>();
    var spans = vec4<f32>();
    var broken = vec4<bool>();
    var out_0 = mat4x4<f32>();
    var out_1 = mat4x4<f32>();
    var out_2 = mat4x4<f32>();
    var out_3 = mat4x4<f32>();

    var walk = walk_of(place);
    if (thread == 0u) {
        upcoming = next_visit(&walk, place, 0.0);
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
        for (var chunk = 0u; chunk < CHUNKS; chunk++) {
            if (chunk > 0u) {
                workgroupBarrier();
            }
            for (var line = row; line < TILE; line += SIDE) {
                let quad = chunk * CHUNK + column;
                part_a[slot(line, column)] = read_quad(0u, place, place.first + line, place.end, quad);
                part_b[slot(line, column)] = read_quad(1u, place, visit.first + line, visit.end, quad);
            }
            workgroupBarrier();
            scores = multiply(scores, row, column);
        }

        let positions = f32(visit.first + 4u * column) + vec4<f32>(0.0, 1.0, 2.0, 3.0);
        let of_keys = vec4<u32>(
            key_segments[4u * column],
            key_segments[4u * column + 1u],
            key_segments[4u * column + 2u],
            key_segments[4u * column + 3u],
        );
        var levels = mat4x4<f32>(
            levels_of(scores[0], place, visit, positions, of_keys, i.x, segments.x),
            levels_of(scores[1], place, visit, positions, of_keys, i.y, segments.y),
            levels_of(scores[2], place, visit, positions, of_keys, i.z, segments.z),
            levels_of(scores[3], place, visit, positions, of_keys, i.w, segments.w),
        );
        let wrong_0 = not_finite(levels[0]);
        let wrong_1 = not_finite(levels[1]);
        let wrong_2 = not_finite(levels[2]);
        let wrong_3 = not_finite(levels[3]);
        broken |= vec4<bool>(any(wrong_0), any(wrong_1), any(wrong_2), any(wrong_3));
        levels = mat4x4<f32>(
            select(levels[0], vec4<f32>(MASKED), wrong_0),
            select(levels[1], vec4<f32>(MASKED), wrong_1),
            select(levels[2], vec4<f32>(MASKED), wrong_2),
            select(levels[3], vec4<f32>(MASKED), wrong_3),
        );
        told[thread] = sums;
        told_too[thread] =
            vec4<f32>(largest(levels[0]), largest(levels[1]), largest(levels[2]), largest(levels[3]));
        workgroupBarrier();

        let before = total_of(row);
        var highest = max_levels;
        for (var other = 0u; other < SIDE; other++) {
            highest = max(highest, told_too[row * SIDE + other]);
        }
        let kept = exp2(max_levels - highest);
        let w = mat4x4<f32>(
            exp2(levels[0] - highest.x),
            exp2(levels[1] - highest.y),
            exp2(levels[2] - highest.z),
            exp2(levels[3] - highest.w),
        );
        if (ROW_STATISTICS) {
            // Moments count from the maximum, which has moved.
            let moved = select(max_levels - highest, vec4<f32>(), max_levels <= vec4<f32>(FLOOR));
            moments = kept * (moments + moved * sums) + vec4<f32>(
                dot(w[0], levels[0] - highest.x),
                dot(w[1], levels[1] - highest.y),
                dot(w[2], levels[2] - highest.z),
                dot(w[3], levels[3] - highest.w),
            );
            spans = kept * spans + vec4<f32>(
                dot(w[0], abs(positions - f32(i.x))),
                dot(w[1], abs(positions - f32(i.y))),
                dot(w[2], abs(positions - f32(i.z))),
                dot(w[3], abs(positions - f32(i.w))),
            );
        }
        sums = kept * sums + vec4<f32>(sum_of(w[0]), sum_of(w[1]), sum_of(w[2]), sum_of(w[3]));
        weights[slot(4u * row, column)] = w[0];
        weights[slot(4u * row + 1u, column)] = w[1];
        weights[slot(4u * row + 2u, column)] = w[2];
        weights[slot(4u * row + 3u, column)] = w[3];
        if (column == 0u) {
            // The sum of a row is at least that of its largest weight, and at least what it was.
            let known = max(highest, select(highest, max_levels + floor_log2(before), before >= vec4<f32>(1.0)));
            let counted = select(known, vec4<f32>(3e38), segments == vec4<u32>(NOBODY));
            least[row] = min(min(counted.x, counted.y), min(counted.z, counted.w));
        }
        max_levels = highest;

        for (var pair = 0u; pair < CHUNKS; pair += 2u) {
            if (pair > 0u) {
                workgroupBarrier();
            }
            for (var line = row; line < TILE; line += SIDE) {
                let quad = pair * CHUNK + column;
                part_a[slot(line, column)] = read_quad(2u, place, visit.first + line, visit.end, quad);
                if (pair + 1u < CHUNKS) {
                    part_b[slot(line, column)] = read_quad(2u, place, visit.first + line, visit.end, quad + CHUNK);
                }
            }
            workgroupBarrier();
            if (pair == 0u) {
                out_0 = gather_a(scaled(out_0, kept), row, column);
                if (CHUNKS > 1u) {
                    out_1 = gather_b(scaled(out_1, kept), row, column);
                }
            } else {
                out_2 = gather_a(scaled(out_2, kept), row, column);
                if (CHUNKS > 3u) {
                    out_3 = gather_b(scaled(out_3, kept), row, column);
                }
            }
        }
        if (thread == 0u) {
            var level = least[0];
            for (var other = 1u; other < SIDE; other++) {
                level = min(level, least[other]);
            }
            upcoming = next_visit(&walk, place, level);
        }
    }

    // A thread that met a number that is not finite tells the others of its row.
    let met = broken | not_finite(sums) | vec4<bool>(
        any(not_finite(out_0[0]) | not_finite(out_1[0]) | not_finite(out_2[0]) | not_finite(out_3[0])),
        any(not_finite(out_0[1]) | not_finite(out_1[1]) | not_finite(out_2[1]) | not_finite(out_3[1])),
        any(not_finite(out_0[2]) | not_finite(out_1[2]) | not_finite(out_2[2]) | not_finite(out_3[2])),
        any(not_finite(out_0[3]) | not_finite(out_1[3]) | not_finite(out_2[3]) | not_finite(out_3[3])),
    );
    told[thread] = vec4<f32>(met);
    workgroupBarrier();
    let all_broken = total_of(row) > vec4<f32>();
    workgroupBarrier();
    told[thread] = select(sums, vec4<f32>(), all_broken);
    workgroupBarrier();
    let total = total_of(row);
    write_outs(place, i, column, out_0, total, all_broken);
    if (CHUNKS > 1u) {
        write_outs(place, i, CHUNK + column, out_1, total, all_broken);
    }
    if (CHUNKS > 2u) {
        write_outs(place, i, 2u * CHUNK + column, out_2, total, all_broken);
    }
    if (CHUNKS > 3u) {
        write_outs(place, i, 3u * CHUNK + column, out_3, total, all_broken);
    }
    if (ROW_STATISTICS) {
        workgroupBarrier();
        told[thread] = moments;
        workgroupBarrier();
        moments = total_of(row);
        workgroupBarrier();
        told[thread] = spans;
        workgroupBarrier();
        spans = total_of(row);
    }
    if (column == 0u) {
        write_row(place, i.x, max_levels.x, total.x, moments.x, spans.x, all_broken.x);
        write_row(place, i.y, max_levels.y, total.y, moments.y, spans.y, all_broken.y);
        write_row(place, i.z, max_levels.z, total.z, moments.z, spans.z, all_broken.z);
        write_row(place, i.w, max_levels.w, total.w, moments.w, spans.w, all_broken.w);
    }
    if (thread == 0u) {
        workspace[parameters.visited_at + place.item] = walk.visited;
    }
}
