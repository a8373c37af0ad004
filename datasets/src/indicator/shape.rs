//! The fields of an indicator's file, as `shape` has those of a contract.

use crate::indicator::{Direction, Kind as Sort, Level};
use crate::model::DatasetName;
use crate::shape::{Kind, STRING, Shape, may, must, value};

const YEAR: Kind = value::<i64>("2016");
const NUMBER: Kind = value::<f64>("0.0");
const WHOLE: Kind = value::<u32>("1");
const FLAG: Kind = value::<bool>("true");

pub static INDICATOR: Shape = Shape {
    fields: &[
        must("id", STRING),
        must("version", STRING),
        must("title", Kind::Text),
        must("description", Kind::Text),
        must("legal_basis", Kind::Texts),
        must("kind", value::<Sort>("'count'")),
        must("unit", Kind::Text),
        may("factor", WHOLE),
        must("direction", value::<Direction>("'none'")),
        must("base", value::<Level>("'ambito'")),
        must("levels", value::<Vec<Level>>("['ambito']")),
        must("inputs", value::<Vec<DatasetName>>("[]")),
        may("minimum", Kind::Table(&MINIMUM)),
        must("completeness", Kind::Text),
        must("persons", FLAG),
        may("provisional", Kind::Text),
        may("contribution", Kind::Table(&CONTRIBUTION)),
        must("formula", Kind::Tables(&FORMULA)),
        may("target", Kind::Tables(&TARGET)),
        may("part", Kind::Tables(&PART)),
    ],
};

static MINIMUM: Shape = Shape { fields: &[may("denominator", NUMBER), may("completeness", NUMBER)] };

static CONTRIBUTION: Shape =
    Shape { fields: &[must("entry", WHOLE), must("level", WHOLE), must("objective", WHOLE), must("euro_to_level", WHOLE), must("euro_to_objective", WHOLE)] };

static FORMULA: Shape =
    Shape { fields: &[must("version", STRING), must("valid_from", YEAR), may("valid_to", YEAR), must("text", Kind::Text), may("file", STRING)] };

static TARGET: Shape = Shape { fields: &[must("from", YEAR), must("value", NUMBER), must("source", STRING), may("provisional", FLAG)] };

static PART: Shape = Shape { fields: &[must("name", STRING), must("title", Kind::Text), must("description", Kind::Text)] };
