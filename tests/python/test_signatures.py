"""Signed documents: the project's corpus, a PKI of our own in the Italian manner, and files made to deceive or to harm."""

import base64
import csv
import datetime
import json
import os
import pathlib
import random
import re
import resource
import subprocess
import time
import zlib

import pytest
from conftest import binary, environment
from signing import CODE, NOW, OTHER, Authority, plain_pdf

CORPUS = pathlib.Path(__file__).resolve().parents[3] / "shared/data/signatures"
AT = (NOW + datetime.timedelta(1)).isoformat()
# Altered after signing, as the corpus's own descriptions and our analysis have it (docs/SIGNATURES.md).
ALTERED = {"modified_after_signature.pdf", "pdf-signed-added-page.pdf", "hide.pdf", "pades-spoofing-replaced-reason.pdf", "pdf-spoofing-attack.pdf",
           "pdf-byterange-overlap.pdf", "malformed-pades.pdf", "cades-enveloping-broken.pkcs7", "pades_infinite_loop.pdf"}
# Neither: nothing in the file can be checked (no certificate, no readable signature).
UNPROVABLE = {"no-key-info-cert.pkcs7", "pades-bes-no-certificates.pdf", "BadEncodedCMS.pdf", "pdf-with-empty-sig.pdf"}


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "atto.pdf"
    path.write_bytes(plain_pdf())
    return path


@pytest.fixture
def verify(siss, pki):
    """verify(file, *options): the report on a file, with our list and revocation lists unless `bare`."""

    def run(*arguments, bare=False):
        known = [] if bare else ["--trust", pki.path("list.xml"), "--crl", pki.path("ca.crl"), "--crl", pki.path("root.crl"), "--at", AT]
        ended = siss("verify", "--json", *known, *arguments)
        assert ended.returncode in (0, 3, 4), ended.stderr
        reports = [json.loads(line) for line in ended.stdout.splitlines()]
        worst = {"TOTAL-PASSED": 0, "INDETERMINATE": 3, "TOTAL-FAILED": 4}
        assert ended.returncode == max(worst[report["result"]] for report in reports)
        return reports[0] if len(reports) == 1 else reports

    return run


def corpus():
    if not (CORPUS / "INDEX.csv").is_file():
        if os.environ.get("CI"):
            pytest.fail(f"{CORPUS} is missing")
        pytest.skip(f"{CORPUS} is missing: the corpus of signatures was not judged")
    return {row["file"]: row["openssl_verdict"] for row in csv.DictReader((CORPUS / "INDEX.csv").open())}


def expected(file, verdict):
    name = pathlib.Path(file).name
    return not (name in ALTERED or name in UNPROVABLE or "no ByteRange" in verdict or "DETACHED" in verdict)


def test_the_corpus_is_judged_right(verify):
    rows = corpus()
    reports = verify(*[CORPUS / file for file in rows], bare=True)
    assert [report["file"] for report in reports] == [str(CORPUS / file) for file in rows]
    wrong = {file: report["reason_en"] for (file, verdict), report in zip(rows.items(), reports) if report["intact"] != expected(file, verdict)}
    assert not wrong
    # Without a trusted list nobody's identity is established, and a detached or damaged file is not called altered.
    assert not [report["file"] for report in reports if report["result"] == "TOTAL-PASSED"]
    for report in reports:
        name = pathlib.Path(report["file"]).name
        if report["result"] == "TOTAL-FAILED":
            assert name in ALTERED, report["reason_en"]
        assert list(report)[:5] == ["file", "result", "reason", "intact", "signers"] and report["reason"] and report["reason_en"]


def test_a_copied_or_false_timestamp_keeps_the_content_intact(verify):
    corpus()
    report = verify(CORPUS / "dss-cades/validation/cms-wrong-sign-cert-ref.p7m", bare=True)
    assert report["intact"] and "timestamp.foreign" in {finding["code"] for finding in report["signers"][0]["findings"]}


