"""`python -m tests.chaos.broken VARIANT HOME`: runs one in a provisioned folder until SIGTERM."""

import asyncio
import sys
from pathlib import Path

from tests.chaos.broken.gateway import serve
from tests.chaos.broken.variants import VARIANTS

if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[2]), VARIANTS[sys.argv[1]]))
