"""The pages name what exists, and what exists is named: modules, links, commands of the Makefile."""

import re
from pathlib import Path

import pytest

from comatrix.gateway.pages.__main__ import PAGES as GENERATED

ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
SKIPPED = {".venv", ".cache", "build", "dist", "node_modules", ".git", ".pytest_cache", ".hypothesis"}
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts[:-1]) and path.is_file()
)
SOURCES = ("comatrix", "lora/comatrix_lora", "firmware/micropython")
# No modules of the project: a package's own file says what the package is, an example is a person's program.
UNNAMED = re.compile(r"/__init__\.py$|/examples/")


def named_modules(page: str) -> set[str]:
    """What the first cells of the tables name. A heading says the folder; a name ending in / stands for all in it."""
    found, folder = set(), ""
    for line in page.splitlines():
        heading = re.match(r"## .*`(\S+/)`", line)
        if line.startswith("## "):
            folder = heading[1] if heading else ""
        elif folder and line.startswith("| `"):
            found |= {folder + name for name in re.findall(r"`([\w/]+(?:\.py|/))`", line.split(" | ")[0])}
    return found


def modules() -> set[str]:
    """Every module of the project, from the root of the checkout."""
    files = {path.relative_to(ROOT).as_posix() for source in SOURCES for path in (ROOT / source).rglob("*.py")}
    return {name for name in files if not UNNAMED.search(name)} - {"comatrix/__main__.py"}


def test_every_module_is_named_in_the_architecture() -> None:
    named = named_modules(ARCHITECTURE.read_text(encoding="utf-8"))
    folders = tuple(name for name in named if name.endswith("/"))
    assert sorted(name for name in modules() - named if not name.startswith(folders)) == []


def test_every_module_the_architecture_names_exists() -> None:
    named = named_modules(ARCHITECTURE.read_text(encoding="utf-8"))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
    assert len(named) > 100, "the tables are not read any more"


def prose(page: str) -> str:
    """A page without its code blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "`code`", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL))


def links(page: str) -> list[str]:
    """Where a page's links and pictures lead, web addresses left out."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name}: {link}"
        assert file.is_relative_to(ROOT), f"{page.name}: {link} leads out of the project"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{page.name}: {link}"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_every_page_is_in_the_index(page: Path) -> None:
    index = ROOT / "docs" / "README.md"
    if page != index:
        assert page.relative_to(ROOT / "docs").as_posix() in index.read_text(encoding="utf-8")


def test_make_docs_writes_every_page_that_says_so() -> None:
    reference = ROOT / "docs" / "reference"
    claimed = {path.name for path in reference.iterdir() if "by `make docs`." in path.read_text(encoding="utf-8")}
    assert claimed == set(GENERATED)


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_generated_page_is_fresh(name: str) -> None:
    page = ROOT / "docs" / "reference" / name
    assert page.read_text(encoding="utf-8") == GENERATED[name](), "run: make docs"


def targets() -> list[str]:
    """The commands `make help` lists."""
    return re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("target", targets())
def test_every_make_target_is_explained(target: str) -> None:
    told = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "CONTRIBUTING.md"))
    assert f"make {target}" in told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_make_target_that_is_not_there(page: Path) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")))
    assert named <= set(targets())


def test_the_readme_begins_with_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = readme.split("```")[1]
    assert "make demo" in first
    assert "make test" in first


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_nobody_is_told_to_install_a_stranger(page: Path) -> None:
    """`comatrix` on PyPI belongs to somebody else; ours is comatrix-gateway, from a clone or a wheel."""
    assert not re.search(r"pipx? install (-\S+ )*comatrix\b", page.read_text(encoding="utf-8"))


def test_a_module_that_is_not_named_would_be_seen() -> None:
    page = "## Part: `comatrix/codec/`\n\n| module | what |\n|---|---|\n| `cbor.py`, `coap.py` | both of `x.py` |\n"
    assert named_modules(page) == {"comatrix/codec/cbor.py", "comatrix/codec/coap.py"}


def test_a_dead_link_would_be_seen() -> None:
    page = "[a](x.md#b-c) ![p](p.svg) [w](https://example.org) `[no](link)`\n```\n[no](block)\n```\n"
    assert links(page) == ["x.md#b-c", "p.svg"]
    assert anchors("# B: c\n```\n# no\n```\n") == {"b-c"}
