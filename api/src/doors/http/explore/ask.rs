//! The address of the explorer: `?dataset=sirse.servizi&gruppo=tipo&gruppo=anno&perno=titolarita&misura=sum&colonna=posti_autorizzati
//! &filtro_colonna=anno&filtro_op=gte&filtro_valore=2020&ordine=valore&grafico=barre`. Empty parameters, as forms send them, say nothing.

use datasets::model::DatasetName;
use serde_json::{Value, json};
use url::form_urlencoded;
use warehouse::session::rows::{Filter, Operator};
use warehouse::session::summary::{Function, Key, Order, Part, Summary};

use crate::doors::http::page::OPERATORS;
use crate::doors::http::problem::{Problem, Result};

pub const FILTERS: usize = 8;
const FUNCTIONS: [(&str, Function); 6] = [
    ("count", Function::Count),
    ("distinct", Function::Distinct),
    ("sum", Function::Sum),
    ("avg", Function::Avg),
    ("min", Function::Min),
    ("max", Function::Max),
];
const CHARTS: [&str; 5] = ["", "nessuno", "barre", "colonne", "linee"];
/// Characters of one parameter.
const TEXT: usize = 300;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    pub dataset: Option<DatasetName>,
    /// About what the reader's account sees, not the public.
    pub own: bool,
    /// `None` until a measure is chosen.
    pub summary: Option<Summary>,
    pub chart: String,
    /// What was said, in its order, without the language.
    said: Vec<(String, String)>,
}

pub fn read(query: &str) -> Result<Asked> {
    let mut asked = Asked::default();
    let (mut group, mut across, mut function, mut column, mut order) = (Vec::new(), None, None, None, Order::Group);
    let (mut columns, mut operators, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        if value.chars().count() > TEXT {
            return Err(wrong(&name, "è troppo lungo", "is too long"));
        }
        match name.as_str() {
            // Their places tell which belong together, so that an empty one counts.
            "filtro_colonna" => columns.push(value.clone()),
            "filtro_op" => operators.push(value.clone()),
            "filtro_valore" => texts.push(value.clone()),
            _ if value.is_empty() => continue,
            "dataset" => {
                asked.dataset = Some(value.parse().map_err(|_| wrong("dataset", "è area.nome, come sirse.servizi", "is area.name, such as sirse.servizi"))?)
            }
            "dati" if value == "miei" => asked.own = true,
            "dati" if value == "pubblici" => {}
            "dati" => return Err(wrong("dati", "vale pubblici o miei", "is pubblici or miei")),
            "gruppo" => group.push(key("gruppo", &value)?),
            "perno" => across = Some(key("perno", &value)?),
            "misura" => function = Some(measure(&value)?),
            "colonna" => column = Some(value.clone()),
            "ordine" => {
                order = match value.as_str() {
                    "gruppo" => Order::Group,
                    "valore" => Order::Value,
                    _ => return Err(wrong("ordine", "vale gruppo o valore", "is gruppo or valore")),
                }
            }
            "grafico" if CHARTS.contains(&value.as_str()) => asked.chart = value.clone(),
            "grafico" => return Err(wrong("grafico", "vale nessuno, barre, colonne o linee", "is nessuno, barre, colonne or linee")),
            "lang" => continue,
            _ => return Err(wrong(&name, "non esiste", "does not exist")),
        }
        asked.said.push((name, value));
    }
    let filters = filters(columns, operators, texts)?;
    asked.summary = function.map(|function| Summary { group, across, function, column, filters, order, limit: None });
    Ok(asked)
}

impl Asked {
    /// The query string of the same question.
    pub fn address(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.said).finish()
    }

    /// The name of the measure.
    pub fn measure(&self) -> Option<&str> {
        self.said.iter().find(|(name, _)| name == "misura").map(|(_, value)| value.as_str())
    }

    /// As the form shows it.
    pub fn values(&self) -> Value {
        let said = |name: &str| self.said.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
        let one = |name: &str| said(name).first().copied().unwrap_or_default();
        let (columns, operators, texts) = (said("filtro_colonna"), said("filtro_op"), said("filtro_valore"));
        let filters: Vec<Value> = (0..columns.len())
            .filter(|n| !columns[*n].is_empty())
            .map(|n| json!({ "column": columns[n], "operator": operators.get(n), "value": texts.get(n) }))
            .collect();
        json!({
            "group": said("gruppo"), "across": one("perno"), "measure": one("misura"), "column": one("colonna"), "order": one("ordine"), "chart": self.chart,
            "own": self.own, "filters": filters, "done": self.summary.is_some(),
        })
    }
}

