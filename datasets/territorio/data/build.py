#!/usr/bin/env python3
"""Makes comuni.csv, ambiti.csv and popolazione.csv.gz, the region's own deliveries, in the columns of their contracts.

    python3 datasets/territorio/data/build.py FOLDER

FOLDER holds comuni.csv, ambiti.csv and popolazione.csv as published (see NOTICE for sources and licences). The same input gives the
same bytes. What is not certain stays marked in `certezza` and `nota`; nothing is filled in.
"""

import csv
import gzip
import io
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
PROVINCES = {"VT": "Viterbo", "RI": "Rieti", "RM": "Roma", "LT": "Latina", "FR": "Frosinone"}
# From least to most certain: a district is as certain as its least certain comune.
CERTAINTY = ["UNCERTAIN", "PRIOR", "DERIVED", "OPENED"]
BANDS = [(3, "00-02"), (6, "03-05"), (14, "06-13"), (18, "14-17"), (30, "18-29"), (65, "30-64"), (75, "65-74"), (85, "75-84"), (999, "85+")]
# The published remark on the lead body of a district, as form of association, date and what remains to be verified.
REMARKS = {
    "Consorzio AIPES, 27 comuni": ("consorzio", "2004-01-01", "consorzio AIPES"),
    "Consorzio dei Comuni del Cassinate, 26 comuni": ("consorzio", "", "consorzio dei Comuni del Cassinate"),
    "Consorzio Sociale LT4, Oct 2025; Sperlonga and Campodimele stay by agreement": ("consorzio", "2025-10-01", "consorzio sociale LT4; Sperlonga e Campodimele in convenzione"),
    "from Sept 2018; consorzio CISES later": ("da_verificare", "2018-09-01", "poi consorzio CISES, data da verificare"),
    "Consorzio Sociale Rieti 1": ("consorzio", "2016-01-01", "consorzio sociale Rieti 1"),
    "Ufficio di Piano RI/3 confirmed by diazilla.com/doc/1031690": ("da_verificare", "", "ufficio di piano confermato, composizione da verificare"),
    "Consorzio Pagus, Feb 2025": ("consorzio", "2025-02-01", "consorzio Pagus"),
    "Consorzio del Tuscolo, 2025": ("consorzio", "2025-01-01", "consorzio del Tuscolo; giorno e mese da verificare"),
    "rotates": ("da_verificare", "", "capofila a rotazione"),
    "to check": ("da_verificare", "", "capofila da verificare"),
}


def read(folder, name):
    with open(folder / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def text(columns, rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def comuni(places, districts):
    district = {row["codice_istat"]: row for row in districts}
    for place in places:
        row = district[place["codice_istat"]]
        yield {
            "codice_istat": place["codice_istat"], "comune": place["comune"], "ambito": row["ambito"], "asl": row["asl"],
            "sigla_provincia": place["sigla_provincia"], "provincia": place["provincia"], "codice_catastale": place["codice_catastale"],
            "codice_fiscale_ente": place["codice_fiscale_ente"], "latitudine": place["lat"], "longitudine": place["lon"],
            "superficie_kmq": place["superficie_kmq_2023"], "zona_altimetrica": place["zona_altimetrica"],
            "grado_urbanizzazione": place["grado_urbanizzazione"], "certezza": row["certezza"],
        }


def ambiti(districts):
    members = {}
    for row in districts:
        members.setdefault(row["ambito"], []).append(row)
    for code, rows in sorted(members.items()):
        body, remark = re.fullmatch(r"([^(]*?)\s*(?:\((.*)\))?", rows[0]["ente_capofila"]).groups()
        form, since, note = REMARKS.get(remark, ("da_verificare", "", ""))
        if remark is None:
            form = "roma_capitale" if code == "ROMA" else "comune_singolo" if len(rows) == 1 else "comunita_montana" if "montana" in body else form
        province = "RM" if code == "ROMA" else code[:2]
        yield {
            "ambito": code, "denominazione": "Roma Capitale" if code == "ROMA" else f"Distretto sociosanitario {PROVINCES[province]} {code[3:]}",
            "provincia": province, "asl": rows[0]["asl"], "ente_capofila": body, "forma_gestione": form, "capofila_dal": since,
            "comuni": len(rows), "certezza": min((row["certezza"] for row in rows), key=CERTAINTY.index), "nota": note,
        }


def popolazione(rows):
    for row in rows:
        age, females, males = int(row["eta"]), int(row["femmine"]), int(row["maschi"])
        yield {
            "codice_istat": row["codice_istat"], "anno": row["anno"], "eta": age, "fascia_eta": next(name for limit, name in BANDS if age < limit),
            "femmine": females, "maschi": males, "totale": females + males, "fonte": "ISTAT, popolazione residente al 1° gennaio",
        }


def main(folder):
    places, districts = read(folder, "comuni.csv"), read(folder, "ambiti.csv")
    people = list(popolazione(read(folder, "popolazione.csv")))
    for name, rows in [("comuni.csv", list(comuni(places, districts))), ("ambiti.csv", list(ambiti(districts)))]:
        (HERE / name).write_text(text(list(rows[0]), rows), encoding="utf-8", newline="")
    with open(HERE / "popolazione.csv.gz", "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        packed.write(text(list(people[0]), people).encode("utf-8"))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
