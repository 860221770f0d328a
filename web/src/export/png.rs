//! PNG, as far as a small picture in a figure needs it: RGBA, unfiltered.

use miniz_oxide::deflate::compress_to_vec_zlib;

/// A picture of so many columns from its RGBA bytes, `[rows, columns, 4]`.
pub(crate) fn encode(rgba: &[u8], columns: usize) -> Vec<u8> {
    let rows = rgba.len() / (4 * columns.max(1));
    let mut header = [columns, rows].map(|size| (size as u32).to_be_bytes()).concat();
    // 8 bits per channel, with alpha; the usual compression, filters and order of rows.
    header.extend([8, 6, 0, 0, 0]);
    // Each row begins with its filter: none.
    let lines: Vec<u8> = rgba
        .chunks_exact(4 * columns.max(1))
        .flat_map(|row| std::iter::once(0).chain(row.iter().copied()))
        .collect();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"IDAT", &compress_to_vec_zlib(&lines, 9));
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let body = [kind.as_slice(), data].concat();
    file.extend((data.len() as u32).to_be_bytes());
    file.extend(&body);
    file.extend(crc(&body).to_be_bytes());
}

/// CRC-32 as PNG defines it.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_decoder_reads_the_same_pixels() {
        let rgba: Vec<u8> = (0..7 * 5 * 4).map(|i| (i * 37 % 256) as u8).collect();
        let file = encode(&rgba, 7);
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut read).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (7, 5, png::ColorType::Rgba));
        assert_eq!(read, rgba);
    }
}
