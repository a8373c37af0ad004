//! Each kind of mistake, made in the fixture catalog one at a time: the one line reported, at its exact place, marked § in the edit.

use std::fs;
use std::path::Path;

use datasets::catalog::Catalog;

const TUTTO: &str = "prova/tutto.toml";
const LUOGHI: &str = "prova/luoghi.toml";
const PERSONE: &str = "prova/persone.toml";
const CONTEGGI: &str = "prova/conteggi.toml";
const QUERY: &str = "prova/conteggi.sql";
const ROLES: &str = "roles.toml";
const COLORI: &str = "code_lists/colori.csv";

/// Replaces `from`, which stands once in `file`, by `to`, and expects a single mistake at § that contains `message`.
#[track_caller]
fn expect(file: &str, from: &str, to: &str, message: &str) {
    let dir = copy();
    let text = fs::read_to_string(dir.path().join(file)).expect("a fixture");
    assert_eq!(text.matches(from).count(), 1, "'{from}' stands once in {file}");
    let marked = text.replace(from, to);
    let at = marked.find('§').expect("a mark");
    let (line, column) = (marked[..at].matches('\n').count() + 1, marked[..at].rsplit('\n').next().unwrap_or_default().chars().count() + 1);
    fs::write(dir.path().join(file), marked.replace('§', "")).expect("written");
    let found: Vec<String> = mistakes(dir.path());
    assert_eq!(found.len(), 1, "{found:#?}");
    let place = format!("{file}:{line}:{column}: ");
    assert!(found[0].starts_with(&place) && found[0].contains(message), "expected {place}…{message}…, found {}", found[0]);
}

fn mistakes(dir: &Path) -> Vec<String> {
    Catalog::load(dir).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn copy() -> tempfile::TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/good");
    let to = tempfile::tempdir().expect("a folder");
    for file in [TUTTO, LUOGHI, PERSONE, CONTEGGI, QUERY, ROLES, COLORI] {
        let target = to.path().join(file);
        fs::create_dir_all(target.parent().expect("a parent")).expect("a folder");
        fs::copy(from.join(file), target).expect("a fixture");
    }
    to
}

#[test]
fn the_fixture_has_none() {
    assert_eq!(mistakes(copy().path()), Vec::<String>::new());
}

#[test]
fn structure() {
    expect(TUTTO, "sort = [", "§sorted = [\"x\"]\nsort = [", "unknown field 'sorted': expected one of version");
    expect(TUTTO, "unit = \"posti\"", "§units = \"posti\"", "unknown field 'units'");
    expect(TUTTO, "version = \"1.2.0\"\n", "§", "field 'version' is missing");
    expect(TUTTO, "mode = \"versions\"", "mode = §\"all\"", "field 'mode': unknown variant `all`");
    expect(TUTTO, "type = \"boolean\"", "type = §\"bool\"", "'bool' is not a type");
    expect(TUTTO, "due_days = 20", "due_days = §-1", "field 'due_days'");
    expect(TUTTO, "due_days = 20", "due_days = 20\nsince = §\"2026\"", "'2026' is not a month such as 2026-01");
    expect(TUTTO, "max_length = 20", "max_length = §\"20\"", "field 'max_length'");
    expect(TUTTO, "key = [\"codice\", \"giorno\"]", "key = §\"codice\"", "field 'key'");
    expect(
        LUOGHI,
        "[[access]]\nroles = [\"anonimo\", \"comune\", \"regione\"]",
        "§[access]\nroles = [\"anonimo\", \"comune\", \"regione\"]",
        "each under [[access]]",
    );
}

#[test]
fn classes_and_languages() {
    expect(TUTTO, "{ it = \"Colore\", en = \"Colour\" }", "§{ it = \"Colore\" }", "field 'en' is missing");
    expect(TUTTO, "en = \"Colour\" }", "en = §\" \" }", "'title' is empty in language 'en'");
    expect(TUTTO, "{ it = \"Colore\", en = \"Colour\" }", "§\"Colore\"", "'title' is written in both languages");
    expect(TUTTO, "class = \"special\"", "class = §\"secret\"", "field 'class': unknown variant `secret`");
}

