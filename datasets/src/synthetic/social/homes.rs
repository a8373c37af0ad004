//! Facilities of the registry where persons of a district may stay.

use chrono::NaiveDate;
use rand::Rng;
use rand::rngs::StdRng;

use crate::synthetic::assa::Facility;

/// Facilities by the user groups and kinds of stay that interventions ask for.
pub struct Homes<'a> {
    facilities: Vec<&'a Facility>,
}

impl<'a> Homes<'a> {
    /// Those of the district's comuni and, where there are none, of the whole region.
    pub fn of(facilities: &'a [Facility], comuni: &[&str]) -> Self {
        let near: Vec<&Facility> = facilities.iter().filter(|f| comuni.contains(&f.codice_istat.as_str())).collect();
        Self { facilities: if near.len() < 5 { facilities.iter().collect() } else { near } }
    }

    /// A facility of a kind that takes a user group and works on a day. Shelters stay unnamed.
    pub fn one(&self, rng: &mut StdRng, kind: &str, utenza: &str, on: NaiveDate) -> Option<String> {
        let day = kind == "centro_diurno";
        let fits = |f: &&&Facility| {
            let group = if kind == "minori" { f.utenza == "famiglia_minori" } else { f.utenza == utenza };
            let open = f.opened <= on && f.closed.is_none_or(|closed| on <= closed);
            group && open && f.kind.code != "casa_rifugio" && (f.kind.place == "semiresidenziale") == day && f.kind.place != "servizio"
        };
        let fitting: Vec<&&Facility> = self.facilities.iter().filter(fits).collect();
        if fitting.is_empty() { None } else { Some(fitting[rng.random_range(0..fitting.len())].code.clone()) }
    }
}
