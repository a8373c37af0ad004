"""docs/ASVS.md answers for every requirement of OWASP ASVS 5.0.0, levels 1 and 2, with tests and files that exist. Below: what it
says of the tree itself, found by reading the tree."""

import json
import pathlib
import re
import tomllib

import pytest

from conftest import ROOT

# The levels of each section's requirements, in their order. Level 3 is no goal of ours.
SECTIONS = """
V1.1 22 V1.2 1111122223 V1.3 112222222223 V1.4 222 V1.5 123
V2.1 122 V2.2 112 V2.3 12223 V2.4 23
V3.1 3 V3.2 113 V3.3 12223 V3.4 11222233 V3.5 11122333 V3.6 3 V3.7 22333
V4.1 12233 V4.2 23333 V4.3 22 V4.4 1222
V5.1 2 V5.2 112333 V5.3 113 V5.4 222
V6.1 122 V6.2 111111112222 V6.3 11223333 V6.4 112233 V6.5 22222333 V6.6 2223 V6.7 33 V6.8 2222
V7.1 222 V7.2 1111 V7.3 22 V7.4 11222 V7.5 223 V7.6 22
V8.1 1233 V8.2 1123 V8.3 133 V8.4 23
V9.1 111 V9.2 1222
V10.1 22 V10.2 223 V10.3 22223 V10.4 1111122222233333 V10.5 22222 V10.6 22 V10.7 222
V11.1 2233 V11.2 22233 V11.3 11233 V11.4 1222 V11.5 23 V11.6 23 V11.7 33
V12.1 12233 V12.2 11 V12.3 22223
V13.1 2333 V13.2 222223 V13.3 2233 V13.4 1222233
V14.1 22 V14.2 12223333 V14.3 122
V15.1 12233 V15.2 12233 V15.3 1222222 V15.4 3333
V16.1 2 V16.2 22222 V16.3 2222 V16.4 222 V16.5 2223
V17.1 23 V17.2 22223333 V17.3 22
""".split()
LEVELS = dict(zip(SECTIONS[::2], SECTIONS[1::2], strict=True))
STATES = {"tested", "met", "not met", "deployment", "not applicable"}
SOURCES = ["datasets", "dashboards", "warehouse", "ingest", "api"]
ROWS = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in (ROOT / "docs/ASVS.md").read_text(encoding="utf-8").splitlines() if line.startswith("| V")]
EACH = [pytest.param(*row, id=row[0]) for row in ROWS]
KINDS = r"rs|py|js|html|toml|md"


def source(name):
    """The one file that a line names: a test of Python, one of the tree, a path from the root, or the end of one."""
    if re.fullmatch(r"test_\w+\.py", name):
        name = f"tests/python/{name}"
    name = re.sub("^house/", "tests/house/", name)
    if (ROOT / name).is_file():
        return ROOT / name
    found = [path for crate in SOURCES for path in (ROOT / crate).rglob(f"*{pathlib.PurePath(name).suffix}") if path.as_posix().endswith(f"/{name}") and "node_modules" not in path.parts]
    return found[0] if found else None


def shipped():
    """Rust source that ships, by its path, without the tests at its end."""
    for crate in SOURCES:
        for path in sorted((ROOT / crate / "src").rglob("*.rs")):
            if path.name != "tests.rs" and "tests" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8").split("#[cfg(test)]\nmod tests {")[0]


# The list


def test_every_requirement_is_there_once_with_its_level():
    wanted = [[f"{section}.{n}", level] for section, levels in LEVELS.items() for n, level in enumerate(levels, 1) if level != "3"]
    assert sum(map(len, LEVELS.values())) == 345 and len(wanted) == 253, "as many as the standard has"
    assert [row[:2] for row in ROWS] == wanted


@pytest.mark.parametrize("requirement, level, asked, state, reason", EACH)
def test_a_line_names_what_is_there(requirement, level, asked, state, reason):
    assert state in STATES and 0 < len(asked.split()) <= 15
    tests, named = 0, 0
    for file, name in re.findall(rf"`([\w./-]+\.(?:{KINDS}))(?:::(\w+))?`", reason):
        path = source(file)
        assert path, f"there is no {file}"
        named += 1
        if name:
            text = path.read_text(encoding="utf-8")
            assert re.search(rf"^\s*(?:pub(?:\(\w+\))? )?(?:async )?(?:fn|def) {name}\(", text, re.M), f"{file} has no {name}"
            tests += bool(re.search(rf"^def {name}\(|#\[(?:tokio::)?test[^\]]*\]\n\s*(?:async )?fn {name}\(", text, re.M))
    if state == "tested":
        assert tests and tests == len(re.findall(r"`[^`]+::\w+`", reason)), "each name is a test's"
    elif state == "met":
        assert named and re.search(r"[Nn]o test|test_\w+\.py|tests?\.rs|::", reason), "where it stands, and why no test says so"
    elif state == "deployment":
        assert "OPERATIONS.md" in reason or "SECURITY.md" in reason
    else:
        assert len(re.sub("`[^`]*`", "", reason).split()) >= 2 and reason.endswith((".", ")")), "a sentence says why"


