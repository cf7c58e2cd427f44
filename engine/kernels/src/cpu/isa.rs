//! The instruction sets that the processor's kernels are compiled for.
//!
//! Every kernel is written once, over arrays whose widths are constants; the compiler turns it into the vector
//! instructions of each set here, and which one runs is found out when the program runs.

/// An instruction set.
pub(crate) trait Isa {
    /// Runs `work` compiled for this set. What is to profit must be inlined into `work`.
    fn enter<T>(work: impl FnOnce() -> T) -> T;

    /// `a · b + c`, rounded once where the set can.
    fn mul_add(a: f32, b: f32, c: f32) -> f32;
}

/// What every processor of the architecture has.
pub(crate) struct Baseline;

impl Isa for Baseline {
    #[inline(always)]
    fn enter<T>(work: impl FnOnce() -> T) -> T {
        work()
    }

    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        // Where the set lacks the instruction, `mul_add` would call a function for each number.
        if cfg!(target_arch = "x86_64") { a * b + c } else { a.mul_add(b, c) }
    }
}

/// An instruction set of x86-64 that not every processor has.
#[cfg(target_arch = "x86_64")]
macro_rules! instruction_set {
    ($(#[$about:meta])* $name:ident, $features:literal) => {
        $(#[$about])*
        pub(crate) struct $name;

        impl Isa for $name {
            #[inline(always)]
            fn enter<T>(work: impl FnOnce() -> T) -> T {
                #[target_feature(enable = $features)]
                fn compiled<T>(work: impl FnOnce() -> T) -> T {
                    work()
                }
                #[expect(unsafe_code, reason = "calls code for instructions that not every processor has")]
                // SAFETY: `on_this_processor` chooses this set only where the processor has these instructions.
                unsafe {
                    compiled(work)
                }
            }

            #[inline(always)]
            fn mul_add(a: f32, b: f32, c: f32) -> f32 {
                a.mul_add(b, c)
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
instruction_set!(
    /// AVX2 with fused multiply-add: processors since 2013.
    Avx2,
    "avx2,fma"
);

#[cfg(target_arch = "x86_64")]
instruction_set!(
    /// AVX-512: vectors twice as wide and twice as many of them.
    Avx512,
    "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"
);

/// Whether the processor has AVX-512, as far as these kernels use it.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && has_avx2()
}

/// Whether the processor has AVX2 with fused multiply-add.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Calls a function that is generic over an instruction set, the rows and the width of its tiles, with the best set of
/// this processor.
///
/// A tile of rows × width sums fills the vector registers of the set but for the few that hold its factors. With
/// AVX-512 there are two such: `wide` tiles load ten times for 24 products, the others fourteen times, but these waste
/// less where a step is short.
macro_rules! on_this_processor {
    ($function:ident($($argument:expr),* $(,)?)) => {
        $crate::cpu::isa::on_this_processor!(@ 12 32 $function($($argument),*))
    };
    (wide $function:ident($($argument:expr),* $(,)?)) => {
        $crate::cpu::isa::on_this_processor!(@ 6 64 $function($($argument),*))
    };
    (@ $rows:literal $width:literal $function:ident($($argument:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            if $crate::cpu::isa::has_avx512() {
                $function::<$crate::cpu::isa::Avx512, $rows, $width>($($argument),*)
            } else if $crate::cpu::isa::has_avx2() {
                $function::<$crate::cpu::isa::Avx2, 6, 16>($($argument),*)
            } else {
                $function::<$crate::cpu::isa::Baseline, 2, 16>($($argument),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            $function::<$crate::cpu::isa::Baseline, 6, 16>($($argument),*)
        }
    }};
}

pub(crate) use on_this_processor;