def test_no_alteration_of_signed_bytes_is_intact(verify, tmp_path):
    """Bytes flipped or put in within what a signature covers, data appended, files cut off, noise."""
    chance = random.Random(7)
    rows = [file for file, verdict in corpus().items() if expected(file, verdict) and file.endswith(".pdf") and (CORPUS / file).stat().st_size < 200_000]
    made, noise = [], []
    for file in chance.sample(rows, 12):
        whole = (CORPUS / file).read_bytes()
        _, a, b, c = map(int, re.search(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", whole).groups())
        for at in (chance.randrange(0, a), chance.randrange(b, b + c)):
            made.append(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
        at = chance.randrange(10, a)
        made.append(whole[:at] + b"x" + whole[at:])
        made.append(whole + b"\n3 0 obj\n<</Type/Page>>\nendobj\n")
        made.append(whole[: chance.randrange(len(whole))])
        noise.append(bytes(chance.randrange(256) if chance.random() < 0.01 else byte for byte in whole[:20_000]))
    noise += [b"", b"%PDF-1.7\n", b"\x30\x80" * 5000, b"\x30\x84\xff\xff\xff\xff", bytes(chance.randrange(256) for _ in range(3000))]
    for number, content in enumerate(made + noise):
        (tmp_path / f"{number}").write_bytes(content)
    reports = verify(*[tmp_path / f"{number}" for number in range(len(made + noise))], bare=True)
    assert not [(report["file"], report["reason_en"]) for report in reports if report["intact"] or report["result"] == "TOTAL-PASSED"]


def test_a_valid_italian_signature_passes(verify, pki, document, tmp_path):
    signed = pki.cms(document, tmp_path / "atto.pdf.p7m")
    report = verify(signed)
    assert (report["result"], report["intact"]) == ("TOTAL-PASSED", True), report["reason_en"]
    signer = report["signers"][0]
    assert (signer["name"], signer["fiscal_code"], signer["identifier"]) == ("MARIO ROSSI", CODE, f"TINIT-{CODE}")
    assert signer["anchor"] == "Prestatore di prova: CA/QC" and report["trust"][0]["territory"] == "IT"
    assert verify(signed, "--signer", CODE)["result"] == "TOTAL-PASSED"
    other = verify(signed, "--signer", OTHER)
    assert (other["result"], other["intact"], other["subindication"]) == ("TOTAL-FAILED", True, "SIG_CONSTRAINTS_FAILURE")


@pytest.mark.parametrize("form", ["stream", "pem", "base64", "nested", "elliptic"])
def test_every_wrapping_of_a_valid_signature_passes(verify, pki, document, tmp_path, form):
    signed = tmp_path / "atto.p7m"
    if form == "stream":
        pki.cms(document, signed, "good", "-stream")
        assert signed.read_bytes()[:2] == b"\x30\x80"
    elif form == "pem":
        pki.cms(document, signed, "good", "-outform", "PEM")
    elif form == "base64":
        signed.write_bytes(base64.encodebytes(pki.cms(document, tmp_path / "der").read_bytes()))
    elif form == "nested":
        pki.cms(pki.cms(document, tmp_path / "inner.p7m"), signed, "elliptic")
    else:
        pki.cms(document, signed, "elliptic")
    report = verify(signed)
    assert (report["result"], report["intact"]) == ("TOTAL-PASSED", True), report["reason_en"]
    assert [signer["fiscal_code"] for signer in report["signers"]] == {"nested": [OTHER, CODE], "elliptic": [OTHER]}.get(form, [CODE])


@pytest.mark.parametrize(
    "signer, options, result, subindication",
    [
        ("expired", [], "TOTAL-FAILED", "EXPIRED"),
        ("revoked", [], "TOTAL-FAILED", "REVOKED"),
        ("self", [], "INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND"),
        ("good", ["--trust", "withdrawn.xml"], "INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND"),
    ],
)
def test_what_cannot_be_relied_on_does_not_pass(siss, pki, document, tmp_path, signer, options, result, subindication):
    signed = pki.cms(document, tmp_path / "atto.p7m", signer)
    trust = options or ["--trust", "list.xml"]
    ended = siss("verify", signed, "--json", trust[0], pki.path(trust[1]), "--crl", pki.path("ca.crl"), "--crl", pki.path("root.crl"), "--at", AT)
    report = json.loads(ended.stdout)
    assert (report["intact"], report["result"], report["subindication"]) == (True, result, subindication), report["reason_en"]


def test_revocation_unknown_or_no_list_is_undecided(verify, pki, document, tmp_path):
    signed = pki.cms(document, tmp_path / "atto.p7m")
    report = verify(signed, "--trust", pki.path("list.xml"), "--at", AT, bare=True)
    assert (report["result"], report["intact"], report["subindication"]) == ("INDETERMINATE", True, "TRY_LATER")
    report = verify(signed, "--at", AT, bare=True)
    assert (report["result"], report["intact"], report["subindication"]) == ("INDETERMINATE", True, "NO_CERTIFICATE_CHAIN_FOUND")


def test_detached_content_and_data_after_the_end(verify, pki, document, tmp_path):
    signed = pki.cms(document, tmp_path / "atto.p7s", "good", "--detached")
    alone = verify(signed)
    assert (alone["result"], alone["intact"], alone["subindication"]) == ("INDETERMINATE", False, "SIGNED_DATA_NOT_FOUND")
    assert verify(signed, "--content", document)["result"] == "TOTAL-PASSED"
    (tmp_path / "altro.pdf").write_bytes(plain_pdf("Altro"))
    other = verify(signed, "--content", tmp_path / "altro.pdf")
    assert (other["result"], other["intact"], other["subindication"]) == ("TOTAL-FAILED", False, "HASH_FAILURE")
    longer = tmp_path / "longer.p7m"
    longer.write_bytes(pki.cms(document, tmp_path / "atto.p7m").read_bytes() + b"more")
    assert verify(longer)["result"] == "TOTAL-FAILED"


def test_timestamps_of_the_file_prove_its_time(verify, pki, document, tmp_path):
    signed = pki.cms(document, tmp_path / "atto.p7m")
    (tmp_path / "atto.tst").write_bytes(pki.stamp(signed.read_bytes()))
    beside = verify(signed, "--timestamp", tmp_path / "atto.tst")
    wrapped = tmp_path / "atto.p7m.tsd"
    wrapped.write_bytes(pki.stamped(signed.read_bytes()))
    inside = verify(wrapped)
    for report in (beside, inside):
        assert (report["result"], report["intact"]) == ("TOTAL-PASSED", True), report["reason_en"]
        assert report["signers"][0]["time_proved"] and report["timestamps"][0]["result"] == "TOTAL-PASSED"
    (tmp_path / "altro.tsd").write_bytes(wrapped.read_bytes().replace(b"Bilancio", b"Bilancia"))
    altered = verify(tmp_path / "altro.tsd")
    assert (altered["result"], altered["intact"]) == ("TOTAL-FAILED", False)


@pytest.mark.parametrize("level", ["B", "T", "LT"])
def test_pades_passes_and_an_update_does_not(verify, pki, document, tmp_path, level):
    signed = pki.pdf(document, tmp_path / "firmato.pdf", level=level)
    report = verify(signed)
    assert (report["result"], report["intact"]) == ("TOTAL-PASSED", True), report["reason_en"]
    assert report["signers"][0]["time_proved"] == (level != "B") and report["signers"][0]["field"] == "Firma1"
    whole = signed.read_bytes()
    stream = b"BT /F1 18 Tf 60 700 Td (Altro bilancio) Tj ET"
    start = int(re.findall(rb"startxref\s+(\d+)", whole)[-1])
    update = b"4 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n" % (len(stream), stream)
    size, root = re.findall(rb"/Size (\d+)", whole)[-1], re.findall(rb"/Root (\d+ 0 R)", whole)[-1]
    table = b"xref\n4 1\n%010d 00000 n \ntrailer\n<</Size %s/Root %s/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(whole), size, root, start, len(whole) + len(update))
    changed = tmp_path / "changed.pdf"
    changed.write_bytes(whole + update + table)
    report = verify(changed)
    assert (report["result"], report["intact"]) == ("TOTAL-FAILED", False), report["reason_en"]


def test_active_content_is_said_and_refused_at_intake(verify, pki, tmp_path):
    source = tmp_path / "active.pdf"
    source.write_bytes(plain_pdf().replace(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert)>>>>"))
    signed = pki.cms(source, tmp_path / "active.p7m")
    assert "JavaScript" in verify(signed)["active_content"]
    intake = verify(signed, "--intake")
    assert (intake["result"], intake["intact"]) == ("INDETERMINATE", True) and "JavaScript" in intake["reason"]


def test_evidence_repeats_the_verification(siss, verify, pki, document, tmp_path):
    signed = pki.cms(document, tmp_path / "atto.p7m")
    first = verify(signed, "--evidence", tmp_path / "kept")
    again = siss("verify", signed, "--json", "--from", tmp_path / "kept")
    second = json.loads(again.stdout)
    assert again.returncode == 0 and [second[key] for key in ("result", "reason", "intact", "verified_at")] == [first[key] for key in ("result", "reason", "intact", "verified_at")]
    (folder,) = (tmp_path / "kept").iterdir()
    assert len(list((folder / "chain").iterdir())) == 2 and len(list((folder / "revocation").iterdir())) == 2
    (kept,) = (folder / "trust").iterdir()
    kept.write_bytes(kept.read_bytes() + b"<!-- -->")
    tampered = siss("verify", signed, "--json", "--from", tmp_path / "kept")
    assert tampered.returncode == 1 and "altered" in tampered.stderr


def test_files_that_cannot_be_read_are_answered(siss, tmp_path):
    ended = siss("verify", tmp_path / "absent.p7m", tmp_path, "--json")
    reports = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 3 and [(report["result"], report["intact"]) for report in reports] == [("INDETERMINATE", False)] * 2
    # Deeper than any stack: the process dies of it or refuses, and the answer is a report.
    (tmp_path / "deep.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n" + b"[" * 2_000_000 + b"\nendobj\ntrailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF")
    ended = siss("verify", tmp_path / "deep.pdf", "--json")
    report = json.loads(ended.stdout)
    assert ended.returncode == 3 and report["result"] == "INDETERMINATE" and not report["intact"]
    wrong = siss("verify", tmp_path / "deep.pdf", "--trust", tmp_path / "deep.pdf")
    assert wrong.returncode == 1 and "trusted list" in wrong.stderr


def bomb(folder):
    """Three gibibytes of spaces in three mebibytes, where a reader of PDFs must look for its objects."""
    packer, chunk = zlib.compressobj(9), b" " * (1 << 20)
    packed = b"".join(packer.compress(chunk) for _ in range(3 << 10)) + packer.flush()
    stream = b"1 0 obj\n<</Type/ObjStm/N 1/First 8/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream\nendobj\n" % (len(packed), packed)
    file = folder / "bomba.pdf"
    file.write_bytes(b"%PDF-1.7\n" + stream + b"trailer\n<</Root 2 0 R/Size 3>>\nstartxref\n9\n%%EOF")
    return file


def test_a_file_that_unpacks_to_gigabytes_costs_its_own_process_at_most(verify, pki, document, tmp_path):
    hostile_file = bomb(tmp_path)
    signed = pki.cms(document, tmp_path / "atto.p7m")
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    hostile, honest = verify("--intake", hostile_file, signed)
    assert (hostile["result"], hostile["intact"]) == ("INDETERMINATE", False) and hostile["reason"]
    # What comes after it is examined as ever.
    assert honest["result"] == "TOTAL-PASSED" and honest["intact"]
    assert time.monotonic() - began < 130 and resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < max(before, 2 << 20), "kibibytes"


def test_who_takes_a_file_apart_is_shut_off(tmp_path):
    """The walls stand while a slow file is worked on, also when its name is reached through another process, as intake has it."""
    with open(bomb(tmp_path), "rb") as file:
        request = {"file": f"/proc/{os.getpid()}/fd/{file.fileno()}", "content": None, "signer": None, "intake": True, "at": NOW.isoformat()}
        request |= {name: [] for name in ("timestamps", "certificates", "revocation", "trust")}
        examiner = subprocess.Popen([binary(), "examine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True)
        examiner.stdin.write(json.dumps(request))
        examiner.stdin.close()
        seen = False
        while not seen and examiner.poll() is None:
            seen = "NoNewPrivs:\t1\n" in pathlib.Path(f"/proc/{examiner.pid}/status").read_text()
        answer = examiner.stdout.read()
        examiner.wait()
    assert seen and '"unread"' not in answer


def test_people_read_it_in_two_languages(siss, pki, document, tmp_path):
    signed = pki.cms(document, tmp_path / "atto.p7m")
    italian, english = (siss("verify", signed, "--lang", language).stdout for language in ("it", "en"))
    assert "Nessun elenco di fiducia" in italian and "firmato da MARIO ROSSI" in italian
    assert "No trusted list" in english and "signed by MARIO ROSSI" in english
