"""A small PKI in the Italian manner, made anew for the tests: root, intermediate, signers with TINIT-… codes, a timestamping authority."""

import asyncio
import base64
import datetime
import hashlib
import pathlib
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
# Of nobody: the code's shape without a person's data.
CODE, OTHER = "RSSMRA00A00H501Z", "BNCLRA00A00H501Z"
TRUSTED_LIST = """<?xml version="1.0" encoding="UTF-8"?>
<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#"><SchemeInformation><TSLSequenceNumber>1</TSLSequenceNumber>
<SchemeTerritory>IT</SchemeTerritory><ListIssueDateTime>{issued}</ListIssueDateTime><NextUpdate><dateTime>{next}</dateTime></NextUpdate></SchemeInformation>
<TrustServiceProviderList><TrustServiceProvider><TSPInformation><TSPName><Name xml:lang="it">Prestatore di prova</Name></TSPName></TSPInformation><TSPServices>
{services}</TSPServices></TrustServiceProvider></TrustServiceProviderList></TrustServiceStatusList>"""
SERVICE = """<TSPService><ServiceInformation><ServiceTypeIdentifier>http://uri.etsi.org/TrstSvc/Svctype/{kind}</ServiceTypeIdentifier>
<ServiceName><Name xml:lang="en">{name}</Name></ServiceName><ServiceDigitalIdentity><DigitalId><X509Certificate>{der}</X509Certificate></DigitalId></ServiceDigitalIdentity>
<ServiceStatus>http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/{status}</ServiceStatus><StatusStartingTime>{since}</StatusStartingTime></ServiceInformation>
<ServiceHistory><ServiceHistoryInstance><ServiceTypeIdentifier>http://uri.etsi.org/TrstSvc/Svctype/{kind}</ServiceTypeIdentifier>
<ServiceStatus>http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted</ServiceStatus><StatusStartingTime>2020-01-01T00:00:00Z</StatusStartingTime></ServiceHistoryInstance></ServiceHistory></TSPService>"""


