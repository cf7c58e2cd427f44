//! The kernels on the adapter of this machine, against plain loops in double precision.

mod fixtures;

use std::ops::{ControlFlow, Range};

use super::{
    cells::even_edges,
    truth::{Case, Truth, cells, largest, numbers},
    *,
};
use crate::{
    blocks::{BlockList, Listed},
    gpu::tests::device::{self, Allow, on},
};

/// What is left out of a row.
const SKIPPED: f64 = 1.0 / (1 << 24) as f64;

/// A device with all that the adapter has; `None` where there is none, unless one is required.
fn gpu() -> Option<Gpu> {
    device::gpu(Allow::All)
}

/// The words of a buffer, of which there are so many.
fn words(gpu: &Gpu, buffer: &wgpu::Buffer, count: usize) -> Vec<u32> {
    gpu.read(buffer, 0, word(count)).unwrap()
}

fn floats(gpu: &Gpu, buffer: &wgpu::Buffer, count: usize) -> Vec<f32> {
    gpu.floats(buffer, count).unwrap()
}

fn upload(gpu: &Gpu, values: &[f32]) -> wgpu::Buffer {
    gpu.buffer_of_floats("a test", values).unwrap()
}

/// The largest difference, after each was found to be within `absolute + relative · |want|`.
fn assert_close(name: &str, got: &[f32], want: &[f64], absolute: f64, relative: f64) -> f64 {
    assert_eq!(got.len(), want.len(), "{name}: as many as expected");
    let mut largest = 0.0f64;
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        let off = (f64::from(*got) - want).abs();
        let within = absolute + relative * want.abs();
        assert!(off <= within, "{name} [{index}]: got {got}, want {want}, {off} off, {within} allowed");
        largest = largest.max(off);
    }
    largest
}

/// A case on the GPU.
struct Bench<'a> {
    gpu: &'a Gpu,
    case: &'a Case,
    truth: Truth,
    plan: SweepPlan,
    q: wgpu::Buffer,
    k: wgpu::Buffer,
    log_sums: wgpu::Buffer,
    norms: wgpu::Buffer,
    /// Largest differences: sums, maxima, entropy, distance, row sums, partners, map sums, map maxima, windows.
    off: [f64; 9],
    /// Allowed for probabilities.
    sharp: f64,
}

impl<'a> Bench<'a> {
    fn new(gpu: &'a Gpu, case: &'a Case) -> Self {
        let truth = case.truth();
        Self {
            gpu,
            case,
            plan: SweepPlan::new(gpu, &case.problem()).unwrap(),
            q: upload(gpu, &case.q),
            k: upload(gpu, &case.k),
            log_sums: upload(gpu, &truth.log_sums),
            norms: upload(gpu, &case.norms()),
            truth,
            off: [0.0; 9],
            sharp: 1e-5,
        }
    }

