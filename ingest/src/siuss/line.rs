//! From a row to a document, or to the reason why there is none: SISO's rules of export and what the layouts ask.

use std::sync::LazyLock;

use regex::Regex;

use super::select::Row;
use super::xml::{self, Attributes, Document};
use crate::error::Result;
use crate::vault::Person;

/// Why a line is held back: a code of `motivi_siuss`.
pub type Reason = &'static str;

/// Fiscal codes that the layout takes: those in which letters stand for digits are not among them.
static ACCEPTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z][A-Z0-9]{3}[A-Z]$").expect("a pattern of ours"));

/// Users about whom a benefit in charge needs an assessment.
const FRAIL: [&str; 3] = ["anziani_autosufficienti", "anziani_non_autosufficienti", "disabili"];
/// The housing benefit whose event has a day of its own.
const HOUSING: &str = "A1.05.01";
/// Italy, in ISO 3166, and a country that is not known.
const ITALY: &str = "380";
const UNKNOWN: &str = "990";
const LAZIO: &str = "12";

/// A benefit.
pub fn benefit(row: Row<'_>, person: Option<&Person>) -> Result<Result<Document, Reason>> {
    Ok(match held(row, person) {
        Some(reason) => Err(reason),
        None => Ok(ps(row, person.expect("a line without its person is held back"))?),
    })
}

fn held(row: Row<'_>, person: Option<&Person>) -> Option<Reason> {
    let is = |column: &str, value: &str| row.get(column) == Some(value);
    let in_charge = is("in_carico", "si");
    let frail = row.get("utenza").is_some_and(|utenza| FRAIL.contains(&utenza));
    let code = row.get("codice_prestazione");
    if is("stato", "annullata") {
        return Some("annullata");
    }
    if code.is_none() {
        return Some("senza_prestazione");
    }
    if row.get("prestazione").is_none() {
        return Some("prestazione_non_nota");
    }
    if is("in_carico", "non_noto") {
        return Some("presa_in_carico_non_nota");
    }
    if code.is_some_and(|code| ("A2.16".."A2.30").contains(&code)) && !in_charge {
        return Some("solo_in_carico");
    }
    if !is("stato", "liquidata") && row.get("importo").and_then(cents).unwrap_or_default() == 0 {
        return Some("aperta_senza_spesa");
    }
    if in_charge && frail && row.get("id_valutazione").is_none() {
        return Some("senza_valutazione");
    }
    if in_charge && row.get("area").is_none() {
        return Some("area_non_nota");
    }
    if row.get("codice_catastale").is_none() {
        return Some("ente_non_noto");
    }
    let (Some(person), Some(_), Some(_)) = (person, row.get("anno_nascita"), row.get("sesso")) else { return Some("persona_non_nota") };
    (!ACCEPTED.is_match(&person.fiscal_code)).then_some("codice_fiscale_omocodico")
}

