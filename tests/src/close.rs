//! Comparison of numbers from a device with numbers computed independently.

use burn::tensor::Tensor;

/// Numbers of a tensor, read without blocking: a browser cannot wait.
pub async fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = Box::pin(tensor.into_data_async()).await.expect("the device gives its numbers back");
    data.try_to_vec().expect("they are f32")
}

/// Asserts that numbers from a device are those computed independently.
///
/// Of numbers above 1 (Q and V reach 30) the tolerance is a share, since rounding in single precision is one too.
pub fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: count of numbers");
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - expected).abs();
        let allowed = tolerance * expected.abs().max(1.0);
        assert!(
            difference <= allowed,
            "{what}[{index}] is {found}, expected {expected}: off by {difference:.1e}, more than {allowed:.0e}"
        );
    }
}
