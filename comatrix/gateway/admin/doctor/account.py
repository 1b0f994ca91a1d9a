"""Who the gateway is at the homeserver: an ordinary account, or an application service."""

from dataclasses import dataclass, field

from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.matrix import MatrixClient

ANSWER_S = 2.5


@dataclass(frozen=True, slots=True)
class Account:
    """`service_id` "": an ordinary account. `renewable`: the token can be renewed, by the gateway alone."""

    user_id: str
    device_id: str
    access_token: str = field(repr=False)
    renewable: bool = False
    service_id: str = ""

    def client(self, settings: Settings) -> MatrixClient:
        """Speaks as the gateway does, but renews no token."""
        return MatrixClient(
            settings.homeserver.url,
            self.access_token,
            self.user_id,
            self.device_id,
            timeout_s=ANSWER_S,
            service=bool(self.service_id),
        )
