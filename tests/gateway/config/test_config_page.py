"""The reference page and the commented configuration are made from the settings, and are complete."""

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import comatrix
from comatrix.gateway.config.load import parse
from comatrix.gateway.config.page import commented_toml, markdown, minimal_toml
from comatrix.gateway.config.settings import SECTIONS, Settings

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def test_the_reference_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run: make docs"


def test_every_key_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, kind in SECTIONS.items():
        assert f"## [{name}]" in page
        for setting in fields(kind):
            assert f"`{setting.name}`" in page
            assert len(setting.metadata["doc"]) > 10


def test_the_commented_default_uncommented_is_the_default() -> None:
    shown = commented_toml(Settings())
    assert tomllib.loads(shown) == {name: {} for name in SECTIONS}
    keys = {setting.name for kind in SECTIONS.values() for setting in fields(kind)}
    lines = [line.removeprefix("# ") for line in shown.splitlines()]
    written = "\n".join(x for x in lines if x.startswith("[") or x.split(" = ")[0] in keys)
    settings = parse(written, "shown", {})
    homeserver = replace(settings.homeserver, url="", user="")
    assert replace(settings, homeserver=homeserver) == Settings()


def test_a_changed_setting_is_shown_uncommented_and_reads_back() -> None:
    text = minimal_toml("https://example.org", "@a:example.org") + 'device_name = "Garden \\"x\\""\n'
    settings = parse(text, "x", {})
    shown = commented_toml(settings)
    assert '\ndevice_name = "Garden \\"x\\""' in shown
    assert parse(shown, "shown", {}) == settings


def test_every_setting_is_read_by_the_gateway() -> None:
    package = Path(comatrix.__file__).parent
    code = "".join(path.read_text() for path in package.rglob("*.py") if path.parent.name != "config")
    for kind in SECTIONS.values():
        for setting in fields(kind):
            assert re.search(rf"\.{setting.name}\b", code), f"nothing reads {setting.name}"
