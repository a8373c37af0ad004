"""The checks find the faults planted in the synthetic region: all of them (recall 1.0) and nothing else (precision 1.0)."""

import collections
import csv
import json

from deltalake import DeltaTable


def test_recall_and_precision_of_the_checks_are_one(lake):
    manifest = json.loads((lake / "region.manifest" / "manifest.json").read_text())
    faults = list(csv.DictReader((lake / "region.manifest" / "faults.csv").open(encoding="utf-8")))
    assert len(faults) > 100
    files = {f["path"]: (str(f["dataset"]), f["sender"]) for f in manifest["files"]}
    planted = collections.Counter((*files[f["path"]], int(f["line"]), f["rule"]) for f in faults)
    table = DeltaTable(str(lake / "tables" / "sistema" / "violations")).to_pyarrow_table().to_pylist()
    found = collections.Counter((v["dataset"], v["ente"], v["riga"], v["regola"]) for v in table)
    missed, invented = planted - found, found - planted
    assert not missed, f"{sum(missed.values())} of {len(faults)} faults missed: {list(missed)[:10]}"
    assert not invented, f"{sum(invented.values())} findings without a fault: {list(invented)[:10]}"


def test_accepted_and_refused_rows_are_all_rows(lake):
    manifest = json.loads((lake / "region.manifest" / "manifest.json").read_text())
    table = DeltaTable(str(lake / "tables" / "sistema" / "deliveries")).to_pyarrow_table().to_pylist()
    assert len(table) == len(manifest["files"])
    for row in table:
        assert row["accettate"] + row["rifiutate"] == row["righe"], row
    assert sum(r["righe"] for r in table) == sum(f["rows"] for f in manifest["files"])