fn ps(row: Row<'_>, person: &Person) -> Result<Document> {
    let field = |name: &str| person.fields.get(name).map(String::as_str);
    let of = |name: &str| row.get(name);
    let registry = Attributes::new()
        .with("Cognome", field("cognome").unwrap_or("-"))
        .with("Nome", field("nome").unwrap_or("-"))
        .with("AnnoNascita", row.text("anno_nascita")?)
        .with("LuogoNascita", field("luogo_nascita").unwrap_or(&person.fiscal_code[11..15]))
        .with("Genere", if of("sesso") == Some("F") { "2" } else { "1" })
        .with("CodiceCittadinanza", field("codice_cittadinanza").unwrap_or(UNKNOWN));
    let home = of("residenza").or(of("codice_istat"));
    let address = Attributes::new().with("CodiceRegione", LAZIO).maybe("CodiceComune", home).with("CodiceNazione", ITALY);
    let periodic = of("frequenza") == Some("P");
    let (start, end) = (row.text("data_inizio")?, row.text("data_fine")?);
    let months = months(start, end);
    let amount = row.get("importo").and_then(cents).unwrap_or_default();
    let hours = of("ore").and_then(cents).map(|hours| if periodic { share(hours, months) } else { money(hours) });
    let in_charge = of("in_carico") == Some("si");
    let mut benefit = Attributes::new()
        .with("TipoOperazione", "I")
        // An attestation that holds says that means were tested; without one nothing says so.
        .with("PresenzaProvaMezzi", if of("protocollo_dsu").is_some() { "1" } else { "4" })
        .with("CaratterePrestazione", if periodic { "1" } else { "2" })
        .maybe("NumeroProtocolloDSU", of("protocollo_dsu"))
        .maybe("AnnoProtocolloDSU", of("anno_dsu"))
        .maybe("DataDSU", of("data_dsu"))
        .with("CodicePrestazione", row.text("codice_prestazione")?)
        .with("DenominazionePrestazione", &title(row.text("prestazione")?))
        .with("ProtocolloDomanda", row.text("id_intervento")?)
        .maybe("DataEvento", of("codice_prestazione").filter(|code| *code == HOUSING).map(|_| start));
    benefit = if periodic {
        let monthly = share(amount, months);
        benefit
            .with("DataInizioPrestazione", start)
            .with("DataFinePrestazione", end)
            .with("PeriodoErogazione", &months.to_string())
            .with("ImportoMensile", &monthly)
    } else {
        benefit.with("DataErogazionePrestazione", end).with("ImportoPrestazione", &money(amount))
    };
    let benefit = benefit
        .maybe("ImportoQuotaEnte", of("quota_ente"))
        .maybe("ImportoQuotaUtente", of("quota_utente"))
        .maybe("ImportoQuotaSSN", of("quota_ssn"))
        .maybe("OreServizioMensile", hours.as_deref())
        .with("PresaCarico", if in_charge { "1" } else { "2" })
        .maybe("AreaUtenza", of("area").filter(|_| in_charge));
    let frail = of("utenza").is_some_and(|utenza| FRAIL.contains(&utenza));
    let sina = if frail && of("id_valutazione").is_some() { Some(sina(row)?) } else { None };
    Ok(Document::Ps { fiscal_code: person.fiscal_code.clone(), registry, address, benefit, sina })
}

fn sina(row: Row<'_>) -> Result<xml::Sina> {
    let attributes = Attributes::new()
        .with("Mobilita", row.text("mobilita")?)
        .with("AttivitaVitaQuotidiana", row.text("vita_quotidiana")?)
        .maybe("DisturbiAreaCognitiva", row.get("area_cognitiva"))
        .with("DisturbiComportamentali", row.text("comportamento")?)
        .maybe("NecessitaCureSanitarie", row.get("cure_sanitarie"))
        .with("AreaReddituale", row.text("area_reddituale")?)
        .with("AreaSupporto", row.text("area_supporto")?)
        .with("FonteDerivazioneValutazione", row.text("fonte")?)
        .with("StrumentoValutazione", row.text("strumento")?);
    let own = |column: &str| row.get(column).map(str::to_owned);
    Ok(xml::Sina { attributes, needed: own("prestazione_necessaria"), invalidity: own("invalidita") })
}

/// Attributes of a minor's sheet that stand in a column as they are.
const SHEET: [(&str, &str); 26] = [
    ("CondizioneMinore", "condizione"),
    ("LuogoVita", "luogo_vita"),
    ("ScuolaFrequentata", "scuola"),
    ("CondizioneLavoro", "lavoro"),
    ("TipoDisabilita", "tipo_disabilita"),
    ("InvCivCertificazioni", "certificazione"),
    ("TitoloStudioPadre", "titolo_studio_padre"),
    ("TitoloStudioMadre", "titolo_studio_madre"),
    ("OccupazionePadre", "occupazione_padre"),
    ("OccupazioneMadre", "occupazione_madre"),
    ("FonteSegnalazione", "fonte_segnalazione"),
    ("ValutazioneMinore", "valutazione_minore"),
    ("ValutazioneFamigliaMinore", "valutazione_famiglia"),
    ("AutoritaProvvedimento", "autorita"),
    ("PotestaTutela", "potesta"),
    ("TipoProvvedimentoGiudiziario", "tipo_provvedimento"),
    ("FormaInterventoAffido", "affido_forma"),
    ("TipoInterventoAffido", "affido_tipo"),
    ("DurataAffido", "affido_durata"),
    ("CarattereAffido", "affido_carattere"),
    ("EsitoAffido", "affido_esito"),
    ("CarattereInserimentoResidenziale", "inserimento_carattere"),
    ("FormaInserimentoResidenziale", "inserimento_forma"),
    ("TipoInserimentoResidenziale", "inserimento_tipo"),
    ("EsitoInserimentoStruttura", "inserimento_esito"),
    ("NumeroComponentiISEE", "componenti_isee"),
];

