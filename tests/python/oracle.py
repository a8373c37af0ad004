"""Who may see what, written by hand from the law and the rights of each office, and DuckDB over the lake's own Parquet files.

Nothing here reads the contracts: it is the second opinion that the service's answers are compared with."""

import duckdb
from deltalake import DeltaTable

FACTS = {
    "anonimo": ("anonimo", {}),
    "pianificatore": ("pianificatore", {}),
    "distretto_rm_5_1": ("distretto", {"ambito": "RM 5.1"}),
    "comune_058091": ("comune", {"codice_istat": "058091", "ambito": "ROMA"}),
    "comune_058120": ("comune", {"codice_istat": "058120", "ambito": "RM 3.1"}),
    "ispettore": ("ispettore", {}),
    "steward": ("steward", {}),
    "amministratore": ("amministratore", {}),
}

# Columns in order; a star marks names and addresses of people or places to be protected, two what the law calls special,
# a minus what offices keep among themselves.
COLUMNS = {
    "territorio.comuni": "codice_istat comune ambito asl sigla_provincia provincia codice_catastale codice_fiscale_ente latitudine longitudine superficie_kmq zona_altimetrica grado_urbanizzazione certezza",
    "assa.strutture": "codice_struttura denominazione codice_istat ambito tipo utenza *indirizzo *latitudine *longitudine indirizzo_riservato -titolare -gestore natura_gestore -codice_fiscale_gestore *responsabile posti data_attivazione data_cessazione",
    "assa.posti": "codice_struttura codice_istat ambito tipo_posto utenza posti_autorizzati posti_accreditati posti_convenzionati -posti_occupati data_rilevazione retta_giornaliera eta_minima eta_massima",
    "assa.provvedimenti": "id_provvedimento codice_struttura codice_istat ambito tipo numero_atto data_atto data_effetto data_fine_effetto -termine_adempimento organo posti -id_ispezione *responsabile_procedimento -impronta_documento",
    "assa.ispezioni": "id_ispezione codice_struttura codice_istat ambito organo -motivo -data_prevista data_esecuzione esito -termine_prescrizioni -ospiti_presenti -numero_verbale *ispettore **osservazioni",
    "sigess.accessi": "-id_scheda *id_persona codice_istat ambito -punto_contatto data_accesso modalita -motivo_accesso -interlocutore -utenza *fascia_eta *sesso *cittadinanza **senza_fissa_dimora **bisogno -esito -data_esito",
    "piani_zona.importi": "ambito anno ciclo fondo macro_attivita utenza fase importo quota_utenti quota_ssn leps -atto -data_atto",
    "sirse.servizi": "codice_servizio codice_istat ambito anno denominazione tipo *indirizzo titolarita gestione -gestore luogo_di_lavoro polo_infanzia posti_autorizzati posti_lattanti posti_convenzionati -iscritti ore_giornaliere mesi_apertura accreditato *coordinatore_pedagogico",
    "sistema.obligations": "dataset sottosistema ente ambito periodo_dati inizio fine scadenza stato in_ritardo consegne ultima_consegna righe_accettate righe_rifiutate certificazione",
    "sistema.certifications": "certificazione dataset ente periodo_dati ambito versione_tabella righe impronta -account firmata_il precedente",
}

OFFICE, NAMES, ALL = "-", "-*", "-**"
REGION = ("pianificatore", "steward", "amministratore")
OWN = {"distretto": "ambito = '{ambito}'", "comune": "codice_istat = '{codice_istat}'"}


