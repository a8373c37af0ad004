"""The national flows: every document valid, one beneficiary and one benefit each, SISO's rules of export, revocation, order."""

import base64
import datetime
import json
import time
import xml.etree.ElementTree as ET

import pytest
import requests

import persons
from conftest import serving
from persons import CADASTRAL, COMUNE, Person, assessment, case, intervention, isee, line, minor, xmllint

NS = {"c": "http://inps.it/Casellario"}


def schema(kind):
    return persons.national({"PS_PSA_SINA": "PS_PSA_SINA201812.xsd", "SINBA": "SINBA.xsd"}[kind])


@pytest.fixture(scope="module")
def world(siss, tmp_path_factory):
    """One case for each rule."""
    world = persons.World(siss, tmp_path_factory.mktemp("siuss") / "data")
    p = world.people = [Person(i) for i in range(14)]
    # The code of a person who shares it with another: letters stand for digits.
    stem = p[12].code[:10] + "LMNPQRSTUV"[int(p[12].code[10])] + p[12].code[11:15]
    p[12].code = stem + persons.check(stem)
    child = world.child = Person(20, born=datetime.date(2014, 5, 5))
    utenza = lambda i: "disabili" if i in (0, 1) else "poverta"
    codes = {0: "A2.07", 1: "A2.07", 5: "A2.16", 6: "A2.16", 11: "Z9.99"}
    code = lambda i: codes.get(i, "" if i == 3 else "A1.04")
    world.accept("sigess.persone", [q.row() for i, q in enumerate(p) if i != 8] + [child.row(codice_cittadinanza="")])
    world.accept("sigess.casi", [case(i, q, utenza(i)) for i, q in enumerate(p) if i != 8] + [case(20, child, "famiglia_minori")])
    steps = [intervention(i, q, utenza(i), code(i)) for i, q in enumerate(p) if i != 8]
    world.accept("sigess.interventi", steps + [intervention(20, child, "famiglia_minori", "A2.02", codice_voce="prov-educativa_domiciliare")])
    world.accept("sigess.valutazioni", [assessment(0, p[0])])
    world.accept("sigess.isee", [isee(2, p[2])])
    once = {"frequenza": "U", "data_inizio": "2025-03-05", "data_fine": "2025-03-05", "unita": "importo", "quantita": "600", "ore": ""}
    world.accept("sigess.erogazioni", [
        line(0, p[0], "A2.07"),  # with its assessment
        line(1, p[1], "A2.07"),  # without one: held back
        line(2, p[2], "A1.04", **once),  # one-off, with an attestation
        line(3, p[3], ""),  # no national benefit
        line(4, p[4], "A1.04", in_carico="non_noto"),
        line(5, p[5], "A2.16", in_carico="si"),
        line(7, p[7], "A1.04", stato="erogata", importo="0", quota_ente="0", quota_utente="0"),
        line(9, p[9], "A1.04", stato="annullata"),
        line(10, p[10], "A1.04", in_carico="no"),
        line(11, p[11], "Z9.99"),
        line(12, p[12], "A1.04"),
    ])
    world.deliver("sigess.erogazioni", [line(6, p[6], "A2.16", in_carico="no")])  # a warning only
    world.accept("sigess.minori", [minor(20, child)])
    world.built = json.loads(siss("siuss", "--data", world.data).stdout)
    return world


def flows(world, **query):
    world.siss("user", "--data", world.data, "add", "inps", "--role", "inps")
    with serving(world.data) as server:
        answer = requests.get(f"{server.http}/waas/v1/flussi", params={"since": 0, "limit": 100} | query, headers={"Authorization": f"Bearer {server.token('inps')}"})
        assert answer.status_code == 200, answer.text
        return answer.json()["elenco_flussi"]


def status(world):
    return {row["riferimento"]: row for row in world.rows("SELECT * FROM sistema.siuss ORDER BY tipo, riferimento, numero")}


