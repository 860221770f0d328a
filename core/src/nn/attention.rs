//! Causal self-attention on tensors.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use super::tensor;
use crate::kernel::tensors;

/// Self-attention in which a token sees itself and earlier ones, `[batch, tokens, width]`, from queries, keys and values side by side,
/// `[batch, tokens, 3 * width]`; each head has a part of each. In training, `kept` is a mask of the attention's weights,
/// `[batch, heads, tokens, tokens]`.
pub fn causal_attention(parts: Tensor<3>, heads: usize, kept: Option<Tensor<4>>) -> Tensor<3> {
    if tensors::serves(&parts.device()) {
        return tensors::causal_attention(parts, heads, kept);
    }
    let [batch, tokens, three] = parts.dims();
    let (width, each) = (three / 3, three / 3 / heads);
    let device = parts.device();
    let [queries, keys, values] = [0, 1, 2].map(|i| -> Tensor<4> {
        parts.clone().narrow(2, i * width, width).reshape([batch, tokens, heads, each]).swap_dims(1, 2)
    });
    let scores = queries.matmul(keys.swap_dims(2, 3)).div_scalar((each as f64).sqrt());
    let mut weights = softmax(scores + later(tokens, &device), 3);
    if let Some(kept) = kept {
        weights = weights * kept;
    }
    weights.matmul(values).swap_dims(1, 2).reshape([batch, tokens, width])
}

/// Mask that hides later tokens from a token, `[1, 1, tokens, tokens]`.
fn later(tokens: usize, device: &Device) -> Tensor<4> {
    let hidden = |i: usize| if i % tokens > i / tokens { f32::NEG_INFINITY } else { 0.0 };
    tensor((0..tokens * tokens).map(hidden).collect(), [1, 1, tokens, tokens], device)
}

#[cfg(test)]
mod tests {
    use burn::nn::attention::{MhaInput, MultiHeadAttentionConfig, generate_autoregressive_mask};

    use super::*;
    use crate::nn::linear;
    use crate::rng::Key;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.try_into_vec_as::<f32>().unwrap()
    }

    /// Queries of zero see all alike: values 1, 2, … give their running mean.
    #[test]
    fn without_queries_it_is_the_running_mean() {
        let (tokens, device) = (7, Device::flex());
        let parts = (0..tokens).flat_map(|i| [0.0, 0.3 - i as f32, 1.0 + i as f32]).collect();
        let parts: Tensor<3> = tensor(parts, [1, tokens, 3], &device);
        let found = numbers(causal_attention(parts, 1, None));
        let expected: Vec<f32> = (0..tokens).map(|i| 1.0 + i as f32 / 2.0).collect();
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
    }

    /// Values and gradients are those of the plain twin, with and without a mask, at sizes that several threads share and at sizes
    /// that are no multiple of any vector.
    #[cfg(feature = "train")]
    #[test]
    fn the_kernel_equals_its_plain_twin() {
        use crate::kernel::reference;

        let device = Device::flex().autodiff();
        for [batch, tokens, width, heads] in [[1, 1, 1, 1], [2, 7, 6, 2], [64, 60, 64, 1], [5, 13, 24, 3]] {
            for masked in [false, true] {
                let pass = || {
                    let shape = [batch, tokens, 3 * width];
                    let parts: Tensor<3> =
                        tensor(Key::new(5).normals(shape.iter().product()), shape, &device).require_grad();
                    let shape = [batch, heads, tokens, tokens];
                    let kept = Key::new(6).normals(shape.iter().product());
                    let kept = kept.into_iter().map(|x| if x < -1.0 { 0.0 } else { 1.25 }).collect();
                    let kept: Option<Tensor<4>> = masked.then(|| tensor(kept, shape, &device));
                    let shape = [batch, tokens, width];
                    let weights: Tensor<3> =
                        tensor(Key::new(7).normals(shape.iter().product()), shape, &device);
                    let y = causal_attention(parts.clone(), heads, kept);
                    let gradients = (y.clone() * weights).sum().backward();
                    [y.inner(), parts.grad(&gradients).unwrap()].map(numbers)
                };
                let (fused, plain) = (pass(), reference(pass));
                for (what, (fused, plain)) in ["value", "gradient"].into_iter().zip(fused.iter().zip(&plain))
                {
                    for (i, (found, expected)) in fused.iter().zip(plain).enumerate() {
                        let near = (found - expected).abs() <= 5e-6 * expected.abs().max(1.0);
                        assert!(near, "{what} {i} of {batch} by {tokens}: {found}, expected {expected}");
                    }
                }
            }
        }
    }

    /// It is Burn's module between that module's layers.
    #[test]
    fn it_is_that_of_burn() {
        let ([batch, tokens, width, heads], device) = ([3, 11, 24, 4], Device::flex());
        let mut whole = MultiHeadAttentionConfig::new(width, heads).with_dropout(0.0).init(&device);
        let layer = |i| linear(Key::new(1).fold(i), width, width, &device);
        (whole.query, whole.key, whole.value, whole.output) = (layer(0), layer(1), layer(2), layer(3));
        let x: Tensor<3> =
            tensor(Key::new(2).normals(batch * tokens * width), [batch, tokens, width], &device);
        let later = generate_autoregressive_mask(batch, tokens, &device);
        let expected = whole.forward(MhaInput::self_attn(x.clone()).mask_attn(later)).context;
        let parts = [&whole.query, &whole.key, &whole.value].map(|layer| layer.forward(x.clone()));
        let found = whole.output.forward(causal_attention(Tensor::cat(parts.to_vec(), 2), heads, None));
        for (found, expected) in numbers(found).into_iter().zip(numbers(expected)) {
            assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
        }
    }
}