/// `column`, `column:anno` or `column:mese`.
fn key(name: &str, value: &str) -> Result<Key> {
    let (column, part) = match value.split_once(':') {
        None => (value, None),
        Some((column, "anno")) => (column, Some(Part::Year)),
        Some((column, "mese")) => (column, Some(Part::Month)),
        Some(_) => return Err(wrong(name, "è una colonna, o colonna:anno, o colonna:mese", "is a column, or column:anno, or column:mese")),
    };
    Ok(Key { column: column.into(), part })
}

fn measure(value: &str) -> Result<Function> {
    let found = FUNCTIONS.iter().find(|(name, _)| *name == value).map(|(_, function)| *function);
    found.ok_or_else(|| wrong("misura", "vale count, distinct, sum, avg, min o max", "is count, distinct, sum, avg, min or max"))
}

fn filters(columns: Vec<String>, operators: Vec<String>, texts: Vec<String>) -> Result<Vec<Filter>> {
    let mut filters = Vec::new();
    for (n, column) in columns.into_iter().enumerate().filter(|(_, column)| !column.is_empty()) {
        let value = texts.get(n).cloned().unwrap_or_default();
        let word = operators.get(n).filter(|word| !word.is_empty()).map_or("eq", String::as_str);
        let Some((_, operator)) = OPERATORS.iter().find(|(known, _)| *known == word) else {
            let known = OPERATORS.map(|(word, _)| word).join(", ");
            return Err(wrong("filtro_op", &format!("è uno tra {known}"), &format!("is one of {known}")));
        };
        let value = (!matches!(operator, Operator::IsNull | Operator::NotNull)).then_some(value);
        filters.push(Filter { column, operator: *operator, value });
    }
    if filters.len() > FILTERS {
        return Err(wrong("filtro_colonna", "compare troppe volte", "stands too many times"));
    }
    Ok(filters)
}

fn wrong(name: &str, it: &str, en: &str) -> Problem {
    // Names come from outside: what is shown of them is bounded.
    let name: String = name.chars().take(40).collect();
    Problem::invalid("query.parameter", format!("parameter '{name}' {en}")).with("detail_it", format!("Il parametro '{name}' {it}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_again() {
        let query = "dataset=sirse.servizi&gruppo=tipo&gruppo=anno&gruppo=&perno=titolarita&misura=sum&colonna=posti_autorizzati\
                     &filtro_colonna=&filtro_op=eq&filtro_valore=&filtro_colonna=anno&filtro_op=gte&filtro_valore=2020&ordine=valore&grafico=barre&lang=en";
        let asked = read(query).unwrap();
        let summary = asked.summary.clone().unwrap();
        assert_eq!(summary.group.iter().map(Key::name).collect::<Vec<_>>(), ["tipo", "anno"]);
        assert_eq!((summary.function, summary.order, summary.column.as_deref()), (Function::Sum, Order::Value, Some("posti_autorizzati")));
        assert_eq!(summary.filters, [Filter { column: "anno".into(), operator: Operator::Ge, value: Some("2020".into()) }]);
        assert_eq!(read(&asked.address()).unwrap(), asked);
        assert!(read("dataset=a.b").unwrap().summary.is_none());
    }

    #[test]
    fn wrong_parameters_are_named() {
        for query in
            ["dataset=x", "misura=somma", "gruppo=a:giorno", "dati=tutti", "grafico=torta", "ordine=caso", "sql=select", "filtro_colonna=a&filtro_op=like"]
        {
            let problem = read(query).unwrap_err();
            let name = query.split('=').next().unwrap().replace("filtro_colonna", "filtro_op");
            assert!(problem.detail.contains(&name), "{query}: {}", problem.detail);
        }
    }
}