    fn sweep(&self) -> Sweep<'_> {
        let shape = self.case.shape.map(word);
        let views = [&self.q, &self.k].map(|buffer| View::contiguous(buffer.clone(), shape));
        let (log_sums, norms) = (self.log_sums.as_entire_binding(), self.norms.as_entire_binding());
        Sweep::new(self.gpu, &self.plan, views, log_sums, norms, &mut on).unwrap()
    }

    fn note(&mut self, which: usize, off: f64) {
        self.off[which] = self.off[which].max(off);
    }

    fn kept(&self, sweep: &Sweep<'_>, looked_at: &LookedAt) -> f64 {
        let kept = sweep.kept(looked_at).unwrap();
        assert!(kept.scores <= kept.of, "{}: {kept:?}", self.case.name);
        kept.fraction()
    }

    fn columns(&mut self, count: usize, form: ColumnsForm) -> f64 {
        let [batch, heads, seq, _] = self.case.shape;
        let mut weights = numbers(count * batch * seq, 5);
        weights[..batch * seq].fill(1.0);
        let buffer = upload(self.gpu, &weights);
        let size = batch * heads * seq;
        let sweep = self.sweep();
        let asked = Columns { weights: buffer.as_entire_binding(), count: word(count), form };
        let found = sweep.columns(&asked, &mut on).unwrap();
        let kept = self.kept(&sweep, &found.looked_at);
        let (sums, maxima) = (floats(self.gpu, &found.sums, count * size), floats(self.gpu, &found.maxima, size));
        for (weights, sums) in weights.chunks(batch * seq).zip(sums.chunks(size)) {
            let (want, want_maxima) = self.truth.columns(weights);
            let name = format!("{}: column sums, {form:?}, of {count}", self.case.name);
            self.note(0, assert_close(&name, sums, &want, 2e-5 + SKIPPED * seq as f64, 1e-5));
            let name = format!("{}: column maxima, {form:?}, of {count}", self.case.name);
            self.note(1, assert_close(&name, &maxima, &want_maxima, self.sharp, 0.0));
        }
        kept
    }

    fn rows(&mut self, count: usize) -> f64 {
        let [batch, heads, seq, _] = self.case.shape;
        let vectors = numbers(count * batch * seq, 6);
        let buffer = upload(self.gpu, &vectors);
        let size = batch * heads * seq;
        let sweep = self.sweep();
        let vector = (count > 0).then(|| buffer.as_entire_binding());
        let found = sweep.rows(vector, word(count), &mut on).unwrap();
        let kept = self.kept(&sweep, &found.looked_at);
        let spread = floats(self.gpu, &found.spread, 2 * size);
        let sums = floats(self.gpu, &found.sums, count * size);
        let name = &self.case.name.clone();
        let none = vec![0.0; batch * seq];
        let [entropy, distance, _] = self.truth.rows(&none);
        self.note(2, assert_close(&format!("{name}: entropy"), &spread[..size], &entropy, 2e-5, 1e-5));
        // What is left out may lie as far away as the sequence is long.
        let far = 2e-5 + SKIPPED * seq as f64;
        self.note(3, assert_close(&format!("{name}: distance"), &spread[size..], &distance, far, 1e-5));
        for (vector, sums) in vectors.chunks(batch * seq).zip(sums.chunks(size)) {
            let [_, _, want] = self.truth.rows(vector);
            self.note(4, assert_close(&format!("{name}: row sums"), sums, &want, 2e-5, 1e-5));
        }
        kept
    }

    fn top(&mut self, groups: &Groups, places: usize) -> f64 {
        let seq = self.case.shape[2];
        let sweep = self.sweep();
        let found = sweep.top(groups, word(places), &mut on).unwrap();
        let kept = self.kept(&sweep, &found.looked_at);
        let count = groups.lines() as usize * seq * places;
        let (values, indices) = (floats(self.gpu, &found.values, count), words(self.gpu, &found.indices, count));
        let mut lines = values.chunks(places).zip(indices.chunks(places));
        for row in groups.rows.clone() {
            for members in &groups.members {
                for (i, line) in self.truth.mean(row, members).chunks(seq).enumerate() {
                    let (values, indices) = lines.next().unwrap();
                    let off = assert_partners(
                        &format!("{}: partners of {i}", self.case.name),
                        values,
                        indices,
                        line,
                        self.sharp,
                    );
                    self.note(5, off);
                }
            }
        }
        kept
    }

    fn map(&mut self, groups: &Groups, queries: &[u32], keys: &[u32]) {
        let seq = self.case.shape[2];
        let found = self.sweep().map(groups, [queries, keys], &mut on).unwrap();
        let size = (queries.len() - 1) * (keys.len() - 1);
        let count = groups.lines() as usize * size;
        let (sums, maxima) = (floats(self.gpu, &found.sums, count), floats(self.gpu, &found.maxima, count));
        let mut maps = sums.chunks(size).zip(maxima.chunks(size));
        for row in groups.rows.clone() {
            for members in &groups.members {
                let (sums, maxima) = maps.next().unwrap();
                let (want, want_maxima) = cells(&self.truth.mean(row, members), seq, queries, keys);
                let name = format!("{}: map of {} and {} bins", self.case.name, queries.len() - 1, keys.len() - 1);
                self.note(6, assert_close(&name, sums, &want, 2e-5 + SKIPPED * seq as f64, 1e-5));
                self.note(7, assert_close(&name, maxima, &want_maxima, self.sharp, 0.0));
            }
        }
        assert!(maps.next().is_none(), "{}: there are no more maps", self.case.name);
    }

    fn window(&mut self, groups: &Groups, [queries, keys]: [Range<usize>; 2]) {
        let seq = self.case.shape[2];
        let part = self.sweep().window(groups, [queries.clone(), keys.clone()], &mut on).unwrap();
        let part = floats(self.gpu, &part, groups.lines() as usize * queries.len() * keys.len());
        let mut parts = part.chunks(queries.len() * keys.len());
        for row in groups.rows.clone() {
            for members in &groups.members {
                let mean = self.truth.mean(row, members);
                let lines = mean.chunks(seq).skip(queries.start).take(queries.len());
                let want: Vec<f64> = lines.flat_map(|line| line[keys.clone()].to_vec()).collect();
                let name = format!("{}: window {queries:?} {keys:?}", self.case.name);
                self.note(8, assert_close(&name, parts.next().unwrap(), &want, self.sharp, 0.0));
            }
        }
    }

    /// One request of each kind.
    fn few(&mut self) {
        let [batch, heads, seq, _] = self.case.shape;
        let (end, each) = (word(seq), Groups::each(0..batch, heads));
        let kept =
            [self.columns(1, ColumnsForm::Plain), self.columns(1, ColumnsForm::Wide), self.rows(1), self.top(&each, 8)];
        self.map(&Groups::mean(0..batch, 0..heads), &odd_edges(end), &even_edges(0..end, 7.min(end)));
        self.window(&each, [seq / 3..seq, seq / 4..seq / 4 + seq.div_ceil(2)]);
        self.tell(&kept);
    }

    /// Prints how far off results are, and which shares of the scores were looked at.
    fn tell(&self, kept: &[f64]) {
        let off: Vec<String> = self.off.iter().map(|off| format!("{off:.1e}")).collect();
        eprintln!("{}: off {}; kept {kept:.3?}", self.case.name, off.join(" "));
    }

    /// Everything there is to ask.
    fn all(&mut self) {
        let [batch, heads, seq, _] = self.case.shape;
        let each = Groups::each(0..batch, heads);
        let mean = Groups::mean(batch - 1..batch, 0..heads);
        let pairs = Groups { rows: 0..batch, members: vec![vec![word(heads) - 1, 0], vec![0, 0]] };
        let kept = [
            self.columns(1, ColumnsForm::Plain),
            self.columns(4, ColumnsForm::Wide),
            self.columns(3, ColumnsForm::Plain),
        ];
        let kept = [kept[0], kept[1], self.rows(0), self.rows(2), self.top(&each, 8), self.top(&mean, 3)];
        self.rows(4);
        self.top(&pairs, 1);
        let end = word(seq);
        let few = even_edges(0..end, 7.min(end));
        let odd = odd_edges(end);
        self.map(&each, &few, &few);
        self.map(&mean, &odd, &few);
        self.map(&pairs, &odd, &odd);
        self.map(&each, &[0, end], &[0, end]);
        if seq <= 300 {
            self.map(&mean, &even_edges(0..end, end), &even_edges(0..end, end));
        }
        self.window(&each, [0..seq.min(200), seq - seq.min(150)..seq]);
        self.window(&mean, [seq / 3..seq / 3 + 1, 0..seq]);
        self.window(&pairs, [seq / 2..seq, seq / 4..seq / 4 + seq.div_ceil(2)]);
        self.tell(&kept);
    }
}

