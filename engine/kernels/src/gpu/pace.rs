//! Cutting work into submissions.
//!
//! Watchdogs end a submission that takes seconds, and nobody can look into one or stop it. So each aims at a fraction
//! of a second, sized by how fast the kernel was before. Pieces are independent of one another: how they are cut
//! decides when something is computed, never what.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::ControlFlow,
    time::{Duration, Instant},
};

use super::{context::Gpu, error::KernelError};

/// What a submission aims at.
const AIM: Duration = Duration::from_millis(75);

/// A submission shorter than this tells more of its overhead than of its speed.
const TELLING: Duration = Duration::from_millis(20);

/// Operations in a second, before anything was measured: slow processors that draw pictures manage as many.
const FIRST_RATE: f64 = 5e9;

/// By how much the rate may change at once.
const STRIDE: f64 = 4.0;

/// Submissions that may be under way whatever they take: one that runs and one that waits.
const UNDER_WAY: usize = 2;

/// Submissions that may be under way when all of them together take no longer than two should.
const SMALL_UNDER_WAY: usize = 32;

/// Workgroups along one axis, as any adapter takes them.
const MOST_GROUPS: u32 = 65_535;

/// Is told the share that is done, from 0 to 1, and says whether to go on.
pub(crate) type Watching<'a> = dyn FnMut(f64) -> ControlFlow<()> + 'a;

/// Workgroups that run together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece {
    /// The first one along each axis.
    pub(crate) first: [u32; 3],
    /// How many there are along each axis.
    pub(crate) count: [u32; 3],
    /// Operations it takes, about.
    pub(crate) cost: f64,
}

/// Workgroups that do not depend on one another, in order.
pub(crate) trait Work {
    /// Operations of all of them.
    fn cost(&self) -> f64;

    /// The next ones, of about so many operations, but at least one.
    fn next(&mut self, budget: f64) -> Option<Piece>;
}

/// Items in a row, one workgroup each, along the first axis.
#[derive(Clone, Debug)]
pub(crate) struct Items {
    /// Runs of items of the same cost: how many, and operations of each.
    runs: Vec<(u32, f64)>,
    /// The run at hand, and how many of its items are taken.
    at: (usize, u32),
    taken: u32,
}

impl Items {
    /// From runs of items of about the same cost: how many, and operations of each.
    pub(crate) fn new(runs: Vec<(u32, f64)>) -> Self {
        Self { runs, at: (0, 0), taken: 0 }
    }
}

impl Work for Items {
    fn cost(&self) -> f64 {
        self.runs.iter().map(|(count, cost)| f64::from(*count) * cost).sum()
    }

    fn next(&mut self, budget: f64) -> Option<Piece> {
        let (mut count, mut cost) = (0, 0.0);
        while let Some((items, of_each)) = self.runs.get(self.at.0) {
            let left = items - self.at.1;
            let fit = whole((budget - cost) / of_each.max(1.0)).max(u32::from(count == 0));
            let take = left.min(fit).min(MOST_GROUPS - count);
            count += take;
            cost += f64::from(take) * of_each;
            self.at.1 += take;
            if take < left {
                break;
            }
            self.at = (self.at.0 + 1, 0);
        }
        let first = self.taken;
        self.taken += count;
        (count > 0).then_some(Piece { first: [first, 0, 0], count: [count, 1, 1], cost })
    }
}

/// A grid of workgroups of the same cost, cut into whole rows, or where those are too long into parts of one.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    size: [u32; 3],
    of_each: f64,
    at: [u32; 3],
}

impl Grid {
    /// So many workgroups along each axis, of so many operations each.
    pub(crate) fn new(size: [u32; 3], of_each: f64) -> Self {
        Self { size, of_each, at: [0; 3] }
    }
}

impl Work for Grid {
    fn cost(&self) -> f64 {
        self.size.iter().map(|count| f64::from(*count)).product::<f64>() * self.of_each
    }

    fn next(&mut self, budget: f64) -> Option<Piece> {
        let [wide, high, deep] = self.size;
        let first = self.at;
        if wide == 0 || high == 0 || first[2] >= deep {
            return None;
        }
        let groups = whole(budget / self.of_each.max(1.0)).max(1);
        let rows = (groups / wide).min(high - first[1]).min(MOST_GROUPS);
        let count = if first[0] == 0 && rows > 0 && wide <= MOST_GROUPS {
            self.at[1] += rows;
            [wide, rows, 1]
        } else {
            let part = groups.min(wide - first[0]).min(MOST_GROUPS);
            self.at[0] += part;
            if self.at[0] == wide {
                self.at = [0, first[1] + 1, first[2]];
            }
            [part, 1, 1]
        };
        if self.at[1] == high {
            self.at = [0, 0, first[2] + 1];
        }
        Some(Piece { first, count, cost: f64::from(count[0]) * f64::from(count[1]) * self.of_each })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast cuts off at the ends of the range")]
fn whole(number: f64) -> u32 {
    number as u32
}

/// What is known of speed, and what is under way.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Operations in a second, by kernel.
    rates: BTreeMap<&'static str, f64>,
    under_way: VecDeque<Submitted>,
    /// When the last one was seen to be done.
    last_done: Instant,
    /// Whether a test wants every item submitted alone.
    #[cfg(test)]
    is_slow: bool,
}

#[derive(Debug)]
struct Submitted {
    index: wgpu::SubmissionIndex,
    kernel: &'static str,
    cost: f64,
    at: Instant,
}

impl Default for Pacer {
    fn default() -> Self {
        Self {
            rates: BTreeMap::new(),
            under_way: VecDeque::new(),
            last_done: Instant::now(),
            #[cfg(test)]
            is_slow: false,
        }
    }
}

impl Pacer {
    /// Submits all of some work, piece by piece.
    pub(super) fn run(
        &mut self,
        gpu: &Gpu,
        kernel: &'static str,
        work: &mut dyn Work,
        watching: &mut Watching<'_>,
        mut submit: impl FnMut(&Piece) -> Result<wgpu::SubmissionIndex, KernelError>,
    ) -> Result<(), KernelError> {
        let all = work.cost().max(1.0);
        let mut submitted = 0.0;
        while let Some(piece) = work.next(self.budget(kernel)) {
            while self.is_full(kernel, piece.cost) {
                self.settle(gpu)?;
            }
            let open: f64 = self.under_way.iter().map(|submitted| submitted.cost).sum();
            if watching((submitted - open).max(0.0) / all).is_break() {
                return Err(KernelError::Cancelled);
            }
            let index = submit(&piece)?;
            submitted += piece.cost;
            self.under_way.push_back(Submitted { index, kernel, cost: piece.cost, at: Instant::now() });
        }
        Ok(())
    }

