"""A small lake of persons who never were, delivered by the program itself: for tests of sets, vault, national flows and erasure."""

import csv
import datetime
import io
import json
import pathlib
import subprocess

from conftest import ROOT

DISTRICT, COMUNE, CADASTRAL = "RM 5.1", "058065", "F611"
YEAR = "2025"
ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]))
EVEN = {c: i for i, c in enumerate("0123456789")} | {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}


def fiscal_code(surname, name, born, sex, place):
    """D.M. 23 December 1976, written independently of the program."""

    def letters(text, first):
        text = "".join(c for c in text.upper() if c.isalpha())
        consonants, vowels = [c for c in text if c not in "AEIOU"], [c for c in text if c in "AEIOU"]
        if first and len(consonants) >= 4:
            del consonants[1]
        return "".join(consonants + vowels + ["X"] * 3)[:3]

    day = born.day + (40 if sex == "F" else 0)
    code = f"{letters(surname, False)}{letters(name, True)}{born.year % 100:02}{'ABCDEHLMPRST'[born.month - 1]}{day:02}{place}"
    return code + check(code)


def check(code):
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[sum((ODD if i % 2 == 0 else EVEN)[c] for i, c in enumerate(code)) % 26]


SURNAMES = ["Rivabianca", "Montescuro", "Fontelunga", "Pratorosso", "Selvachiara", "D'Ombra Neri"]
NAMES = [("Dora", "F"), ("Ermete", "M"), ("Zaira", "F"), ("Ulderico", "M"), ("Quintilia", "F"), ("Nestore", "M")]


