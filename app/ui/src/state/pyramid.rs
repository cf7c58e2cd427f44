//! Lowest and highest values of long tracks at any zoom, without looking at every value.

/// Values under one entry of the next level.
const STEP: usize = 16;

/// Lowest and highest of blocks of values, of blocks of blocks, and so on; values that are not known do not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pyramid {
    levels: Vec<Vec<Extent>>,
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
    const NONE: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY };

    fn of(values: &[f32]) -> Self {
        values.iter().filter(|value| value.is_finite()).fold(Self::NONE, |extent, &value| extent.with(value, value))
    }

    fn with(self, low: f32, high: f32) -> Self {
        Self { low: self.low.min(low), high: self.high.max(high) }
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        self.with(other.low, other.high)
    }

    fn known(self) -> Option<Self> {
        (self.low <= self.high).then_some(self)
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
            let fresh: Vec<Extent> = (from..wanted).map(|entry| self.summary(values, below, entry)).collect();
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

    fn summary(&self, values: &[f32], below: usize, entry: usize) -> Extent {
        let first = entry * STEP;
        if below == 0 {
            return Extent::of(&values[first..values.len().min(first + STEP)]);
        }
        let level = &self.levels[below - 1];
        level[first..level.len().min(first + STEP)].iter().copied().fold(Extent::NONE, Extent::and)
    }

    /// Lowest and highest of `values[from..to]`, which must be the values it was built from; `None` where none is known.
    pub(crate) fn extent(&self, values: &[f32], from: usize, to: usize) -> Option<Extent> {
        let to = to.min(self.values);
        if from >= to {
            return None;
        }
        let (inner, end) = (from.div_ceil(STEP), to / STEP);
        if inner >= end {
            return Extent::of(&values[from..to]).known();
        }
        let edges = Extent::of(&values[from..inner * STEP]).and(Extent::of(&values[end * STEP..to]));
        self.level_extent(0, inner, end).and(edges).known()
    }

    fn level_extent(&self, level: usize, from: usize, to: usize) -> Extent {
        let entries = &self.levels[level];
        let all = |slice: &[Extent]| slice.iter().copied().fold(Extent::NONE, Extent::and);
        let (inner, end) = (from.div_ceil(STEP), to / STEP);
        if inner >= end || level + 1 >= self.levels.len() {
            return all(&entries[from..to]);
        }
        let edges = all(&entries[from..inner * STEP]).and(all(&entries[end * STEP..to]));
        self.level_extent(level + 1, inner, end).and(edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(values: &[f32]) -> Option<Extent> {
        Extent::of(values).known()
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
    fn unknown_values_have_no_extent() {
        let values = vec![f32::NAN; 100];
        let mut pyramid = Pyramid::default();
        pyramid.extend(&values);
        assert_eq!(pyramid.extent(&values, 0, 100), None, "nothing is known");
    }
}
