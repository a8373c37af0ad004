//! From Arrow to PostgreSQL's types and values, text and binary. Scalars are written here, exactly as PostgreSQL does
//! (`1`, not `1.0`; decimals of any precision); lists, structures and intervals by arrow-pg.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema, TimeUnit,
};
use arrow::datatypes::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_pg::encoder::Encoder;
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use pgwire::api::Type;
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::error::PgWireResult;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{FieldDescription, RowDescription};
use pgwire::types::ToSqlText;
use postgres_types::{IsNull, ToSql};

use crate::doors::postgres::errors::Fault;
use crate::doors::postgres::numeric;

/// Columns of an answer as the client gets them.
#[derive(Clone)]
pub struct Layout {
    fields: Arc<Vec<FieldInfo>>,
}

impl Layout {
    /// `formats`: none is text for all, one is for all, else one per column (0 text, 1 binary).
    pub fn new(schema: &Schema, formats: &[i16]) -> Result<Self, Fault> {
        let count = schema.fields().len();
        if formats.len() > 1 && formats.len() != count {
            return Err(Fault::new("08P01", format!("bind message has {} result formats but query has {count} columns", formats.len())));
        }
        let mut fields = Vec::with_capacity(count);
        for (at, field) in schema.fields().iter().enumerate() {
            let code = if formats.len() == 1 { formats[0] } else { formats.get(at).copied().unwrap_or(0) };
            let kind = match field.data_type() {
                DataType::Null => Type::TEXT,
                _ => arrow_pg::datatypes::field_into_pg_type(field)
                    .map_err(|_| Fault::new("0A000", format!("column \"{}\" has a type without a PostgreSQL counterpart", field.name())))?,
            };
            fields.push(
                FieldInfo::new(name(field.name()).to_owned(), None, None, kind, FieldFormat::from(code))
                    .with_type_size(size(field))
                    .with_type_modifier(modifier(field)),
            );
        }
        Ok(Self { fields: Arc::new(fields) })
    }

    pub fn message(&self) -> PgWireBackendMessage {
        PgWireBackendMessage::RowDescription(RowDescription::new(self.fields.iter().map(FieldDescription::from).collect()))
    }

    /// Appends rows `from..to` of `batch` to `out` as `DataRow` messages.
    pub fn rows(&self, batch: &RecordBatch, from: usize, to: usize, out: &mut BytesMut) -> Result<(), Fault> {
        let columns: Vec<Column<'_>> = batch
            .columns()
            .iter()
            .zip(self.fields.iter())
            .zip(batch.schema_ref().fields())
            .map(|((array, info), field)| Column { array, info, field, binary: info.format() == FieldFormat::Binary })
            .collect();
        for row in from..to {
            let before = out.len();
            out.put_u8(b'D');
            let start = out.len();
            out.put_i32(0);
            out.put_i16(columns.len() as i16);
            if let Err(fault) = columns.iter().try_for_each(|column| column.value(row, out)) {
                out.truncate(before);
                return Err(fault);
            }
            let length = (out.len() - start) as i32;
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }
}

/// Functions whose unnamed results clients look for by PostgreSQL's name for them.
const NAMED: [&str; 22] = [
    "avg",
    "coalesce",
    "concat",
    "count",
    "current_database",
    "current_schema",
    "date_part",
    "date_trunc",
    "left",
    "lower",
    "max",
    "median",
    "min",
    "now",
    "rank",
    "round",
    "row_number",
    "session_user",
    "string_agg",
    "sum",
    "upper",
    "version",
];

/// The planner calls an unnamed `count(*)` by its text; PostgreSQL calls it `count`.
fn name(name: &str) -> &str {
    match name.split_once('(') {
        Some((function, rest)) if NAMED.contains(&function) && closes_at_end(rest) => function,
        _ => name,
    }
}

/// Whether the parenthesis opened before `rest` is the one that closes it.
fn closes_at_end(rest: &str) -> bool {
    let mut depth = 1;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1 == rest.len();
        }
    }
    false
}

/// `pg_type.typlen`.
fn size(field: &Field) -> i16 {
    match field.data_type() {
        DataType::Boolean => 1,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => 2,
        DataType::Int32 | DataType::UInt16 | DataType::Float32 | DataType::Date32 => 4,
        DataType::Int64 | DataType::UInt32 | DataType::Float64 | DataType::Timestamp(_, _) => 8,
        _ => -1,
    }
}

