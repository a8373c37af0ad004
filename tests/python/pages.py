"""Every page for people. A new page is one line: the tests of pages.py's readers then hold for it in both languages and widths."""

import dataclasses
import pathlib
import re

HTTP = pathlib.Path(__file__).resolve().parents[2] / "api/src/doors/http.rs"
# Routes that are not pages: for programs, or files.
NOT_PAGES = re.compile(r".*/documenti/\{hash\}$|.*/valori$|/(api|open|waas|catalog[^/]*|status|metrics|static|robots|sitemap)\b|.*/\{file\}$|.*\.(svg|png|csv|pdf|xml|txt|geojson|json|ndjson|parquet|xlsx|atom)$")


@dataclasses.dataclass(frozen=True)
class Page:
    route: str
    """As api/src/doors/http.rs says it."""
    address: str
    who: str | None = None
    """An account, or who has none."""
    status: int = 200

    def at(self, language):
        return f"{self.address}{'&' if '?' in self.address else '?'}lang={language}"

    def __str__(self):
        return self.address + (f" ({self.who})" if self.who else "")


PAGES = [
    Page("/", "/"),
    Page("/", "/", "comune_058091"),
    Page("/cerca", "/cerca"),
    Page("/cerca", "/cerca?q=asili&area=sirse&tema=&formato="),
    Page("/cerca", "/cerca?q=nullachesitrova"),
    Page("/dataset/{area}/{name}", "/dataset/sirse/servizi"),
    Page("/dataset/{area}/{name}", "/dataset/assa/strutture?colonna=codice_istat&confronto=eq&valore=058091&ordina=-denominazione"),
    Page("/dataset/{area}/{name}", "/dataset/sigess/accessi", "pianificatore"),
    Page("/indicatori", "/indicatori"),
    Page("/indicatore/{name}", "/indicatore/copertura_nido"),
    Page("/indicatore/{name}", "/indicatore/casi_con_piano?livello=comune", "pianificatore"),
    Page("/territorio", "/territorio?q=fiumicin"),
    Page("/territorio/{place}", "/territorio/058120"),
    Page("/territorio/{place}", "/territorio/rm-5.1", "distretto_rm_5_1"),
    Page("/esplora", "/esplora"),
    Page("/esplora", "/esplora?dataset=sirse.servizi&misura=sum&colonna=posti_autorizzati&gruppo=anno&perno=titolarita"),
    Page("/esplora", "/esplora?dataset=leps.copertura_nido&misura=sum&colonna=valore", status=400),
    Page("/mappa", "/mappa"),
    Page("/mappa", "/mappa?q=Viterbo&cosa=strutture&raggio=30"),
    Page("/mappa", "/mappa?q=xyzzy"),
    Page("/dataset/{area}/{name}/versioni", "/dataset/assa/strutture/versioni"),
    Page("/dataset/{area}/{name}/versioni", "/dataset/riferimenti/consultori/versioni"),
    # The region of the tests has one release of each: two are compared by test_releases.py.
    Page("/dataset/{area}/{name}/confronto", "/dataset/assa/strutture/confronto", status=400),
    Page("/novita", "/novita"),
    Page("/collegarsi", "/collegarsi"),
    Page("/accedi", "/accedi"),
    # As they are without what goes before; test_oidc.py, test_second_factor.py and test_desk.py look at them after it.
    Page("/accedi/codice", "/accedi/codice", status=403),
    Page("/accedi/password", "/accedi/password", status=403),
    Page("/accedi/identita", "/accedi/identita", status=404),
    Page("/accedi/identita/ritorno", "/accedi/identita/ritorno", status=404),
    Page("/area", "/area", "comune_058091"),
    Page("/area", "/area", "gestore"),
    Page("/sql", "/sql", "pianificatore"),
    Page("/sql", "/sql?domanda=01_accessi_per_distretto", "pianificatore"),
    Page("/consegne", "/consegne", "comune_058091"),
    Page("/consegne", "/consegne", "pianificatore"),
    Page("/consegne/{id}", "/consegne/0123", "comune_058091", status=404),
    Page("/consegne/calendario", "/consegne/calendario", "comune_058091"),
    Page("/moduli", "/moduli", "comune_058091"),
    Page("/moduli", "/moduli", "pianificatore"),
    Page("/moduli/{area}/{name}", "/moduli/assa/strutture", "comune_058091"),
    Page("/moduli/{area}/{name}", "/moduli/piani_zona/atti", "distretto_rm_5_1"),
    Page("/moduli/{area}/{name}", "/moduli/sigess/accessi", "pianificatore", status=403),
    Page("/pratiche", "/pratiche", "comune_058091"),
    Page("/pratiche/{id}", "/pratiche/0123", "comune_058091", status=404),
    Page("/accessibilita", "/accessibilita"),
    Page("/privacy", "/privacy"),
    Page("/licenza", "/licenza"),
    Page("/contatti", "/contatti"),
    Page("/cruscotti", "/cruscotti"),
    Page("/cruscotti/{name}", "/cruscotti/leps"),
    Page("/cruscotti/{name}", "/cruscotti/sirse?anno=2025"),
    Page("/cruscotti/{name}", "/cruscotti/risorse_finanziarie?anno=2025&ambito=RM+5.1", "pianificatore"),
    Page("/cruscotti/{name}", "/cruscotti/sigess", "comune_058091"),
    Page("/cruscotti/{name}", "/cruscotti/sigess", status=403),
    Page("/cruscotti", "/cruscotti", "pianificatore"),
    Page("/cruscotti/{name}", "/cruscotti/assa"),
    Page("/cruscotti/{name}", "/cruscotti/risorse_umane", "distretto_rm_5_1"),
    Page("/cruscotti/{name}", "/cruscotti/servizi_interventi", "pianificatore"),
    Page("/cruscotti/{name}", "/cruscotti/debito_informativo", "comune_058091"),
    # Errors are pages too.
    Page("", "/nulla", status=404),
    Page("/dataset/{area}/{name}", "/dataset/sirse/servizi?colonna=nulla&valore=1", status=400),
]


def routes():
    """The server's routes that are pages."""
    text = HTTP.read_text(encoding="utf-8")
    named = re.findall(r'\(\s*"(/[^"]*)",\s*get\(', text[text.index("fn routes") :])
    return {route for route in named if not NOT_PAGES.match(route)}