def test_each_document_is_valid_and_about_one_benefit_of_one_person(world, tmp_path):
    sent = flows(world)
    assert len(sent) == world.built["flows"] == 6
    for flow in sent:
        text = base64.b64decode(flow["flusso"])
        assert xmllint(schema(flow["tipo"]), text, tmp_path) == "", text.decode()
        root = ET.fromstring(text)
        assert root.find("c:IdentificazioneFlusso", NS).get("Nome") == flow["id_flusso"]
        assert (flow["codice_ente"], root.find(".//c:Ente", NS).get("Codice")) == (CADASTRAL, CADASTRAL)
        single = ("c:Beneficiario", "c:Beneficiario/c:PrestazioniSociali") if flow["tipo"] == "PS_PSA_SINA" else ("c:SINBA", "c:SINBA/c:Prestazioni/c:CodicePrestazione")
        assert all(len(root.findall(path, NS)) == 1 for path in single)
    times = [flow["ts_flusso"] for flow in sent]
    assert times == sorted(times) and len(set(times)) == len(times)


def test_what_is_said_of_a_benefit(world):
    said = {}
    for flow in flows(world):
        root = ET.fromstring(base64.b64decode(flow["flusso"]))
        if flow["tipo"] == "PS_PSA_SINA":
            said[root.find(".//c:PrestazioniSociali", NS).get("ProtocolloDomanda")] = root.find("c:Beneficiario", NS)
    person, one = world.people[0], said["NRM51-2025-000000"]
    assert one.get("CodiceFiscale") == person.code
    registry = one.find("c:Anagrafica", NS).attrib
    assert registry == {"Cognome": person.surname, "Nome": person.name, "AnnoNascita": "1950", "LuogoNascita": "H501", "Genere": "2", "CodiceCittadinanza": "380"}
    assert one.find("c:Indirizzo", NS).attrib == {"CodiceRegione": "12", "CodiceComune": COMUNE, "CodiceNazione": "380"}
    benefit = one.find("c:PrestazioniSociali", NS).attrib
    assert benefit["PeriodoErogazione"] == "3" and benefit["ImportoMensile"] == "200.00" and benefit["OreServizioMensile"] == "10.00"
    assert (benefit["TipoOperazione"], benefit["CaratterePrestazione"], benefit["PresaCarico"], benefit["AreaUtenza"], benefit["PresenzaProvaMezzi"]) == ("I", "1", "1", "2", "4")
    sina = one.find("c:PrestazioniSociali/c:SINA", NS)
    assert sina.get("Mobilita") == "2" and sina.find("c:InvaliditaCivile/c:InvCiv", NS).text == "2"
    assert sina.find("c:NecessitaInterventiSociali/c:CodicePrestazione", NS).text == "A2.07"
    once = said["NRM51-2025-000002"].find("c:PrestazioniSociali", NS).attrib
    assert (once["CaratterePrestazione"], once["DataErogazionePrestazione"], once["ImportoPrestazione"]) == ("2", "2025-03-05", "600.00")
    assert (once["PresenzaProvaMezzi"], once["NumeroProtocolloDSU"], once["AnnoProtocolloDSU"], once["DataDSU"]) == ("1", "INPS-ISEE-2025-00000002X-00", "2025", "2025-01-12")
    assert "PeriodoErogazione" not in once
    assert "AreaUtenza" not in said["NRM51-2025-000010"].find("c:PrestazioniSociali", NS).attrib
    assert said["NRM51-2025-000011"].find("c:PrestazioniSociali", NS).get("DenominazionePrestazione") == "Prestazione sociale: Altro"


def test_a_minors_sheet_names_nobody(world):
    sheet = next(base64.b64decode(flow["flusso"]) for flow in flows(world) if flow["tipo"] == "SINBA")
    child = ET.fromstring(sheet).find("c:SINBA", NS)
    assert child.get("IDBeneficiario") == "MRM51-2025-000020" and child.get("DataPrimaSegnalazione") == "01/2025" and child.get("Disabilita") == "2"
    assert [e.text for e in child.findall("c:Famiglia/c:ComposizioneFamiglia", NS)] == ["1", "2", "3"]
    assert world.child.code.encode() not in sheet and world.child.surname.encode() not in sheet


def test_what_is_held_back_says_why(world):
    held = {reference: row["motivo"] for reference, row in status(world).items() if row["stato"] == "trattenuta"}
    assert held == {
        "NRM51-2025-000001/001": "senza_valutazione",
        "NRM51-2025-000003/001": "senza_prestazione",
        "NRM51-2025-000004/001": "presa_in_carico_non_nota",
        "NRM51-2025-000006/001": "solo_in_carico",
        "NRM51-2025-000007/001": "aperta_senza_spesa",
        "NRM51-2025-000009/001": "annullata",
        "NRM51-2025-000012/001": "codice_fiscale_omocodico",
    }
    assert world.built == {"lines": 13, "flows": 6, "revoked": 0, "held": 7}


