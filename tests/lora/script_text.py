"""A script and the parts it shares as the one text that a MicroPython runs."""

import re
from pathlib import Path
from types import ModuleType

from tests.lora import script_parts

IMPORT = re.compile(r"^from tests\.lora\.script_parts import [^\n]*\n", re.MULTILINE)


def on_device(script: ModuleType) -> str:
    """Its source behind that of the parts."""
    source, imports = IMPORT.subn("", Path(str(script.__file__)).read_text())
    assert imports == 1, "a script imports its parts in one line"
    return Path(script_parts.__file__).read_text() + source
