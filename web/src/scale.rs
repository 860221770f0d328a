//! From values to colours: a perceptually ordered ramp for V and another for Q.

/// Smallest and largest finite value.
pub fn range(values: impl Iterator<Item = f32>) -> Option<(f32, f32)> {
    values.filter(|value| value.is_finite()).fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// Where a value lies in a range, from 0 to 1; the middle of an empty range.
pub fn fraction(value: f32, (low, high): (f32, f32)) -> f32 {
    if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
}

/// What a colour stands for. Each quantity has a hue of its own, so that a plan is never taken for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// V of a state: teal.
    Value,
    /// Q of a candidate plan: violet.
    Quality,
}

/// Whether the page is light or dark; on a light page more is darker, on a dark one lighter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ground {
    #[default]
    Light,
    Dark,
}

/// A colour for a fraction of a quantity's range.
///
/// Each ramp is a path through Oklab-LCh on which lightness changes linearly, so that it is ordered for every eye and
/// in grey.
pub fn ramp(quantity: Quantity, ground: Ground, fraction: f32) -> [u8; 3] {
    let x = f64::from(fraction.clamp(0.0, 1.0));
    let (hue, most) = match quantity {
        Quantity::Value => (190.0_f64, 0.105),
        Quantity::Quality => (292.0, 0.20),
    };
    let lightness = match (ground, quantity) {
        (Ground::Light, Quantity::Value) => 0.965 - 0.43 * x,
        (Ground::Light, Quantity::Quality) => 0.84 - 0.40 * x,
        (Ground::Dark, Quantity::Value) => 0.25 + 0.42 * x,
        (Ground::Dark, Quantity::Quality) => 0.42 + 0.38 * x,
    };
    let chroma = most * (0.12 + 0.88 * x);
    oklab_to_srgb(lightness, chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin())
}

/// The ramp as a CSS colour.
pub fn css(quantity: Quantity, ground: Ground, fraction: f32) -> String {
    let [r, g, b] = ramp(quantity, ground, fraction);
    format!("rgb({r} {g} {b})")
}

fn oklab_to_srgb(lightness: f64, a: f64, b: f64) -> [u8; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
    .map(|linear| {
        let value = linear.clamp(0.0, 1.0);
        let encoded =
            if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_are_ordered_in_grey() {
        for quantity in [Quantity::Value, Quantity::Quality] {
            for (ground, sign) in [(Ground::Light, -1.0), (Ground::Dark, 1.0)] {
                let luminance = |fraction| {
                    let [r, g, b] =
                        ramp(quantity, ground, fraction).map(|c| (f64::from(c) / 255.0).powf(2.2));
                    0.2126 * r + 0.7152 * g + 0.0722 * b
                };
                let values: Vec<f64> = (0..=20).map(|i| luminance(i as f32 / 20.0)).collect();
                assert!(
                    values.windows(2).all(|pair| sign * (pair[1] - pair[0]) > 0.0),
                    "{quantity:?} {values:?}"
                );
                assert!((values[20] - values[0]).abs() > 0.2, "{quantity:?} {ground:?} {values:?}");
            }
        }
    }

    #[test]
    fn ranges_skip_what_is_not_a_number() {
        assert_eq!(range([2.0, f32::NAN, -1.0].into_iter()), Some((-1.0, 2.0)));
        assert_eq!(range([f32::NAN].into_iter()), None);
        assert_eq!(fraction(0.5, (-1.0, 2.0)), 0.5);
        assert_eq!(fraction(9.0, (1.0, 2.0)), 1.0);
        assert_eq!(fraction(1.0, (1.0, 1.0)), 0.5);
    }
}
