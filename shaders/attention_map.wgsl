// Attention pooled over cells of positions, with the log-sum-exp of every row known: for each cell the sum and the
// largest of
//     P_ij = exp(q_i·k_j/√d − m·|i − j| − lse_i).
// With several attention heads in a group, P is their mean: heads are the innermost loop.
//
// q, k:     [batch, head, seq, d] by strides, as vectors of 4
// log_sums: [batch, head, seq], bits of f32; not finite where the forward pass met such a number
// plan:     words of the host (see the parameters)
// outlook:  [batch, head, step of 32 queries] from attention_reach.wgsl
// cells:    words of the host: pieces of queries and of keys; where their edges [pieces + 1] stand, and the bands of
//           queries and of keys [bands + 1], by their first piece; where the members stand, the attention heads of
//           each group [group, averaged]
// sums:     [batch, group, piece of queries, piece of keys], bits of f32
// maxima:   likewise
//
// A piece is a bin, or part of one that is larger than 256 positions; attention_map_join.wgsl joins such parts. A band
// is one piece, or as many whole ones as fit into a tile. A workgroup does one band of keys (x) and of queries (y) of a
// group of attention heads of a window (z), tile by tile: at most 64 tiles. A thread holds 4 × 4 scores, as in
// attention_columns.wgsl. Where a band holds several pieces, shares pass through workgroup memory, and are added up
// along the keys first, in place, then along the queries.
// A cell with a query that has no finite log-sum-exp becomes not-a-number.
// Keeps the default limits: 8 storage buffers, 65,535 workgroups per axis, 64 threads, 10 KiB of memory.

const HEAD_DIM = 64u;
/// Positions of a tile: 32; 64 with 256 threads and 27 KiB of memory.
const TILE = 32u;
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
/// Where the shares of a query begin: one more than there are keys, which spreads queries over the banks.
const SHARE_PITCH = TILE + 1u;

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

/// A tile of the cell and an attention head to visit.
struct Visit {
    tile: u32,
    head: u32,
    /// Whether positions need to be looked at one by one.
    careful: u32,
    /// Where the search goes on: the head of the group after this one.
    next: u32,
}

