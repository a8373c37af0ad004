//! Numbers for combinations of texts, given as they come, and the two functions between them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, StringViewBuilder, UInt32Array};
use arrow::datatypes::{DataType, FieldRef, UInt32Type};
use datafusion::common::{internal_datafusion_err, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use parking_lot::Mutex;

use crate::session::repeats::{Repeats, both, repeats};

/// Combinations of `width` texts each, any of which may be missing. All threads of a query share one.
#[derive(Debug)]
pub struct Codes {
    width: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    codes: HashMap<Vec<u8>, u32>,
    /// The texts of each combination, one after the other.
    texts: Vec<Option<Box<str>>>,
}

impl Codes {
    pub fn new(width: usize) -> Self {
        Self { width, known: Mutex::default() }
    }

    /// A number for each row of `columns`.
    fn of(&self, columns: &[&StringViewArray]) -> Result<UInt32Array> {
        let together = columns.iter().map(|texts| repeats(texts)).reduce(|one, other| both(one?, other?)).flatten();
        match together {
            Some(Repeats { first, which }) => {
                let codes = self.intern(columns, first.values().iter().map(|row| *row as usize))?;
                Ok(UInt32Array::from_iter_values(which.into_iter().map(|place| codes[place as usize])))
            }
            None => Ok(self.intern(columns, 0..columns.first().map_or(0, |texts| texts.len()))?.into()),
        }
    }

    fn intern(&self, columns: &[&StringViewArray], rows: impl Iterator<Item = usize>) -> Result<Vec<u32>> {
        let mut known = self.known.lock();
        let mut key = Vec::new();
        rows.map(|row| {
            key.clear();
            for text in columns.iter().map(|texts| texts.is_valid(row).then(|| texts.value(row))) {
                key.push(u8::from(text.is_some()));
                key.extend(text.map_or(0, str::len).to_le_bytes());
                key.extend(text.unwrap_or_default().as_bytes());
            }
            if let Some(code) = known.codes.get(&key) {
                return Ok(*code);
            }
            let code = u32::try_from(known.codes.len()).map_err(|_| internal_datafusion_err!("more texts than there are numbers for"))?;
            known.codes.insert(key.clone(), code);
            known.texts.extend(columns.iter().map(|texts| texts.is_valid(row).then(|| texts.value(row).into())));
            Ok(code)
        })
        .collect()
    }

    /// The texts at `place` of the combinations with these numbers.
    fn texts(&self, codes: &UInt32Array, place: usize) -> Result<StringViewArray> {
        let known = self.known.lock();
        let mut texts = StringViewBuilder::with_capacity(codes.len());
        for code in codes.iter() {
            let text = code.and_then(|code| known.texts.get(code as usize * self.width + place));
            match text {
                Some(text) => texts.append_option(text.as_deref()),
                None => return internal_err!("a number that was given to no text"),
            }
        }
        Ok(texts.finish())
    }
}

/// Equal only to itself: numbers of one are not those of another.
macro_rules! only_itself {
    ($kind:ty) => {
        impl PartialEq for $kind {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.codes, &other.codes) && self.name() == other.name()
            }
        }
        impl Eq for $kind {}
        impl Hash for $kind {
            fn hash<H: Hasher>(&self, to: &mut H) {
                Arc::as_ptr(&self.codes).hash(to);
                self.name().hash(to);
            }
        }
    };
}

/// Texts to a number.
#[derive(Debug)]
pub struct Coded {
    codes: Arc<Codes>,
    signature: Signature,
    /// A missing text has no number, for counts that leave it out; in groups it is one like others.
    leaves_out: bool,
}

impl Coded {
    pub fn groups(codes: Arc<Codes>) -> Self {
        Self { signature: Signature::any(codes.width, Volatility::Immutable), codes, leaves_out: false }
    }

    pub fn values() -> Self {
        Self { leaves_out: true, ..Self::groups(Arc::new(Codes::new(1))) }
    }
}

only_itself!(Coded);

impl ScalarUDFImpl for Coded {
    fn name(&self) -> &str {
        "coded"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = columns.iter().map(|column| column.as_string_view_opt().ok_or_else(|| internal_datafusion_err!("only texts get numbers")));
        let texts = texts.collect::<Result<Vec<_>>>()?;
        let codes = self.codes.of(&texts)?;
        let missing = texts.first().filter(|_| self.leaves_out).and_then(|texts| texts.nulls().cloned());
        let codes: ArrayRef = match missing {
            Some(missing) => Arc::new(UInt32Array::new(codes.values().clone(), Some(missing))),
            None => Arc::new(codes),
        };
        Ok(ColumnarValue::Array(codes))
    }
}

/// A number to one of its texts.
#[derive(Debug)]
pub struct Decoded {
    codes: Arc<Codes>,
    place: usize,
    /// The column that it gives back.
    field: FieldRef,
    name: String,
    signature: Signature,
}

impl Decoded {
    pub fn new(codes: Arc<Codes>, place: usize, field: FieldRef) -> Self {
        Self { codes, place, field, name: format!("decoded_{place}"), signature: Signature::any(1, Volatility::Immutable) }
    }
}

only_itself!(Decoded);

impl ScalarUDFImpl for Decoded {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(self.field.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let codes = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(self.codes.texts(codes.as_primitive::<UInt32Type>(), self.place)?)))
    }
}

#[cfg(test)]
mod tests {
    use arrow::compute::take;

    use super::*;

    /// Texts as from a dictionary of a file, `None` for one that is missing.
    fn column(texts: &[&str], of: impl Fn(usize) -> Option<usize>, rows: usize) -> StringViewArray {
        let dictionary = StringViewArray::from(texts.to_vec());
        let places: UInt32Array = (0..rows).map(|row| of(row).map(|place| place as u32)).collect();
        take(&dictionary, &places, None).expect("taken").as_string_view().clone()
    }

    #[test]
    fn numbers_stand_for_what_they_were_given_for() {
        let long = ["", "RM 1", "anziani non autosufficienti", "anziani non autosufficienti gravi", "FR B"];
        let few = column(&long, |row| (row % 7 != 3).then_some(row * row % 5), 400);
        let other = column(&["sì", "no"], |row| (row % 3 > 0).then_some(row % 2), 400);
        let many: StringViewArray = (0..400).map(|row| (row % 5 > 0).then(|| format!("testo {}", row % 390))).collect();
        let codes = Codes::new(2);
        for (one, two) in [
            (&few, &other),
            (&many, &other),
            (&few.slice(3, 90), &many.slice(3, 90)),
            (&few.slice(0, 1), &other.slice(0, 1)),
            (&few.slice(0, 0), &other.slice(0, 0)),
        ] {
            let numbers = codes.of(&[one, two]).expect("numbers");
            assert_eq!(numbers.null_count(), 0);
            assert_eq!(&codes.texts(&numbers, 0).expect("texts"), one);
            assert_eq!(&codes.texts(&numbers, 1).expect("texts"), two);
        }
        let known = codes.known.lock();
        assert_eq!(known.texts.len(), 2 * known.codes.len());
        assert!(known.texts.chunks(2).all(|pair| known.texts.chunks(2).filter(|other| *other == pair).count() == 1), "one number for each pair");
    }
}
