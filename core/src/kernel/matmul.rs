//! Products of matrices in slices, by the `gemm` crate.

use gemm::Parallelism;

/// A matrix in a slice: element (i, j) is at `i · strides[0] + j · strides[1]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    shape: [usize; 2],
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Rows one after the other.
    ///
    /// # Panics
    /// When the slice does not have that many numbers.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} by {columns}");
        Self { values, shape: [rows, columns], strides: [columns, 1] }
    }

    /// Columns of a wider matrix, whose rows of `stride` numbers stand one after the other; `values` begins at the first number.
    ///
    /// # Panics
    /// When the slice ends before the last number.
    pub(crate) fn within(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(holds(values.len(), [rows, columns], stride), "a matrix of {rows} by {columns}");
        Self { values, shape: [rows, columns], strides: [stride, 1] }
    }

    /// The same numbers, rows and columns swapped.
    pub(crate) fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.shape, self.strides);
        Self { values: self.values, shape: [columns, rows], strides: [right, down] }
    }
}

/// What happens to the numbers that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onto {
    /// They are overwritten.
    Nothing,
    /// The product is added to them.
    Sum,
}

/// `left · right` into rows one after the other, on the calling thread.
///
/// # Panics
/// When the shapes do not fit.
pub(crate) fn matmul(left: Matrix, right: Matrix, out: &mut [f32], onto: Onto) {
    let (rows, columns) = (left.shape[0], right.shape[1]);
    assert_eq!(out.len(), rows * columns, "a product of {rows} by {columns}");
    matmul_within(left, right, out, columns, onto);
}

/// The same into columns of a wider matrix, whose rows of `stride` numbers stand one after the other; `out` begins at the first
/// number.
///
/// # Panics
/// When the shapes do not fit.
pub(crate) fn matmul_within(left: Matrix, right: Matrix, out: &mut [f32], stride: usize, onto: Onto) {
    let ([rows, inner], [inner_too, columns]) = (left.shape, right.shape);
    assert_eq!(inner, inner_too, "inner sizes of a product");
    assert!(holds(out.len(), [rows, columns], stride), "a product of {rows} by {columns}");
    let read = onto == Onto::Sum;
    if rows == 0 || columns == 0 {
        return;
    }
    // SAFETY: the constructors and the assertions above keep every index of the three matrices inside its slice, and
    // `out` is borrowed for writing, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            stride as isize,
            read,
            left.values.as_ptr(),
            left.strides[1] as isize,
            left.strides[0] as isize,
            right.values.as_ptr(),
            right.strides[1] as isize,
            right.strides[0] as isize,
            if read { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// True where so many numbers hold a matrix whose rows begin `stride` numbers apart.
fn holds(numbers: usize, [rows, columns]: [usize; 2], stride: usize) -> bool {
    columns <= stride && rows.checked_sub(1).is_none_or(|last| last * stride + columns <= numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_either_orientation_are_sums_of_products() {
        let (n, k, m) = (5, 7, 3);
        let a: Vec<f32> = (0..n * k).map(|i| (i % 11) as f32 - 5.0).collect();
        let b: Vec<f32> = (0..k * m).map(|i| (i % 7) as f32 - 3.0).collect();
        let expected: Vec<f32> =
            (0..n * m).map(|i| (0..k).map(|j| a[i / m * k + j] * b[j * m + i % m]).sum()).collect();
        let mut out = vec![f32::NAN; n * m];
        matmul(Matrix::new(&a, n, k), Matrix::new(&b, k, m), &mut out, Onto::Nothing);
        assert_eq!(out, expected);
        let turned: Vec<f32> = (0..k * n).map(|i| a[i % n * k + i / n]).collect();
        matmul(Matrix::new(&turned, k, n).transposed(), Matrix::new(&b, k, m), &mut out, Onto::Sum);
        assert_eq!(out, expected.iter().map(|x| 2.0 * x).collect::<Vec<_>>());
    }

    /// Columns 1 and 2 of four, out of and into rows that hold others.
    #[test]
    fn parts_of_wider_matrices_are_multiplied_alone() {
        let wide: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let turn = [0.0, 1.0, 1.0, 0.0];
        let mut out = vec![-1.0; 12];
        let part = Matrix::within(&wide[1..], 3, 2, 4);
        matmul_within(part, Matrix::new(&turn, 2, 2), &mut out[1..], 4, Onto::Nothing);
        assert_eq!(out, [-1.0, 2.0, 1.0, -1.0, -1.0, 6.0, 5.0, -1.0, -1.0, 10.0, 9.0, -1.0]);
    }
}
