"""The gateway's Matrix account, for operations the command line runs itself."""

from functools import partial

from comatrix.gateway.config.paths import Paths
from comatrix.gateway.config.secrets import read_secrets, renew_secrets
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import span_ms
from comatrix.gateway.edges.matrix import MatrixClient


class Account:
    """Opens a client when one is first asked for; most commands ask for none."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self._settings = settings
        self._paths = paths
        self._client: MatrixClient | None = None

    def client(self) -> MatrixClient:
        """Raises UsageError where no access token is kept."""
        if self._client is None:
            kept = read_secrets(self._paths.secrets)
            homeserver = self._settings.homeserver
            self._client = MatrixClient(
                homeserver.url,
                timeout_s=span_ms(homeserver.timeout) / 1000,
                keep=partial(renew_secrets, self._paths.secrets),
            ).take(kept)
        return self._client

    async def aclose(self) -> None:
        """Closes what was opened."""
        if self._client is not None:
            await self._client.aclose()
