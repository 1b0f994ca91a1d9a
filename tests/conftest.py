"""Fixtures for every test. The checkout stands on the path, so that tests share `tests.support`."""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.synapse_fixture import synapse as synapse

# A shell gives what it runs in the background a Ctrl-C that is ignored; programs the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