#[test]
fn a_missing_field_is_reported_at_its_table() {
    expect(TUTTO, "[[column]]\nname = \"nota\"\ntype = \"text\"", "§[[column]]\nname = \"nota\"", "field 'type' is missing");
}

#[test]
fn legal_basis() {
    expect(LUOGHI, "[{ it = \"prova art. 1\", en = \"test art. 1\" }]", "§[]", "'legal_basis' is empty");
    expect(LUOGHI, "en = \"test art. 1\"", "en = §\"\"", "'legal_basis' is empty in language 'en'");
}

#[test]
fn head() {
    expect(TUTTO, "\"1.2.0\"", "§\"1.2\"", "is not semantic");
    expect(TUTTO, "[\"codice\", \"giorno\"]", "[\"codice\", §\"giorni\"]", "key column 'giorni' does not exist");
    expect(TUTTO, "[\"codice\", \"giorno\"]", "[\"codice\", §\"posti\"]", "key column 'posti' is not required");
    expect(TUTTO, "[\"codice\", \"giorno\"]", "[\"codice\", §\"codice\"]", "key column 'codice' appears twice");
    expect(TUTTO, "key = [\"codice\", \"giorno\"]", "key = §[]", "mode versions needs a key");
    expect(TUTTO, "[\"ambito\", \"codice\"]", "[§\"distretto\", \"codice\"]", "sort column 'distretto' does not exist");
    expect(TUTTO, "[\"ambito\", \"codice\"]", "[\"codice\", §\"codice\"]", "sort column 'codice' appears twice");
}

#[test]
fn feed_and_publication() {
    expect(TUTTO, "sender_column = \"codice_istat\"", "sender_column = §\"comune\"", "sender column 'comune' does not exist");
    expect(TUTTO, "sender_column = \"codice_istat\"", "sender_column = §\"posti\"", "sender column 'posti' is not text");
    expect(TUTTO, "sender_column = \"codice_istat\"", "sender_column = §\"colore\"", "sender column 'colore' is not required");
    expect(
        TUTTO,
        "[feed]\nsubsystem = \"Prova\"\nsenders = \"comune\"\nfrequency = \"monthly\"\ndue_days = 20\nsender_column = \"codice_istat\"",
        "§[feed]\nsubsystem = \"Prova\"\nsenders = \"comune\"\nfrequency = \"monthly\"\ndue_days = 20",
        "sender_column is missing",
    );
    expect(TUTTO, "theme = \"SOCI\"", "theme = §\"SOCIAL\"", "not an EU data theme");
    expect(TUTTO, "licence = \"CC-BY-4.0\"", "licence = §\"\"", "the licence is empty");
}

#[test]
fn rights() {
    expect(TUTTO, "roles = [\"comune\"]", "roles = [\"comune\", §\"sindaco\"]", "role 'sindaco' does not exist");
    expect(TUTTO, "roles = [\"comune\"]", "roles = §[]", "no role is named");
}

#[test]
fn a_role_appears_once() {
    expect(LUOGHI, "\"comune\", \"regione\"]", "\"comune\", §\"comune\"]", "role 'comune' has more than one access entry");
}

#[test]
fn facts_and_masks() {
    expect(TUTTO, "\"codice_istat = $codice_istat AND nota <> '$altro'\"", "§\"ambito = $ambito\"", "role 'comune' has no fact 'ambito'");
    expect(TUTTO, "\"codice_istat = $codice_istat AND nota <> '$altro'\"", "§\" \"", "the row condition is empty");
    expect(TUTTO, "mask = { nota = ", "mask = { note = §", "masked column 'note' does not exist");
    expect(TUTTO, "\"left(nota, 2) || '…'\"", "§\"CASE WHEN ambito = $ambito THEN nota END\"", "role 'comune' has no fact 'ambito'");
    expect(LUOGHI, "classes = [\"public\"]", "classes = §[\"public\", \"personal\"]", "role 'anonimo' may not see personal");
}