/// Bins of all sizes.
fn odd_edges(end: u32) -> Vec<u32> {
    let sizes = [1, 2, 3, 40, 5, 5, 5, 31, 32, 33, 300, 7, 64, 65, 1, 600, 9, 13];
    let mut edges = vec![end.min(1) - 1 + u32::from(end > 4) * 3];
    for size in sizes.into_iter().cycle() {
        let next = edges[edges.len() - 1] + size;
        if next >= end {
            break;
        }
        edges.push(next);
    }
    edges.push(end);
    edges
}

/// Compares the partners of one query with all its probabilities.
fn assert_partners(name: &str, values: &[f32], indices: &[u32], line: &[f64], within: f64) -> f64 {
    let mut worst = 0.0f64;
    for (place, (want, index)) in largest(line, values.len()).into_iter().enumerate() {
        let (got, got_index) = (f64::from(values[place]), indices[place]);
        let off = (got - want).abs();
        assert!(off <= within, "{name}, place {place}: got {got}, want {want}");
        worst = worst.max(off);
        if got_index == u32::MAX {
            assert!(values[place] == 0.0 && want < 2.1 * SKIPPED, "{name}, place {place}: none, want {want}");
            continue;
        }
        // Those as near as the rounding of scores allows may change places.
        let of_got = line[got_index as usize];
        assert!(
            got_index as usize == index || (of_got - want).abs() <= within,
            "{name}, place {place}: got key {got_index} of {of_got}, want {index} of {want}"
        );
        assert!(got >= SKIPPED, "{name}, place {place}: {got} is no partner");
        assert!(!indices[..place].contains(&got_index), "{name}: {got_index} stands twice in {indices:?}");
        if place > 0 {
            let before = (values[place - 1], indices[place - 1]);
            assert!(before.0 > values[place] || (before.0 == values[place] && before.1 < got_index), "{name}: order");
        }
    }
    for place in line.len()..values.len() {
        assert!(values[place] == 0.0 && indices[place] == u32::MAX, "{name}: place {place} stays empty");
    }
    worst
}

