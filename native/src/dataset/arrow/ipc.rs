//! The header of an Arrow file. Its reader tells how many rows a batch has only once it has read them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::read_footer_length;
use arrow_ipc::{Block, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, Schema};

/// Bytes behind the footer: its length and a mark.
const TRAILER: usize = 10;
/// Mark at the beginning of a message in files of today, before its length.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The columns of a file and how many rows they have.
pub(super) fn header(mut file: File) -> Result<(Schema, u64), ArrowError> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut read = |from: u64, count: u64| -> Result<Vec<u8>, ArrowError> {
        if from.saturating_add(count) > length {
            return Err(ArrowError::ParseError(format!("it is cut short, {length} bytes are there")));
        }
        let mut bytes = vec![0; count as usize];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let unclear = |what: &str| ArrowError::ParseError(format!("its {what} is not understood"));
    let end = length.checked_sub(TRAILER as u64).ok_or_else(|| unclear("end"))?;
    let mut trailer = [0; TRAILER];
    trailer.copy_from_slice(&read(end, TRAILER as u64)?);
    let size = read_footer_length(trailer)? as u64;
    let footer = read(end.checked_sub(size).ok_or_else(|| unclear("footer"))?, size)?;
    let footer = root_as_footer(&footer).map_err(|_| unclear("footer"))?;
    let schema = try_fb_to_schema(footer.schema().ok_or_else(|| unclear("schema"))?)?;
    // The reader takes the sizes of blocks as they are told.
    let place = |block: &Block| {
        let [offset, head, body] = [block.offset(), block.metaDataLength().into(), block.bodyLength()]
            .map(|number| u64::try_from(number).unwrap_or(u64::MAX));
        let fits = offset.saturating_add(head).saturating_add(body) <= end;
        fits.then_some((offset, head)).ok_or_else(|| unclear("footer"))
    };
    for block in footer.dictionaries().iter().flatten() {
        place(block)?;
    }
    let mut rows = 0_u64;
    for block in footer.recordBatches().iter().flatten() {
        let (offset, size) = place(block)?;
        let bytes = read(offset, size)?;
        let begin = if bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
        let message = bytes.get(begin..).and_then(|bytes| root_as_message(bytes).ok());
        let batch = message.and_then(|message| message.header_as_record_batch());
        let batch = batch.ok_or_else(|| unclear("batch of rows"))?;
        rows = rows.saturating_add(u64::try_from(batch.length()).map_err(|_| unclear("batch of rows"))?);
    }
    Ok((schema, rows))
}
