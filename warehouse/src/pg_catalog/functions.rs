//! PostgreSQL's functions that clients call: who and where one is, comments, names of types and relations.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int32Builder, Int64Array, ListArray, ListBuilder, StringArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int32Type};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion_pg_catalog::pg_catalog as library;

use crate::pg_catalog::compatibility::{class_oid, type_oid};
use crate::pg_catalog::relation::Relations;
use crate::pg_catalog::tables::{CLASS_OID, OWNER, SETTINGS, comments, role};
use crate::pg_catalog::{DATABASE, SERVER_VERSION, keys, relation};
use crate::principal::Principal;

type Body = dyn Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync;

/// A function of any number of arguments of any type. Two of one name are equal: a session holds one of each.
struct Function {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    body: Arc<Body>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args.args.iter().map(|a| a.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        (self.body)(&arrays, args.number_rows).map(ColumnarValue::Array)
    }
}

fn function(name: &'static str, returns: DataType, body: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static) -> ScalarUDF {
    let signature =
        Signature::one_of(vec![datafusion::logical_expr::TypeSignature::VariadicAny, datafusion::logical_expr::TypeSignature::Nullary], Volatility::Stable);
    ScalarUDF::new_from_impl(Function { name, signature, returns, body: Arc::new(body) })
}

/// Always the same text (or NULL), whatever the arguments.
fn text(name: &'static str, value: Option<String>) -> ScalarUDF {
    function(name, DataType::Utf8, move |_, rows| Ok(Arc::new(std::iter::repeat_n(value.as_deref(), rows).collect::<StringArray>())))
}

fn flag(name: &'static str, value: bool) -> ScalarUDF {
    function(name, DataType::Boolean, move |_, rows| Ok(Arc::new(BooleanArray::from(vec![value; rows]))))
}

fn number(name: &'static str, value: i32) -> ScalarUDF {
    function(name, DataType::Int32, move |_, rows| Ok(Arc::new(Int32Array::from(vec![value; rows]))))
}

/// Text looked up by an oid.
fn by_oid(name: &'static str, values: HashMap<i32, String>) -> ScalarUDF {
    function(name, DataType::Utf8, move |arrays, rows| {
        let oids = integers(arrays, 0, rows)?;
        Ok(Arc::new(oids.iter().map(|oid| values.get(&oid?).map(String::as_str)).collect::<StringArray>()))
    })
}

/// The argument at `at` as 32-bit integers; absent or not a number: NULL.
fn integers(arrays: &[ArrayRef], at: usize, rows: usize) -> Result<Int32Array> {
    match arrays.get(at) {
        Some(array) => Ok(cast(array, &DataType::Int32)?.as_primitive::<Int32Type>().clone()),
        None => Ok(Int32Array::new_null(rows)),
    }
}

fn strings(arrays: &[ArrayRef], at: usize, rows: usize) -> Result<StringArray> {
    match arrays.get(at) {
        Some(array) => Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone()),
        None => Ok(StringArray::new_null(rows)),
    }
}

/// All functions for one principal.
pub fn all(principal: &Principal, relations: &Relations) -> Vec<ScalarUDF> {
    let mut list = identity(principal);
    list.extend(names(relations));
    list.extend(rights(relations));
    list.extend(fixed());
    list
}

fn identity(principal: &Principal) -> Vec<ScalarUDF> {
    let account = || Some(principal.account.clone());
    vec![
        text("version", Some(format!("PostgreSQL {SERVER_VERSION} (SISS {})", env!("CARGO_PKG_VERSION")))),
        text("current_database", Some(DATABASE.into())),
        text("current_schema", Some("public".into())),
        text("session_user", account()),
        text("current_user", account()),
        text("current_role", account()),
        library::create_current_schemas_udf(),
        function("current_setting", DataType::Utf8, |arrays, rows| {
            let setting = |name: &str| SETTINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
            Ok(Arc::new(strings(arrays, 0, rows)?.iter().map(|name| setting(name?)).collect::<StringArray>()))
        }),
        // The value asked for, as PostgreSQL answers; nothing is kept: settings belong to the connection.
        function("set_config", DataType::Utf8, |arrays, rows| Ok(Arc::new(strings(arrays, 1, rows)?))),
    ]
}

