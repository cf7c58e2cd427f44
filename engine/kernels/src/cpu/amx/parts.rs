//! Numbers of single precision in three parts of bfloat16, packed as the matrix unit takes them.

use std::arch::x86_64::{
    __m512i, _mm512_shuffle_i32x4, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64,
};

use crate::cpu::stored::Number;

/// Rows and columns of a tile of sums.
pub(super) const SIDE: usize = 16;
/// Outputs, rows, and inputs that meet in one step.
pub(super) const WIDTH: usize = 2 * SIDE;
/// Parts of a number: 3 × 8 bits hold the 24 of its mantissa.
const PARTS: usize = 3;

/// A third of 16 × 32 numbers. Each pair holds the inputs `i` and `i + 16` of a step: of weights `[output][pair]`, of
/// rows `[pair][row]`.
pub(super) type Tile = [[u32; SIDE]; SIDE];

/// 32 inputs of 32 outputs or of 32 rows, `[third][half]`, the largest third first.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(in crate::cpu) struct Step([[Tile; 2]; PARTS]);

impl Step {
    pub(super) const ZERO: Self = Self([[[[0; SIDE]; SIDE]; 2]; PARTS]);

    /// Writes the inputs of an output, or of a row before rows and columns are swapped.
    #[inline(always)]
    fn write(&mut self, line: usize, numbers: &[f32; WIDTH]) {
        for place in 0..SIDE {
            let pair = pair(numbers[place], numbers[place + SIDE]);
            for (tiles, pair) in self.0.iter_mut().zip(pair) {
                tiles[line / SIDE][line % SIDE][place] = pair;
            }
        }
    }

    /// Writes zeros to the lines that are left.
    #[inline(always)]
    fn clear_from(&mut self, line: usize) {
        for tiles in &mut self.0 {
            tiles.as_flattened_mut()[line..].fill([0; SIDE]);
        }
    }
}

/// The bits of three numbers whose sum is `x`, and whose lower halves are zeros.
#[inline(always)]
fn thirds(x: f32) -> [u32; PARTS] {
    let nearest = |x: f32| f32::from_bits(x.to_bits().wrapping_add(1 << 15) & 0xffff_0000);
    let first = nearest(x);
    let second = nearest(x - first);
    [first, second, x - first - second].map(f32::to_bits)
}

/// Pairs of thirds of two numbers, side by side.
#[inline(always)]
fn pair(low: f32, high: f32) -> [u32; PARTS] {
    let (low, high) = (thirds(low), thirds(high));
    std::array::from_fn(|part| low[part] >> 16 | (high[part] & 0xffff_0000))
}

/// Packs weights of 32 outputs at most, each from its first input on, as far as there are steps.
#[inline(always)]
pub(super) fn pack_weights<'a, N: Number + 'a>(outputs: impl ExactSizeIterator<Item = &'a [N]>, steps: &mut [Step]) {
    let count = outputs.len();
    for (output, weights) in outputs.enumerate() {
        let (whole, rest) = weights.as_chunks::<WIDTH>();
        for (step, weights) in steps.iter_mut().zip(whole) {
            step.write(output, &N::wide(weights));
        }
        if let Some(step) = steps.get_mut(whole.len()) {
            let mut numbers = [0.0; WIDTH];
            N::widen(rest, &mut numbers[..rest.len()]);
            step.write(output, &numbers);
        }
    }
    for step in steps {
        step.clear_from(count);
    }
}

/// Packs 32 rows at most, from a step's first input on.
#[inline(always)]
pub(super) fn pack_rows<'a>(rows: impl Iterator<Item = &'a [f32]>) -> Step {
    let mut step = Step::ZERO;
    for (row, values) in rows.enumerate() {
        match values.first_chunk() {
            Some(values) => step.write(row, values),
            None => {
                let mut numbers = [0.0; WIDTH];
                numbers[..values.len()].copy_from_slice(values);
                step.write(row, &numbers);
            }
        }
    }
    step.0.as_flattened_mut().iter_mut().for_each(|tile| *tile = transposed(*tile));
    step
}

/// Packs what is computed of 32 outputs and 32 rows as inputs of the next layer.
#[inline(always)]
pub(super) fn pack_sums(sums: &super::Block) -> Step {
    let mut step = Step::ZERO;
    for half in 0..2 {
        for place in 0..SIDE {
            for row in 0..SIDE {
                let pair = pair(sums[0][half][place][row], sums[1][half][place][row]);
                for (tiles, pair) in step.0.iter_mut().zip(pair) {
                    tiles[half][place][row] = pair;
                }
            }
        }
    }
    step
}

/// Rows as columns.
#[inline(always)]
pub(super) fn transposed(tile: Tile) -> Tile {
    #[expect(unsafe_code, reason = "calls code for instructions that not every processor has")]
    // SAFETY: tiles are packed for the matrix unit, which is used with AVX-512 only ([`super::Amx::here`]); a row and a
    // vector are the same 64 bytes.
    unsafe {
        let rows = std::mem::transmute::<Tile, [__m512i; SIDE]>(tile);
        std::mem::transmute::<[__m512i; SIDE], Tile>(shuffled(rows))
    }
}

/// In four rounds: of numbers, of pairs, and twice of quarters of two rows.
#[target_feature(enable = "avx512f")]
fn shuffled(rows: [__m512i; SIDE]) -> [__m512i; SIDE] {
    let rows = round::<1>(rows, |a, b| (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)));
    let rows = round::<2>(rows, |a, b| (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)));
    let quarters = |a, b| (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
    let rows = round::<8>(round::<4>(rows, quarters), quarters);
    // The first two rounds leave the second and the third of each four columns swapped.
    std::array::from_fn(|column| rows[column / 4 * 4 + [0, 2, 1, 3][column % 4]])
}

/// What `of` makes of each two rows that are so far apart.
#[inline(always)]
fn round<const APART: usize>(
    mut rows: [__m512i; SIDE],
    of: impl Fn(__m512i, __m512i) -> (__m512i, __m512i),
) -> [__m512i; SIDE] {
    for pair in 0..SIDE / 2 {
        let row = pair / APART * 2 * APART + pair % APART;
        (rows[row], rows[row + APART]) = of(rows[row], rows[row + APART]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cpu::amx::Amx, tests::Numbers};

    #[test]
    fn thirds_add_up_to_the_number() {
        let drawn = Numbers(1).values(10_000).into_iter().map(|value| value * 1e3);
        for x in drawn.chain([0.0, -0.0, 1.0, f32::EPSILON, 16_777_215.0, -3.3e38, 1e-30]) {
            let parts = thirds(x).map(f32::from_bits);
            assert_eq!(parts.iter().sum::<f32>(), x, "{parts:?}");
            for part in parts {
                assert_eq!(part.to_bits() & 0xffff, 0, "{part} of {x} is bfloat16");
            }
        }
        for x in [f32::NAN, f32::from_bits(0x7fff_ffff), f32::INFINITY] {
            let sum: f32 = thirds(x).map(f32::from_bits).iter().sum();
            assert!(!sum.is_finite(), "{x} does not become a number");
        }
    }

    #[test]
    fn columns_become_rows() {
        if Amx::here().is_none() {
            return;
        }
        let mut numbers = 0..;
        let tile: Tile = std::array::from_fn(|_| std::array::from_fn(|_| numbers.next().expect("one more")));
        let want: Tile = std::array::from_fn(|row| std::array::from_fn(|column| tile[column][row]));
        assert_eq!(transposed(tile), want);
    }
}
