//! Where a tensor lies in a file, and in what order.

use ::safetensors::Dtype;

/// Where a tensor lies in a file, and in what order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which file of a checkpoint.
    pub(super) file: usize,
    /// Byte of its first value.
    pub(super) at: u64,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// Values from one to the next along each dimension; `None` where they lie in row-major order.
    pub(super) strides: Option<Vec<usize>>,
}

impl Place {
    /// Number of its values.
    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Strides of values that lie in row-major order.
pub(super) fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut stride = 1;
    let mut strides: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let this = stride;
            stride *= size;
            this
        })
        .collect();
    strides.reverse();
    strides
}

/// Every value of a tensor: where it lies, counted from the first one, and where it belongs in row-major order.
///
/// The longest strides turn slowest, so that a file is read forwards.
pub(super) struct Walk {
    axes: Vec<Axis>,
    left: usize,
    from: usize,
    to: usize,
}

struct Axis {
    size: usize,
    stride: usize,
    row_stride: usize,
    index: usize,
}

impl Walk {
    pub(super) fn new(shape: &[usize], strides: &[usize]) -> Self {
        let axes = shape.iter().zip(strides).zip(row_major(shape));
        let mut axes: Vec<Axis> =
            axes.map(|((&size, &stride), row_stride)| Axis { size, stride, row_stride, index: 0 }).collect();
        axes.sort_by_key(|axis| axis.stride);
        Self { axes, left: shape.iter().product(), from: 0, to: 0 }
    }

    fn advance(&mut self) {
        for axis in &mut self.axes {
            axis.index += 1;
            if axis.index < axis.size {
                self.from += axis.stride;
                self.to += axis.row_stride;
                return;
            }
            axis.index = 0;
            self.from -= axis.stride * (axis.size - 1);
            self.to -= axis.row_stride * (axis.size - 1);
        }
    }
}

impl Iterator for Walk {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let here = (self.from, self.to);
        self.advance();
        Some(here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_tensor_is_read_forwards() {
        // Stored as 2 rows of 3, seen as 3 rows of 2.
        let walk: Vec<_> = Walk::new(&[3, 2], &[1, 3]).collect();
        assert_eq!(walk, [(0, 0), (1, 2), (2, 4), (3, 1), (4, 3), (5, 5)], "from and to");
    }

    #[test]
    fn repeated_and_missing_values_are_walked() {
        assert_eq!(Walk::new(&[2, 2], &[0, 1]).collect::<Vec<_>>(), [(0, 0), (0, 2), (1, 1), (1, 3)], "repeated rows");
        assert_eq!(Walk::new(&[3, 0], &[5, 1]).count(), 0, "no values");
        assert_eq!(Walk::new(&[], &[]).collect::<Vec<_>>(), [(0, 0)], "a scalar");
    }

    #[test]
    fn strides_of_rows_are_products() {
        assert_eq!(row_major(&[2, 3, 4]), [12, 4, 1], "three dimensions");
        assert_eq!(row_major(&[]), [] as [usize; 0], "a scalar");
    }
}