#[test]
fn names() {
    expect(TUTTO, "name = \"quota\"", "name = §\"Quota\"", "is not lower case ascii");
    expect(TUTTO, "name = \"quota\"", "name = §\"quantità\"", "is not lower case ascii");
    expect(TUTTO, "name = \"quota\"", "name = §\"posti__testo\"", "is not lower case ascii with single underscores");
    expect(TUTTO, "name = \"quota\"", "name = §\"order\"", "is a reserved word of SQL");
    expect(TUTTO, "name = \"quota\"", "name = §\"mittente\"", "is a system column's");
    expect(TUTTO, "name = \"quota\"", "name = §\"posti\"", "column 'posti' appears twice");
    expect(TUTTO, "\"Codice riga\"]", "\"Codice riga\", §\"COD\"]", "alias 'COD' appears twice");
    expect(TUTTO, "\"Codice riga\"]", "\"Codice riga\", §\"Codice Istat\"]", "alias 'Codice Istat' is already a header of column 'codice_istat'");
    expect(TUTTO, "id = \"importo_con_posti\"", "id = §\"posti_se_attivo\"", "rule id 'posti_se_attivo' appears twice");
    expect(TUTTO, "id = \"importo_con_posti\"", "id = §\"Importo\"", "is not lower case ascii");
    expect(TUTTO, "sql = \"importo <= posti * 1000\"", "sql = §\"\"", "has no condition");
    expect(TUTTO, "sql = \"importo <= posti * 1000\"", "sql = §\"true; drop table x\"", "has no semicolon");
}

#[test]
fn columns() {
    expect(TUTTO, "\"[A-Z]'?[0-9]{2,3}\"", "§\"[A-Z\"", "is not a regular expression");
    expect(TUTTO, "min = 0\nmax = 999", "min = §\"a\"\nmax = 999", "min of column 'posti' is not an integer");
    expect(TUTTO, "min = 0\nmax = 999", "min = 1000\nmax = §999", "max of column 'posti' is below its min");
    expect(TUTTO, "max = \"2099-12-31\"", "max = §\"1999-12-31\"", "max of column 'giorno' is below its min");
    expect(TUTTO, "max = \"2099-12-31\"", "max = §\"31/12/2099\"", "max of column 'giorno' is not a date");
    expect(TUTTO, "max = 99999.5", "max = §1000000", "max of column 'importo' does not fit decimal(8,2)");
    expect(TUTTO, "max = 99999.5", "max = §0.123", "max of column 'importo' does not fit decimal(8,2)");
    expect(TUTTO, "min = 2000-01-01T00:00:00+01:00", "min = §2000-01-01", "min of column 'istante' is not a moment");
    expect(TUTTO, "max_length = 20", "max_length = 20\nmin = §1", "min of column 'nota' has no place on a column of type text");
    expect(TUTTO, "max_length = 20", "max_length = §0", "no value would fit");
    expect(TUTTO, "unit = \"posti\"", "max_length = §3", "max_length on column 'posti', which is not text");
    expect(TUTTO, "code_list = \"colori\"", "code_list = §\"forme\"", "code list 'forme' does not exist");
    expect(TUTTO, "example = \"rosso\"", "example = §\"blu\"", "example 'blu' of column 'colore' is not a code of 'colori'");
    expect(TUTTO, "example = \"rosso\"", "before = §\"blu\"", "before 'blu' of column 'colore' is not a code of 'colori'");
    expect(TUTTO, "example = \"A01\"", "example = §\"a01\"", "does not match the pattern");
    expect(TUTTO, "example = \"12\"", "example = §\"dodici\"", "is not of type integer");
    expect(TUTTO, "example = \"2024-02-29\"", "example = §\"2023-02-29\"", "is not of type date");
}

