// Joins the pieces of each cell of a pooled map: sums are added up, of the largest the largest is taken.
//
// cells:         words of the host (see attention_map.wgsl); then where the first piece of each bin of queries and of
//                keys stands [bins + 1], at the words 7 and 8
// piece_sums:    [batch · group, piece of queries, piece of keys]
// piece_maxima:  likewise, in bits
// sums, maxima:  [batch · group, bin of queries, bin of keys], in bits
//
// One workgroup of 64 threads for each bin of keys (x) and of queries (y) of a group of attention heads of a window
// (z). Each thread adds up every 64th piece, then they join as a tree, always in the same order.
// Keeps the default limits: 5 storage buffers, 65,535 workgroups per axis, 1 KiB of memory.

const THREADS = 64u;
const NOT_A_NUMBER = 0x7fc00000u;

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
@group(0) @binding(1) var<storage, read_write> cells: array<u32>;
@group(0) @binding(2) var<storage, read_write> piece_sums: array<u32>;
@group(0) @binding(3) var<storage, read_write> piece_maxima: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;
@group(0) @binding(5) var<storage, read_write> maxima: array<u32>;

/// Sum, largest, and 1 where one is not a number.
var<workgroup> joined: array<vec3<f32>, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let bins = parameters.area.zw;
    let x = workgroup.x + parameters.first_x;
    let y = workgroup.y + parameters.first_y;
    let z = workgroup.z + parameters.first_z;
    let rows = vec2<u32>(cells[cells[7] + y], cells[cells[7] + y + 1u]);
    let columns = vec2<u32>(cells[cells[8] + x], cells[cells[8] + x + 1u]);
    let across = columns.y - columns.x;
    var own = vec3<f32>();
    for (var piece = thread; piece < (rows.y - rows.x) * across; piece += THREADS) {
        let at = (z * cells[0] + rows.x + piece / across) * cells[1] + columns.x + piece % across;
        let bits = piece_maxima[at];
        if ((bits & 0x7f800000u) == 0x7f800000u) {
            own.z = 1.0;
        } else {
            own.x += bitcast<f32>(piece_sums[at]);
            own.y = max(own.y, bitcast<f32>(bits));
        }
    }
    joined[thread] = own;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            let a = joined[thread];
            let b = joined[thread + half];
            joined[thread] = vec3<f32>(a.x + b.x, max(a.y, b.y), max(a.z, b.z));
        }
    }
    if (thread == 0u) {
        let at = (z * bins.y + y) * bins.x + x;
        let broken = joined[0].z > 0.0;
        sums[at] = select(bitcast<u32>(joined[0].x), NOT_A_NUMBER, broken);
        maxima[at] = select(bitcast<u32>(joined[0].y), NOT_A_NUMBER, broken);
    }
}
