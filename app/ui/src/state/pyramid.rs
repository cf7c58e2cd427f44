//! Lowest, mean and highest values of long tracks at any zoom, without looking at every value.

/// Values under one entry of the next level.
const STEP: usize = 32;

/// Lowest, mean and highest of blocks of values, of blocks of blocks, and so on; values that are not known do not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pyramid {
    levels: Vec<Vec<Summary>>,
    values: usize,
}

/// The lowest and the highest value of a stretch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent {
    /// Lowest value.
    pub(crate) low: f32,
    /// Highest value.
    pub(crate) high: f32,
}

impl Extent {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// What a stretch holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    /// Lowest value.
    pub(crate) low: f32,
    /// Highest value.
    pub(crate) high: f32,
    sum: f32,
    known: u32,
}

impl Summary {
    const NONE: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY, sum: 0.0, known: 0 };

    fn of(values: &[f32]) -> Self {
        let known = values.iter().filter(|value| value.is_finite());
        known.fold(Self::NONE, |all, &value| all.and(Self { low: value, high: value, sum: value, known: 1 }))
    }

    /// Both together.
    fn and(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            sum: self.sum + other.sum,
            known: self.known + other.known,
        }
    }

    /// Mean of the known values.
    pub(crate) fn mean(&self) -> f32 {
        self.sum / self.known as f32
    }

    /// The lowest and the highest value.
    pub(crate) fn extent(self) -> Extent {
        Extent { low: self.low, high: self.high }
    }

    fn if_known(self) -> Option<Self> {
        (self.known > 0).then_some(self)
    }
}

impl Pyramid {
    /// Takes in values that were added at the end of `values` since the last call.
    pub(crate) fn extend(&mut self, values: &[f32]) {
        let mut from = self.values / STEP;
        self.values = values.len();
        let mut below = 0;
        loop {
            let wanted = if below == 0 { values.len() } else { self.levels[below - 1].len() }.div_ceil(STEP);
            if wanted == 0 || (below > 0 && wanted <= 1 && self.levels[below - 1].len() <= 1) {
                break;
            }
            let fresh: Vec<Summary> = (from..wanted).map(|entry| self.block(values, below, entry)).collect();
            if self.levels.len() == below {
                self.levels.push(Vec::new());
            }
            let level = &mut self.levels[below];
            level.truncate(from);
            level.extend(fresh);
            from /= STEP;
            below += 1;
        }
    }

    /// Makes room for so many more values.
    pub(crate) fn make_room(&mut self, values: usize) {
        let mut entries = values;
        for level in &mut self.levels {
            entries = entries.div_ceil(STEP) + 1;
            let _ = level.try_reserve(entries);
        }
    }

    fn block(&self, values: &[f32], below: usize, entry: usize) -> Summary {
        let first = entry * STEP;
        if below == 0 {
            return Summary::of(&values[first..values.len().min(first + STEP)]);
        }
        let level = &self.levels[below - 1];
        level[first..level.len().min(first + STEP)].iter().copied().fold(Summary::NONE, Summary::and)
    }

    /// What `values[from..to]` hold, which must be the values it was built from; `None` where none is known.
    pub(crate) fn summary(&self, values: &[f32], from: usize, to: usize) -> Option<Summary> {
        let to = to.min(self.values);
        if from >= to {
            return None;
        }
        let (inner, end) = (from.div_ceil(STEP), to / STEP);
        if inner >= end {
            return Summary::of(&values[from..to]).if_known();
        }
        let edges = Summary::of(&values[from..inner * STEP]).and(Summary::of(&values[end * STEP..to]));
        self.level_summary(0, inner, end).and(edges).if_known()
    }

    /// Lowest and highest of them.
    pub(crate) fn extent(&self, values: &[f32], from: usize, to: usize) -> Option<Extent> {
        self.summary(values, from, to).map(Summary::extent)
    }

    fn level_summary(&self, level: usize, from: usize, to: usize) -> Summary {
        let entries = &self.levels[level];
        let all = |slice: &[Summary]| slice.iter().copied().fold(Summary::NONE, Summary::and);
        let (inner, end) = (from.div_ceil(STEP), to / STEP);
        if inner >= end || level + 1 >= self.levels.len() {
            return all(&entries[from..to]);
        }
        let edges = all(&entries[from..inner * STEP]).and(all(&entries[end * STEP..to]));
        self.level_summary(level + 1, inner, end).and(edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(values: &[f32]) -> Option<Extent> {
        Summary::of(values).if_known().map(Summary::extent)
    }

    #[test]
    fn same_as_looking_at_every_value() {
        let values: Vec<f32> = (0_u32..9_001)
            .map(|i| if i % 97 == 0 { f32::NAN } else { (i.wrapping_mul(2_654_435_761) % 1_000) as f32 / 10.0 })
            .collect();
        let mut pyramid = Pyramid::default();
        for end in [0, 1, 15, 16, 17, 300, 4_096, 4_097, 9_001] {
            pyramid.extend(&values[..end]);
            for (from, to) in [(0, end), (3, end), (16, 272), (1, 17), (end / 3, end), (end, end + 5)] {
                let (cut_from, cut_to) = (from.min(end), to.min(end));
                let wanted = if cut_from < cut_to { plain(&values[cut_from..cut_to]) } else { None };
                assert_eq!(pyramid.extent(&values[..end], from, to), wanted, "{from}..{to} of {end}");
            }
        }
    }

    #[test]
    fn means_are_those_of_the_known_values() {
        let values: Vec<f32> = (0_u16..5_000).map(|i| if i % 5 == 0 { f32::NAN } else { f32::from(i % 10) }).collect();
        let mut pyramid = Pyramid::default();
        pyramid.extend(&values);
        for (from, to) in [(0, 5_000), (7, 4_321), (3, 9)] {
            let known: Vec<f32> = values[from..to].iter().copied().filter(|value| value.is_finite()).collect();
            let wanted = known.iter().sum::<f32>() / known.len() as f32;
            let mean = pyramid.summary(&values, from, to).expect("known").mean();
            assert!((mean - wanted).abs() < 1e-4, "{from}..{to}: {mean}, wanted {wanted}");
        }
    }

    #[test]
    fn unknown_values_have_no_extent() {
        let values = vec![f32::NAN; 100];
        let mut pyramid = Pyramid::default();
        pyramid.extend(&values);
        assert_eq!(pyramid.extent(&values, 0, 100), None, "nothing is known");
    }
}
