"""Who may see what, written by hand from the law and the rights of each office, and DuckDB over the lake's own Parquet files.

Nothing here reads the contracts: it is the second opinion that the service's answers are compared with."""

import functools
import json
import sqlite3

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
    "inps": ("inps", {}),
    "funzionario": ("funzionario", {}),
    "ministero": ("ministero", {}),
    # Whose they are differs from region to region: the accounts say it.
    "gestore": ("gestore", None),
    "cittadino": ("cittadino", None),
}


@functools.cache
def facts(data, account):
    """What an account says of itself, as the state store of a region has it."""
    if FACTS[account][1] is not None:
        return FACTS[account][1]
    store = sqlite3.connect(f"file:{data}/state/siss.db?mode=ro", uri=True)
    (text,) = store.execute("SELECT facts FROM accounts WHERE name = ?", (account,)).fetchone()
    store.close()
    return json.loads(text)


# Columns in order; a star marks names and addresses of people or places to be protected, two what the law calls special,
# a minus what offices keep among themselves.
COLUMNS = {
    "territorio.ambiti": "ambito denominazione provincia asl ente_capofila forma_gestione capofila_dal comuni certezza nota",
    "territorio.comuni": "codice_istat comune ambito asl sigla_provincia provincia codice_catastale codice_fiscale_ente latitudine longitudine superficie_kmq zona_altimetrica grado_urbanizzazione certezza",
    "territorio.nomenclatore": "schema codice valido_dal valido_al livello padre descrizione descrizione_en foglia leps tipo provvisorio fonte",
    "territorio.nomenclatore_ponti": "da_schema da_codice a_schema a_codice peso valido_dal valido_al provvisorio",
    "territorio.popolazione": "codice_istat ambito anno eta fascia_eta femmine maschi totale fonte",
    "riferimenti.consultori": "denominazione comune provincia codice_istat ambito asl indirizzo telefono sito",
    "riferimenti.residenze_anziani": "asl denominazione comune indirizzo cap telefono posti_accreditati posti_alzheimer",
    "riferimenti.solidarieta_alimentare": "codice_interno regione ente codice_istat ambito popolazione quota_a quota_b contributo",
    "assa.ispezioni": "id_ispezione codice_struttura codice_istat ambito organo -motivo -data_prevista data_esecuzione esito -termine_prescrizioni -ospiti_presenti -numero_verbale *ispettore **osservazioni",
    "assa.posti": "codice_struttura codice_istat ambito tipo_posto utenza posti_autorizzati posti_accreditati posti_convenzionati -posti_occupati data_rilevazione retta_giornaliera eta_minima eta_massima",
    "assa.provvedimenti": "id_provvedimento codice_struttura codice_istat ambito tipo numero_atto data_atto data_effetto data_fine_effetto -termine_adempimento organo posti -id_ispezione *responsabile_procedimento -impronta_documento",
    "assa.stati": "codice_struttura codice_istat ambito asse stato dal al id_provvedimento",
    "assa.strutture": "codice_struttura denominazione codice_istat ambito tipo utenza *indirizzo *latitudine *longitudine indirizzo_riservato -titolare -gestore natura_gestore -codice_fiscale_gestore *responsabile posti data_attivazione data_cessazione",
    "assa.transizioni": "asse da atto a alla_scadenza",
    "sigess.accessi": "-id_scheda *id_persona codice_istat ambito -punto_contatto data_accesso modalita -motivo_accesso -interlocutore -utenza *fascia_eta *sesso *cittadinanza **senza_fissa_dimora **bisogno -esito -data_esito",
    "sigess.casi": "-id_caso *id_persona -id_scheda codice_istat ambito data_apertura data_chiusura -motivo_chiusura -utenza -complesso -servizio **nucleo_adi **data_pad **data_primo_incontro **data_patto",
    "sigess.emergenze": "-id_emergenza *id_persona codice_istat ambito segnalata_il contatto_il **tipo -segnalante fuori_orario in_copertura -esito",
    "sigess.erogazioni": "-id_erogazione -id_intervento *id_persona codice_istat ambito data_inizio data_fine quantita unita ore -importo -quota_ente -quota_utente -quota_ssn -quota_altre codice_prestazione frequenza -stato -in_carico",
    "sigess.interventi": "-id_intervento -id_caso -id_piano *id_persona codice_istat ambito codice_voce codice_prestazione macro_attivita -utenza -fondo data_richiesta -esito -data_esito -motivo_rifiuto data_inizio data_fine -codice_struttura **dimissione **attivazione -ciclo_pippi",
    "sigess.isee": "-id_attestazione *id_persona codice_istat ambito anno -tipo **fascia **protocollo_dsu -data_dsu -valida_al *componenti",
    "sigess.minori": "-id_scheda_minore -id_caso *id_persona codice_istat ambito data_scheda *fascia_eta **straniero_non_accompagnato **condizione **luogo_vita *scuola *lavoro **tipo_disabilita **certificazione *titolo_studio_padre *titolo_studio_madre *occupazione_padre *occupazione_madre **prima_segnalazione **fonte_segnalazione **valutazione_minore **valutazione_famiglia **segnalazione_autorita **provvedimento **autorita **potesta **tipo_provvedimento **affido_forma **affido_tipo **affido_durata **affido_carattere **affido_esito **inserimento_carattere **inserimento_forma **inserimento_tipo **inserimento_esito **motivo_chiusura **situazione_chiusura **collaborazione **composizione_famiglia *componenti_isee **fascia_isee",
    "sigess.persone": "*id_persona codice_istat ambito *anno_nascita *sesso *cittadinanza *anno_decesso",
    "sigess.piani_individuali": "-id_piano -id_caso *id_persona codice_istat ambito -tipo -beneficiario data_firma -valido_dal -valido_al -verifica_mesi -verifiche -data_ultima_verifica -data_chiusura -obiettivi -budget -budget_finanziato",
    "sigess.valutazioni": "-id_valutazione -id_caso *id_persona codice_istat ambito -data_richiesta data_valutazione -fonte -strumento **invalidita **mobilita **vita_quotidiana **area_cognitiva **comportamento **cure_sanitarie **area_reddituale **area_supporto **livello -prestazione_necessaria",
    "piani_zona.adempimenti": "id_adempimento ambito anno tipo scadenza adempiuto_il id_atto -note",
    "piani_zona.atti": "id_atto ambito anno tipo numero data_atto organo -oggetto -impronta -data_firma *firmatario valido_al",
    "piani_zona.costi_unitari": "ambito anno codice_voce utenza costo_previsto utenti_previsti costo_unitario_previsto costo_sostenuto -utenti_serviti -costo_unitario",
    "piani_zona.importi": "ambito anno ciclo fondo macro_attivita utenza fase importo quota_utenti quota_ssn leps -atto -data_atto",
    "piani_zona.interventi_programmati": "ambito anno ciclo codice_voce macro_attivita utenza leps gestione utenti_previsti -utenti_serviti costo_previsto costo_sostenuto ore_copertura punti_accesso convenzione_ospedale comuni_attivi",
    "piani_zona.piani": "ambito anno ciclo fase data_avvio data_analisi data_adozione data_trasmissione data_approvazione data_attuazione data_verifica data_rendiconto esito_regionale ente_capofila forma_gestione",
    "piani_zona.residui": "ambito anno ciclo fondo macro_attivita utenza programmato impegnato rendicontato libero da_rendicontare",
    "piani_zona.risorse_umane": "ambito anno ente tipo_ente area profilo assistente_sociale contratto persone ore_settimanali tempo_pieno persone_supervisione ore_supervisione -costo",
    "sirse.domande_accreditamento": "-id_domanda anno codice_servizio codice_istat ambito -gestore tipo -data_presentazione -scadenza_precedente -stato data_provvedimento numero_atto accreditato_dal accreditato_al",
    "sirse.domande_contributo": "-id_domanda anno richiedente codice_istat ambito codice_servizio linea *id_persona -data_presentazione -stato -data_stato -importo_richiesto -importo_ammesso -importo_liquidato",
    "sirse.iscrizioni": "codice_servizio codice_istat ambito anno fascia -iscritti -lista_attesa -anticipatari",
    "sirse.pesi_posti": "tempo valido_dal valido_al peso provvisorio fonte",
    "sirse.posti": "codice_servizio codice_istat ambito anno fascia tempo titolarita posti posti_convenzionati posti_equivalenti",
    "sirse.servizi": "codice_servizio codice_istat ambito anno denominazione tipo *indirizzo titolarita gestione -gestore luogo_di_lavoro polo_infanzia posti_autorizzati posti_lattanti posti_convenzionati -iscritti ore_giornaliere mesi_apertura accreditato *coordinatore_pedagogico",
    "previsioni.serie": "-serie -ambito -unita -frequenza -inizio -valore",
    "previsioni.stime": "-serie -livello -codice -ambito -unita -frequenza -inizio -orizzonte -stato -valore -inferiore_80 -superiore_80 -inferiore_95 -superiore_95 -osservazioni -osservato_dal -osservato_al -origini -errore_medio -errore_medio_ripetendo -mase -mase_ripetendo -verifica -metodo -impronta",
    "sistema.audit": "-id_evento -quando -account -oggetto -scopo -quante -registro -progressivo -azione -riferimento -ruolo -porta -provenienza -esito -impronta",
    "sistema.certifications": "certificazione dataset ente periodo_dati ambito versione_tabella righe impronta -account firmata_il precedente",
    "sistema.deliveries": "consegna dataset ente periodo_dati -account ricevuta_il elaborata_il -file formato byte impronta righe accettate rifiutate avvisi esito versione_contratto versione_tabella",
    "sistema.obligations": "dataset sottosistema ente ambito periodo_dati inizio fine scadenza stato in_ritardo consegne ultima_consegna righe_accettate righe_rifiutate certificazione",
    "sistema.pratiche": "-pratica -passo -modulo -ente -protocollo -azione -da_stato -a_stato -ruolo -quando -consegna",
    "sistema.queries": "id -account ruolo porta inizio millisecondi righe tabelle esito -forma",
    "sistema.siuss": "-tipo -riferimento -numero -id_erogazione -id_scheda_minore codice_istat ambito -id_flusso -operazione -ts_flusso -stato -motivo -inviato_il -esito_il -codice_esito -descrizione_esito -id_acquisizione",
    "sistema.violations": "consegna dataset ente riga colonna regola gravita *valore -messaggio_it -messaggio_en",
}