/// Precision and scale of a numeric, packed.
fn modifier(field: &Field) -> i32 {
    match field.data_type() {
        DataType::Decimal128(precision, scale) if *scale >= 0 => ((i32::from(*precision) << 16) | i32::from(*scale)) + 4,
        _ => -1,
    }
}

struct Column<'a> {
    array: &'a Arc<dyn Array>,
    info: &'a FieldInfo,
    field: &'a Arc<Field>,
    binary: bool,
}

impl Column<'_> {
    /// Length and bytes of one value, or -1 for NULL.
    fn value(&self, row: usize, out: &mut BytesMut) -> Result<(), Fault> {
        if self.array.is_null(row) || self.array.data_type() == &DataType::Null {
            out.put_i32(-1);
            return Ok(());
        }
        let start = out.len();
        out.put_i32(0);
        if !self.scalar(row, out) {
            out.truncate(start);
            return self.other(row, out);
        }
        let length = (out.len() - start - 4) as i32;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Writes a value that is not NULL; false for a type that is not written here.
    fn scalar(&self, row: usize, out: &mut BytesMut) -> bool {
        let array = self.array;
        match array.data_type() {
            DataType::Utf8 => out.put_slice(array.as_string::<i32>().value(row).as_bytes()),
            DataType::LargeUtf8 => out.put_slice(array.as_string::<i64>().value(row).as_bytes()),
            DataType::Utf8View => out.put_slice(array.as_string_view().value(row).as_bytes()),
            DataType::Boolean => {
                let value = array.as_boolean().value(row);
                out.put_u8(if self.binary {
                    u8::from(value)
                } else if value {
                    b't'
                } else {
                    b'f'
                });
            }
            DataType::Int8 => self.small(i16::from(array.as_primitive::<Int8Type>().value(row)), out),
            DataType::UInt8 => self.small(i16::from(array.as_primitive::<UInt8Type>().value(row)), out),
            DataType::Int16 => self.small(array.as_primitive::<Int16Type>().value(row), out),
            DataType::UInt16 => self.int(i32::from(array.as_primitive::<UInt16Type>().value(row)), out),
            DataType::Int32 => self.int(array.as_primitive::<Int32Type>().value(row), out),
            DataType::UInt32 => self.big(i64::from(array.as_primitive::<UInt32Type>().value(row)), out),
            DataType::Int64 => self.big(array.as_primitive::<Int64Type>().value(row), out),
            DataType::UInt64 => self.numeric(&array.as_primitive::<UInt64Type>().value(row).to_string(), out),
            DataType::Float32 => {
                let value = array.as_primitive::<Float32Type>().value(row);
                if self.binary { out.put_f32(value) } else { float(f64::from(value), &value.to_string(), &format!("{value:e}"), 6, out) }
            }
            DataType::Float64 => {
                let value = array.as_primitive::<Float64Type>().value(row);
                if self.binary { out.put_f64(value) } else { float(value, &value.to_string(), &format!("{value:e}"), 15, out) }
            }
            DataType::Decimal128(_, scale) => self.numeric(&numeric::text(&array.as_primitive::<Decimal128Type>().value(row).to_string(), *scale), out),
            DataType::Decimal256(_, scale) => self.numeric(&numeric::text(&array.as_primitive::<Decimal256Type>().value(row).to_string(), *scale), out),
            DataType::Date32 => self.date(array.as_primitive::<Date32Type>().value(row), out),
            DataType::Timestamp(unit, zone) => {
                let micros = match unit {
                    TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row).saturating_mul(1_000_000),
                    TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row).saturating_mul(1_000),
                    TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
                    TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000),
                };
                self.moment(micros, zone.is_some(), out);
            }
            _ => return false,
        }
        true
    }

    fn small(&self, value: i16, out: &mut BytesMut) {
        if self.binary { out.put_i16(value) } else { out.put_slice(itoa::Buffer::new().format(value).as_bytes()) }
    }

    fn int(&self, value: i32, out: &mut BytesMut) {
        if self.binary { out.put_i32(value) } else { out.put_slice(itoa::Buffer::new().format(value).as_bytes()) }
    }

    fn big(&self, value: i64, out: &mut BytesMut) {
        if self.binary { out.put_i64(value) } else { out.put_slice(itoa::Buffer::new().format(value).as_bytes()) }
    }

    fn numeric(&self, text: &str, out: &mut BytesMut) {
        if self.binary {
            let mut bytes = Vec::with_capacity(16);
            numeric::to_binary(text, &mut bytes);
            out.put_slice(&bytes);
        } else {
            out.put_slice(text.as_bytes());
        }
    }

    fn date(&self, days: i32, out: &mut BytesMut) {
        const EPOCH_2000: i32 = 10_957;
        if self.binary {
            out.put_i32(days.saturating_sub(EPOCH_2000));
            return;
        }
        match chrono::TimeDelta::try_days(i64::from(days)).and_then(|d| NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_signed(d)) {
            Some(date) => day(date, out),
            None => out.put_slice(if days < 0 { b"-infinity" } else { b"infinity" }),
        }
    }

    fn moment(&self, micros: i64, zoned: bool, out: &mut BytesMut) {
        const EPOCH_2000: i64 = 946_684_800_000_000;
        if self.binary {
            out.put_i64(micros.saturating_sub(EPOCH_2000));
            return;
        }
        let Some(time) = DateTime::from_timestamp_micros(micros) else {
            out.put_slice(if micros < 0 { b"-infinity" } else { b"infinity" });
            return;
        };
        let (year, suffix) = era(time.year());
        let _ = write!(out, "{year:04}-{:02}-{:02} {:02}:{:02}:{:02}", time.month(), time.day(), time.hour(), time.minute(), time.second());
        let fraction = micros.rem_euclid(1_000_000);
        if fraction > 0 {
            let _ = write!(out, ".{}", format!("{fraction:06}").trim_end_matches('0'));
        }
        if zoned {
            out.put_slice(b"+00");
        }
        out.put_slice(suffix);
    }

    /// Types that arrow-pg writes.
    fn other(&self, row: usize, out: &mut BytesMut) -> Result<(), Fault> {
        let mut value = Value { out };
        arrow_pg::encoder::encode_value(&mut value, self.array, row, self.field, self.info).map_err(|error| {
            tracing::warn!(%error, column = self.info.name(), "a value could not be sent");
            Fault::new("0A000", format!("a value of column \"{}\" has no PostgreSQL form", self.info.name()))
        })
    }
}

