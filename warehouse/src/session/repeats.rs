//! Which rows of a batch repeat a value that came before. Texts read from one dictionary of a Parquet file are equal views, so that to tell
//! them apart costs less than to hash or to compare them.

use arrow::array::{Array, AsArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int32Type, TimeUnit, TimestampNanosecondType};

/// Values that are told apart at once; one that loses its place to another counts as new when it comes again: slower, not wrong.
const SLOTS: usize = 256;

/// The rows of a batch by what they hold.
pub struct Repeats {
    /// A row for each value, the missing one included. The same value may be there twice.
    pub first: UInt32Array,
    /// For each row of the batch, the place in `first` of one that holds the same.
    pub which: Vec<u32>,
}

/// Nothing when few values are repeated, or of another type than texts, years and months are.
pub fn repeats(values: &dyn Array) -> Option<Repeats> {
    let nulls = values.nulls();
    match values.data_type() {
        DataType::Utf8View => among(values.as_string_view().views(), nulls, |view| (*view >> 64) as u64 ^ *view as u64),
        DataType::Int32 => among(values.as_primitive::<Int32Type>().values(), nulls, |number| *number as u64),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => among(values.as_primitive::<TimestampNanosecondType>().values(), nulls, |moment| *moment as u64),
        _ => None,
    }
}

fn among<T: Copy + Default + PartialEq>(values: &[T], nulls: Option<&NullBuffer>, word: impl Fn(&T) -> u64) -> Option<Repeats> {
    let most = values.len() / 2;
    let mut slots = [(T::default(), u32::MAX); SLOTS];
    let mut missing = u32::MAX;
    let (mut first, mut which) = (Vec::new(), Vec::with_capacity(values.len()));
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    // Tables are sorted: a value often stands below itself.
    let mut before = (T::default(), u32::MAX);
    for (row, value) in values.iter().enumerate() {
        // What stands behind a missing value says nothing.
        let is_missing = nulls.is_some_and(|nulls| nulls.is_null(row));
        if !is_missing && *value == before.0 && before.1 != u32::MAX {
            which.push(before.1);
            continue;
        }
        let slot = if is_missing {
            &mut missing
        } else {
            let slot = &mut slots[(word(value).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize % SLOTS];
            if slot.0 != *value {
                *slot = (*value, u32::MAX);
            }
            &mut slot.1
        };
        if *slot == u32::MAX {
            *slot = u32::try_from(first.len()).ok()?;
            first.push(u32::try_from(row).ok()?);
            if first.len() > most {
                return None;
            }
        }
        which.push(*slot);
        if !is_missing {
            before = (*value, *slot);
        }
    }
    Some(Repeats { first: first.into(), which })
}

/// The same of two columns together.
pub fn both(one: Repeats, other: Repeats) -> Option<Repeats> {
    /// Pairs that are told apart: their table must stay within the processor's cache.
    const PAIRS: usize = 1 << 16;
    let width = other.first.len();
    let size = one.first.len().checked_mul(width).filter(|size| *size <= PAIRS)?;
    let mut places = vec![u32::MAX; size];
    let mut first = Vec::new();
    let mut which = one.which;
    for (row, (place, second)) in which.iter_mut().zip(other.which).enumerate() {
        let pair = &mut places[*place as usize * width + second as usize];
        if *pair == u32::MAX {
            *pair = u32::try_from(first.len()).ok()?;
            first.push(u32::try_from(row).ok()?);
        }
        *place = *pair;
    }
    Some(Repeats { first: first.into(), which })
}
