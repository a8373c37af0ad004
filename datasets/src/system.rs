//! Columns that every stored table carries after the contract's own, and the tables of the service's own state.

/// Delivery that brought the row (text).
pub const DELIVERY: &str = "id_consegna";
/// Line of the row in the delivered file, 1-based, header included (integer).
pub const LINE: &str = "riga_consegna";
/// Sender of the delivery (text): ISTAT code, ambito code or `lazio`.
pub const SENDER: &str = "mittente";
/// Period of the delivery (text): `2026`, `2026-10`, `2026-Q3`.
pub const PERIOD: &str = "periodo";
/// When the lake recorded the row (timestamp, UTC).
pub const RECORDED_FROM: &str = "registrato_dal";
/// When a later delivery took the row's place (timestamp, UTC); null while it is current.
pub const RECORDED_TO: &str = "registrato_al";

pub const ALL: [&str; 6] = [DELIVERY, LINE, SENDER, PERIOD, RECORDED_FROM, RECORDED_TO];
