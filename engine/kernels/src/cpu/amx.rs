//! The matrix unit of some processors (Intel AMX): it multiplies tiles of bfloat16 sixteen times as fast as vector
//! instructions multiply numbers of single precision.
//!
//! A number of single precision is the sum of three of bfloat16 ([`parts`]), and six products of these make a product as
//! exact as single precision is (as in Henry et al. 2019, arXiv 1904.06376): more than twice as fast in the end.

pub(super) mod dense;
mod parts;

use std::{arch::asm, marker::PhantomData, sync::LazyLock};

use super::isa;
use parts::{SIDE, Step};

/// Sums of 32 outputs × 32 rows, `[half of outputs][half of rows][output][row]`: as the unit holds them.
pub(super) type Block = [[[[f32; SIDE]; SIDE]; 2]; 2];

/// That the processor has the unit, and the system lets us use it.
#[derive(Clone, Copy)]
pub(super) struct Amx(());

impl Amx {
    /// Asked once; `None` where the vector kernels are to be used.
    pub(super) fn here() -> Option<Self> {
        static HERE: LazyLock<bool> = LazyLock::new(|| isa::has_avx512() && has_unit() && permitted());
        HERE.then_some(Self(()))
    }

    /// Readies the unit for this thread.
    pub(super) fn tiles(self) -> Tiles {
        /// The layout of `ldtilecfg`: palette 1, then bytes of a row and rows of each of the eight tiles.
        #[repr(align(64))]
        struct Shapes([u8; 64]);
        let mut shapes = Shapes([0; 64]);
        shapes.0[0] = 1;
        for tile in 0..8 {
            shapes.0[16 + 2 * tile] = 64;
            shapes.0[48 + tile] = 16;
        }
        #[expect(unsafe_code, reason = "the language has no stable function for this instruction")]
        // SAFETY: the processor has the unit (`self` is made nowhere else), the shapes are valid and 64 bytes long.
        unsafe {
            asm!("ldtilecfg [{shapes}]", shapes = in(reg) &raw const shapes, options(nostack, preserves_flags, readonly));
        }
        Tiles(PhantomData)
    }
}

/// Whether the processor has tiles and products of bfloat16 in them.
fn has_unit() -> bool {
    const EXTENDED_FEATURES: u32 = 7;
    const BFLOAT16: u32 = 1 << 22;
    const TILES: u32 = 1 << 24;
    let features = std::arch::x86_64::__cpuid_count(EXTENDED_FEATURES, 0).edx;
    features & BFLOAT16 != 0 && features & TILES != 0
}

/// Asks the system to keep the tiles of this process, 8 KB for each thread that uses them.
fn permitted() -> bool {
    /// `ARCH_REQ_XCOMP_PERM` and the number of the tiles' state (Linux, `Documentation/arch/x86/xstate.rst`).
    const REQUEST: libc::c_ulong = 0x1023;
    const TILE_DATA: libc::c_ulong = 18;
    #[expect(unsafe_code, reason = "a system call that no library wraps")]
    // SAFETY: the call takes two numbers, and changes nothing but what this process may use.
    unsafe {
        libc::syscall(libc::SYS_arch_prctl, REQUEST, TILE_DATA) == 0
    }
}

/// The unit, ready on the thread that asked for it; released in the end, since the system saves what is in use.
pub(super) struct Tiles(PhantomData<*const ()>);

impl Drop for Tiles {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "the language has no stable function for this instruction")]
        // SAFETY: the processor has the unit, and nobody else on this thread uses it.
        unsafe {
            asm!("tilerelease", options(nomem, nostack, preserves_flags));
        }
    }
}

/// Eight instructions between one for tiles and the next.
///
/// Where another program shares the core they make the unit half as fast again as it would be without (measured: 24
/// products and their 14 loads take 310 ns instead of 520); alone it makes no difference (145 ns).
macro_rules! pause {
    () => {
        "nop\nnop\nnop\nnop\nnop\nnop\nnop\nnop"
    };
}

