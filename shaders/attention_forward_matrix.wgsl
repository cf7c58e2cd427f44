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
// UNTESTED with matrix units: no adapter that has them was at hand. The text is valid, and with its matrix operations
// written out as loops it passes the tests of the other forms.
//
// Needs cooperative matrices of 16 × 16 × 16, half precision to single precision, at the scope of a subgroup.
// A workgroup keeps one tile of 64 queries (an item, x) and walks over tiles of 32 keys, its own first, then one to the
// left and one to the right in turn. A side ends where even the largest norms put all keys farther out, together, below
// 2⁻²⁵ of every row's sum. 128 threads: two for each query, 16 keys and 16 channels of each block of 32 apiece.
// Products go from the matrices to workgroup memory, since nobody knows which thread holds which of their elements:
// scores to be weighed, and weighted values to be added to sums that each thread keeps. Scores are logarithms to the
// base 2; all that is added up is in single precision. `coopLoad` reads columns that lie one after another, `coopLoadT`
// rows.
// Goes beyond the default limits: 28 KiB of workgroup memory at 64 channels, 40 KiB at 128. Keeps the others: 8 storage
// buffers, 65,535 workgroups per axis, 256 threads. Widths are multiples of 16.

enable f16;
enable wgpu_cooperative_matrix;

const HEAD_DIM = 64u;
const ROW_STATISTICS = false;

/// Queries of a tile.
const TILE = 64u;
/// Keys of a tile, and channels of a block of the output.
const KEYS = 32u;
const THREADS = 128u;
/// Threads of a query.
const SIDE = 2u;
/// Rows and columns of a matrix.
const EDGE = 16u;
/// Matrices of a tile of scores, two beside one another.
const MATRICES = (TILE / EDGE) * (KEYS / EDGE);
/// Vectors of a row.
const WIDTH = HEAD_DIM / 4u;
/// Numbers from row to row: 8 or 4 more than needed keep rows apart in the banks, and begin them at 16 bytes.
const PITCH = HEAD_DIM + 8u;
const WEIGHT_PITCH = KEYS + 8u;
const PRODUCT_PITCH = KEYS + 4u;
/// Blocks of 32 channels of the output.
const BLOCKS = (HEAD_DIM + KEYS - 1u) / KEYS;
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