#[test]
fn links() {
    expect(TUTTO, "references = \"prova.luoghi.codice_istat\"", "references = §\"prova.luoghi.codice\"", "dataset 'prova.luoghi' has no column 'codice'");
    expect(TUTTO, "references = \"prova.luoghi.codice_istat\"", "references = §\"prova.altrove.codice\"", "dataset 'prova.altrove' does not exist");
    expect(TUTTO, "references = \"prova.luoghi.codice_istat\"", "references = §\"luoghi\"", "is not area.name.column");
    expect(TUTTO, "references = \"prova.luoghi.codice_istat\"", "references = §\"prova.tutto.codice\"", "refers to itself");
    expect(TUTTO, "unit = \"posti\"", "references = §\"prova.luoghi.codice_istat\"", "are of different types");
    expect(TUTTO, "by = \"codice_istat\" }", "by = §\"comune\" }", "column 'comune' does not exist");
    expect(TUTTO, "column = \"ambito\", by", "column = §\"asl\", by", "has no column 'asl'");
}

#[test]
fn set_rules() {
    let rule = "sql = \"SELECT riga_consegna FROM consegna WHERE codice_istat NOT IN (SELECT codice_istat FROM prova.luoghi WHERE ambito IS NOT NULL)\"";
    expect(TUTTO, "id = \"luogo_con_ambito\"", "id = §\"un_rosso_al_giorno\"", "rule id 'un_rosso_al_giorno' appears twice");
    expect(TUTTO, "id = \"luogo_con_ambito\"", "id = §\"importo_con_posti\"", "rule id 'importo_con_posti' appears twice");
    expect(TUTTO, rule, "sql = §\"DELETE FROM consegna WHERE riga_consegna = 1\"", "is one SELECT");
    expect(TUTTO, rule, "sql = §\"SELECT riga_consegna FROM consegna; SELECT 1\"", "has no semicolon");
    expect(TUTTO, rule, "sql = §\"SELECT codice_istat FROM consegna\"", "does not answer riga_consegna");
    expect(TUTTO, rule, "sql = §\"SELECT riga_consegna FROM prova.tutto\"", "its own dataset: that is dopo");
    expect(TUTTO, rule, "sql = §\"SELECT riga_consegna FROM arrivi\"", "reads 'arrivi': its tables are consegna, dopo");
    expect(TUTTO, rule, "sql = §\"SELECT riga_consegna FROM consegna JOIN prova.altrove ON true\"", "reads dataset 'prova.altrove', which does not exist");
    expect(TUTTO, "en = \"The place has no district.\"", "en = §\"\"", "'message' is empty in language 'en'");
}

#[test]
fn a_set_rule_may_close_a_circle() {
    let rule = "sql = \"SELECT riga_consegna FROM consegna WHERE codice_istat NOT IN (SELECT codice_istat FROM prova.luoghi WHERE ambito IS NOT NULL)\"";
    let dir = copy();
    let text = fs::read_to_string(dir.path().join(TUTTO)).expect("a fixture");
    fs::write(dir.path().join(TUTTO), text.replace(rule, "sql = \"SELECT riga_consegna FROM consegna JOIN prova.conteggi ON true\"")).expect("written");
    let found = mistakes(dir.path());
    assert_eq!(found, ["prova/conteggi.toml:9:8: datasets refer to each other in a circle: prova.conteggi → prova.tutto → prova.conteggi"]);
}

#[test]
fn identities() {
    let vault = "identity = \"vault\"\nmax_length";
    expect(
        PERSONE,
        "class = \"personal\"\nrequired = true\nidentity = \"vault\"",
        "class = §\"internal\"\nrequired = true\nidentity = \"vault\"",
        "its class is personal or special",
    );
    expect(PERSONE, vault, "identity = §\"hidden\"\nmax_length", "unknown variant `hidden`");
    expect(PERSONE, "identity = \"pseudonym\"", "identity = \"pseudonym\"\npattern = §\".*\"", "checked already");
    expect(PERSONE, "\"RSSMRA80A01H501U\"", "§\"RSSMRA80A01H501V\"", "is not a fiscal code");
    let found = |edits: &[(&str, &str)]| {
        let dir = copy();
        let text = edits.iter().fold(fs::read_to_string(dir.path().join(PERSONE)).expect("a fixture"), |text, (from, to)| text.replace(from, to));
        fs::write(dir.path().join(PERSONE), text).expect("written");
        mistakes(dir.path())
    };
    let cases = [
        ("sort = [\"codice_istat\"]", "sort = [\"nascita\"]", "'nascita' goes to the vault, so 'sort' cannot name it"),
        ("rows = \"true\"", "rows = \"cognome IS NULL\"", "'cognome' goes to the vault, so 'access' cannot name it"),
        ("identity = \"pseudonym\"\n", "", "needs exactly one pseudonym column in the contract, not 0"),
        ("required = true\nidentity = \"pseudonym\"", "identity = \"pseudonym\"", "under a pseudonym that is not required"),
    ];
    for (from, to, message) in cases {
        let found = found(&[(from, to)]);
        assert!(found.iter().any(|line| line.contains(message)), "{message}: {found:#?}");
    }
}