fn day(date: NaiveDate, out: &mut BytesMut) {
    let (year, suffix) = era(date.year());
    let _ = write!(out, "{year:04}-{:02}-{:02}", date.month(), date.day());
    out.put_slice(suffix);
}

/// PostgreSQL counts years before 1 as BC.
fn era(year: i32) -> (i32, &'static [u8]) {
    if year > 0 { (year, b"") } else { (1 - year, b" BC") }
}

/// The shortest text that reads back as the same number, with an exponent where PostgreSQL has one.
fn float(value: f64, plain: &str, scientific: &str, digits: i32, out: &mut BytesMut) {
    if value.is_nan() {
        out.put_slice(b"NaN");
    } else if value.is_infinite() {
        out.put_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    } else {
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if value != 0.0 && !(-4..digits).contains(&exponent) {
            let _ = write!(out, "{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
        } else {
            out.put_slice(plain.as_bytes());
        }
    }
}

/// arrow-pg's way to one value of a row under construction.
struct Value<'a> {
    out: &'a mut BytesMut,
}

impl Encoder for Value<'_> {
    type Item = ();

    fn encode_field<T: ToSql + ToSqlText + Sized>(&mut self, value: &T, info: &FieldInfo) -> PgWireResult<()> {
        let start = self.out.len();
        self.out.put_i32(-1);
        let null = match info.format() {
            FieldFormat::Text => value.to_sql_text(info.datatype(), self.out, info.format_options())?,
            FieldFormat::Binary => value.to_sql(info.datatype(), self.out)?,
        };
        if let IsNull::No = null {
            let length = (self.out.len() - start - 4) as i32;
            self.out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    fn take_row(&mut self) {}
}

#[cfg(test)]
mod tests;