# The tree


def test_scripts_keep_to_safe_ways():
    """Text is set as text, nothing is run that was a text, nothing is stored in the browser, no other window is listened to."""
    unsafe = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write|srcdoc|\beval\(|new Function|setTimeout\(\s*[\"'`]|javascript:"
        r"|localStorage|sessionStorage|indexedDB|document\.cookie|postMessage|[\"']message[\"']|__proto__|\.prototype\b|[^=!<>]==[^=]|!=[^=]"
    )
    scripts = sorted((ROOT / "api/static").glob("*.js"))
    assert len(scripts) >= 5
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        assert not unsafe.search(text), (script.name, unsafe.search(text))
        assert '"use strict";' in text or text.lstrip().startswith("//") and "(() => {" in text, "nothing becomes a global by accident"


def test_templates_escape_all_but_what_we_draw():
    """What is put in as it is was made by code of ours that escapes: drawings, JSON that ends no element, a part of the template itself."""
    drawn = {"panel.svg", "pyramid", "trend", "chart", "linked", "about"}
    for template in sorted((ROOT / "api/templates").glob("*.html")):
        text = template.read_text(encoding="utf-8")
        assert "autoescape" not in text, template.name
        assert set(re.findall(r"([\w.]+)\s*\|\s*safe\b", text)) <= drawn, template.name
        assert len(re.findall(r"\|\s*safe\b", text)) == len(re.findall(r"\{\{ ?[\w.]+\|safe ?\}\}", text)), f"{template.name}: only by a plain name"
    assert "AutoEscape::Html" in (ROOT / "api/src/site.rs").read_text(encoding="utf-8")
    assert [file for file, text in shipped() if "from_safe_string" in text] == ["api/src/site/functions.rs"], "icons alone"


def test_the_password_field_hides_what_is_typed_and_takes_what_is_pasted():
    page = (ROOT / "api/templates/sign_in.html").read_text(encoding="utf-8")
    (field,) = re.findall(r"<input[^>]*name=\"password\"[^>]*>", page)
    assert 'type="password"' in field and 'autocomplete="current-password"' in field and int(re.search(r'maxlength="(\d+)"', field)[1]) >= 64
    assert 'autocomplete="username"' in page and "onpaste" not in page
    assert not [script.name for script in (ROOT / "api/static").glob("*.js") if "paste" in script.read_text(encoding="utf-8")]


def test_no_shell_is_started():
    """Only this program itself is started again, with arguments apart."""
    starts = {file for file, text in shipped() if re.search(r"Command::new\(|libc::(system|popen|exec)", text)}
    assert starts == {"warehouse/src/worker/process.rs", "ingest/src/signature/apart.rs"}
    for file, text in shipped():
        assert not re.search(r"\"(/(usr/)?bin/)?(ba|da|z)?sh\"", text), file


def test_unsafe_code_stands_where_it_was_judged():
    """Calls of the system alone; each says why it is right."""
    places = {"warehouse/src/lake/store.rs", "warehouse/src/worker/child.rs", "warehouse/src/worker/limits.rs"}
    for file, text in shipped():
        lines = text.splitlines()
        for place, line in enumerate(lines):
            if re.search(r"\bunsafe (\{|fn|impl|trait|extern)", line) and not line.lstrip().startswith("//"):
                assert file in places, f"{file}:{place + 1}"
                assert any("// SAFETY:" in before for before in lines[max(0, place - 4) : place]), f"{file}:{place + 1} says no reason"


def test_components_are_pinned_and_from_their_registries():
    crates = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    foreign = [crate for crate in crates if "source" in crate]
    # Written in pieces: no file of ours names a registry whole.
    assert {crate["source"] for crate in foreign} == {"registry+https://github.com/rust-lang/" + "crates.io-index"} and all(len(crate["checksum"]) == 64 for crate in foreign)
    assert {crate["name"] for crate in crates if "source" not in crate} == {*SOURCES, "tests", "stack"}
    for lock in ("api/static", "tests/node", "tests/openapi"):
        packages = json.loads((ROOT / lock / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        for name, package in packages.items():
            assert not name or package["integrity"].startswith("sha512-") and package["version"] and "npm" + "js.org" in package.get("resolved", "npm" + "js.org"), (lock, name)
    for wanted in ROOT.glob("tests/*/requirements.txt"):
        assert all(re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line) for line in wanted.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")), wanted
