"""The information debt worked out a second time: from the contracts' files, the service's own tables and Delta's Parquet files, by hand."""

import csv
import datetime
import decimal
import hashlib
import io
import tomllib

from deltalake import DeltaTable

from conftest import ROOT

SYSTEM = {"id_consegna", "riga_consegna", "mittente", "periodo", "registrato_dal", "registrato_al"}
UTC = datetime.timezone.utc


def rows(data, dataset, version=None):
    """The rows of a table that nothing took the place of, as a version of it had them."""
    table = DeltaTable(str(data / "tables" / dataset.replace(".", "/")), version=version).to_pyarrow_table()
    return [row for row in table.to_pylist() if row["registrato_al"] is None]


def contracts():
    for path in sorted((ROOT / "datasets").glob("*/*.toml")):
        if path.parent.name not in ("src", "tests", "locales", "leps", "sistema", "workflows") and "." not in path.stem:
            yield f"{path.parent.name}.{path.stem}", tomllib.loads(path.read_text())


def periods(feed, today):
    """(name, first day, last day, due date) of each period since 2026 that began."""
    step = {"monthly": 1, "quarterly": 3, "yearly": 12, "once": None}[feed["frequency"]]
    month, found = 0, []
    while step:
        first = datetime.date(2026 + month // 12, month % 12 + 1, 1)
        if first > today:
            break
        month += step
        last = datetime.date(2026 + month // 12, month % 12 + 1, 1) - datetime.timedelta(days=1)
        name = {1: f"{first:%Y-%m}", 3: f"{first:%Y}-Q{first.month // 3 + 1}", 12: f"{first:%Y}"}[step]
        found.append((name, first, last, last + datetime.timedelta(days=feed["due_days"])))
    return found


def obligations(data, today):
    """{(dataset, body, period): the rest of the row} as it must be."""
    places = {row["codice_istat"]: row["ambito"] for row in rows(data, "territorio.comuni")}
    bodies = {"comune": places, "ambito": {ambito: ambito for ambito in places.values()}, "regione": {"lazio": None}}
    came, signed = {}, {}
    # Rows of forms are not the delivery of a period.
    for row in sorted((row for row in rows(data, "sistema.deliveries") if row["account"] != "moduli"), key=lambda r: (r["ricevuta_il"], r["consegna"])):
        came.setdefault((row["dataset"], row["ente"], row["periodo_dati"]), []).append(row)
    for row in sorted(rows(data, "sistema.certifications"), key=lambda r: r["firmata_il"]):
        signed[row["dataset"], row["ente"], row["periodo_dati"]] = row
    found = {}
    for dataset, contract in contracts():
        if "derived" in contract:
            continue
        feed = contract["feed"]
        for period, first, last, due in periods(feed, today):
            for body, ambito in bodies[feed["senders"]].items():
                key = dataset, body, period
                all_, certified = came.get(key, []), signed.get(key)
                valid = [d for d in all_ if d["esito"] in ("accettata", "parziale")]
                over = due < today
                if valid:
                    holds = certified and certified["versione_tabella"] >= max(d["versione_tabella"] for d in valid)
                    state = "certified" if holds else "valid"
                    late = valid[0]["ricevuta_il"].astimezone(UTC).date() > due
                else:
                    state, late = ("received" if all_ else "missing" if over else "due"), over
                found[key] = {
                    "sottosistema": feed["subsystem"], "ambito": ambito, "inizio": first, "fine": last, "scadenza": due, "stato": state, "in_ritardo": late,
                    "consegne": len(all_), "ultima_consegna": all_[-1]["ricevuta_il"] if all_ else None,
                    "righe_accettate": all_[-1]["accettate"] if all_ else None, "righe_rifiutate": all_[-1]["rifiutate"] if all_ else None,
                    "certificazione": certified and certified["certificazione"],
                }
    return found


def stored(data):
    """The same from the service's table."""
    key = ("dataset", "ente", "periodo_dati")
    return {tuple(row[k] for k in key): {k: v for k, v in row.items() if k not in SYSTEM and k not in key} for row in rows(data, "sistema.obligations")}


def canonical(data, dataset, version, senders, period):
    """Number of rows and digest, as docs/CERTIFICATION.md says."""
    contract = dict(contracts())[dataset]
    names = [c["name"] for c in contract["column"] if c.get("identity") != "vault"]
    order = contract["key"] + [name for name in names if name not in contract["key"]]
    mine = [r for r in rows(data, dataset, version) if r["mittente"] in senders and r["periodo"] == period]
    mine.sort(key=lambda r: [(r[name] is not None, "" if r[name] is None else r[name]) for name in order])
    return len(mine), digest([names] + [[cell(row[name]) for name in names] for row in mine])


def digest(lines):
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerows(lines)
    return hashlib.sha256(out.getvalue().encode()).hexdigest()


def cell(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, float):
        text = format(decimal.Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def identifier(row):
    """The name of a certification, from its other fields."""
    moment = row["firmata_il"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fields = [row["dataset"], row["ente"], row["periodo_dati"], row["versione_tabella"], row["righe"], row["impronta"], row["account"], moment, row["precedente"] or ""]
    return hashlib.sha256("".join(f"{field}\n" for field in fields).encode()).hexdigest()