    /// Whether something has to be waited for before a piece of a kernel goes under way.
    fn is_full(&self, kernel: &'static str, cost: f64) -> bool {
        let seconds = |kernel, cost: f64| cost / self.rate(kernel);
        let open: f64 = self.under_way.iter().map(|submitted| seconds(submitted.kernel, submitted.cost)).sum();
        let is_much = open + seconds(kernel, cost) > 2.0 * AIM.as_secs_f64();
        self.under_way.len() >= if is_much { UNDER_WAY } else { SMALL_UNDER_WAY }
    }

    fn rate(&self, kernel: &'static str) -> f64 {
        self.rates.get(kernel).copied().unwrap_or(FIRST_RATE)
    }

    fn budget(&self, kernel: &'static str) -> f64 {
        #[cfg(test)]
        if self.is_slow {
            return 0.0;
        }
        self.rate(kernel) * AIM.as_secs_f64()
    }

    /// Submits every item alone from now on.
    #[cfg(test)]
    pub(super) fn slow_down(&mut self) {
        self.is_slow = true;
    }

    /// Waits for the oldest one and learns from it.
    fn settle(&mut self, gpu: &Gpu) -> Result<(), KernelError> {
        let Some(oldest) = self.under_way.pop_front() else {
            return Ok(());
        };
        let was_done = gpu.is_done(&oldest.index)?;
        gpu.wait(&oldest.index)?;
        let now = Instant::now();
        let took = now - oldest.at.max(self.last_done);
        self.last_done = now;
        let rate = self.rates.entry(oldest.kernel).or_insert(FIRST_RATE);
        *rate = learned(*rate, oldest.cost, took, was_done);
        Ok(())
    }
}

/// The rate after a submission that `took` so long, or less where it `was_done` before anyone looked.
fn learned(rate: f64, cost: f64, took: Duration, was_done: bool) -> f64 {
    let seen = cost / took.max(Duration::from_millis(1)).as_secs_f64();
    if was_done || took < TELLING {
        return rate.max(seen.min(rate * STRIDE));
    }
    seen.clamp(rate / STRIDE, rate * STRIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(mut work: impl Work, budget: f64) -> Vec<Piece> {
        std::iter::from_fn(|| work.next(budget)).collect()
    }

    #[test]
    fn every_item_is_in_one_piece() {
        let items = Items::new(vec![(10, 100.0), (0, 1.0), (200_000, 1.0)]);
        for budget in [1.0, 250.0, 1e4, 1e9] {
            let pieces = pieces(items.clone(), budget);
            let mut next = 0;
            for piece in &pieces {
                assert_eq!(piece.first, [next, 0, 0], "budget {budget}");
                assert!(piece.count[0] <= MOST_GROUPS && (piece.cost <= budget || piece.count[0] == 1), "{piece:?}");
                next += piece.count[0];
            }
            assert_eq!(next, 200_010, "budget {budget}");
            let cost: f64 = pieces.iter().map(|piece| piece.cost).sum();
            assert_eq!(cost, items.cost(), "budget {budget}");
        }
    }

    #[test]
    fn every_place_of_a_grid_is_in_one_piece() {
        for size in [[7, 3, 2], [1, 1, 1], [70_000, 2, 1], [0, 4, 1]] {
            for budget in [10.0, 35.0, 155.0, 1e7] {
                let pieces = pieces(Grid::new(size, 10.0), budget);
                let mut seen = std::collections::BTreeSet::new();
                for Piece { first, count, .. } in pieces {
                    for index in 0..count[0] * count[1] {
                        let place = [first[0] + index % count[0], first[1] + index / count[0], first[2]];
                        assert!(seen.insert(place), "{place:?} twice in {size:?}");
                    }
                }
                let all: usize = size.iter().map(|count| *count as usize).product();
                assert_eq!(seen.len(), all, "{size:?}, budget {budget}");
            }
        }
    }

    #[test]
    fn rates_follow_what_was_measured_but_not_at_once() {
        let tenth = Duration::from_millis(100);
        assert_eq!(learned(1e9, 2e8, tenth, false), 2e9);
        assert_eq!(learned(1e9, 1e12, tenth, false), 4e9, "no faster than a stride");
        assert_eq!(learned(1e9, 1.0, tenth, false), 0.25e9, "no slower than a stride");
        assert_eq!(learned(1e9, 1e6, tenth, true), 1e9, "it may have been quicker");
        assert_eq!(learned(1e9, 1e6, Duration::from_millis(5), false), 1e9, "overhead");
    }
}
