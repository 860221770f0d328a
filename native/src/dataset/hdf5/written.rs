//! Rows that a data set has by its header, but that no program ever wrote: HDF5 reads them as zeros.

use std::collections::BTreeMap;

use hdf5_reader::Dataset;
use hdf5_reader::btree_v1::{BTreeV1Key, collect_btree_v1_leaves_storage};
use hdf5_reader::chunk_index::collect_v2_chunk_entries_storage;
use hdf5_reader::error::Error;
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::group::Group;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::layout::{ChunkIndexing, DataLayout};
use hdf5_reader::object_header::ObjectHeader;

/// Which rows of a data set the file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Every one.
    All,
    /// Not one, though there should be some.
    None,
    /// All but `rows` rows, of which `first` is the first.
    Part {
        /// The first row that is missing.
        first: u64,
        /// Rows that are missing.
        rows: u64,
    },
}

impl Written {
    /// Reads the index of chunks; HDF5 allocates all other data sets as a whole.
    pub(super) fn of(dataset: &Dataset, parent: &Group, header: &ObjectHeader) -> Result<Self, Error> {
        let shape = dataset.shape();
        let layout = header.messages.iter().find_map(|message| match message {
            HdfMessage::DataLayout(message) => Some(&message.layout),
            _ => None,
        });
        let undefined = |address: u64| Cursor::is_undefined_offset(address, parent.offset_size());
        Ok(match layout {
            _ if shape.contains(&0) => Self::All,
            Some(DataLayout::Contiguous { address, .. } | DataLayout::Chunked { address, .. })
                if undefined(*address) =>
            {
                Self::None
            }
            Some(DataLayout::Chunked { address, chunk_indexing, .. }) => {
                let chunk = dataset.chunks().unwrap_or_default();
                match chunks(dataset, parent, *address, chunk_indexing.as_ref(), &chunk)? {
                    Some(chunks) => coverage(shape, &chunk, &chunks),
                    None => Self::All,
                }
            }
            _ => Self::All,
        })
    }
}

/// Where the chunks that the file has begin; nothing where it has all by the way they are stored.
fn chunks(
    dataset: &Dataset,
    parent: &Group,
    address: u64,
    indexing: Option<&ChunkIndexing>,
    chunk: &[u32],
) -> Result<Option<Vec<Vec<u64>>>, Error> {
    let (storage, offsets, lengths) = (parent.storage(), parent.offset_size(), parent.length_size());
    let (shape, dimensions) = (dataset.shape(), dataset.ndim());
    let entries = match indexing {
        None => {
            let leaves = collect_btree_v1_leaves_storage(
                storage,
                address,
                offsets,
                lengths,
                Some(dimensions as u32),
                chunk,
                None,
            )?;
            let begin = |key: BTreeV1Key| match key {
                BTreeV1Key::RawData { mut offsets, .. } => {
                    offsets.truncate(dimensions);
                    Some(offsets)
                }
                BTreeV1Key::Group { .. } => None,
            };
            return Ok(Some(leaves.into_iter().filter_map(|(key, _)| begin(key)).collect()));
        }
        Some(ChunkIndexing::SingleChunk { .. } | ChunkIndexing::Implicit) => return Ok(None),
        Some(ChunkIndexing::BTreeV2) => collect_v2_chunk_entries_storage(
            storage,
            address,
            offsets,
            lengths,
            dimensions as u32,
            chunk,
            None,
        )?,
        Some(ChunkIndexing::FixedArray { .. }) => {
            collect_fixed_array_chunk_entries_storage(storage, address, offsets, lengths, shape, chunk, None)?
        }
        Some(ChunkIndexing::ExtensibleArray { .. }) => collect_extensible_array_chunk_entries_storage(
            storage,
            address,
            offsets,
            lengths,
            shape,
            dataset.max_dims(),
            chunk,
            None,
        )?,
    };
    Ok(Some(entries.into_iter().map(|entry| entry.offsets).collect()))
}

/// Counts, for each line of chunks across a row, how many of them are there.
fn coverage(shape: &[u64], chunk: &[u32], chunks: &[Vec<u64>]) -> Written {
    let (Some(&rows), Some(height)) = (shape.first(), chunk.first().map(|&height| u64::from(height.max(1))))
    else {
        return Written::All;
    };
    let across =
        shape.iter().zip(chunk).skip(1).fold(1_u64, |count, (&size, &chunk)| {
            count.saturating_mul(size.div_ceil(u64::from(chunk.max(1))))
        });
    let mut lines: BTreeMap<u64, u64> = BTreeMap::new();
    for begin in chunks {
        // Chunks beyond the shape are left over from before the data set was made smaller.
        if begin.iter().zip(shape).all(|(begin, size)| begin < size) {
            *lines.entry(begin.first().map_or(0, |row| row / height)).or_default() += 1;
        }
    }
    if lines.is_empty() {
        return Written::None;
    }
    let (mut first, mut present) = (None, 0);
    let mut next = 0;
    for (&line, &count) in &lines {
        let whole = count >= across;
        if first.is_none() && (line > next || !whole) {
            first = Some(if line > next { next } else { line });
        }
        if whole {
            present += height.min(rows - line * height);
        }
        next = line + 1;
    }
    if first.is_none() && next < rows.div_ceil(height) {
        first = Some(next);
    }
    match first {
        None => Written::All,
        Some(line) => Written::Part { first: line * height, rows: rows - present },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_chunks_are_counted_in_rows() {
        let grid = |lines: &[u64]| -> Vec<Vec<u64>> {
            lines.iter().flat_map(|line| [vec![line * 10, 0], vec![line * 10, 3]]).collect()
        };
        let of = |chunks: &[Vec<u64>]| coverage(&[35, 4], &[10, 3], chunks);
        assert_eq!(of(&grid(&[0, 1, 2, 3])), Written::All);
        assert_eq!(of(&[]), Written::None);
        assert_eq!(of(&grid(&[0, 1, 2])), Written::Part { first: 30, rows: 5 });
        assert_eq!(of(&grid(&[1, 3])), Written::Part { first: 0, rows: 20 });
        assert_eq!(of(&grid(&[0, 1, 3])), Written::Part { first: 20, rows: 10 });
        // Left over from a larger shape.
        assert_eq!(of(&grid(&[0, 1, 2, 3, 4])), Written::All);
        // One of the two chunks of a line.
        let mut chunks = grid(&[0, 1, 2, 3]);
        chunks.remove(2);
        assert_eq!(of(&chunks), Written::Part { first: 10, rows: 10 });
    }
}