def rights(dataset, role):
    """(row condition, marks the role sees, masks by column), or None when the dataset is not there for the role."""
    shelter = {c: f"CASE WHEN indirizzo_riservato THEN NULL ELSE {c} END" for c in ("indirizzo", "latitudine", "longitudine")}
    home = {"indirizzo": "CASE WHEN tipo = 'nido_domestico' THEN NULL ELSE indirizzo END"}
    named = {"denominazione": "CASE WHEN indirizzo_riservato THEN 'riservata' ELSE denominazione END"}
    if dataset.startswith("territorio."):
        return "true", "", {}
    if dataset == "assa.strutture":
        return {
            "anonimo": ("indirizzo_riservato = false AND data_cessazione IS NULL", "", shelter),
            "ispettore": ("true", NAMES, {}),
            "distretto": (OWN["distretto"], NAMES, shelter),
            "comune": (OWN["comune"], NAMES, {}),
            **dict.fromkeys(REGION, ("true", OFFICE, shelter | named)),
        }.get(role)
    if dataset == "assa.posti":
        return {**dict.fromkeys((*REGION, "ispettore"), ("true", OFFICE, {})), **{r: (c, OFFICE, {}) for r, c in OWN.items()}}.get(role)
    if dataset in ("assa.provvedimenti", "assa.ispezioni"):
        own = ALL if dataset == "assa.ispezioni" else NAMES
        return {
            "ispettore": ("true", NAMES, {}),
            **dict.fromkeys(REGION, ("true", OFFICE, {})),
            "distretto": (OWN["distretto"], NAMES, {}),
            "comune": (OWN["comune"], own, {}),
        }.get(role)
    if dataset == "sigess.accessi":
        return {**dict.fromkeys(REGION, ("true", OFFICE, {})), **{r: (c, ALL, {}) for r, c in OWN.items()}}.get(role)
    if dataset == "piani_zona.importi":
        return {**dict.fromkeys(REGION, ("true", OFFICE, {})), **dict.fromkeys(OWN, (OWN["distretto"], OFFICE, {}))}.get(role)
    if dataset == "sirse.servizi":
        return {
            "anonimo": ("true", "", home),
            **dict.fromkeys(REGION, ("true", OFFICE, home)),
            "distretto": (OWN["distretto"], OFFICE, home),
            "comune": (OWN["comune"], NAMES, {}),
        }.get(role)
    if dataset in ("sistema.obligations", "sistema.certifications"):
        return {**dict.fromkeys(REGION, ("true", OFFICE, {})), "distretto": (OWN["distretto"], OFFICE, {}), "comune": ("ente = '{codice_istat}'", OFFICE, {})}.get(role)
    raise KeyError(dataset)


def columns(dataset, account):
    """Names of the columns an account sees, in order; None when the dataset is hidden."""
    role, _ = FACTS[account]
    found = rights(dataset, role)
    if found is None:
        return None
    _, marks, masks = found
    seen = {"": [""], OFFICE: ["", "-"], NAMES: ["", "-", "*"], ALL: ["", "-", "*", "**"]}[marks]
    out = []
    for column in COLUMNS[dataset].split():
        name = column.lstrip("*-")
        if column[: len(column) - len(name)] in seen or name in masks:
            out.append(name)
    return out


def current(data, dataset):
    """The current rows of the files that the Delta log names, as SQL; None when the table holds none."""
    files = [uri.removeprefix("file://") for uri in DeltaTable(str(data / "tables" / dataset.replace(".", "/"))).file_uris()]
    return f"(SELECT * FROM read_parquet({files!r}, union_by_name = true) WHERE registrato_al IS NULL)" if files else None


def connect(data, account, kind="TABLE"):
    """A DuckDB in which `area.name` is what the account may see: held in memory, or with kind="VIEW" read from the files each time."""
    role, facts = FACTS[account]
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for dataset in COLUMNS:
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset.split('.')[0]}")
        found = rights(dataset, role)
        if not found:
            continue
        base = current(data, dataset)
        if base is None:
            base = f"nothing_{dataset.replace('.', '_')}"
            db.register(base, DeltaTable(str(data / "tables" / dataset.replace(".", "/"))).to_pyarrow_table())
        condition, _, masks = found
        shown = ", ".join(f"{masks[c]} AS {c}" if c in masks else c for c in columns(dataset, account))
        db.execute(f"CREATE {kind} {dataset} AS SELECT {shown} FROM {base} WHERE {condition.format(**facts)}")
    return db
