"""The client-server API over httpx. Every call returns a `HomeserverAnswer`; no exception of httpx leaves here."""

from comatrix.gateway.edges.matrix.client import MatrixClient

__all__ = ["MatrixClient"]