class Person:
    def __init__(self, i, born=datetime.date(1950, 3, 7)):
        self.surname, (self.name, self.sex) = SURNAMES[i % 6], NAMES[(i // 6 + i) % 6]
        self.born = born + datetime.timedelta(days=i)
        self.code = fiscal_code(self.surname, self.name, self.born, self.sex, "H501")

    def row(self, **changes):
        row = {
            "id_persona": self.code, "cognome": self.surname, "nome": self.name, "data_nascita": self.born.isoformat(), "luogo_nascita": "H501",
            "codice_cittadinanza": "380", "indirizzo": "Via del Mulino 12", "codice_istat": COMUNE, "anno_nascita": self.born.year, "sesso": self.sex,
            "cittadinanza": "italiana", "anno_decesso": "",
        }
        return row | changes


def case(i, person, utenza, **changes):
    row = {
        "id_caso": f"CRM51-2025-{i:06}", "id_persona": person.code, "id_scheda": "", "codice_istat": COMUNE, "data_apertura": "2025-01-10", "data_chiusura": "",
        "motivo_chiusura": "", "utenza": utenza, "complesso": "false", "servizio": "Servizio sociale professionale", "nucleo_adi": "false",
    }
    return row | changes


def intervention(i, person, utenza, code, **changes):
    row = {
        "id_intervento": f"NRM51-2025-{i:06}", "id_caso": f"CRM51-2025-{i:06}", "id_persona": person.code, "codice_istat": COMUNE,
        "codice_voce": "prov-assistenza_domiciliare", "codice_prestazione": code, "macro_attivita": "C", "utenza": utenza, "fondo": "FNPS",
        "data_richiesta": "2025-01-15", "esito": "concesso", "data_esito": "2025-01-20", "motivo_rifiuto": "", "data_inizio": "2025-02-01", "data_fine": "",
    }
    return row | changes


def line(i, person, code, n=1, **changes):
    row = {
        "id_erogazione": f"NRM51-2025-{i:06}/{n:03}", "id_intervento": f"NRM51-2025-{i:06}", "id_persona": person.code, "codice_istat": COMUNE,
        "data_inizio": "2025-02-01", "data_fine": "2025-04-30", "quantita": "30", "unita": "ore", "ore": "30", "importo": "600.00", "quota_ente": "500.00",
        "quota_utente": "100.00", "quota_ssn": "0", "quota_altre": "0", "codice_prestazione": code, "frequenza": "P", "stato": "liquidata", "in_carico": "si",
    }
    return row | changes


def assessment(i, person, **changes):
    row = {
        "id_valutazione": f"VRM51-2025-{i:06}", "id_caso": f"CRM51-2025-{i:06}", "id_persona": person.code, "codice_istat": COMUNE, "data_richiesta": "2025-01-11",
        "data_valutazione": "2025-01-25", "fonte": "1", "strumento": "1", "invalidita": "2", "mobilita": "2", "vita_quotidiana": "2", "area_cognitiva": "",
        "comportamento": "1", "cure_sanitarie": "2", "area_reddituale": "1", "area_supporto": "2", "livello": "media", "prestazione_necessaria": "A2.07",
    }
    return row | changes


def minor(i, person, **changes):
    row = {
        "id_scheda_minore": f"MRM51-2025-{i:06}", "id_caso": f"CRM51-2025-{i:06}", "id_persona": person.code, "codice_istat": COMUNE, "data_scheda": "2025-06-15",
        "fascia_eta": "4", "straniero_non_accompagnato": "false", "condizione": "1", "luogo_vita": "1", "scuola": "5", "lavoro": "1", "tipo_disabilita": "",
        "prima_segnalazione": "2025-01-01", "fonte_segnalazione": "13", "valutazione_minore": "2", "valutazione_famiglia": "2", "segnalazione_autorita": "false",
        "provvedimento": "false", "composizione_famiglia": "1,2,3", "fascia_isee": "3", "componenti_isee": "4",
    }
    return row | changes


def isee(i, person):
    return {
        "id_attestazione": f"TRM51-2025-{i:06}", "id_persona": person.code, "codice_istat": COMUNE, "anno": "2025", "tipo": "1", "fascia": "3",
        "protocollo_dsu": f"INPS-ISEE-2025-{i:08}X-00", "data_dsu": "2025-01-12", "valida_al": "2025-12-31", "componenti": "2",
    }


def as_csv(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class World:
    """A lake in `data` with the region's reference data; `siss` is the fixture that runs the program."""

    def __init__(self, siss, data):
        self.siss, self.data, self.files = siss, pathlib.Path(data), pathlib.Path(data).parent / f"{pathlib.Path(data).name}-files"
        self.files.mkdir(parents=True, exist_ok=True)
        for name in ("ambiti", "comuni", "nomenclatore", "nomenclatore_ponti"):
            report = self.run(ROOT / f"datasets/territorio/data/{name}.csv", f"territorio.{name}", "lazio", "2026")
            assert report["outcome"] == "accettata", report["violations"][:3]

    def run(self, file, dataset, sender=DISTRICT, period=YEAR, flags=()):
        done = self.siss("deliver", file, "--dataset", dataset, "--sender", sender, "--period", period, "--data", self.data, "--json", *flags)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def deliver(self, dataset, rows, **options):
        """The report of rows delivered as a CSV file of ours."""
        file = self.files / f"{dataset}.{len(list(self.files.iterdir()))}.csv"
        file.write_text(rows if isinstance(rows, str) else as_csv(rows))
        return self.run(file, dataset, **options)

    def accept(self, dataset, rows, **options):
        report = self.deliver(dataset, rows, **options)
        assert report["outcome"] == "accettata", (dataset, report["summary"], report["violations"][:5])
        return report

    def rows(self, sql, account="amministratore"):
        """Rows of the lake, read without the program: only what is on disk counts."""
        import duckdb
        from deltalake import DeltaTable

        connection = duckdb.connect()
        for folder in sorted((self.data / "tables").glob("*/*")):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {folder.parent.name}")
            table = DeltaTable(str(folder)).to_pyarrow_table()
            connection.register("arriving", table)
            connection.execute(f"CREATE TABLE {folder.parent.name}.{folder.name} AS SELECT * FROM arriving WHERE registrato_al IS NULL")
            connection.unregister("arriving")
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


def found(folder, *needles):
    """Files under a folder in whose bytes a text stands, in either case."""
    hits = []
    for file in sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file()):
        content = file.read_bytes().lower()
        hits += [(str(file.relative_to(folder)), needle) for needle in needles if needle.lower().encode() in content]
    return hits


def national(name):
    """A file of INPS (github.com/INPS-it/WaaS.Comuni, MIT)."""
    return pathlib.Path(__file__).parent / "siuss" / name


def xmllint(schema, text, folder):
    """What xmllint says against a document; nothing when it is valid."""
    file = pathlib.Path(folder) / "document.xml"
    file.write_bytes(text)
    done = subprocess.run(["xmllint", "--noout", "--schema", str(schema), str(file)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr
