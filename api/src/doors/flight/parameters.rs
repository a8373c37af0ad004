//! Parameters of a prepared statement: from Arrow to the text that the gate types by where they stand.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::server::PeekableFlightDataStream;
use futures::TryStreamExt;
use tonic::Status;
use warehouse::statement::Parameter;

/// Reads the one row of parameters that a client binds, in the order of its columns.
pub(super) async fn bound(stream: PeekableFlightDataStream) -> Result<Vec<Parameter>, Status> {
    let mut batches = FlightRecordBatchStream::new_from_flight_data(stream.into_peekable().map_err(FlightError::from));
    let mut row = None;
    while let Some(batch) = batches.try_next().await? {
        if batch.num_rows() == 0 {
            continue;
        }
        if batch.num_rows() > 1 || row.is_some() {
            return Err(Status::invalid_argument("parameters.rows: bind one row of parameters at a time"));
        }
        row = Some(texts(&batch)?);
    }
    Ok(row.unwrap_or_default())
}

fn texts(batch: &RecordBatch) -> Result<Vec<Parameter>, Status> {
    batch.columns().iter().map(|column| text(column.as_ref())).collect()
}

fn text(column: &dyn Array) -> Result<Parameter, Status> {
    if column.data_type().is_nested() || matches!(column.data_type(), DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_)) {
        return Err(Status::invalid_argument("parameters.type: a parameter is text, a number, a boolean, a date or a timestamp"));
    }
    // A dictionary or a typed null array may be null without a null buffer of its own.
    if column.logical_nulls().is_some_and(|nulls| nulls.is_null(0)) {
        return Ok(None);
    }
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column, &options).map_err(|e| Status::invalid_argument(format!("parameters.type: {e}")))?;
    formatter.value(0).try_to_string().map(Some).map_err(|e| Status::invalid_argument(format!("parameters.value: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, NullArray, StringArray};

    #[test]
    fn values_become_the_text_that_sql_reads() {
        let decimal = Decimal128Array::from(vec![-123]).with_precision_and_scale(5, 2).unwrap();
        let cases: [(&dyn Array, Option<&str>); 7] = [
            (&StringArray::from(vec!["058091"]), Some("058091")),
            (&Int64Array::from(vec![-7]), Some("-7")),
            (&Float64Array::from(vec![0.5]), Some("0.5")),
            (&BooleanArray::from(vec![true]), Some("true")),
            (&Date32Array::from(vec![0]), Some("1970-01-01")),
            (&decimal, Some("-1.23")),
            (&NullArray::new(1), None),
        ];
        for (array, expected) in cases {
            assert_eq!(text(array).unwrap().as_deref(), expected);
        }
    }
}