# What every indicator tells, and what some tell beside.
INDICATOR = "livello codice ambito anno riferimento numeratore denominatore valore unita bersaglio stato {} {} {} completezza provvisorio formula ingressi"
PARTS = {
    "assistenti_sociali": "contributo",
    "avanzamento_piano": "rendicontato libero programmato_leps impegnato_leps",
    "minori_fuori_famiglia": "affidi",
    "posti_strutture": "accreditati per_minori per_disabili per_anziani",
    "residenza_fittizia": "persone",
    "supervisione": "ore",
}
MEDIANS = ("giorni_accesso_piano", "tempo_risposta")
BY_RESIDENTS = ("assistenti_sociali", "assistenza_domiciliare", "copertura_nido", "educativa_domiciliare", "minori_fuori_famiglia", "posti_strutture", "punti_accesso")
OF_SERVICES = ("assistenti_sociali", "avanzamento_piano", "comuni_con_servizio", "copertura_nido", "posti_strutture", "pronto_intervento_h24", "punti_accesso", "quota_posti_pubblici", "residenza_fittizia", "supervisione")
# These count persons, few in small places.
OF_PERSONS = ("adi_patti", "adi_primo_incontro", "assistenza_domiciliare", "casi_con_piano", "dimissioni_protette", "educativa_domiciliare", "esito_accesso", "famiglie_pippi", "giorni_accesso_piano", "minori_fuori_famiglia", "ore_assistenza_domiciliare", "progetti_dopo_di_noi", "tempo_risposta", "valutazione_multidimensionale")
for one in (*OF_SERVICES, *OF_PERSONS):
    names = INDICATOR.format(PARTS.get(one, ""), "distribuzione" if one in MEDIANS else "", "anno_popolazione" if one in BY_RESIDENTS else "").split()
    COLUMNS[f"leps.{one}"] = " ".join(("-" if one in OF_PERSONS else "") + name for name in names)