/// A minor's sheet: the flow names nobody.
pub fn sheet(row: Row<'_>) -> Result<Result<Document, Reason>> {
    let Some(benefit) = row.get("codice_prestazione") else { return Ok(Err("senza_prestazione")) };
    let Some(family) = row.get("composizione_famiglia") else { return Ok(Err("senza_composizione")) };
    if row.get("codice_catastale").is_none() {
        return Ok(Err("ente_non_noto"));
    }
    let Some(born) = row.get("anno_nascita") else { return Ok(Err("persona_non_nota")) };
    let yes = |said: bool| if said { "1" } else { "2" };
    let holds = |column: &str| row.get(column) == Some("true");
    let first = row.text("prima_segnalazione")?;
    let mut attributes =
        Attributes::new().with("IDBeneficiario", row.text("riferimento")?).with("MinoreStranieroNoAcc", yes(holds("straniero_non_accompagnato")));
    for (attribute, column) in SHEET {
        attributes = attributes.maybe(attribute, row.get(column));
    }
    let attributes = attributes
        .with("Disabilita", yes(row.get("tipo_disabilita").is_some()))
        .with("DataPrimaSegnalazione", &format!("{}/{}", &first[5..7], &first[..4]))
        .with("SegnalazioneAutoritaGiudiziaria", yes(holds("segnalazione_autorita")))
        .with("ProvvedimentoGiudiziario", yes(holds("provvedimento")))
        .maybe("MotivazioneChiusuraCarico", row.get("motivo_chiusura"))
        .maybe("SituazioneChiusuraCarico", row.get("situazione_chiusura"))
        .maybe("CollaborazioniInterventi", row.get("collaborazione"))
        .with("FasciaEtaBeneficiario", row.text("fascia_eta")?)
        .maybe("FasciaISEEBeneficiario", row.get("fascia_isee"))
        .with("AnnoNascita", born)
        .with("CodiceRegioneResidenza", LAZIO)
        .with("CodiceNazioneResidenza", ITALY);
    let family = family.split(',').map(|member| member.trim().to_owned()).collect();
    Ok(Ok(Document::Sinba { attributes, benefit: benefit.to_owned(), family }))
}

/// The layout asks for ten characters at least.
fn title(benefit: &str) -> String {
    let title = if benefit.chars().count() < 10 { format!("Prestazione sociale: {benefit}") } else { benefit.to_owned() };
    title.chars().take(200).collect()
}

/// Months that a period touches, at least one.
fn months(start: &str, end: &str) -> i64 {
    let month = |day: &str| Some(day.get(..4)?.parse::<i64>().ok()? * 12 + day.get(5..7)?.parse::<i64>().ok()?);
    month(end).zip(month(start)).map_or(1, |(end, start)| (end - start + 1).max(1))
}

/// A decimal with at most two places, in hundredths.
fn cents(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<2}");
    Some(whole.parse::<i64>().ok()? * 100 + part.get(..2)?.parse::<i64>().ok()?)
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A part of an amount, rounded to the nearest hundredth.
fn share(cents: i64, parts: i64) -> String {
    money((cents + parts / 2) / parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_months() {
        assert_eq!((cents("528.00"), cents("0.5"), cents("7")), (Some(52800), Some(50), Some(700)));
        assert_eq!((share(10000, 3), share(5, 2), money(5)), ("33.33".into(), "0.03".into(), "0.05".into()));
        assert_eq!((months("2025-01-15", "2025-12-31"), months("2025-06-01", "2025-06-30"), months("2025-12-01", "2025-01-01")), (12, 1, 1));
        assert_eq!(title("Altro"), "Prestazione sociale: Altro");
    }
}