class Authority:
    """All certificates, keys and lists, as files of one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.keys, self.certificates = {}, {}
        self.issue("root", "Radice di prova", None, authority=True)
        self.issue("ca", "Certificati qualificati di prova", "root", authority=True)
        self.issue("good", "MARIO ROSSI", "ca", code=CODE)
        self.issue("expired", "MARIO ROSSI", "ca", code=CODE, start=NOW - datetime.timedelta(900), days=300)
        self.issue("revoked", "MARIO ROSSI", "ca", code=CODE)
        self.issue("elliptic", "LAURA BIANCHI", "ca", code=OTHER, key=ec.generate_private_key(ec.SECP256R1()))
        self.issue("self", "MARIO ROSSI", None, code=CODE)
        self.issue("tsa", "Marche temporali di prova", "ca", stamps=True)
        self.list_revoked("ca", ["revoked"])
        self.list_revoked("root", [])
        self.trust("list.xml", "granted")
        self.trust("withdrawn.xml", "withdrawn")

    def path(self, name):
        return self.folder / name

    def issue(self, name, common, issuer, *, code=None, authority=False, stamps=False, start=NOW - datetime.timedelta(300), days=1000, key=None):
        key = key or rsa.generate_private_key(65537, 2048)
        subject = [x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
        if code:
            given, surname = common.split()
            subject += [x509.NameAttribute(NameOID.GIVEN_NAME, given), x509.NameAttribute(NameOID.SURNAME, surname), x509.NameAttribute(NameOID.SERIAL_NUMBER, f"TINIT-{code}")]
        subject = x509.Name(subject)
        parent, signing = (self.certificates[issuer].subject, self.keys[issuer]) if issuer else (subject, key)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(parent).public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(days))
        builder = builder.add_extension(x509.BasicConstraints(authority, None), True).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        builder = builder.add_extension(x509.KeyUsage(stamps, not authority and not stamps, False, False, False, authority, authority, False, False), True)
        if stamps:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
        if issuer:
            builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False)
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"http://crl.invalid/{issuer}.crl")], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), False)
        certificate = builder.sign(signing, hashes.SHA256())
        self.keys[name], self.certificates[name] = key, certificate
        self.path(f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.path(f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    def list_revoked(self, issuer, names):
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificates[issuer].subject).last_update(NOW + datetime.timedelta(1)).next_update(NOW + datetime.timedelta(60))
        for name in names:
            revoked = x509.RevokedCertificateBuilder().serial_number(self.certificates[name].serial_number).revocation_date(NOW - datetime.timedelta(30)).build()
            builder = builder.add_revoked_certificate(revoked)
        self.path(f"{issuer}.crl").write_bytes(builder.sign(self.keys[issuer], hashes.SHA256()).public_bytes(serialization.Encoding.DER))

    def trust(self, name, status):
        """A trusted list whose services have had this status for a month, and were granted before."""
        day = lambda days: (NOW + datetime.timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        der = base64.b64encode(self.certificates["ca"].public_bytes(serialization.Encoding.DER)).decode()
        services = [SERVICE.format(kind=kind, name=kind, der=der, status=status, since=day(-30)) for kind in ("CA/QC", "TSA/QTST")]
        self.path(name).write_text(TRUSTED_LIST.format(issued=day(-30), next=day(150), services="\n".join(services)))

    def cms(self, source, target, signer="good", *options):
        """Signs as Italian programs do: CAdES, certificates inside."""
        command = ["openssl", "cms", "-sign", "-binary", "-cades", "-md", "sha256", "-in", source, "-out", target, "-signer", self.path(f"{signer}.pem"), "-inkey", self.path(f"{signer}.key")]
        command += [] if signer == "self" else ["-certfile", self.path("ca.pem")]
        detached = "--detached" in options
        command += [] if detached else ["-nodetach"]
        command += [option for option in options if option != "--detached"]
        if "-outform" not in options:
            command += ["-outform", "DER"]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        return target

    def stamper(self):
        from pyhanko.sign import signers
        from pyhanko.sign.timestamps import DummyTimeStamper

        who = signers.SimpleSigner.load(str(self.path("tsa.key")), str(self.path("tsa.pem")), ca_chain_files=[str(self.path("ca.pem"))])
        return DummyTimeStamper(who.signing_cert, who.signing_key, certs_to_embed=who.cert_registry, fixed_dt=NOW)

    def stamp(self, data):
        """An RFC 3161 token over bytes."""
        return asyncio.run(self.stamper().async_timestamp(hashlib.sha256(data).digest(), "sha256")).dump()

    def stamped(self, data):
        """Bytes wrapped with their timestamp (RFC 5544, `.tsd`)."""
        evidence = der(0xA0, der(0x30, self.stamp(data)))
        body = der(0x30, bytes([2, 1, 1]), der(4, data), evidence)
        return der(0x30, bytes.fromhex("060b2a864886f70d010910011f"), der(0xA0, body))

    def pdf(self, source, target, signer="good", level="B"):
        """PAdES B, T or LT, by pyHanko."""
        from asn1crypto.crl import CertificateList
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign import fields, signers
        from pyhanko_certvalidator import ValidationContext

        load = lambda name: signers.SimpleSigner.load(str(self.path(f"{name}.key")), str(self.path(f"{name}.pem")), ca_chain_files=[str(self.path("ca.pem"))])
        who = load(signer)
        extra = {}
        if level != "B":
            extra["timestamper"] = self.stamper()
        metadata = {"field_name": "Firma1", "md_algorithm": "sha256", "subfilter": fields.SigSeedSubFilter.PADES}
        if level == "LT":
            root = load("root").signing_cert
            crls = [CertificateList.load(self.path(f"{issuer}.crl").read_bytes()) for issuer in ("ca", "root")]
            context = ValidationContext(trust_roots=[root], other_certs=list(who.cert_registry), crls=crls, moment=NOW + datetime.timedelta(2), best_signature_time=NOW)
            metadata |= {"embed_validation_info": True, "validation_context": context}
        with open(source, "rb") as read, open(target, "wb") as written:
            signers.sign_pdf(IncrementalPdfFileWriter(read), signers.PdfSignatureMetadata(**metadata), signer=who, output=written, **extra)
        return target


def der(tag, *parts):
    """An element of DER from its parts."""
    content = b"".join(parts)
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if len(content) < 128 else bytes([128 + len(size)]) + size) + content


def plain_pdf(text="Bilancio di previsione"):
    """A page of text, with its table of offsets."""
    stream = f"BT /F1 18 Tf 60 700 Td ({text}) Tj ET".encode()
    parts = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
             b"<</Length %d>>\nstream\n%s\nendstream" % (len(stream), stream), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    out, offsets = b"%PDF-1.7\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (table, len(out))