#[test]
fn shaders_are_valid_and_keep_their_limits() {
    let parameters = gpu().map(|gpu| {
        let case = Case::new([1, 1, 1, 16], 1.0);
        Bench::new(&gpu, &case).sweep().parameters()
    });
    for kernel in [REACH, COLUMNS, COLUMNS_WIDE, ROWS, TOP, maps::MAP, maps::MAP_JOIN, maps::WINDOW] {
        let name = kernel.name;
        let module = naga::front::wgsl::parse_str(kernel.text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let flags = naga::valid::ValidationFlags::all();
        let mut validator = naga::valid::Validator::new(flags, naga::valid::Capabilities::empty());
        validator.validate(&module).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).unwrap();
        let memory: u32 = globals(&module, |space| space == naga::AddressSpace::WorkGroup)
            .map(|global| layouter[global.ty].size)
            .sum();
        let most = if name == COLUMNS_WIDE.name { 32 << 10 } else { 16 << 10 };
        assert!(memory <= most, "{name}: {memory} bytes of workgroup memory");
        for global in globals(&module, |space| space == naga::AddressSpace::Uniform) {
            let naga::TypeInner::Struct { members, .. } = &module.types[global.ty].inner else {
                panic!("{name}: parameters are a struct");
            };
            let members = members.iter().map(|member| (member.name.clone().unwrap(), member.offset as usize / 4));
            if let Some(parameters) = &parameters {
                let told = parameters.members().iter().map(|(name, at)| ((*name).to_owned(), *at));
                assert!(members.clone().eq(told), "{name}: parameters");
            }
        }
        let storage = globals(&module, |space| matches!(space, naga::AddressSpace::Storage { .. })).count();
        assert!(storage == kernel.buffers as usize && storage <= 8, "{name}: {storage} storage buffers");
        let threads = module.entry_points[0].workgroup_size.iter().product::<u32>();
        assert!(threads <= 256 && module.entry_points[0].name == "main", "{name}: entry point");
    }
}

