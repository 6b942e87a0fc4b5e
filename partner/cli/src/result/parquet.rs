//! The table of figures as a Parquet file: one row group, typed columns that may be empty.

use ::page::export::{self, COLUMNS, Cell, Column, Holds, Line};
use parquet::{
    basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::Type,
};
use std::sync::Arc;

/// The bytes of a Parquet file with `lines`.
pub(super) fn written(lines: &[Line]) -> Result<Vec<u8>, ParquetError> {
    let fields = COLUMNS.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder("figures").with_fields(fields).build()?;
    let format = KeyValue::new("format".to_owned(), FORMAT.to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![format])).build();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    for (at, column) in COLUMNS.iter().enumerate() {
        let cells = lines.iter().filter_map(|line| line.cells().get(at));
        match column.holds {
            Holds::Text | Holds::Json => put::<ByteArrayType>(&mut group, cells, text)?,
            Holds::Number => put::<DoubleType>(&mut group, cells, number)?,
            Holds::Whole | Holds::Moment => put::<Int64Type>(&mut group, cells, whole)?,
            Holds::Flag => put::<BoolType>(&mut group, cells, flag)?,
        }
    }
    group.close()?;
    file.into_inner()
}

fn field(column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column.holds {
        // JSON is text here: few readers know Parquet's own type for it.
        Holds::Text | Holds::Json => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Holds::Number => (Physical::DOUBLE, None),
        Holds::Whole => (Physical::INT64, None),
        Holds::Moment => {
            let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
            (Physical::INT64, Some(time))
        }
        Holds::Flag => (Physical::BOOLEAN, None),
    };
    let field = Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_converted_type(ConvertedType::NONE)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(field))
}

/// Writes the next column: a value, or nothing, for each of `cells`.
fn put<'c, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    cells: impl Iterator<Item = &'c Cell>,
    read: impl Fn(&Cell) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let cells: Vec<_> = cells.map(read).collect();
    let levels: Vec<_> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<_> = cells.into_iter().flatten().collect();
    let missing = || ParquetError::General("a column more than the schema has".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}

fn text(cell: &Cell) -> Option<ByteArray> {
    match cell {
        Cell::Text(_) | Cell::Json(_) => Some(export::plain(cell).into_bytes().into()),
        _ => None,
    }
}

fn number(cell: &Cell) -> Option<f64> {
    if let Cell::Number(number) = cell { Some(*number) } else { None }
}

fn whole(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Whole(number) => Some(*number),
        Cell::Moment(time) => i64::try_from(time.0).ok(),
        _ => None,
    }
}

fn flag(cell: &Cell) -> Option<bool> {
    if let Cell::Flag(flag) = cell { Some(*flag) } else { None }
}

/// The name of the table's format, in the file's own notes.
const FORMAT: &str = "glovebox-figures-v1";