/// Loads a tile of the step at a pointer: `[third][half]`, 1 KB each.
macro_rules! load {
    ($tile:literal, $from:literal, $third:literal) => {
        concat!(
            "tileloadd tmm",
            $tile,
            ", [{",
            $from,
            "} + {line} + 2048 * ",
            $third,
            " + 1024 * (",
            $tile,
            " % 2)]\n",
            pause!(),
        )
    };
}

/// Adds the product of two tiles to a tile of sums; the pause is used to fetch a part of the next step.
macro_rules! multiply {
    ($sums:literal, $weights:literal, $rows:literal, $part:literal) => {
        concat!(
            "tdpbf16ps tmm",
            $sums,
            ", tmm",
            $weights,
            ", tmm",
            $rows,
            "\n",
            "prefetcht0 [{next} + 256 * ",
            $part,
            "]\n",
            "prefetcht0 [{next} + 256 * ",
            $part,
            " + 64]\n",
            "prefetcht0 [{next} + 256 * ",
            $part,
            " + 128]\n",
            "prefetcht0 [{next} + 256 * ",
            $part,
            " + 192]\n",
            "prefetcht0 [{weights} + {step} + 256 * ",
            $part,
            "]\n",
            "prefetcht0 [{weights} + {step} + 256 * ",
            $part,
            " + 64]\n",
            "prefetcht0 [{weights} + {step} + 256 * ",
            $part,
            " + 128]\n",
            "prefetcht0 [{weights} + {step} + 256 * ",
            $part,
            " + 192]",
        )
    };
}

/// Weights that come next, as they are stored: fetched from memory while the unit computes.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    /// Where the first of four outputs lies.
    pub(super) first: *const u8,
    /// Bytes from one output to the next.
    pub(super) output: usize,
    /// Bytes of the inputs of a step.
    pub(super) step: usize,
}

