"""The worked questions on many rows, through the PostgreSQL door, beside DuckDB on the same Parquet files."""

import sys

import program
from line import Line, timed

sys.path.insert(0, str(program.ROOT / "tests/python"))

TIMES = 3
REGION, COMUNI = "pianificatore", ("comune_058091", "comune_058120")


def measure(at):
    import test_questions as questions

    lake = at.accesses()
    lines, totals = [], {}
    with program.Server(lake) as server, server.postgres(REGION) as siss:
        db = questions.judge(lake, REGION, "VIEW")
        rows = siss.execute("SELECT count(*) FROM sigess.accessi").fetchone()[0]
        # The others read tables that are small here.
        large = [question for question in questions.QUESTIONS if "sigess.accessi" in question.read_text()]
        for question in large:
            sql = question.read_text()
            mine, got = timed(lambda: siss.execute(sql).fetchall(), TIMES)
            other, expected = timed(lambda: db.execute(sql).fetchall(), TIMES)
            unlike = questions.differences(got, expected)
            assert not unlike, f"{question.name}: {unlike[:3]}"
            lines.append(Line(f"  {question.stem}", mine, "s", other))
        for account in COMUNI:
            with server.postgres(account) as one:
                totals[account] = sum(timed(lambda: one.execute(question.read_text()).fetchall(), TIMES)[0] for question in large)
    total, other = sum(line.siss for line in lines), sum(line.duckdb for line in lines)
    lines.insert(0, Line(f"{len(large)} questions on {rows / 1e6:.3g}M rows, PostgreSQL door", total, "s", other, 1.2, note=f"as {REGION}; answers equal"))
    for account, seconds in totals.items():
        lines.append(Line(f"the same as {account}", seconds / total, "×", target=1.0, note=f"{seconds:.2f} s; against {REGION}"))
    return lines