/// Where a workgroup is.
struct Band {
    /// Number of its map.
    map: u32,
    window: u32,
    group: u32,
    /// Its first and last pieces, and the positions they span.
    query_pieces: vec2<u32>,
    key_pieces: vec2<u32>,
    queries: vec2<u32>,
    keys: vec2<u32>,
    /// Tiles along the keys, and all.
    across: u32,
    tiles: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> plan: array<u32>;
@group(0) @binding(5) var<storage, read_write> outlook: array<u32>;
@group(0) @binding(6) var<storage, read_write> cells: array<u32>;
@group(0) @binding(7) var<storage, read_write> sums: array<u32>;
@group(0) @binding(8) var<storage, read_write> maxima: array<u32>;

var<workgroup> staged_queries: array<vec4<f32>, TILE * PITCH>;
var<workgroup> staged_keys: array<vec4<f32>, TILE * PITCH>;
/// Of the tile, [query, key]. Once added up along the keys, the sum of a piece stands at its first key, the largest at
/// its second one.
var<workgroup> tile_shares: array<f32, TILE * SHARE_PITCH>;
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

/// The smallest distance of positions of two ranges.
fn gap_between(a: vec2<u32>, b: vec2<u32>) -> u32 {
    if (a.y <= b.x) {
        return b.x - a.y + 1u;
    }
    return select(0u, a.x - b.y + 1u, b.y <= a.x);
}

fn band_of(workgroup: vec3<u32>) -> Band {
    let x = cells[5] + workgroup.x + parameters.first_x;
    let y = cells[4] + workgroup.y + parameters.first_y;
    var band: Band;
    band.map = workgroup.z + parameters.first_z;
    band.window = band.map / parameters.groups + parameters.first_window;
    band.group = band.map % parameters.groups;
    band.query_pieces = vec2<u32>(cells[y], cells[y + 1u]);
    band.key_pieces = vec2<u32>(cells[x], cells[x + 1u]);
    band.queries = vec2<u32>(cells[cells[2] + band.query_pieces.x], cells[cells[2] + band.query_pieces.y]);
    band.keys = vec2<u32>(cells[cells[3] + band.key_pieces.x], cells[cells[3] + band.key_pieces.y]);
    band.across = (band.keys.y - band.keys.x + TILE - 1u) / TILE;
    band.tiles = (band.queries.y - band.queries.x + TILE - 1u) / TILE * band.across;
    return band;
}

/// Queries of a tile of the band.
fn queries_of(band: Band, tile: u32) -> vec2<u32> {
    let first = band.queries.x + tile / band.across * TILE;
    return vec2<u32>(first, min(first + TILE, band.queries.y));
}

/// Keys of a tile of the band.
fn keys_of(band: Band, tile: u32) -> vec2<u32> {
    let first = band.keys.x + tile % band.across * TILE;
    return vec2<u32>(first, min(first + TILE, band.keys.y));
}

/// The first pair of a tile and a head of the group from `tile` and `slot` on.
fn visit_from(tile: u32, slot: u32, band: Band) -> Visit {
    var from_slot = slot;
    for (var number = tile; number < band.tiles; number++) {
        let queries = queries_of(band, number);
        let keys = keys_of(band, number);
        let range = range_over(band.window, queries.x, queries.y);
        let meet = range.x < keys.y && keys.x < range.y;
        for (; from_slot < parameters.averaged && meet; from_slot++) {
            let head = members_at(band.group, from_slot);
            let head_row = band.window * parameters.heads + head;
            let view = outlook_over(head_row, queries.x, queries.y);
            if (gap_between(queries, keys) < (view & ~CAREFUL)) {
                let partial = queries.y - queries.x < TILE || keys.y - keys.x < TILE;
                let careful = (view | outlook_over(head_row, keys.x, keys.y)) & CAREFUL;
                return Visit(number, head, careful | u32(partial), from_slot + 1u);
            }
        }
        from_slot = 0u;
    }
    return Visit(NONE, 0u, 0u, 0u);
}

/// An attention head of a group.
fn members_at(group: u32, slot: u32) -> u32 {
    return cells[cells[6] + group * parameters.averaged + slot];
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

/// Writes what a cell holds.
fn write_cell(band: Band, query_piece: u32, key_piece: u32, sum: f32, highest: f32) {
    let line = band.map * cells[0] + query_piece;
    let broken = highest > 1.0 + 1e-3;
    sums[line * cells[1] + key_piece] = select(bitcast<u32>(sum), NOT_A_NUMBER, broken);
    maxima[line * cells[1] + key_piece] = select(bitcast<u32>(highest), NOT_A_NUMBER, broken);
}

/// The first and the last position of a piece inside a tile that begins at `first`.
fn piece_in(edges: u32, piece: u32, first: u32) -> vec2<u32> {
    let start = max(cells[edges + piece], first) - first;
    return vec2<u32>(start, min(cells[edges + piece + 1u] - first, TILE));
}

/// Adds up the shares of a tile along the keys of each piece, in place.
fn add_along_keys(thread: u32, band: Band, first_key: u32) {
    let pieces = band.key_pieces.y - band.key_pieces.x;
    for (var task = thread; task < TILE * pieces; task += THREADS) {
        let line = task % TILE * SHARE_PITCH;
        let piece = piece_in(cells[3], band.key_pieces.x + task / TILE, first_key);
        var sum = 0.0;
        var highest = 0.0;
        for (var key = piece.x; key < piece.y; key++) {
            let share = tile_shares[line + key];
            sum += share;
            highest = max(highest, share);
        }
        tile_shares[line + piece.x] = sum;
        // Of a single key the sum is the largest.
        if (piece.y > piece.x + 1u) {
            tile_shares[line + piece.x + 1u] = highest;
        }
    }
}

/// The sum and the largest of a cell within a tile, once added up along the keys.
fn cell_of(band: Band, cell: u32, first_query: u32, first_key: u32) -> vec2<f32> {
    let pieces = band.key_pieces.y - band.key_pieces.x;
    let queries = piece_in(cells[2], band.query_pieces.x + cell / pieces, first_query);
    let keys = piece_in(cells[3], band.key_pieces.x + cell % pieces, first_key);
    let second = keys.x + min(1u, keys.y - keys.x - 1u);
    var of_cell = vec2<f32>();
    for (var row = queries.x; row < queries.y; row++) {
        of_cell.x += tile_shares[row * SHARE_PITCH + keys.x];
        of_cell.y = max(of_cell.y, tile_shares[row * SHARE_PITCH + second]);
    }
    return of_cell;
}

/// The sum and the largest over all threads, in a fixed order; for the first thread alone.
fn over_threads(thread: u32, own: vec2<f32>) -> vec2<f32> {
    workgroupBarrier();
    staged_queries[thread] = vec4<f32>(own, 0.0, 0.0);
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            let a = staged_queries[thread];
            let b = staged_queries[thread + half];
            staged_queries[thread] = vec4<f32>(a.x + b.x, max(a.y, b.y), 0.0, 0.0);
        }
    }
    return staged_queries[thread].xy;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let band = band_of(workgroup);
    let pieces = band.key_pieces.y - band.key_pieces.x;
    let count = (band.query_pieces.y - band.query_pieces.x) * pieces;
    let row = thread / SIDE;
    let column = thread % SIDE;
    let rule = vec4<u32>(0u, 1u, 2u, 3u) * SIDE;
    if (thread == 0u) {
        upcoming = visit_from(0u, 0u, band);
    }
    // A band of several pieces is one tile wide: either each thread has at most one cell, or there is one tile.
    for (var cell = thread; cell < count; cell += THREADS) {
        write_cell(band, band.query_pieces.x + cell / pieces, band.key_pieces.x + cell % pieces, 0.0, 0.0);
    }
    var visit = workgroupUniformLoad(&upcoming);
    var shares = mat4x4<f32>();
    var own = vec2<f32>();
    while (visit.tile != NONE) {
        let query_range = queries_of(band, visit.tile);
        let key_range = keys_of(band, visit.tile);
        if (thread == 0u) {
            upcoming = visit_from(visit.tile, visit.next, band);
        }
        let product = products(thread, query_range.x, key_range.x, query_base_of(band.window, visit.head),
                               key_base_of(band.window, visit.head));
        var queries: Queries;
        queries.positions = vec4<u32>(query_range.x + row) + rule;
        queries.segments = segments_of(band.window, queries.positions, query_range.y);
        queries.levels = levels_of(band.window * parameters.heads + visit.head, queries);
        let keys = vec4<u32>(key_range.x + column) + rule;
        let key_segments = segments_of(band.window, keys, key_range.y);
        let careful = visit.careful != 0u || parameters.packed != 0u;
        shares += shares_of_all(product, queries, keys, key_segments, visit.head, careful);
        let following = workgroupUniformLoad(&upcoming);
        if (following.tile != visit.tile) {
            // Barriers in `products` part this from what the tile before has read.
            shares = shares * (1.0 / f32(parameters.averaged));
            if (count == 1u) {
                let of_tile = shares[0] + shares[1] + shares[2] + shares[3];
                let highest = max(max(shares[0], shares[1]), max(shares[2], shares[3]));
                own.x += of_tile.x + of_tile.y + of_tile.z + of_tile.w;
                own.y = max(own.y, max(max(highest.x, highest.y), max(highest.z, highest.w)));
            } else {
                for (var r = 0u; r < 4u; r++) {
                    for (var c = 0u; c < 4u; c++) {
                        tile_shares[(row + r * SIDE) * SHARE_PITCH + column + c * SIDE] = shares[r][c];
                    }
                }
                workgroupBarrier();
                add_along_keys(thread, band, key_range.x);
                workgroupBarrier();
                for (var cell = thread; cell < count; cell += THREADS) {
                    let of_tile = cell_of(band, cell, query_range.x, key_range.x);
                    own = vec2<f32>(own.x + of_tile.x, max(own.y, of_tile.y));
                    write_cell(band, band.query_pieces.x + cell / pieces, band.key_pieces.x + cell % pieces, own.x,
                               own.y);
                    if (band.tiles == 1u) {
                        own = vec2<f32>();
                    }
                }
            }
            shares = mat4x4<f32>();
        }
        visit = following;
    }
    if (count == 1u) {
        let of_cell = over_threads(thread, own);
        if (thread == 0u) {
            write_cell(band, band.query_pieces.x, band.key_pieces.x, of_cell.x, of_cell.y);
        }
    }
}