def test_only_what_changed_is_sent_again_and_what_no_longer_holds_is_revoked(world, siss):
    run = lambda: json.loads(siss("siuss", "--data", world.data).stdout)
    assert run()["flows"] == 0
    p = world.people
    # The assessment arrives later: the line that waited goes out.
    world.accept("sigess.valutazioni", [assessment(1, p[1])])
    assert run() == {"lines": 13, "flows": 1, "revoked": 0, "held": 0}
    # The same delivered again, in another order: nothing new.
    world.accept("sigess.erogazioni", [line(1, p[1], "A2.07"), line(0, p[0], "A2.07")])
    assert run()["flows"] == 0
    # One changes, one is cancelled.
    world.accept("sigess.erogazioni", [line(0, p[0], "A2.07", importo="660.00", quota_ente="560.00"), line(10, p[10], "A1.04", in_carico="no", stato="annullata")])
    assert run() == {"lines": 13, "flows": 3, "revoked": 2, "held": 1}
    rows = [(r["numero"], r["operazione"], r["stato"], r["motivo"]) for r in world.rows("SELECT * FROM sistema.siuss WHERE riferimento IN ('NRM51-2025-000010/001') ORDER BY numero")]
    assert [row[:2] for row in rows] == [(1, "I"), (2, "C"), (3, None)] and rows[2][2:] == ("trattenuta", "annullata")
    sent = flows(world)
    operations = []
    for flow in sent:
        root = ET.fromstring(base64.b64decode(flow["flusso"]))
        benefit = root.find(".//c:PrestazioniSociali", NS)
        if benefit is not None and benefit.get("ProtocolloDomanda") == "NRM51-2025-000000":
            operations.append((benefit.get("TipoOperazione"), benefit.get("ImportoMensile"), flow["id_flusso"] == root.find("c:IdentificazioneFlusso", NS).get("Nome")))
    assert operations == [("I", "200.00", True), ("C", "200.00", True), ("I", "220.00", True)]


def test_each_opening_of_the_vault_is_written_down(world):
    # The log is durable at once; its mirror in the lake follows within seconds.
    for _ in range(40):
        rows = world.rows("SELECT account, oggetto, scopo, quante FROM sistema.audit")
        if {"identita", "flussi"} <= {row["oggetto"] for row in rows}:
            break
        time.sleep(0.5)
    assert {"identita", "flussi"} <= {row["oggetto"] for row in rows}
    assert any(row["account"] == "inps" and (row["quante"] or 0) > 0 for row in rows)
    assert all(not any(person.code in str(row) for person in world.people) for row in rows)


@pytest.mark.accept
def test_the_whole_region_is_valid(lake, siss, tmp_path):
    """Every flow of the synthetic region against INPS's schemas: zero errors; what is not sent has a reason."""
    import shutil
    import subprocess

    data = tmp_path / "data"
    shutil.copytree(lake, data)
    built = json.loads(siss("siuss", "--data", data, timeout=1200).stdout)
    assert built["lines"] == 0 or built["flows"] + built["held"] >= built["lines"]
    since, seen = 0, 0
    with serving(data) as server:
        headers = {"Authorization": f"Bearer {server.token('inps')}"}
        while page := requests.get(f"{server.http}/waas/v1/flussi", params={"since": since, "limit": 100}, headers=headers).json()["elenco_flussi"]:
            by_kind = {}
            for flow in page:
                file = tmp_path / f"{flow['id_flusso']}.xml"
                file.write_bytes(base64.b64decode(flow["flusso"]))
                by_kind.setdefault(flow["tipo"], []).append(str(file))
            for kind, files in by_kind.items():
                done = subprocess.run(["xmllint", "--noout", "--schema", str(schema(kind)), *files], capture_output=True, text=True)
                assert done.returncode == 0, done.stderr[-3000:]
            seen += len(page)
            since = int(datetime.datetime.fromisoformat(page[-1]["ts_flusso"]).timestamp() * 1000 + 0.5)
    assert seen == built["flows"]
