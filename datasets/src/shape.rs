//! Which fields each table of a file may and must have. Serde stops at the first fault; walking a shape finds them all.
//! A test holds these lists equal to the structs of `model`.

use serde::de::DeserializeOwned;
use toml::Value;

use crate::form::Given;
use crate::model::{Class, DatasetName, Frequency, Identity, Mode, Sender, Severity, Type};

pub struct Shape {
    pub fields: &'static [Field],
}

pub struct Field {
    pub name: &'static str,
    pub required: bool,
    pub kind: Kind,
}

/// What a field holds.
pub enum Kind {
    /// A value that `check` accepts; `sample`, in TOML, is such a value.
    Value {
        check: fn(&Value) -> Result<(), String>,
        sample: &'static str,
    },
    /// A sentence in both languages.
    Text,
    Texts,
    Table(&'static Shape),
    /// `[[…]]`, at least one when required.
    Tables(&'static Shape),
}

pub const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, required: true, kind }
}

pub const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, required: false, kind }
}

pub const fn value<T: DeserializeOwned>(sample: &'static str) -> Kind {
    Kind::Value { check: accepts::<T>, sample }
}

fn accepts<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
    T::deserialize(value.clone()).map(drop).map_err(|e| e.message().to_owned())
}

pub const STRING: Kind = value::<String>("''");
const STRINGS: Kind = value::<Vec<String>>("[]");

pub static TEXT: Shape = Shape { fields: &[must("it", STRING), must("en", STRING)] };

pub static CONTRACT: Shape = Shape {
    fields: &[
        must("version", STRING),
        must("title", Kind::Text),
        must("description", Kind::Text),
        must("legal_basis", Kind::Texts),
        must("mode", value::<Mode>("'append'")),
        must("key", STRINGS),
        may("sort", STRINGS),
        may("provisional", Kind::Text),
        must("feed", Kind::Table(&FEED)),
        may("derived", Kind::Table(&DERIVED)),
        must("access", Kind::Tables(&ACCESS)),
        may("publication", Kind::Table(&PUBLICATION)),
        must("column", Kind::Tables(&COLUMN)),
        may("rule", Kind::Tables(&RULE)),
        may("set_rule", Kind::Tables(&RULE)),
        may("form", Kind::Table(&FORM)),
    ],
};

pub static FORM: Shape = Shape {
    fields: &[
        must("title", Kind::Text),
        must("intro", Kind::Text),
        must("roles", STRINGS),
        must("workflow", STRING),
        may("office", STRING),
        must("code", STRING),
        may("given", value::<std::collections::BTreeMap<String, Given>>("{}")),
        may("for_role", value::<std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>>("{}")),
        must("section", Kind::Tables(&SECTION)),
        may("attachment", Kind::Tables(&ATTACHMENT)),
        may("part", Kind::Tables(&PART)),
    ],
};

pub static SECTION: Shape = Shape { fields: &[must("title", Kind::Text), must("columns", STRINGS)] };

pub static ATTACHMENT: Shape = Shape {
    fields: &[
        must("name", STRING),
        must("title", Kind::Text),
        may("required", value::<bool>("false")),
        may("signed", value::<bool>("false")),
        may("hash", STRING),
    ],
};

pub static PART: Shape = Shape {
    fields: &[
        must("dataset", value::<DatasetName>("'a.a'")),
        must("title", Kind::Text),
        must("columns", STRINGS),
        must("link", value::<std::collections::BTreeMap<String, String>>("{}")),
        must("most", value::<u32>("1")),
    ],
};

pub static FEED: Shape = Shape {
    fields: &[
        must("subsystem", STRING),
        must("senders", value::<Sender>("'regione'")),
        must("frequency", value::<Frequency>("'once'")),
        must("due_days", value::<u32>("0")),
        may("since", STRING),
        may("sender_column", STRING),
    ],
};

pub static DERIVED: Shape = Shape { fields: &[must("from", value::<Vec<DatasetName>>("[]")), may("by", STRING), may("forecast", value::<bool>("true"))] };

pub static ACCESS: Shape = Shape {
    fields: &[
        must("roles", STRINGS),
        must("rows", STRING),
        must("classes", value::<Vec<Class>>("[]")),
        may("mask", value::<std::collections::BTreeMap<String, String>>("{}")),
    ],
};

pub static PUBLICATION: Shape = Shape {
    fields: &[
        must("open", value::<bool>("false")),
        must("licence", STRING),
        must("theme", STRING),
        may("keywords", Kind::Texts),
        may("high_value", STRING),
        may("change", Kind::Tables(&ANNOUNCED)),
    ],
};

pub static ANNOUNCED: Shape = Shape { fields: &[must("version", STRING), must("announced", STRING), must("from", STRING), must("text", Kind::Text)] };

pub static LOOKUP: Shape = Shape { fields: &[must("dataset", value::<DatasetName>("'a.a'")), must("column", STRING), must("by", STRING)] };

pub static COLUMN: Shape = Shape {
    fields: &[
        must("name", STRING),
        must("type", value::<Type>("'text'")),
        must("title", Kind::Text),
        must("description", Kind::Text),
        must("class", value::<Class>("'special'")),
        may("required", value::<bool>("false")),
        may("pattern", STRING),
        may("min", value::<Value>("0")),
        may("max", value::<Value>("0")),
        may("max_length", value::<u32>("1")),
        may("code_list", STRING),
        may("references", STRING),
        may("lookup", Kind::Table(&LOOKUP)),
        may("identity", value::<Identity>("'vault'")),
        may("unit", STRING),
        may("example", STRING),
        may("before", STRING),
        may("aliases", STRINGS),
    ],
};

/// Of `[[rule]]` and of `[[set_rule]]`.
pub static RULE: Shape = Shape {
    fields: &[must("id", STRING), must("sql", STRING), may("severity", value::<Severity>("'error'")), must("message", Kind::Text), may("source", STRING)],
};

pub static ROLE: Shape = Shape { fields: &[must("title", Kind::Text), may("facts", STRINGS), may("staff", value::<bool>("false")), may("deliver", STRING)] };

#[cfg(test)]
mod tests;
