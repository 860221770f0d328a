//! From values to colours: one perceptually ordered ramp for V and Q.

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

/// A colour of the ramp, dark violet (0) over teal to light yellow (1).
///
/// The ramp is a path through Oklab-LCh on which lightness grows linearly, so that it is ordered for every eye and
/// in grey.
pub fn ramp(fraction: f32) -> [u8; 3] {
    let x = f64::from(fraction.clamp(0.0, 1.0));
    let lightness = 0.30 + 0.62 * x;
    let chroma = 0.105 + 0.05 * x;
    let hue = (312.0 - 205.0 * x).to_radians();
    oklab_to_srgb(lightness, chroma * hue.cos(), chroma * hue.sin())
}

/// The ramp as a CSS colour.
pub fn css(fraction: f32) -> String {
    let [r, g, b] = ramp(fraction);
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
    fn the_ramp_gets_lighter_all_the_way() {
        let luminance = |fraction| {
            let [r, g, b] = ramp(fraction).map(|c| (f64::from(c) / 255.0).powf(2.2));
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let values: Vec<f64> = (0..=20).map(|i| luminance(i as f32 / 20.0)).collect();
        assert!(values.windows(2).all(|pair| pair[1] > pair[0]), "{values:?}");
        assert!(values[0] < 0.08 && values[20] > 0.6, "{values:?}");
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