fn names(relations: &Relations) -> Vec<ScalarUDF> {
    let of_objects: HashMap<i32, String> = comments(relations).into_iter().filter(|c| c.part == 0).map(|c| (c.object, c.text.to_owned())).collect();
    let of_columns: HashMap<(i32, i32), String> =
        comments(relations).into_iter().filter(|c| c.class == CLASS_OID && c.part > 0).map(|c| ((c.object, c.part), c.text.to_owned())).collect();
    let classes = relations.iter().map(|r| (r.oid, format!("{}.{}", r.area, r.name))).collect();
    let spaces = relation::areas(relations)
        .into_iter()
        .chain(relation::SYSTEM_SCHEMAS.iter().map(|(name, _)| *name))
        .map(|area| (relation::namespace(area), area.to_owned()))
        .collect();
    let definitions: HashMap<i32, String> = keys::all(relations).iter().map(|c| (c.oid, c.definition())).collect();
    let lookup = relations.clone();
    vec![
        by_oid("obj_description", of_objects),
        function("col_description", DataType::Utf8, move |arrays, rows| {
            let (tables, columns) = (integers(arrays, 0, rows)?, integers(arrays, 1, rows)?);
            Ok(Arc::new(tables.iter().zip(&columns).map(|(table, column)| of_columns.get(&(table?, column?)).map(String::as_str)).collect::<StringArray>()))
        }),
        by_oid("siss_regclass_name", classes),
        by_oid("siss_regnamespace_name", spaces),
        by_oid("pg_get_constraintdef", definitions),
        index_definition(relations),
        function("to_regclass", DataType::Int32, move |arrays, rows| {
            Ok(Arc::new(strings(arrays, 0, rows)?.iter().map(|name| class_oid(name?, &lookup)).collect::<Int32Array>()))
        }),
        function("to_regtype", DataType::Int32, |arrays, rows| {
            Ok(Arc::new(strings(arrays, 0, rows)?.iter().map(|name| type_oid(name?)).collect::<Int32Array>()))
        }),
        text("shobj_description", None),
    ]
}

/// The whole definition, or with a position (second argument, from 1) that column's name.
fn index_definition(relations: &Relations) -> ScalarUDF {
    let columns = |i: &keys::Index<'_>| i.relation.key.iter().map(|at| i.relation.columns[*at as usize - 1].name.clone()).collect::<Vec<_>>();
    let known: HashMap<i32, (String, Vec<String>)> = keys::primary(relations).iter().map(|i| (i.oid, (i.definition(), columns(i)))).collect();
    function("pg_get_indexdef", DataType::Utf8, move |arrays, rows| {
        let (oids, positions) = (integers(arrays, 0, rows)?, integers(arrays, 1, rows)?);
        let text = |(oid, position): (Option<i32>, Option<i32>)| {
            let (definition, columns) = known.get(&oid?)?;
            match position.unwrap_or(0) {
                0 => Some(definition.as_str()),
                at => columns.get(usize::try_from(at).ok()?.checked_sub(1)?).map(String::as_str),
            }
        };
        Ok(Arc::new(oids.iter().zip(&positions).map(text).collect::<StringArray>()))
    })
}

/// Reading what one may see is the only right there is, and nobody has another.
fn rights(relations: &Relations) -> Vec<ScalarUDF> {
    let reading = |name: &'static str| {
        function(name, DataType::Boolean, move |arrays, rows| {
            let wanted = strings(arrays, arrays.len().saturating_sub(1), rows)?;
            Ok(Arc::new(
                wanted
                    .iter()
                    .map(|right| Some(right.is_some_and(|r| ["select", "usage", "connect"].contains(&r.to_ascii_lowercase().as_str()))))
                    .collect::<BooleanArray>(),
            ))
        })
    };
    let visible: HashSet<i32> = relations.iter().map(|r| r.oid).chain(keys::primary(relations).iter().map(|i| i.oid)).collect();
    let kinds = [
        "pg_type_is_visible",
        "pg_function_is_visible",
        "pg_operator_is_visible",
        "pg_collation_is_visible",
        "pg_conversion_is_visible",
        "pg_statistics_obj_is_visible",
        "pg_ts_config_is_visible",
        "pg_opclass_is_visible",
    ];
    let mut list: Vec<ScalarUDF> = kinds.into_iter().map(|name| flag(name, true)).collect();
    list.extend([
        reading("has_table_privilege"),
        reading("has_schema_privilege"),
        reading("has_database_privilege"),
        reading("has_any_column_privilege"),
        reading("has_column_privilege"),
        flag("pg_has_role", false),
        function("pg_table_is_visible", DataType::Boolean, move |arrays, rows| {
            Ok(Arc::new(integers(arrays, 0, rows)?.iter().map(|oid| Some(oid.is_some_and(|oid| visible.contains(&oid)))).collect::<BooleanArray>()))
        }),
        flag("pg_is_in_recovery", false),
        flag("pg_is_other_temp_schema", false),
        flag("pg_relation_is_publishable", false),
    ]);
    list
}

