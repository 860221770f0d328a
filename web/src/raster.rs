//! V over the maze as a small picture, which whoever shows it enlarges smoothly.

use crate::messages::ValueField;
use crate::scale::{Ground, Quantity, fraction, ramp};

/// RGBA bytes of a field, one pixel per sample, `[rows, columns, 4]`; `None` when no value is finite.
///
/// Samples inside walls next to free ones take the mean colour beside them, so that smoothing does not fade at the
/// border; the others are transparent.
pub fn pixels(field: &ValueField, ground: Ground) -> Option<Vec<u8>> {
    let range = field.range()?;
    let value = |row: isize, column: isize| {
        let inside = (0..field.rows as isize).contains(&row) && (0..field.columns as isize).contains(&column);
        let at = inside.then(|| row as usize * field.columns + column as usize)?;
        field.values.get(at).copied().filter(|value| value.is_finite())
    };
    let pixel = |index: usize| {
        let (row, column) = ((index / field.columns) as isize, (index % field.columns) as isize);
        let near = (-1..=1).flat_map(|i| (-1..=1).map(move |j| (row + i, column + j)));
        let shown = value(row, column).or_else(|| {
            let (sum, count) = near
                .filter_map(|(row, column)| value(row, column))
                .fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| sum / count as f32)
        });
        shown.map_or([0; 4], |shown| {
            let [r, g, b] = ramp(Quantity::Value, ground, fraction(shown, range));
            [r, g, b, 255]
        })
    };
    Some((0..field.rows * field.columns).flat_map(pixel).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walls_take_the_colour_beside_them_or_none() {
        let mut values = vec![f32::NAN; 9];
        (values[6], values[7]) = (1.0, 3.0);
        let field = ValueField { spacing: 0.1, x0: 0.0, y0: 0.0, rows: 3, columns: 3, values };
        let pixels = pixels(&field, Ground::Light).unwrap();
        let pixel = |row: usize, column: usize| &pixels[(row * 3 + column) * 4..][..4];
        let shade = |part| [ramp(Quantity::Value, Ground::Light, part).as_slice(), &[255]].concat();
        assert_eq!(pixel(0, 1), [0; 4]);
        assert_eq!((pixel(2, 0), pixel(2, 1)), (shade(0.0).as_slice(), shade(1.0).as_slice()));
        // The mean of 1 and 3, and the only neighbour, 3.
        assert_eq!((pixel(1, 0), pixel(2, 2)), (shade(0.5).as_slice(), shade(1.0).as_slice()));
    }

    #[test]
    fn a_field_of_walls_has_no_picture() {
        let values = vec![f32::NAN; 4];
        assert!(
            pixels(&ValueField { spacing: 0.1, x0: 0.0, y0: 0.0, rows: 2, columns: 2, values }, Ground::Dark)
                .is_none()
        );
    }
}
