//! Estimates of how series go on (`[derived] forecast = true`): what their source holds, and the columns that come of it.

use crate::model::Type;

/// Columns that the one source has at least: a series by district, its values by period.
pub const SOURCE: [(&str, Type); 6] =
    [("serie", Type::Text), ("ambito", Type::Text), ("unita", Type::Text), ("frequenza", Type::Text), ("inizio", Type::Date), ("valore", Type::Decimal(22, 2))];

/// Columns of the estimates, in their order.
pub const COLUMNS: [(&str, Type); 25] = [
    ("serie", Type::Text),
    ("livello", Type::Text),
    ("codice", Type::Text),
    ("ambito", Type::Text),
    ("unita", Type::Text),
    ("frequenza", Type::Text),
    ("inizio", Type::Date),
    ("orizzonte", Type::Integer),
    ("stato", Type::Text),
    ("valore", Type::Decimal(22, 2)),
    ("inferiore_80", Type::Decimal(22, 2)),
    ("superiore_80", Type::Decimal(22, 2)),
    ("inferiore_95", Type::Decimal(22, 2)),
    ("superiore_95", Type::Decimal(22, 2)),
    ("osservazioni", Type::Integer),
    ("osservato_dal", Type::Date),
    ("osservato_al", Type::Date),
    ("origini", Type::Integer),
    ("errore_medio", Type::Decimal(22, 4)),
    ("errore_medio_ripetendo", Type::Decimal(22, 4)),
    ("mase", Type::Decimal(12, 4)),
    ("mase_ripetendo", Type::Decimal(12, 4)),
    ("verifica", Type::Text),
    ("metodo", Type::Text),
    ("impronta", Type::Text),
];

/// Code of monthly values in `frequenza`.
pub const MONTHLY: &str = "mese";