impl Tiles {
    /// Adds weights × rows to `sums`; a step of rows lies `between` steps behind the one before.
    ///
    /// Weights stand in tiles 4 and 5, rows in 6 and 7, sums in 0 to 3. Of the nine products of thirds the three
    /// smallest are left out: all together they are below the last bit of single precision.
    #[inline(always)]
    pub(super) fn add_product(&self, sums: &mut Block, weights: &[Step], rows: &[Step], between: usize, ahead: Ahead) {
        if weights.is_empty() {
            return;
        }
        assert!(rows.len() > (weights.len() - 1) * between, "as many steps of rows as of weights");
        let between = between * size_of::<Step>();
        #[expect(unsafe_code, reason = "the language has no stable functions for these instructions")]
        // SAFETY: the unit is ready on this thread, with tiles of 16 lines of 64 bytes; `sums` are four such tiles, as
        // many steps of weights and of rows are read as there are, and what is only fetched may lie anywhere. The
        // compiler itself never uses tiles.
        unsafe {
            asm!(
                "tileloadd tmm0, [{sums} + {line}]",
                "tileloadd tmm1, [{sums} + {line} + 1024]",
                "tileloadd tmm2, [{sums} + {line} + 2048]",
                "tileloadd tmm3, [{sums} + {line} + 3072]",
                "2:",
                load!(4, "weights", 0), load!(6, "rows", 2), load!(5, "weights", 0), load!(7, "rows", 2),
                multiply!(0, 4, 6, 0), multiply!(2, 5, 6, 1), load!(6, "rows", 1),
                multiply!(1, 4, 7, 2), multiply!(3, 5, 7, 3), load!(7, "rows", 1),
                multiply!(0, 4, 6, 4), multiply!(2, 5, 6, 5), multiply!(1, 4, 7, 6), load!(4, "weights", 1),
                multiply!(3, 5, 7, 7), load!(5, "weights", 1),
                multiply!(0, 4, 6, 8), multiply!(2, 5, 6, 9), load!(6, "rows", 0),
                multiply!(1, 4, 7, 10), multiply!(3, 5, 7, 11), load!(7, "rows", 0),
                "prefetcht1 [{ahead}]",
                "prefetcht1 [{ahead} + 64]",
                "prefetcht1 [{ahead} + {output}]",
                "prefetcht1 [{ahead} + {output} + 64]",
                multiply!(0, 4, 6, 12), multiply!(2, 5, 6, 13), multiply!(1, 4, 7, 14), load!(4, "weights", 2),
                multiply!(3, 5, 7, 15), load!(5, "weights", 2),
                multiply!(0, 4, 6, 16), multiply!(2, 5, 6, 17), multiply!(1, 4, 7, 18), load!(4, "weights", 0),
                multiply!(3, 5, 7, 19), load!(5, "weights", 0),
                "prefetcht1 [{ahead} + 2 * {output}]",
                "prefetcht1 [{ahead} + 2 * {output} + 64]",
                "prefetcht1 [{ahead} + {output3}]",
                "prefetcht1 [{ahead} + {output3} + 64]",
                multiply!(0, 4, 6, 20), multiply!(2, 5, 6, 21), multiply!(1, 4, 7, 22), multiply!(3, 5, 7, 23),
                "add {weights}, {step}",
                "mov {rows}, {next}",
                "add {next}, {between}",
                "add {ahead}, {ahead_step}",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{sums} + {line}], tmm0",
                "tilestored [{sums} + {line} + 1024], tmm1",
                "tilestored [{sums} + {line} + 2048], tmm2",
                "tilestored [{sums} + {line} + 3072], tmm3",
                sums = in(reg) sums.as_mut_ptr(),
                weights = inout(reg) weights.as_ptr() => _,
                rows = inout(reg) rows.as_ptr() => _,
                next = inout(reg) rows.as_ptr().wrapping_byte_add(between) => _,
                between = in(reg) between,
                ahead = inout(reg) ahead.first => _,
                ahead_step = in(reg) ahead.step,
                output = in(reg) ahead.output,
                output3 = in(reg) 3 * ahead.output,
                step = const size_of::<Step>(),
                steps = inout(reg) weights.len() => _,
                line = in(reg) 64_usize,
                options(nostack),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        parts::{pack_rows, pack_weights},
        *,
    };
    use crate::tests::Numbers;

    #[test]
    fn products_are_as_exact_as_single_precision() {
        let Some(unit) = Amx::here() else { return };
        let mut numbers = Numbers(1);
        for (outputs, rows, inputs) in [(32, 32, 32), (7, 19, 70), (17, 32, 1), (32, 1, 300)] {
            let (weights, values) = (numbers.values(outputs * inputs), numbers.values(rows * inputs));
            let depth = inputs.div_ceil(parts::WIDTH);
            let mut packed = vec![Step::ZERO; depth];
            pack_weights(weights.chunks_exact(inputs), &mut packed);
            let of_step = |step: usize| pack_rows(values.chunks_exact(inputs).map(|row| &row[step * parts::WIDTH..]));
            let steps: Vec<Step> = (0..depth).map(of_step).collect();
            let mut sums = [[[[2.5; SIDE]; SIDE]; 2]; 2];
            let ahead = Ahead { first: std::ptr::null(), output: 0, step: 0 };
            unit.tiles().add_product(&mut sums, &packed, &steps, 1, ahead);
            for (output, row) in (0..parts::WIDTH).flat_map(|output| (0..parts::WIDTH).map(move |row| (output, row))) {
                let factors = |input: usize| {
                    f64::from(weights[output * inputs + input]) * f64::from(values[row * inputs + input])
                };
                let sum = if output < outputs && row < rows { (0..inputs).map(factors).sum() } else { 0.0 };
                let got = f64::from(sums[output / SIDE][row / SIDE][output % SIDE][row % SIDE]);
                assert!((got - 2.5 - sum).abs() < 1e-5, "output {output}, row {row}: got {got}, want {}", sum + 2.5);
            }
        }
    }
}
