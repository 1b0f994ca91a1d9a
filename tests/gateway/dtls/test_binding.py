"""The private names of pyOpenSSL that DTLS stands on: this test says first when a release takes them away."""

import ast
from pathlib import Path

from comatrix.gateway.edges.dtls import binding

FOLDER = Path(binding.__file__).parent


def test_pyopenssl_still_has_every_private_name_that_is_used() -> None:
    assert binding.missing() == []


def test_the_list_of_private_names_is_what_is_used() -> None:
    used = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "lib":
                used.add(node.attr)
    assert used == set(binding.NAMES)


def test_nothing_else_reaches_into_pyopenssl() -> None:
    for path in FOLDER.glob("*.py"):
        if path.name != "binding.py":
            text = path.read_text()
            assert "SSL._" not in text and "._context" not in text.replace("self._context", ""), path.name
