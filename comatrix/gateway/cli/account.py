"""The gateway's Matrix account, for operations the command line runs itself."""

from comatrix.gateway.config.paths import Paths
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.speaking import open_client


class Account:
    """Opens a client when one is first asked for; most commands ask for none."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self._settings = settings
        self._paths = paths
        self._client: MatrixClient | None = None

    def client(self) -> MatrixClient:
        """Raises UsageError where no access token is kept."""
        if self._client is None:
            self._client = open_client(self._settings, self._paths)
        return self._client

    async def aclose(self) -> None:
        """Closes what was opened."""
        if self._client is not None:
            await self._client.aclose()
