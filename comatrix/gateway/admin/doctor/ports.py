"""UDP ports: free, or held by our running gateway and answering."""

import errno
import ipaddress
import socket
from collections.abc import Sequence

from comatrix.gateway.admin.doctor.lines import OK, RESTART, TO_CHECK, WARNING, WRONG, Finding, Line, Lines, Outcome
from comatrix.gateway.admin.doctor.process import Running
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import endpoint
from comatrix.gateway.edges.coap_ping import ping

PING_S = 1.0
ANYWHERE = 'set [udp] bind = ["[::]:5683"]' + TO_CHECK
ADDRESS = "set [gateway] address" + TO_CHECK

LINES = Lines(
    {
        "ports.ok": Line(OK, "UDP {where} is the gateway's and answers a ping in {ms:.1f} ms"),
        "ports.dtls": Line(OK, "DTLS on UDP {where}: {count} associations, {handshakes} handshakes"),
        "ports.free": Line(OK, "UDP {where} is free for the gateway"),
        "ports.taken": Line(WRONG, "UDP {where} is held by another program", "ss -ulpn 'sport = :{port}'"),
        "ports.forbidden": Line(
            WRONG, "UDP {where} may not be used by this user", "in [udp] bind take a port above 1023" + TO_CHECK
        ),
        "ports.nowhere": Line(WRONG, "{where} is no address of this machine ({why})", "ip address"),
        "ports.unheard": Line(
            WRONG, "UDP {where} is configured, but the running gateway does not listen there", RESTART
        ),
        "ports.silent": Line(WRONG, "UDP {where} is the gateway's, but a ping gets no answer", "sudo nft list ruleset"),
        "ports.loopback": Line(WARNING, "only this machine is listened to: no node elsewhere is heard", ANYWHERE),
        "ports.address": Line(WARNING, "new nodes are sent to {where}, where a ping gets no answer from here", ADDRESS),
        "ports.addressless": Line(
            WARNING, "this machine's address is not known: new nodes cannot be told where to find it", ADDRESS
        ),
    }
)


async def ports(given: Surroundings, settings: Settings, gateway: Running) -> Outcome:
    """Every configured address, and the one that nodes are told."""
    binds = [endpoint(text) for text in (*settings.udp.bind, *settings.udp.plain_bind)]
    if gateway.running:
        listening = [_address(text) for text in gateway.live.get("listening", [])]
        said = [await _held(given, bind, listening) for bind in binds]
    else:
        said = [_free(host, port) for host, port in binds]
    if settings.dtls.listen:
        said.append(_dtls(*endpoint(settings.dtls.listen), gateway))
    if all(ipaddress.ip_address(host).is_loopback for host, _ in binds):
        said.append(LINES.say("ports.loopback"))
    else:
        said += await _told(given, settings, gateway)
    return Outcome(tuple(said))


async def _held(given: Surroundings, bind: tuple[str, int], listening: Sequence[tuple[str, int]]) -> Finding:
    """Port 0 in the configuration stands for whichever port the kernel gave."""
    host, port = bind
    actual = next((one for one in listening if one[0] == host and port in (0, one[1])), None)
    if actual is None:
        return LINES.say("ports.unheard", where=_where(host, port))
    took_s = await ping(_reachable(host), actual[1], given.random, PING_S)
    if took_s is None:
        return LINES.say("ports.silent", where=_where(*actual))
    return LINES.say("ports.ok", where=_where(*actual), ms=took_s * 1000)


def _dtls(host: str, port: int, gateway: Running) -> Finding:
    """A CoAP ping says nothing of a DTLS socket: the gateway is asked what it has there."""
    if not gateway.running:
        return _free(host, port)
    live = gateway.live.get("dtls")
    if live is None:
        return LINES.say("ports.unheard", where=_where(host, port))
    return LINES.say("ports.dtls", where=live["listening"], count=live["associations"], handshakes=live["handshakes"])


def _free(host: str, port: int) -> Finding:
    where = _where(host, port)
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            if ":" in host:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return LINES.say("ports.taken", where=where, port=port)
        if error.errno in (errno.EACCES, errno.EPERM):
            return LINES.say("ports.forbidden", where=where)
        return LINES.say("ports.nowhere", where=where, why=error.strerror)
    return LINES.say("ports.free", where=where)


async def _told(given: Surroundings, settings: Settings, gateway: Running) -> list[Finding]:
    """The address in the configuration of new nodes: [gateway] address, or this machine's own."""
    text = settings.gateway.address
    if text:
        host, _, port = text.rpartition(":")
        host, number = host.strip("[]"), int(port)
    else:
        own, number = endpoint(settings.udp.bind[0])
        host = given.local_address() if ipaddress.ip_address(own).is_unspecified else own
        listening = [_address(text) for text in gateway.live.get("listening", [])]
        number = listening[0][1] if listening else number
    if not host:
        return [LINES.say("ports.addressless")]
    if gateway.running and await ping(host, number, given.random, PING_S) is None:
        return [LINES.say("ports.address", where=_where(host, number))]
    return []


def _reachable(host: str) -> str:
    """Where a socket bound to `host` is reached from this machine."""
    return {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(host, host)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _where(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
