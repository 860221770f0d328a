//! Chunks: unpacked one after the other, each into its place among a column's numbers.

use hdf5_reader::Dataset;
use hdf5_reader::error::Error;

use super::super::number::Number;

/// Fills the numbers of a chunked data set of one or two dimensions, row by row; `width` of them are in a row. What no chunk
/// has is left as it is.
pub(super) fn fill(dataset: &Dataset, number: Number, width: usize, values: &mut [f32]) -> Result<(), Error> {
    let across = dataset.shape().get(1).map_or(1, |&size| size as usize);
    // An element may be a list.
    let inner = width / across.max(1);
    for chunk in dataset.iter_chunks()? {
        let chunk = chunk?;
        let at = |axis: usize| chunk.offsets().get(axis).map_or(0, |&at| at as usize);
        let size = |axis: usize| chunk.shape().get(axis).map_or(1, |&size| size as usize);
        let (row, column) = (at(0), at(1));
        // Chunks at the edge have more than the data set.
        let Some(most) = across.checked_sub(column).map(|left| inner * left.min(size(1))) else { continue };
        let numbers = number.decode(chunk.bytes());
        for (row, line) in (row..).zip(numbers.chunks_exact(inner * size(1))) {
            let Some(place) = values.get_mut(row * width + inner * column..) else { break };
            let count = most.min(place.len());
            place[..count].copy_from_slice(&line[..count]);
        }
    }
    Ok(())
}

/// Bytes that a chunk takes while it is unpacked and decoded; none where the data set is in one piece.
pub(super) fn size(dataset: &Dataset, number: Number, width: usize) -> Option<u64> {
    let chunk = dataset.chunks()?;
    let across = dataset.shape().get(1).map_or(1, |&size| size as usize);
    let inner = (width / across.max(1)) as u64;
    let elements = chunk.iter().fold(1_u64, |all, &size| all.saturating_mul(u64::from(size)));
    // As it is packed, unpacked and decoded.
    Some(elements.saturating_mul(inner).saturating_mul(2 * number.size as u64 + 4))
}