/// A list of positions.
fn positions() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)))
}

/// Value and position, as `_pg_expandarray` gives them.
fn pair() -> DataType {
    DataType::Struct(pair_fields())
}

fn pair_fields() -> Fields {
    vec![Field::new("x", DataType::Int32, true), Field::new("n", DataType::Int32, true)].into()
}

/// For each row the elements of its list, each with its position.
fn expanded(arrays: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let (mut values, mut places, mut ends) = (Vec::new(), Vec::new(), vec![0]);
    for row in 0..rows {
        if let Some(list) = arrays.first().and_then(|a| a.as_list_opt::<i32>()).filter(|a| a.is_valid(row)) {
            let items = cast(&list.value(row), &DataType::Int32)?;
            values.extend(items.as_primitive::<Int32Type>().iter());
            places.extend((1..=items.len() as i32).map(Some));
        }
        ends.push(values.len() as i32);
    }
    let columns: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(values)), Arc::new(Int32Array::from(places))];
    let pairs = StructArray::new(pair_fields(), columns, None);
    Ok(Arc::new(ListArray::new(Arc::new(Field::new_list_field(pair(), true)), OffsetBuffer::new(ends.into()), Arc::new(pairs), None)))
}

/// What needs no knowledge of the relations.
fn fixed() -> Vec<ScalarUDF> {
    let sizes = ["pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size", "pg_database_size"];
    let mut list: Vec<ScalarUDF> = sizes.into_iter().map(|name| function(name, DataType::Int64, |_, rows| Ok(Arc::new(Int64Array::new_null(rows))))).collect();
    let absent = [
        "pg_get_viewdef",
        "pg_get_triggerdef",
        "pg_get_ruledef",
        "pg_get_functiondef",
        "pg_get_partkeydef",
        "pg_get_expr",
        "pg_get_serial_sequence",
        "pg_get_statisticsobjdef_columns",
        "pg_tablespace_location",
        "pg_get_function_result",
        "pg_get_function_arguments",
        "pg_get_function_identity_arguments",
    ];
    list.extend(absent.into_iter().map(|name| text(name, None)));
    list.extend([
        function("pg_get_userbyid", DataType::Utf8, |arrays, rows| {
            Ok(Arc::new(
                integers(arrays, 0, rows)?
                    .iter()
                    .map(|oid| oid.map(|oid| if oid == role(OWNER) { OWNER.to_owned() } else { format!("unknown (OID={oid})") }))
                    .collect::<StringArray>(),
            ))
        }),
        number("pg_backend_pid", std::process::id() as i32),
        number("pg_my_temp_schema", 0),
        number("pg_stat_get_numscans", 0),
        text("pg_encoding_to_char", Some("UTF8".into())),
        text("pg_advisory_unlock_all", None),
        text("inet_server_addr", None),
        text("inet_client_addr", None),
        function("pg_size_pretty", DataType::Utf8, |arrays, rows| {
            Ok(Arc::new(strings(arrays, 0, rows)?.iter().map(|n| n.map(|n| format!("{n} bytes"))).collect::<StringArray>()))
        }),
        function("siss_positions", positions(), |arrays, rows| {
            let mut lists = ListBuilder::new(Int32Builder::new());
            for row in 0..rows {
                let length = arrays.first().and_then(|a| a.as_list_opt::<i32>()).filter(|a| a.is_valid(row)).map_or(0, |a| a.value_length(row));
                lists.values().append_slice(&(1..=length).collect::<Vec<_>>());
                lists.append(true);
            }
            Ok(Arc::new(lists.finish()))
        }),
        // Asked for the options of identity columns, of which there are none.
        text("json_build_object", None),
        function("siss_expanded", DataType::List(Arc::new(Field::new_list_field(pair(), true))), expanded),
        function("pg_partition_ancestors", DataType::Int32, |arrays, rows| Ok(Arc::new(integers(arrays, 0, rows)?))),
        library::format_type::create_format_type_udf(),
        library::quote_ident_udf::create_quote_ident_udf(),
        library::quote_ident_udf::create_parse_ident_udf(),
        library::array_bounds_udf::create_array_upper_udf(),
        library::array_bounds_udf::create_array_lower_udf(),
    ]);
    list
}
