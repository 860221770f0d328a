//! Sizes, anchors, and `PyTorch`'s numbers.

use burn::tensor::Device;

use super::{UNet, UNetError, UNetSettings};
use crate::nn::parameter_shapes;
use crate::rng::Key;

/// Sizes of a network over rows of six numbers without a condition.
fn sizes(dim: usize, multipliers: &[usize]) -> UNetSettings {
    UNetSettings { channels: 6, dim, multipliers: multipliers.to_vec(), condition: 0 }
}

fn parameters(settings: &UNetSettings) -> usize {
    let net = UNet::new(Key::new(0), settings, &Device::flex());
    parameter_shapes("net", &net).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
}

/// The published network and smaller ones, counted by hand.
#[test]
fn networks_have_their_sizes() {
    for (dim, multipliers, expected) in [
        (32, [1, 4, 8], 3_682_118),
        (32, [1, 2, 4], 997_574),
        (24, [1, 2, 4], 562_710),
        (16, [1, 4, 8], 924_070),
        (16, [1, 2, 4], 251_494),
    ] {
        assert_eq!(parameters(&sizes(dim, &multipliers)), expected, "{dim} {multipliers:?}");
    }
}

/// Decision Diffuser's networks with a condition as wide as the time's code, without what embeds the return:
/// layers from 1 to 128, 128 to 512 and 512 to 128 numbers at a width of 128.
#[test]
fn conditioned_networks_have_their_sizes() {
    for (dim, multipliers, expected) in
        [(128, [1, 4, 8], 59_726_212), (32, [1, 4, 8], 3_743_332), (32, [1, 2, 4], 1_034_212)]
    {
        let settings = UNetSettings { channels: 4, condition: dim, ..sizes(dim, &multipliers) };
        let embedding = 2 * dim + (dim + 1) * 4 * dim + (4 * dim + 1) * dim;
        assert_eq!(parameters(&settings) + embedding, expected, "{dim} {multipliers:?}");
    }
}

/// Sizes that cannot be used are refused, each with its reason.
#[test]
fn sizes_are_checked() {
    let good = sizes(32, &[1, 2, 4]);
    for horizon in [4, 32, 36] {
        assert_eq!(good.check(horizon), Ok(()), "{horizon}");
    }
    for horizon in [0, 2, 34] {
        let error = good.check(horizon).unwrap_err();
        assert_eq!(error, UNetError::Horizon { found: horizon, halvings: 2, multiple: 4 });
    }
    assert_eq!(UNetSettings { channels: 0, ..good.clone() }.check(32), Err(UNetError::Channels));
    assert_eq!(UNetSettings { dim: 20, ..good.clone() }.check(32), Err(UNetError::Width { found: 20 }));
    let levels = UNetError::Levels { found: vec![1, 0] };
    assert_eq!(UNetSettings { multipliers: vec![1, 0], ..good }.check(32), Err(levels));
}
