//! How complete districts and region are, from what their bodies owe.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Obligation;

/// Bodies that owe something, by how far they have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    due: u32,
    /// Something came.
    received: u32,
    /// Something valid came.
    valid: u32,
    certified: u32,
    late: u32,
}

impl Counts {
    fn add(&mut self, one: &Obligation) {
        let reached = |states: &[&str]| u32::from(states.contains(&one.stato.as_str()));
        self.due += 1;
        self.received += reached(&["received", "valid", "certified"]);
        self.valid += reached(&["valid", "certified"]);
        self.certified += reached(&["certified"]);
        self.late += u32::from(one.in_ritardo);
    }

    fn complete(&self) -> bool {
        self.valid == self.due
    }

    fn json(&self) -> Value {
        json!({
            "due": self.due, "received": self.received, "valid": self.valid, "certified": self.certified, "late": self.late,
            "complete": self.complete(), "valid_share": self.share(self.valid), "certified_share": self.share(self.certified),
        })
    }

    /// Per cent, with two digits.
    fn share(&self, part: u32) -> f64 {
        (f64::from(part) * 10_000.0 / f64::from(self.due.max(1))).round() / 100.0
    }
}

/// The whole and each district.
type Both<'a> = (Counts, BTreeMap<&'a str, Counts>);

/// One entry for each dataset and period, with its districts; `region`: the rows are those of all bodies.
pub fn of(rows: &[Obligation], region: bool) -> Vec<Value> {
    let mut all: BTreeMap<(&str, &str), Both> = BTreeMap::new();
    for one in rows {
        let (whole, districts) = all.entry((&one.dataset, &one.periodo_dati)).or_default();
        whole.add(one);
        if let Some(district) = &one.ambito {
            districts.entry(district).or_default().add(one);
        }
    }
    let entry = |((dataset, period), (whole, districts)): ((&str, &str), Both)| {
        let complete = districts.values().filter(|counts| counts.complete()).count();
        let listed = districts.iter().map(|(district, counts)| {
            let mut one = counts.json();
            one["ambito"] = json!(district);
            one
        });
        let mut entry = json!({ "dataset": dataset, "periodo": period, "region": null, "districts": listed.collect::<Vec<_>>() });
        if region {
            entry["region"] = whole.json();
            entry["region"]["districts"] = json!(districts.len());
            entry["region"]["districts_complete"] = json!(complete);
        }
        entry
    };
    all.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owes(ente: &str, ambito: &str, stato: &str) -> Obligation {
        Obligation {
            dataset: "assa.strutture".into(),
            ente: ente.into(),
            ambito: Some(ambito.into()),
            periodo_dati: "2026-10".into(),
            scadenza: "2026-11-20".parse().expect("a day"),
            stato: stato.into(),
            in_ritardo: stato == "missing",
        }
    }

    #[test]
    fn a_district_is_complete_only_when_its_comuni_are() {
        let rows = [owes("1", "A", "valid"), owes("2", "A", "certified"), owes("3", "B", "certified"), owes("4", "B", "received"), owes("5", "B", "missing")];
        let found = of(&rows, true);
        assert_eq!(found.len(), 1);
        let one = &found[0];
        assert_eq!((&one["region"]["due"], &one["region"]["valid"], &one["region"]["valid_share"]), (&json!(5), &json!(3), &json!(60.0)));
        assert_eq!((&one["region"]["districts"], &one["region"]["districts_complete"]), (&json!(2), &json!(1)));
        let districts: Vec<_> =
            one["districts"].as_array().into_iter().flatten().map(|d| (&d["ambito"], &d["complete"], &d["certified"], &d["received"], &d["late"])).collect();
        assert_eq!(districts, [(&json!("A"), &json!(true), &json!(1), &json!(2), &json!(0)), (&json!("B"), &json!(false), &json!(1), &json!(2), &json!(1))]);
        assert_eq!(of(&rows, false)[0]["region"], Value::Null);
    }
}