var<workgroup> queries: array<f16, TILE * PITCH>;
/// Keys, then values.
var<workgroup> others: array<f16, KEYS * PITCH>;
var<workgroup> weights: array<f16, TILE * WEIGHT_PITCH>;
/// Scores, then weighted values.
var<workgroup> products: array<f32, TILE * PRODUCT_PITCH>;
/// What the two threads of a query tell one another.
var<workgroup> told: array<vec2<f32>, THREADS>;
var<workgroup> key_segments: array<u32, KEYS>;
/// The logarithm of each query's sum so far, or less.
var<workgroup> known: array<f32, TILE>;
var<workgroup> upcoming: Visit;

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
        // The own queries lie at two tiles of keys: the first that they may see comes first.
        walk.low = place.range.x / KEYS;
        walk.left = max(place.first / KEYS, walk.low);
        walk.right = walk.left + 1u;
        walk.high = (place.range.y + KEYS - 1u) / KEYS;
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
    return Visit(max(tile * KEYS, place.range.x), min((tile + 1u) * KEYS, place.range.y), 0.0);
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
            if ((*walk).left > (*walk).low && reaches(place, level, place.first - (*walk).left * KEYS + 1u)) {
                (*walk).left -= 1u;
                return visit_tile(place, (*walk).left);
            }
            (*walk).left = (*walk).low;
        } else {
            let begin = max((*walk).right * KEYS + 1u, place.end);
            if ((*walk).right < (*walk).high && reaches(place, level, begin - place.end)) {
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
        let first = begin + (*walk).part * KEYS;
        let end = min(min(first + KEYS, begin + parameters.block), place.range.y);
        (*walk).part += 1u;
        if ((*walk).part * KEYS >= parameters.block) {
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

/// Puts the queries of the item into workgroup memory; zeros beyond the end and where hidden, since anything may stand
/// there.
fn stage_queries(place: Place, thread: u32) {
    for (var at = thread; at < TILE * WIDTH; at += THREADS) {
        let line = at / WIDTH;
        let i = place.first + line;
        var values = vec4<f32>();
        if (i < place.end && segment_of(place.window, i) != 0u) {
            values = q[dot(parameters.q, vec4<u32>(1u, place.window, place.head, i)) / 4u + at % WIDTH];
        }
        let to = line * PITCH + 4u * (at % WIDTH);
        queries[to] = f16(values.x);
        queries[to + 1u] = f16(values.y);
        queries[to + 2u] = f16(values.z);
        queries[to + 3u] = f16(values.w);
    }
}

/// The same for keys or values of the tile at hand, whose segments are known.
fn stage_others(place: Place, visit: Visit, of_values: bool, thread: u32) {
    for (var at = thread; at < KEYS * WIDTH; at += THREADS) {
        let line = at / WIDTH;
        let position = vec4<u32>(1u, place.window, place.head, visit.first + line);
        var values = vec4<f32>();
        if (key_segments[line] != 0u) {
            if (of_values) {
                values = v[dot(parameters.v, position) / 4u + at % WIDTH];
            } else {
                values = k[dot(parameters.k, position) / 4u + at % WIDTH];
            }
        }
        let to = line * PITCH + 4u * (at % WIDTH);
        others[to] = f16(values.x);
        others[to + 1u] = f16(values.y);
        others[to + 2u] = f16(values.z);
        others[to + 3u] = f16(values.w);
    }
}

/// Products of all queries and keys, by subgroups in turn.
fn score(subgroup: u32, subgroups: u32) {
    for (var matrix = subgroup; matrix < MATRICES; matrix += subgroups) {
        let row = matrix / 2u * EDGE;
        let column = matrix % 2u * EDGE;
        var sums = coop_mat16x16<f32, C>();
        for (var channel = 0u; channel < HEAD_DIM; channel += EDGE) {
            let of_queries = coopLoadT<coop_mat16x16<f16, A>>(&queries[row * PITCH + channel], PITCH);
            let of_keys = coopLoad<coop_mat16x16<f16, B>>(&others[column * PITCH + channel], PITCH);
            sums = coopMultiplyAdd(of_queries, of_keys, sums);
        }
        coopStoreT(sums, &products[row * PRODUCT_PITCH + column], PRODUCT_PITCH);
    }
}

/// Weighted values of all queries in a block of channels, by subgroups in turn. A last block may have one half alone:
/// then the other one repeats channels, and nobody writes it. All of a subgroup has to come by, so there is no branch.
fn weigh(block: u32, subgroup: u32, subgroups: u32) {
    for (var matrix = subgroup; matrix < MATRICES; matrix += subgroups) {
        let row = matrix / 2u * EDGE;
        let column = matrix % 2u * EDGE;
        let channel = min(block * KEYS + column, HEAD_DIM - EDGE);
        var sums = coop_mat16x16<f32, C>();
        for (var key = 0u; key < KEYS; key += EDGE) {
            let of_queries = coopLoadT<coop_mat16x16<f16, A>>(&weights[row * WEIGHT_PITCH + key], WEIGHT_PITCH);
            let of_values = coopLoadT<coop_mat16x16<f16, B>>(&others[key * PITCH + channel], PITCH);
            sums = coopMultiplyAdd(of_queries, of_values, sums);
        }
        coopStoreT(sums, &products[row * PRODUCT_PITCH + column], PRODUCT_PITCH);
    }
}

/// 4 products of a query, from a column on.
fn products_of(line: u32, column: u32) -> vec4<f32> {
    let at = line * PRODUCT_PITCH + column;
    return vec4<f32>(products[at], products[at + 1u], products[at + 2u], products[at + 3u]);
}

/// 16 products of a query, 4 in a column of the matrix.
fn all_products_of(line: u32, column: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        products_of(line, column),
        products_of(line, column + 4u),
        products_of(line, column + 8u),
        products_of(line, column + 12u),
    );
}

/// Puts 4 weights of a query where the matrices find them.
fn tell_weights(line: u32, column: u32, of_keys: vec4<f32>) {
    let at = line * WEIGHT_PITCH + column;
    weights[at] = f16(of_keys.x);
    weights[at + 1u] = f16(of_keys.y);
    weights[at + 2u] = f16(of_keys.z);
    weights[at + 3u] = f16(of_keys.w);
}

/// Segments of 4 keys of the tile.
fn segments_of(column: u32) -> vec4<u32> {
    return vec4<u32>(
        key_segments[column],
        key_segments[column + 1u],
        key_segments[column + 2u],
        key_segments[column + 3u],
    );
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

/// The logarithm of a number from 1 on to the base 2, rounded down: its exponent.
fn floor_log2(value: f32) -> f32 {
    return f32(i32(bitcast<u32>(value) >> 23u) - 127);
}

/// Writes 16 channels of a query.
fn write_outs(place: Place, i: u32, first_quad: u32, sums: mat4x4<f32>, total: f32, broken: bool) {
    write_out(place, i, first_quad, sums[0], total, broken);
    write_out(place, i, first_quad + 1u, sums[1], total, broken);
    write_out(place, i, first_quad + 2u, sums[2], total, broken);
    write_out(place, i, first_quad + 3u, sums[3], total, broken);
}

fn any_not_finite(values: mat4x4<f32>) -> bool {
    return any(not_finite(values[0]) | not_finite(values[1]) | not_finite(values[2]) | not_finite(values[3]));
}

/// Both threads' part of something.
fn both(line: u32) -> vec2<f32> {
    return told[line] + told[line + TILE];
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

/// Writes 4 channels of a query.
fn write_out(place: Place, i: u32, column: u32, values: vec4<f32>, total: f32, broken: bool) {
    if (i >= place.end || column >= WIDTH) {
        return;
    }
    let at = dot(parameters.out, vec4<u32>(1u, place.window, place.head, i)) / 4u + column;
    let mean = select(vec4<f32>(), values / max(total, 1e-37), total > 0.0);
    out[at] = select(mean, bitcast<vec4<f32>>(vec4<u32>(0x7fc00000u | (i & 0u))), broken);
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
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
) {
    let place = place_of(group.x + parameters.first_item);
    // This thread's query, and which half of the keys and of each block of channels is its own.
    let line = thread % TILE;
    let column = thread / TILE * EDGE;
    let i = place.first + line;
    let segment = own_segment(place, i);
    var max_level = FLOOR;
    var sum = 0.0;
    var moment = 0.0;
    var span = 0.0;
    var broken = false;
    var out_0 = mat4x4<f32>();
    var out_1 = mat4x4<f32>();
    var out_2 = mat4x4<f32>();
    var out_3 = mat4x4<f32>();
    stage_queries(place, thread);

    var walk = walk_of(place);
    if (thread == 0u) {
        upcoming = next_visit(&walk, place, 0.0);
    }
    loop {
        let visit = workgroupUniformLoad(&upcoming);
        if (visit.first >= visit.end) {
            break;
        }
        if (thread < KEYS) {
            var of_key = 0u;
            if (visit.first + thread < visit.end) {
                of_key = segment_of(place.window, visit.first + thread);
            }
            key_segments[thread] = of_key;
        }
        workgroupBarrier();
        stage_others(place, visit, false, thread);
        workgroupBarrier();
        score(subgroup, subgroups);
        workgroupBarrier();

        let scores = all_products_of(line, column);
        let first = f32(visit.first + column);
        let positions = mat4x4<f32>(
            first + vec4<f32>(0.0, 1.0, 2.0, 3.0),
            first + vec4<f32>(4.0, 5.0, 6.0, 7.0),
            first + vec4<f32>(8.0, 9.0, 10.0, 11.0),
            first + vec4<f32>(12.0, 13.0, 14.0, 15.0),
        );
        var levels = mat4x4<f32>(
            levels_of(scores[0], place, visit, positions[0], segments_of(column), i, segment),
            levels_of(scores[1], place, visit, positions[1], segments_of(column + 4u), i, segment),
            levels_of(scores[2], place, visit, positions[2], segments_of(column + 8u), i, segment),
            levels_of(scores[3], place, visit, positions[3], segments_of(column + 12u), i, segment),
        );
        broken |= any_not_finite(levels);
        levels = mat4x4<f32>(
            select(levels[0], vec4<f32>(MASKED), not_finite(levels[0])),
            select(levels[1], vec4<f32>(MASKED), not_finite(levels[1])),
            select(levels[2], vec4<f32>(MASKED), not_finite(levels[2])),
            select(levels[3], vec4<f32>(MASKED), not_finite(levels[3])),
        );
        let own = max(max(largest(levels[0]), largest(levels[1])), max(largest(levels[2]), largest(levels[3])));
        told[thread] = vec2<f32>(own, sum);
        // Values take the place of the keys: every subgroup is done with those.
        stage_others(place, visit, true, thread);
        workgroupBarrier();

        let before = both(line).y;
        let highest = max(max_level, max(told[line].x, told[line + TILE].x));
        let kept = exp2(max_level - highest);
        let w = mat4x4<f32>(
            exp2(levels[0] - highest),
            exp2(levels[1] - highest),
            exp2(levels[2] - highest),
            exp2(levels[3] - highest),
        );
        let added = sum_of(w[0]) + sum_of(w[1]) + sum_of(w[2]) + sum_of(w[3]);
        if (ROW_STATISTICS) {
            // Moments count from the maximum, which has moved.
            let moved = select(max_level - highest, 0.0, max_level <= FLOOR);
            moment = kept * (moment + moved * sum) + dot(w[0], levels[0] - highest) + dot(w[1], levels[1] - highest)
                + dot(w[2], levels[2] - highest) + dot(w[3], levels[3] - highest);
            span = kept * span + dot(w[0], abs(positions[0] - f32(i))) + dot(w[1], abs(positions[1] - f32(i)))
                + dot(w[2], abs(positions[2] - f32(i))) + dot(w[3], abs(positions[3] - f32(i)));
        }
        sum = kept * sum + added;
        tell_weights(line, column, w[0]);
        tell_weights(line, column + 4u, w[1]);
        tell_weights(line, column + 8u, w[2]);
        tell_weights(line, column + 12u, w[3]);
        if (thread < TILE) {
            // The sum of a row is at least that of its largest weight, and at least what it was.
            let level = max(highest, select(highest, max_level + floor_log2(before), before >= 1.0));
            known[line] = select(level, 3e38, segment == NOBODY);
        }
        max_level = highest;

        workgroupBarrier();
        weigh(0u, subgroup, subgroups);
        workgroupBarrier();
        out_0 = out_0 * kept + all_products_of(line, column);
        if (BLOCKS > 1u) {
            workgroupBarrier();
            weigh(1u, subgroup, subgroups);
            workgroupBarrier();
            out_1 = out_1 * kept + all_products_of(line, column);
        }
        if (BLOCKS > 2u) {
            workgroupBarrier();
            weigh(2u, subgroup, subgroups);
            workgroupBarrier();
            out_2 = out_2 * kept + all_products_of(line, column);
        }
        if (BLOCKS > 3u) {
            workgroupBarrier();
            weigh(3u, subgroup, subgroups);
            workgroupBarrier();
            out_3 = out_3 * kept + all_products_of(line, column);
        }
        if (thread == 0u) {
            var level = known[0];
            for (var other = 1u; other < TILE; other++) {
                level = min(level, known[other]);
            }
            upcoming = next_visit(&walk, place, level);
        }
    }

    // A thread that met a number that is not finite tells the other one of its query.
    broken |= any_not_finite(out_0) || any_not_finite(out_1) || any_not_finite(out_2) || any_not_finite(out_3);
    broken |= any(not_finite(vec4<f32>(sum)));
    told[thread] = vec2<f32>(select(sum, 0.0, broken), f32(broken));
    workgroupBarrier();
    let total = both(line).x;
    let all_broken = both(line).y > 0.0;
    write_outs(place, i, column / 4u, out_0, total, all_broken);
    if (BLOCKS > 1u) {
        write_outs(place, i, (KEYS + column) / 4u, out_1, total, all_broken);
    }
    if (BLOCKS > 2u) {
        write_outs(place, i, (2u * KEYS + column) / 4u, out_2, total, all_broken);
    }
    if (BLOCKS > 3u) {
        write_outs(place, i, (3u * KEYS + column) / 4u, out_3, total, all_broken);
    }
    if (ROW_STATISTICS) {
        workgroupBarrier();
        told[thread] = vec2<f32>(moment, span);
        workgroupBarrier();
        moment = both(line).x;
        span = both(line).y;
    }
    if (thread < TILE) {
        write_row(place, i, max_level, total, moment, span, all_broken);
    }
    if (thread == 0u) {
        workspace[parameters.visited_at + place.item] = walk.visited;
    }
}