/// Variables of a module in some spaces.
fn globals(
    module: &naga::Module,
    wanted: impl Fn(naga::AddressSpace) -> bool,
) -> impl Iterator<Item = &naga::GlobalVariable> {
    module.global_variables.iter().map(|(_, global)| global).filter(move |global| wanted(global.space))
}

#[test]
fn default_limits_are_enough() {
    let Some(gpu) = device::gpu(Allow::Defaults) else { return };
    let case = Case::new([1, 2, 150, 128], 1.5).named("default limits");
    let mut bench = Bench::new(&gpu, &case);
    assert!(!bench.sweep().can_be_wide(), "the wide form needs more memory");
    bench.all();
}

#[test]
fn lengths_around_a_tile_agree_with_plain_loops() {
    let Some(gpu) = gpu() else { return };
    for seq in [2, 31, 32, 63, 64, 97, 127, 128] {
        Bench::new(&gpu, &Case::new([1, 2, seq, 32], 2.0)).few();
    }
    for seq in [1, 33, 65, 131] {
        Bench::new(&gpu, &Case::new([1, 2, seq, 32], 2.0)).all();
    }
}

#[test]
fn widths_agree_with_plain_loops() {
    let Some(gpu) = gpu() else { return };
    for d in [16, 20, 32, 48, 80, 96, 128] {
        Bench::new(&gpu, &Case::new([1, 2, 139, d], 1.5)).few();
    }
}

#[test]
fn heads_without_slopes_agree_with_plain_loops() {
    let Some(gpu) = gpu() else { return };
    let mut case = Case::new([2, 3, 307, 64], 2.0).named("no slopes");
    case.slopes = vec![0.0; 3];
    Bench::new(&gpu, &case).all();
}

#[test]
fn masks_and_packed_sequences_agree_with_plain_loops() {
    let Some(gpu) = gpu() else { return };
    let (batch, seq) = (2, 331);
    let with = |name: &str, segment: fn(usize) -> u32| {
        let mut case = Case::new([batch, 2, seq, 32], 2.0).named(name);
        let mut segments: Vec<u32> = (0..seq).map(segment).collect();
        segments.extend((0..seq).map(|position| u32::from(position < 70)));
        // What stands in masked places counts for nothing, whatever it is.
        for (line, (q, k)) in case.q.chunks_mut(32).zip(case.k.chunks_mut(32)).enumerate() {
            if segments[line / seq / 2 * seq + line % seq] == 0 {
                q.fill(f32::NAN);
                k.fill(1e30);
            }
        }
        case.segments = Some(segments);
        case
    };
    let cases = [
        with("hole and tail", |position| u32::from(!(100..230).contains(&position) && position < 320)),
        with("every third", |position| u32::from(position % 3 != 0)),
        with("all masked", |_| 0),
        with("packed", |position| [3, 3, 9, 1, 1, 1, 4][position / 50]),
        with("packed with holes", |position| if position % 11 < 2 { 0 } else { 1 + u32::from(position > 127) }),
    ];
    for mut case in cases {
        for skip in [true, false] {
            case.skip = skip;
            let mut bench = Bench::new(&gpu, &case);
            // Norms of masked keys would make every bound useless.
            bench.norms = upload(&gpu, &[40.0; 4]);
            if skip { bench.all() } else { bench.few() }
        }
    }
}

