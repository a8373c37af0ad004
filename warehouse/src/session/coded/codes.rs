//! Numbers for combinations of texts, given as they come, and the two functions between them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef, UInt32Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{internal_datafusion_err, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use parking_lot::Mutex;

use crate::session::repeats::{Repeats, both, repeats};

/// Combinations of values, one of each type, any of which may be missing. All threads of a query share one.
#[derive(Debug)]
pub struct Codes {
    width: usize,
    rows: RowConverter,
    known: Mutex<Known>,
}

/// Combinations as the engine writes them to compare them: equal ones are equal bytes.
#[derive(Debug, Default)]
struct Known {
    codes: HashMap<Arc<[u8]>, u32>,
    combinations: Vec<Arc<[u8]>>,
}

impl Codes {
    pub fn new(types: impl IntoIterator<Item = DataType>) -> Result<Self> {
        let fields: Vec<SortField> = types.into_iter().map(SortField::new).collect();
        Ok(Self { width: fields.len(), rows: RowConverter::new(fields)?, known: Mutex::default() })
    }

    /// A number for each row of `columns`.
    fn of(&self, columns: &[ArrayRef]) -> Result<UInt32Array> {
        let together = columns.iter().map(|values| repeats(values)).reduce(|one, other| both(one?, other?)).flatten();
        let Some(Repeats { first, which }) = together else { return Ok(self.intern(columns)?.into()) };
        let different = columns.iter().map(|values| take(values, &first, None)).collect::<Result<Vec<_>, _>>()?;
        let codes = self.intern(&different)?;
        Ok(UInt32Array::from_iter_values(which.into_iter().map(|place| codes[place as usize])))
    }

    fn intern(&self, columns: &[ArrayRef]) -> Result<Vec<u32>> {
        let rows = self.rows.convert_columns(columns)?;
        let mut known = self.known.lock();
        let mut number = |row: &[u8]| {
            if let Some(code) = known.codes.get(row) {
                return Ok(*code);
            }
            let code = u32::try_from(known.combinations.len()).map_err(|_| internal_datafusion_err!("more groups than there are numbers for"))?;
            let combination: Arc<[u8]> = row.into();
            known.codes.insert(combination.clone(), code);
            known.combinations.push(combination);
            Ok(code)
        };
        rows.iter().map(|row| number(row.as_ref())).collect()
    }

    /// The values at `place` of the combinations with these numbers.
    fn values(&self, codes: &UInt32Array, place: usize) -> Result<ArrayRef> {
        let known = self.known.lock();
        let of = |code: Option<u32>| code.and_then(|code| known.combinations.get(code as usize));
        let found = codes.iter().map(|code| of(code).ok_or_else(|| internal_datafusion_err!("a number that was given to nothing")));
        let (found, parser) = (found.collect::<Result<Vec<_>>>()?, self.rows.parser());
        let mut columns = self.rows.convert_rows(found.into_iter().map(|bytes| parser.parse(bytes)))?;
        if place < columns.len() { Ok(columns.swap_remove(place)) } else { internal_err!("combinations are of {} values", columns.len()) }
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

/// Values to a number.
#[derive(Debug)]
pub struct Coded {
    codes: Arc<Codes>,
    signature: Signature,
    /// A missing value has no number, for counts that leave it out; in groups it is one like others.
    leaves_out: bool,
}

impl Coded {
    pub fn groups(codes: Arc<Codes>) -> Self {
        Self { signature: Signature::any(codes.width, Volatility::Immutable), codes, leaves_out: false }
    }

    pub fn values(of: DataType) -> Result<Self> {
        Ok(Self { leaves_out: true, ..Self::groups(Arc::new(Codes::new([of])?)) })
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
        let codes = self.codes.of(&columns)?;
        let missing = columns.first().filter(|_| self.leaves_out).and_then(|values| values.nulls().cloned());
        let codes: ArrayRef = match missing {
            Some(missing) => Arc::new(UInt32Array::new(codes.values().clone(), Some(missing))),
            None => Arc::new(codes),
        };
        Ok(ColumnarValue::Array(codes))
    }
}

/// A number to one of its values.
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
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(self.field.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let codes = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(self.codes.values(codes.as_primitive::<UInt32Type>(), self.place)?))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, StringViewArray, TimestampNanosecondArray};
    use arrow::datatypes::TimeUnit;

    use super::*;

    /// Texts as from a dictionary of a file, `None` for one that is missing.
    fn column(texts: &[&str], of: impl Fn(usize) -> Option<usize>, rows: usize) -> ArrayRef {
        let dictionary = StringViewArray::from(texts.to_vec());
        let places: UInt32Array = (0..rows).map(|row| of(row).map(|place| place as u32)).collect();
        take(&dictionary, &places, None).expect("taken")
    }

    #[test]
    fn numbers_stand_for_what_they_were_given_for() {
        let long = ["", "RM 1", "anziani non autosufficienti", "anziani non autosufficienti gravi", "FR B"];
        let few = column(&long, |row| (row % 7 != 3).then_some(row * row % 5), 400);
        let other = column(&["sì", "no"], |row| (row % 3 > 0).then_some(row % 2), 400);
        let many: ArrayRef = Arc::new((0..400).map(|row| (row % 5 > 0).then(|| format!("testo {}", row % 390))).collect::<StringViewArray>());
        let years: ArrayRef = Arc::new((0..400).map(|row| (row % 11 > 0).then_some(2016 + row * row % 10)).collect::<Int32Array>());
        let months: ArrayRef = Arc::new((0..400).map(|row| (row % 4 > 0).then_some(i64::from(row % 120) << 50)).collect::<TimestampNanosecondArray>());
        let codes = Codes::new([DataType::Utf8View, DataType::Utf8View, DataType::Int32, DataType::Timestamp(TimeUnit::Nanosecond, None)]).expect("codes");
        for (one, two) in [
            (few.clone(), other.clone()),
            (many.clone(), other.clone()),
            (few.slice(3, 90), many.slice(3, 90)),
            (few.slice(0, 1), other.slice(0, 1)),
            (few.slice(0, 0), other.slice(0, 0)),
        ] {
            let columns = [one.clone(), two, years.slice(5, one.len().min(390)), months.slice(0, one.len().min(390))];
            let columns = columns.map(|column| column.slice(0, one.len().min(390)));
            let numbers = codes.of(&columns).expect("numbers");
            assert_eq!(numbers.null_count(), 0);
            for (place, column) in columns.iter().enumerate() {
                assert_eq!(&codes.values(&numbers, place).expect("values"), column);
            }
        }
        let known = codes.known.lock();
        assert_eq!(known.combinations.len(), known.codes.len(), "one number for each combination");
    }
}
