"""What can break at the homeserver, on the way to it, and in the rooms."""

from typing import Any

from comatrix.gateway.edges.matrix.probe import Look, look
from tests.gateway.doctor import sockets
from tests.gateway.doctor.breakings import breaking
from tests.gateway.doctor.patient import Patient

ADMINISTRATOR = "ask the homeserver's administrator"
ALIAS = "#garden:localhost"

# The homeserver


@breaking("homeserver.slow", "comatrix doctor")
def slow_homeserver(patient: Patient) -> dict[str, Any]:
    async def slowly(url: str, timeout_s: float) -> Look:
        patient.loopback.server.latency_s = 1.05
        try:
            return await look(url, timeout_s)
        finally:
            patient.loopback.server.latency_s = 0.0

    return {"look": slowly}


@breaking("homeserver.old", ADMINISTRATOR)
def old_homeserver(patient: Patient) -> dict[str, Any]:
    old = sockets.Answering(b'{"versions": ["r0.5.0", "r0.6.1"]}')
    return {"look": lambda url, timeout_s: look(old.url, timeout_s)}


@breaking("homeserver.plain", 'set [homeserver] url = "https://...", then: comatrix config check')
def no_tls(patient: Patient) -> None:
    patient.configure(url=patient.loopback.url.replace("127.0.0.1", "127.1"))  # to us a name like any other


@breaking("homeserver.name", "getent hosts homeserver.invalid")
def unknown_name(patient: Patient) -> None:
    patient.configure(url="https://homeserver.invalid")


@breaking("homeserver.refused", "comatrix config show")
def nobody_listens(patient: Patient) -> None:
    patient.configure(url="https://127.0.0.1:9")


@breaking("homeserver.timeout", "ping 127.0.0.1")
def hanging_homeserver(patient: Patient) -> dict[str, Any]:
    listener, url = sockets.silent()
    patient.configure(url=url)
    return {"kept": listener, "look": lambda url, timeout_s: look(url, 0.2)}


@breaking("homeserver.lost", "curl -v {url}/_matrix/client/versions")
def connection_cut(patient: Patient) -> dict[str, Any]:
    url = sockets.hanging_up()
    patient.configure(url=url)
    return {"url": url}


def _tls(patient: Patient, certificate: sockets.Certificate, *, trusted: bool) -> dict[str, Any]:
    server = sockets.Answering(tls=certificate.server())
    patient.configure(url=server.url)
    if not trusted:
        return {}
    return {"look": lambda url, timeout_s: look(url, timeout_s, certificate.trusted())}


@breaking("homeserver.expired", "certbot renew   (where the homeserver runs)")
def expired_certificate(patient: Patient) -> dict[str, Any]:
    return _tls(patient, sockets.Certificate(patient.paths.state, days=(-9, -1)), trusted=True)


@breaking("homeserver.early", "date")
def certificate_of_tomorrow(patient: Patient) -> dict[str, Any]:
    return _tls(patient, sockets.Certificate(patient.paths.state, days=(1, 9)), trusted=True)


@breaking("homeserver.other", "comatrix config show")
def certificate_of_another(patient: Patient) -> dict[str, Any]:
    return _tls(patient, sockets.Certificate(patient.paths.state, name="example.org"), trusted=True)


@breaking("homeserver.untrusted", "certbot   (where the homeserver runs: a certificate of a public authority)")
def self_signed_certificate(patient: Patient) -> dict[str, Any]:
    return _tls(patient, sockets.Certificate(patient.paths.state), trusted=False)


@breaking("homeserver.tls", "comatrix config show")
def https_where_http_is_spoken(patient: Patient) -> None:
    patient.configure(url=patient.loopback.url.replace("http:", "https:"))


@breaking("homeserver.stranger", "curl -v {url}/_matrix/client/versions")
def page_of_a_proxy(patient: Patient) -> None:
    patient.server(lambda server: server.fail("html", path="/versions"))


@breaking("homeserver.failing", ADMINISTRATOR)
def database_of_the_homeserver_gone(patient: Patient) -> None:
    patient.server(lambda server: server.fail("error", path="/versions", status=500))


# The token


@breaking("token.refused", "comatrix init --force")
def session_ended(patient: Patient) -> None:
    patient.server(lambda server: server.expire_tokens(patient.bot.user_id))


@breaking("token.expired", "comatrix init --force")
def session_expired(patient: Patient) -> None:
    patient.server(lambda server: server.expire_tokens(patient.bot.user_id, soft=True))


@breaking("token.renewable", "comatrix gateway run")
def session_expired_with_a_refresh_token(patient: Patient) -> None:
    patient.keep(refresh_token="refresh_1")
    patient.server(lambda server: server.expire_tokens(patient.bot.user_id, soft=True))


@breaking("token.account", ADMINISTRATOR)
def locked_account(patient: Patient) -> None:
    patient.server(lambda server: server.fail("error", path="whoami", status=401, errcode="M_USER_LOCKED"))


@breaking("token.user", "comatrix init --force", also=("secrets.user",))
def token_of_another(patient: Patient) -> None:
    patient.keep(user_id="@other:localhost")


@breaking("token.device", "comatrix init --force")
def token_of_another_device(patient: Patient) -> None:
    patient.keep(device_id="ELSEWHERE")


@breaking("token.unanswered", "comatrix doctor")
def proxy_between(patient: Patient) -> None:
    patient.server(lambda server: server.fail("html", path="whoami"))


# Rooms


@breaking("rooms.none", "comatrix room create garden --invite @you:example.org", also=("nodes.none",))
def nothing_bound(patient: Patient) -> None:
    patient.write(lambda connection: connection.execute("UPDATE node SET revoked = 1"))


@breaking("rooms.out", "invite @cx:localhost to #garden:localhost")
def kicked(patient: Patient) -> None:
    patient.as_owner(lambda me: me.kick(patient.room_id, patient.bot.user_id, "noise"))


@breaking("rooms.alias", "comatrix node move NODE --room '#garden:localhost'")
def alias_moved(patient: Patient) -> None:
    patient.server(lambda server: server._aliases.update({ALIAS: "!elsewhere"}))


@breaking("rooms.aliasless", "comatrix room list")
def alias_gone(patient: Patient) -> None:
    patient.server(lambda server: server._aliases.pop(ALIAS))


@breaking("rooms.replaced", "comatrix node move NODE --room '!newer'")
def room_upgraded(patient: Patient) -> None:
    patient.put_state("tombstone", body="moved", replacement_room="!newer")


@breaking("rooms.unanswered", "comatrix doctor")
def room_that_fails(patient: Patient) -> None:
    patient.server(lambda server: server.fail("error", path="m.room.create", status=500))


@breaking("permissions.send", "give @cx:localhost power 50 in #garden:localhost")
def muted(patient: Patient) -> None:
    patient.put_state("power_levels", users={}, events={"m.room.message": 50})


@breaking("encryption.on", "comatrix room create NAME --invite @you:example.org")
def encrypted(patient: Patient) -> None:
    patient.put_state("encryption", algorithm="m.megolm.v1.aes-sha2")


@breaking("openness.public", "set its access to invited people only")
def anyone_may_join(patient: Patient) -> None:
    patient.put_state("join_rules", join_rule="public")


@breaking("openness.history", "set its history to members only")
def anyone_may_read(patient: Patient) -> None:
    patient.put_state("history_visibility", history_visibility="world_readable")


@breaking("openness.federated", "comatrix room create NAME --no-federate")
def federated(patient: Patient) -> None:
    patient.server(lambda server: server.rooms[patient.room_id].content("m.room.create").pop("m.federate"))
