//! `events.out.tfevents.<seconds>.diar`: scalars in the form of `TensorBoard`, for `diar train --events`.
//!
//! The file is a chain of records: length, checksum of the length, bytes, checksum of the bytes. The bytes are an `Event` in
//! protocol buffers, of which this writes three kinds: the version, the start of a session, and scalars. A session that
//! resumes writes a file of its own; its start tells `TensorBoard` to forget what lies behind the checkpoint.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::RunError;

/// The events file of a session.
#[derive(Debug)]
pub(super) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Begins a file in a run directory; scalars from `step` on replace those of earlier sessions.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn begin(run: &Path, step: u64) -> Result<Self, RunError> {
        let seconds = now() as u64;
        let path = run.join(format!("events.out.tfevents.{seconds}.diar"));
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(RunError::file("write", &path))?;
        let mut events = Self { path, file };
        events.event(0, &text(3, b"brain.Event:2"))?;
        // SessionLog with the status START.
        events.event(step, &text(7, &number(1, 1)))?;
        Ok(events)
    }

    /// Writes scalars of a step.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn scalars(
        &mut self,
        step: u64,
        scalars: impl IntoIterator<Item = (String, f64)>,
    ) -> Result<(), RunError> {
        let mut summary = Vec::new();
        for (name, value) in scalars {
            let mut entry = text(1, name.as_bytes());
            entry.extend([2 << 3 | 5]);
            entry.extend((value as f32).to_le_bytes());
            summary.extend(text(1, &entry));
        }
        if summary.is_empty() {
            return Ok(());
        }
        self.event(step, &text(5, &summary))
    }

    /// Writes an event with one field besides time and step.
    fn event(&mut self, step: u64, field: &[u8]) -> Result<(), RunError> {
        let mut event = vec![1 << 3 | 1];
        event.extend(now().to_le_bytes());
        event.extend(number(2, step));
        event.extend(field);
        let length = (event.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(checksum(&length).to_le_bytes());
        record.extend(&event);
        record.extend(checksum(&event).to_le_bytes());
        let written = self.file.write_all(&record).and_then(|()| self.file.flush());
        written.map_err(RunError::file("write", &self.path))
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |passed| passed.as_secs_f64())
}

/// A field of bytes.
fn text(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![field << 3 | 2];
    all.extend(varint(bytes.len() as u64));
    all.extend(bytes);
    all
}

/// A field of a whole number.
fn number(field: u8, value: u64) -> Vec<u8> {
    let mut all = vec![field << 3];
    all.extend(varint(value));
    all
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// CRC-32C, turned and shifted as the format has it, so that a checksum of checksums is none.
fn checksum(bytes: &[u8]) -> u32 {
    let crc = crc32c(bytes);
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn crc32c(bytes: &[u8]) -> u32 {
    /// The polynomial of Castagnoli, its bits in reverse.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of RFC 3720 and of the format's description.
    #[test]
    fn checksums_are_the_known_ones() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(varint(300), [0xac, 2]);
    }
}
