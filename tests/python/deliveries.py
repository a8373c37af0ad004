"""Valid deliveries of assa.strutture, made from a row that the region already holds."""

import csv
import io

from deltalake import DeltaTable

SYSTEM = {"id_consegna", "riga_consegna", "mittente", "periodo", "registrato_dal", "registrato_al", "ambito"}


def table(data, dataset):
    return DeltaTable(str(data / "tables" / dataset.replace(".", "/"))).to_pyarrow_table()


def model(data, sender="058091"):
    """A stored facility of the sender as its cells would be delivered; of a type without a usual capacity, so that nothing is said of it."""
    def fits(row):
        return row["codice_istat"] == sender and row["registrato_al"] is None and row["data_cessazione"] is None and not row["tipo"].startswith("casa_famiglia")

    row = min(filter(fits, table(data, "assa.strutture").to_pylist()), key=lambda r: r["codice_struttura"])
    return {k: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in row.items() if k not in SYSTEM}


def facilities(model, codes):
    """A CSV file, as bytes, of facilities equal to the model but for their codes."""
    out = io.StringIO()
    writer = csv.DictWriter(out, model.keys(), lineterminator="\n")
    writer.writeheader()
    for code in codes:
        writer.writerow({**model, "codice_struttura": code})
    return out.getvalue().encode()