#[test]
fn derived() {
    expect(CONTEGGI, "[\"prova.luoghi\", \"prova.tutto\"]", "[\"prova.luoghi\", \"prova.tutto\", §\"prova.tutto\"]", "appears twice");
    expect(CONTEGGI, "from = [\"prova.luoghi\", \"prova.tutto\"]", "from = §[\"prova.tutto\"]", "reads 'prova.luoghi', which 'from' does not name");
    expect(
        CONTEGGI,
        "from = [\"prova.luoghi\", \"prova.tutto\"]",
        "from = §[\"prova.luoghi\", \"prova.tutto\", \"prova.persone\"]",
        "does not read 'prova.persone'",
    );
    expect(CONTEGGI, "senders = \"regione\"", "sender_column = \"codice_istat\"\nsenders = §\"comune\"", "sent by nobody");
}

#[test]
fn a_query_and_its_contract_belong_together() {
    let dir = copy();
    fs::remove_file(dir.path().join(QUERY)).expect("removed");
    fs::write(dir.path().join("prova/luoghi.sql"), "SELECT 1").expect("written");
    let found = mistakes(dir.path());
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("conteggi.sql with the query is missing"), "{}", found[0]);
    assert!(found[1].contains("prova/luoghi.toml has no [derived]"), "{}", found[1]);
}

#[test]
fn roles() {
    expect(ROLES, "deliver = \"own\"", "deliver = §\"mine\"", "deliver is");
    expect(ROLES, "deliver = \"any\"", "deliver = §\"own\"", "needs the fact codice_istat or ambito");
    expect(ROLES, "deliver = \"any\"", "§delivers = \"any\"", "unknown field 'delivers'");
    expect(ROLES, "title = { it = \"Regione\", en = \"Region\" }", "title = { it = §\"\", en = \"Region\" }", "'title' is empty in language 'it'");
}

#[test]
fn code_lists() {
    expect(COLORI, "# title_it: Colori\n", "§", "the title is missing");
    expect(COLORI, "rosso,Rosso,Red,2020-01-01,", "§rosso,Rosso,Red,2020-01-32,", "valido_dal is not a date");
    expect(COLORI, "rosso,Rosso,Red,2020-01-01,", "§rosso,Rosso,,2020-01-01,", "'en' is empty");
    expect(COLORI, "verde,", "§rosso,", "code 'rosso' appears twice");
    expect(COLORI, "rosso,Rosso,Red,2020-01-01,", "§rosso,Rosso,Red,2020-01-01", "expected 5 fields, found 4");
    expect(COLORI, "rosso,Rosso,Red,2020-01-01,", "§rosso,Rosso,Red,2020-01-01,2019-01-01", "valido_dal is after valido_al");
    expect(COLORI, "code,it,en", "§code,en,it", "expected the header");
    expect(COLORI, "# provisional: true", "§# provisional: maybe", "provisional is true or false");
}

#[test]
fn a_circle_is_reported_once() {
    expect(LUOGHI, "name = \"codice_istat\"", "name = §\"codice_istat\"\nreferences = \"prova.tutto.codice\"", "prova.luoghi → prova.tutto → prova.luoghi");
}

#[test]
fn syntax() {
    expect(TUTTO, "mode = \"versions\"", "mode = §", "");
    expect(TUTTO, "sort = [\"ambito\", \"codice\"]", "§key = []", "duplicate key");
}

