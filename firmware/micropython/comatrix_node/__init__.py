"""The node: what runs on a board beside the shared `comatrix.codec` and `comatrix.session`."""

import gc

# On a board this is the whole shared core: loaded while memory is in one piece, and collected after.
import comatrix  # noqa: F401

gc.collect()
