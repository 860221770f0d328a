//! Numbers in Arrow's arrays, by the bytes that they are stored in.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::super::number::{Class, DOUBLE, HALF, Number, SINGLE};

/// Numbers in a row of an array of a type. Errors are clauses about the column.
pub(super) fn width(kind: &DataType) -> Result<usize, String> {
    match kind {
        DataType::Boolean => Ok(1),
        DataType::FixedSizeList(field, length) => {
            let length = usize::try_from(*length).ok().filter(|length| (1..1 << 20).contains(length));
            let length = length.ok_or_else(|| "holds empty lists, expected numbers in each".to_owned())?;
            Ok(length * width(field.data_type())?)
        }
        _ if number(kind).is_some() => Ok(1),
        _ => Err(format!("holds {}, expected numbers, booleans, or lists of them of one length", name(kind))),
    }
}

/// Adds the numbers of an array, row by row. Errors are clauses about the column.
pub(super) fn append(array: &ArrayRef, values: &mut Vec<f32>) -> Result<(), String> {
    if let Some(row) = (0..array.len()).find(|&row| array.is_null(row)).filter(|_| array.null_count() > 0) {
        return Err(format!("holds nothing in row {row} of {}, expected a number", array.len()));
    }
    if let Some(lists) = array.as_fixed_size_list_opt() {
        let length = lists.value_length() as usize;
        let from = lists.value_offset_at(0);
        return append(&lists.values().slice(from, length * lists.len()), values);
    }
    if let Some(flags) = array.as_boolean_opt() {
        values.extend(flags.values().iter().map(|flag| f32::from(u8::from(flag))));
        return Ok(());
    }
    let number = number(array.data_type()).ok_or_else(|| "changes its type".to_owned())?;
    let data = array.to_data();
    let bytes = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
    let from = data.offset() * number.size;
    let some = bytes.get(from..from + data.len() * number.size).ok_or("is shorter than it says")?;
    values.extend(number.decode(some));
    Ok(())
}

/// Arrow's types of numbers, in this machine's order of bytes.
fn number(kind: &DataType) -> Option<Number> {
    let whole =
        |size: usize, signed| (size, Class::Integer { signed, offset: 0, precision: 8 * size as u32 });
    let (size, class) = match kind {
        DataType::Int8 => whole(1, true),
        DataType::Int16 => whole(2, true),
        DataType::Int32 => whole(4, true),
        DataType::Int64 => whole(8, true),
        DataType::UInt8 => whole(1, false),
        DataType::UInt16 => whole(2, false),
        DataType::UInt32 => whole(4, false),
        DataType::UInt64 => whole(8, false),
        DataType::Float16 => (2, Class::Float(HALF)),
        DataType::Float32 => (4, Class::Float(SINGLE)),
        DataType::Float64 => (8, Class::Float(DOUBLE)),
        _ => return None,
    };
    Some(Number { size, big_endian: cfg!(target_endian = "big"), class })
}

/// A type that is not read, in words.
fn name(kind: &DataType) -> String {
    match kind {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            "raw bytes, as pictures are stored".to_owned()
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Struct(_) => "records".to_owned(),
        DataType::List(_) | DataType::LargeList(_) => "lists of changing length".to_owned(),
        other => format!("{other}"),
    }
}