#[test]
fn unreadable_names() {
    let dir = copy();
    fs::copy(dir.path().join(LUOGHI), dir.path().join("prova/Luoghi.toml")).expect("copied");
    fs::copy(dir.path().join(LUOGHI), dir.path().join("prova/luoghi.roma.toml")).expect("a mapping file is no contract");
    fs::copy(dir.path().join(LUOGHI), dir.path().join("prova/luoghi_storia.toml")).expect("copied");
    let found = mistakes(dir.path());
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("prova/Luoghi.toml:1:1: 'prova.Luoghi' is not a dataset name"), "{}", found[0]);
    assert!(found[1].starts_with("prova/luoghi_storia.toml:1:1: dataset name 'prova.luoghi_storia' ends in _storia"), "{}", found[1]);
}

#[test]
fn the_folder_is_known_by_its_roles() {
    let dir = copy();
    assert_eq!(Catalog::find_dir(Some(dir.path())), Ok(dir.path().to_owned()));
    assert!(Catalog::find_dir(Some(&dir.path().join("prova"))).is_err());
}

#[test]
fn without_roles_nothing_loads() {
    let dir = copy();
    fs::remove_file(dir.path().join(ROLES)).expect("removed");
    let found = mistakes(dir.path());
    assert!(found.len() == 1 && found[0].starts_with("roles.toml:1:1: cannot be read"), "{found:#?}");
}

#[test]
fn every_mistake_of_every_file_at_once() {
    let dir = copy();
    let edit = |file: &str, pairs: &[(&str, &str)]| {
        let mut text = fs::read_to_string(dir.path().join(file)).expect("a fixture");
        for (from, to) in pairs {
            assert_eq!(text.matches(from).count(), 1, "'{from}' stands once in {file}");
            text = text.replace(from, to);
        }
        fs::write(dir.path().join(file), text).expect("written");
    };
    edit(
        TUTTO,
        &[
            ("version = \"1.2.0\"", "version = \"uno\"\ncolour = 1"),
            ("class = \"special\"\n", ""),
            ("type = \"boolean\"", "type = \"bool\"\nmin = 3"),
            ("\"[A-Z]'?[0-9]{2,3}\"", "\"(\""),
            ("rows = \"codice_istat = $codice_istat AND nota <> '$altro'\"", "rows = \"asl = $asl\""),
            ("\"codice\", \"giorno\"]", "\"codice\", \"giorni\"]"),
        ],
    );
    edit(LUOGHI, &[("name = \"ambito\"", "name = \"distretto\""), ("mode = \"replace\"", "mode = \"each\"")]);
    edit(COLORI, &[("verde,", "rosso,")]);
    edit(ROLES, &[("deliver = \"own\"", "deliver = \"mine\"")]);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("mistakes__at_once", mistakes(dir.path()).join("\n"));
    });
}

#[test]
fn publication() {
    expect(TUTTO, "open = false", "open = §true", "open = true, yet role 'anonimo' sees nothing");
    let change = |version: &str, announced: &str, from: &str| {
        format!(
            "licence = \"CC-BY-4.0\"\ntheme = \"SOCI\"\nkeywords = [{{ it = \"prova\", en = \"test\" }}]\n\n[[publication.change]]\nversion = {version}\nannounced = {announced}\nfrom = {from}\ntext = {{ it = \"x\", en = \"x\" }}\n"
        )
    };
    let block = "licence = \"CC-BY-4.0\"\ntheme = \"SOCI\"\nkeywords = [{ it = \"prova\", en = \"test\" }]\n";
    expect(TUTTO, block, &change("§\"2\"", "\"2026-11-01\"", "\"2027-01-01\""), "version '2' is not semantic");
    expect(TUTTO, block, &change("\"2.0.0\"", "\"2026-11-01\"", "§\"gennaio\""), "'gennaio' is not a day such as 2027-01-31");
    expect(TUTTO, block, &change("\"2.0.0\"", "\"2027-01-01\"", "§\"2027-01-01\""), "not after its announcement");
}
