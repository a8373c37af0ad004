"""One measured figure: a line of the table and of the JSON file."""

import dataclasses
import math
import statistics
import time


@dataclasses.dataclass
class Line:
    """`siss` and `duckdb` in `unit`; `target` bounds the ratio of the two, or with no DuckDB figure, what SISS may take."""

    what: str
    siss: float
    unit: str
    duckdb: float | None = None
    target: float | None = None
    # Whether more is better: rows per second, not seconds.
    more: bool = False
    note: str = ""

    @property
    def ratio(self):
        """How many times DuckDB's time (or rate) SISS takes; above 1 is slower for times, faster for rates."""
        return None if self.duckdb is None else self.siss / self.duckdb if self.duckdb else math.inf

    @property
    def ok(self):
        """None without a target."""
        if self.target is None:
            return None
        measured = self.siss if self.duckdb is None else self.ratio
        return measured >= self.target if self.more else measured <= self.target

    def cells(self):
        sign = "≥" if self.more else "≤"
        target = "" if self.target is None else f"{sign} {self.target:g}" + ("×" if self.duckdb is not None else f" {self.unit}")
        verdict = {None: "", True: "ok", False: "LOSS"}[self.ok]
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}×"
        return [self.what, shown(self.siss, self.unit), shown(self.duckdb, self.unit), ratio, target, verdict, self.note]

    def json(self):
        return dataclasses.asdict(self) | {"ratio": self.ratio, "ok": self.ok}


def shown(value, unit):
    if value is None:
        return ""
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{number} {unit}"


def table(lines):
    """The lines as a table that is also Markdown."""
    head = ["what", "SISS", "DuckDB, or as noted", "ratio", "target", "", "note"]
    rows = [head, *(line.cells() for line in lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def timed(work, times=1):
    """Median seconds of `work()`, and its last answer."""
    seconds, answer = [], None
    for _ in range(times):
        start = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), answer
