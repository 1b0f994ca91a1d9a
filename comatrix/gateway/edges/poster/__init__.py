"""Takes waiting records through their lanes to the homeserver: seal, sync, send (docs/reference/matrix.md)."""

from comatrix.gateway.edges.poster.poster import Poster

__all__ = ["Poster"]
