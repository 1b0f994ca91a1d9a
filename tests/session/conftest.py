"""Property tests run on shared machines: no deadline for one example."""

from hypothesis import settings

settings.register_profile("comatrix", deadline=None)
settings.load_profile("comatrix")
