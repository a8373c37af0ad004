"""Writes docs/QUESTIONS.md from the leading comments of the worked questions; `make doc` runs it and a test compares."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/QUESTIONS.md"
HEAD = """# Domande / Questions

Domande vere di chi programma i servizi, ciascuna una query che gira così com'è da ogni porta, con i diritti di chi la fa.
*Real questions of those who plan services, each a query that runs as it is through every door, with the rights of whoever asks.*

Scritto da `make doc` a partire da `datasets/questions/`; i test confrontano ogni risposta con quella di DuckDB sugli stessi file.
*Written by `make doc` from `datasets/questions/`; the tests compare each answer with DuckDB's over the same files.*

| query | che cosa dice / what it answers | dati / datasets |
|---|---|---|
"""


def tables(sql):
    """The datasets a query reads, in order of their names."""
    return sorted(set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+\.[a-z0-9_]+)", sql)))


def page():
    lines = []
    for file in sorted((ROOT / "datasets/questions").glob("*.sql")):
        sql = file.read_text()
        italian, english = (line.split(": ", 1)[1] for line in sql.splitlines()[:2])
        lines.append(f"| [{file.stem}](../datasets/questions/{file.name}) | {italian}<br>*{english}* | {', '.join(f'`{name}`' for name in tables(sql))} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