# They change while they are asked.
MOVING = ("sistema.audit", "sistema.deliveries", "sistema.queries", "sistema.siuss", "sistema.violations")

OFFICE, NAMES, ALL = "-", "-*", "-**"
REGION = ("pianificatore", "steward", "amministratore")
# The regional office decides on facilities, services, plans and money; the ministry follows plans and money where no person is named.
OFFICER, MINISTRY = "funzionario", "ministero"
NAMED_IN_PLANS = ("atti", "risorse_umane")
OWN = {"distretto": "ambito = '{ambito}'", "comune": "codice_istat = '{codice_istat}'"}
BODY = {"distretto": "ente = '{ambito}'", "comune": "ente = '{codice_istat}'"}


def rights(dataset, role):
    """(row condition, marks the role sees, masks by column), or None when the dataset is not there for the role. Who signed in sees what
    strangers see of a dataset that has nothing for the role; where it has, that alone counts."""
    return own_rights(dataset, role) or own_rights(dataset, "anonimo")


def own_rights(dataset, role):
    shelter = {c: f"CASE WHEN indirizzo_riservato THEN NULL ELSE {c} END" for c in ("indirizzo", "latitudine", "longitudine")}
    home = {"indirizzo": "CASE WHEN tipo = 'nido_domestico' THEN NULL ELSE indirizzo END"}
    named = {"denominazione": "CASE WHEN indirizzo_riservato THEN 'riservata' ELSE denominazione END"}
    area, name = dataset.split(".")
    region, own = dict.fromkeys(REGION, ("true", OFFICE, {})), {role: (condition, OFFICE, {}) for role, condition in OWN.items()}
    # Persons' records: whoever plans sees that there was one, never whose; who looks after them sees all.
    if area == "sigess":
        return {**region, **{role: (condition, ALL, {}) for role, condition in OWN.items()}}.get(role)
    # A plan is its district's and its municipalities'; everybody sees what of it says nothing about persons.
    if area == "piani_zona":
        district = dict.fromkeys(OWN, (OWN["distretto"], OFFICE, {}))
        if name == "atti":
            district["distretto"] = (OWN["distretto"], NAMES, {})
        few = ("persone", "persone_supervisione", "ore_supervisione") if name == "risorse_umane" else ()
        everybody = {"anonimo": ("true", "", {c: f"CASE WHEN persone >= 3 THEN {c} ELSE NULL END" for c in few})}
        above = {one: ("true", OFFICE, {}) for one in (OFFICER, MINISTRY) if one == OFFICER or name not in NAMED_IN_PLANS}
        return {**region, **above, **district, **everybody}.get(role)
    if area == "previsioni":
        return {**region, **dict.fromkeys(OWN, (OWN["distretto"] if name == "serie" else f"livello = 'regione' OR {OWN['distretto']}", OFFICE, {}))}.get(role)
    if area == "leps" and name in OF_PERSONS:
        small = "livello = 'regione' OR (livello = 'ambito' AND codice = '{ambito}') OR (livello = 'comune' AND codice = '{codice_istat}')"
        ministry = {MINISTRY: ("livello IN ('regione', 'ambito')", OFFICE, {})}
        return {**region, **ministry, "distretto": (f"livello = 'regione' OR {OWN['distretto']}", OFFICE, {}), "comune": (small, OFFICE, {})}.get(role)
    if area in ("territorio", "riferimenti", "leps") or dataset in ("assa.transizioni", "sirse.pesi_posti"):
        return "true", "", {}
    office = {OFFICER: ("true", OFFICE, {})}
    return {
        "assa.strutture": {
            "anonimo": ("indirizzo_riservato = false AND data_cessazione IS NULL", "", shelter),
            "ispettore": ("true", NAMES, {}),
            "distretto": (OWN["distretto"], NAMES, shelter),
            "comune": (OWN["comune"], NAMES, {}),
            "gestore": ("codice_fiscale_gestore = '{codice_fiscale_gestore}'", NAMES, {}),
            **dict.fromkeys((*REGION, OFFICER), ("true", OFFICE, shelter | named)),
        },
        "assa.posti": {**region, **office, **own, "ispettore": ("true", OFFICE, {})},
        "assa.stati": {**region, **office, **own, "ispettore": ("true", OFFICE, {})},
        "assa.provvedimenti": {**region, **office, **{role: (condition, NAMES, {}) for role, condition in OWN.items()}, "ispettore": ("true", NAMES, {})},
        "assa.ispezioni": {**region, **office, "ispettore": ("true", NAMES, {}), "distretto": (OWN["distretto"], NAMES, {}), "comune": (OWN["comune"], ALL, {})},
        "sirse.servizi": {
            "anonimo": ("true", "", home),
            **dict.fromkeys((*REGION, OFFICER), ("true", OFFICE, home)),
            "distretto": (OWN["distretto"], OFFICE, home),
            "comune": (OWN["comune"], NAMES, {}),
        },
        "sirse.posti": {**region, **own, "anonimo": ("true", "", {})},
        "sirse.iscrizioni": {**region, **office, **own},
        "sirse.domande_accreditamento": {**region, **office, **own},
        "sirse.domande_contributo": {
            **region,
            **{role: (condition, NAMES, {}) for role, condition in OWN.items()},
            OFFICER: ("true", NAMES, {}),
            "cittadino": ("id_persona = '{persona}'", OFFICE, {}),
        },
        "sistema.obligations": {**region, "distretto": own["distretto"], "comune": (BODY["comune"], OFFICE, {})},
        "sistema.certifications": {**region, "distretto": own["distretto"], "comune": (BODY["comune"], OFFICE, {})},
        "sistema.siuss": {**region, **own},
        "sistema.pratiche": {**dict.fromkeys((*REGION, OFFICER), ("true", OFFICE, {})), **{role: (condition, OFFICE, {}) for role, condition in BODY.items()}},
        "sistema.audit": {"amministratore": ("true", OFFICE, {})},
        "sistema.queries": {"amministratore": ("true", OFFICE, {}), **dict.fromkeys(("pianificatore", "distretto", "comune", "ispettore", "steward", OFFICER, MINISTRY, "gestore", "cittadino"), ("account = '{account}'", OFFICE, {}))},
        "sistema.deliveries": {**dict.fromkeys(("steward", "amministratore"), ("true", OFFICE, {})), **{role: (condition, OFFICE, {}) for role, condition in BODY.items()}},
        "sistema.violations": {**dict.fromkeys(("steward", "amministratore"), ("true", OFFICE, {})), **{role: (condition, NAMES, {}) for role, condition in BODY.items()}},
    }[dataset].get(role)


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


def connect(data, account, kind="TABLE", datasets=COLUMNS):
    """A DuckDB in which `area.name` is what the account may see: held in memory, or with kind="VIEW" read from the files each time."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for dataset in datasets:
        add(db, data, account, kind, dataset)
    return db


def add(db, data, account, kind, dataset):
    role, _ = FACTS[account]
    db.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset.split('.')[0]}")
    found = rights(dataset, role)
    if not found:
        return
    base = current(data, dataset)
    if base is None:
        base = f"nothing_{dataset.replace('.', '_')}"
        db.register(base, DeltaTable(str(data / "tables" / dataset.replace(".", "/"))).to_pyarrow_table())
    condition, _, masks = found
    shown = ", ".join(f"{masks[c]} AS {c}" if c in masks else c for c in columns(dataset, account))
    db.execute(f"CREATE {kind} {dataset} AS SELECT {shown} FROM {base} WHERE {condition.format(account=account, **facts(str(data), account))}")
