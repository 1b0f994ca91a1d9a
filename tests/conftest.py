"""Fixtures for every test. The checkout stands on the path, so that tests share `tests.support`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.synapse_fixture import synapse as synapse