#[test]
fn block_lists_agree_with_plain_loops() {
    let Some(gpu) = gpu() else { return };
    for (size, seq) in [(8, 131), (64, 700), (16, 200), (128, 400), (48, 333)] {
        let blocks = usize::div_ceil(seq, size);
        let list = |head: usize, block: usize| {
            let offset = |other: usize| if other == 0 && block > 0 { 3f32.ln() } else { 0.0 };
            let near = (0..blocks).filter(|&other| {
                let listed =
                    other == 0 || block == 0 || other.abs_diff(block) <= 1 || other == (5 * block + head) % blocks;
                // One block sees nothing at all.
                listed && block != 3
            });
            near.map(|other| Listed { block: other, offset: offset(other) }).collect::<Vec<_>>()
        };
        let lists = (0..2).flat_map(|head| (0..blocks).map(move |block| list(head, block))).collect();
        let mut case = Case::new([2, 2, seq, 32], 2.0).named(&format!("blocks of {size}"));
        case.blocks = Some(BlockList::new(size, 2, lists).unwrap());
        case.segments = Some((0..2 * seq).map(|place| u32::from(place % seq < seq - seq / 9)).collect());
        Bench::new(&gpu, &case).all();
    }
}

#[test]
fn far_tiles_are_left_out_within_the_bound() {
    let Some(gpu) = gpu() else { return };
    for seq in [1291, 2003] {
        let mut case = Case::new([1, 4, seq, 32], 2.0);
        case.slopes = vec![0.7, 0.25, 0.06, 0.0];
        let mut bench = Bench::new(&gpu, &case);
        if seq < 2000 {
            bench.all();
        } else {
            bench.few();
        }
        let kept = bench.columns(1, ColumnsForm::Plain);
        assert!(kept < 0.6, "kept {kept}");
        drop(bench);
        case.skip = false;
        let mut bench = Bench::new(&gpu, &case);
        assert_eq!(
            [bench.columns(1, ColumnsForm::Plain), bench.columns(1, ColumnsForm::Wide), bench.rows(1)],
            [1.0; 3]
        );
    }
}

#[test]
fn parts_of_one_buffer_are_read_in_place() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new([2, 3, 77, 16], 2.0);
    let [batch, heads, seq, d] = case.shape;
    let hidden = heads * d;
    // [batch, seq, 3 · hidden] behind 64 numbers of something else.
    let mut together = vec![f32::NAN; 64 + batch * seq * 3 * hidden];
    for (part, values) in [&case.q, &case.k].into_iter().enumerate() {
        for (line, channels) in values.chunks(d).enumerate() {
            let (row, head, position) = (line / seq / heads, line / seq % heads, line % seq);
            let at = 64 + (row * seq + position) * 3 * hidden + part * hidden + head * d;
            together[at..at + d].copy_from_slice(channels);
        }
    }
    let buffer = upload(&gpu, &together);
    let views = [0, 1].map(|part| View {
        buffer: buffer.clone(),
        offset_bytes: 256,
        size_bytes: buffer.size() - 256,
        start: word(part * hidden),
        strides: [seq * 3 * hidden, d, 3 * hidden].map(word),
    });
    let bench = Bench::new(&gpu, &case);
    let (log_sums, norms) = (bench.log_sums.as_entire_binding(), bench.norms.as_entire_binding());
    let strided = Sweep::new(&gpu, &bench.plan, views, log_sums, norms, &mut on).unwrap();
    let weights = upload(&gpu, &vec![1.0; batch * seq]);
    let asked = Columns { weights: weights.as_entire_binding(), count: 1, form: ColumnsForm::Plain };
    let of = |sweep: &Sweep<'_>| words(&gpu, &sweep.columns(&asked, &mut on).unwrap().sums, batch * heads * seq);
    assert_eq!(of(&strided), of(&bench.sweep()), "the same bits wherever the numbers lie");
}

#[test]
fn the_same_bytes_come_out_each_time() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new([1, 2, 333, 64], 2.0);
    let bench = Bench::new(&gpu, &case);
    let weights = upload(&gpu, &numbers(2 * 333, 9));
    for form in [ColumnsForm::Plain, ColumnsForm::Wide] {
        let asked = Columns { weights: weights.as_entire_binding(), count: 2, form };
        let of = || words(&gpu, &bench.sweep().columns(&asked, &mut on).unwrap().sums, 4 * 333);
        assert_eq!(of(), of(), "{form:?}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_reported() {
    let Some(gpu) = gpu() else { return };
    let mut case = Case::new([1, 2, 200, 16], 1.0);
    case.segments = Some((0..200).map(|position| if position < 100 { 1 } else { 2 }).collect());
    let mut bench = Bench::new(&gpu, &case);
    // What the forward pass makes of a query that is not finite.
    let mut log_sums = bench.truth.log_sums.clone();
    log_sums[30] = f32::NAN;
    bench.log_sums = upload(&gpu, &log_sums);
    let mut q = case.q.clone();
    q[30 * 16] = f32::INFINITY;
    bench.q = upload(&gpu, &q);
    let weights = upload(&gpu, &vec![1.0; 200]);
    let is_lost = |values: Vec<f32>, lost: &dyn Fn(usize) -> bool| {
        for (index, value) in values.iter().enumerate() {
            assert_eq!(value.is_nan(), lost(index), "[{index}] is {value}");
        }
    };
    let sweep = bench.sweep();
    for form in [ColumnsForm::Plain, ColumnsForm::Wide] {
        let asked = Columns { weights: weights.as_entire_binding(), count: 1, form };
        let found = sweep.columns(&asked, &mut on).unwrap();
        is_lost(floats(&gpu, &found.sums, 400), &|key| key < 100);
        is_lost(floats(&gpu, &found.maxima, 400), &|key| key < 100);
    }
    let rows = sweep.rows(Some(weights.as_entire_binding()), 1, &mut on).unwrap();
    is_lost(floats(&gpu, &rows.spread, 800), &|place| place % 400 == 30);
    is_lost(floats(&gpu, &rows.sums, 400), &|query| query == 30);
    let groups = Groups::mean(0..1, 0..2);
    let top = sweep.top(&groups, 2, &mut on).unwrap();
    is_lost(floats(&gpu, &top.values, 400), &|place| place == 60);
    assert_eq!(words(&gpu, &top.indices, 400)[60..62], [u32::MAX; 2], "no partners");
    for edges in [vec![0, 10, 20, 30, 40, 100, 200], vec![0, 25, 50, 100, 200]] {
        let map = sweep.map(&groups, [&edges, &edges], &mut on).unwrap();
        let bins = edges.len() - 1;
        let lost = |cell: usize| edges[cell / bins] <= 30 && 30 < edges[cell / bins + 1] && cell % bins + 1 < bins;
        is_lost(floats(&gpu, &map.sums, bins * bins), &lost);
        is_lost(floats(&gpu, &map.maxima, bins * bins), &lost);
    }
    let window = sweep.window(&groups, [20..40, 90..110], &mut on).unwrap();
    is_lost(floats(&gpu, &window, 400), &|place| place / 20 == 10 && place % 20 < 10);
}

#[test]
fn what_does_not_fit_is_refused() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new([1, 2, 40, 16], 1.0);
    let bench = Bench::new(&gpu, &case);
    let sweep = bench.sweep();
    let each = Groups::each(0..1, 2);
    let refusals = [
        sweep.top(&each, 9, &mut on).unwrap_err(),
        sweep.top(&Groups::each(0..1, 3), 1, &mut on).unwrap_err(),
        sweep.rows(None, 2, &mut on).unwrap_err(),
        sweep.map(&each, [&[0, 41], &[0, 40]], &mut on).unwrap_err(),
        sweep.map(&each, [&[0, 4, 4], &[0, 40]], &mut on).unwrap_err(),
        sweep.window(&Groups::each(0..2, 2), [0..1, 0..1], &mut on).unwrap_err(),
        sweep.window(&each, [0..1, 39..41], &mut on).unwrap_err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, KernelError::Problem { .. }), "{refusal}");
    }
    let stopped = sweep.rows(None, 0, &mut |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(stopped, KernelError::Cancelled), "{stopped}");
}
