"""What can go wrong with a request, in words and with the next thing to type."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from comatrix.codec import coap
from comatrix.codec.codes import METHOD_NOT_ALLOWED, NOT_ACCEPTABLE, NOT_FOUND, UNSUPPORTED_FORMAT
from comatrix.gateway.cli.coap_answer import code_words
from comatrix.gateway.cli.coap_dtls import PskSpeaker, handshake_error
from comatrix.gateway.cli.coap_node import Speaker
from comatrix.gateway.cli.coap_uri import Target
from comatrix.gateway.cli.context import printable
from comatrix.gateway.edges.coap_client.errors import BrokenAnswerError, NoAnswer, NoHandshake, NoSeq, Refused, WasReset
from comatrix.gateway.edges.coap_client.security import Opened
from comatrix.gateway.errors import GatewayError, Unreachable, UsageError


@contextmanager
def told(target: Target, timeout_s: float, who: Speaker | PskSpeaker | None) -> Iterator[None]:
    """Every error of a request becomes one a person reads."""
    where = f"{target.host} port {target.port}"
    node = who.name if isinstance(who, Speaker) else None
    try:
        yield
    except socket.gaierror:
        raise UsageError(f"No machine is known by the name {target.host}.", f"getent hosts {target.host}") from None
    except Refused:
        raise Unreachable(f"Nobody listens at {where} (UDP).", _look(target)) from None
    except WasReset:
        raise Unreachable(f"{where} rejected the request without a word (Reset).", _discover(target)) from None
    except NoHandshake as error:
        secure = who if isinstance(who, PskSpeaker) else None
        raise handshake_error(error, target, timeout_s, secure, _look(target)) from None
    except NoAnswer:
        raise Unreachable(f"No answer from {where} within {timeout_s:g} s.", _look(target)) from None
    except NoSeq:
        raise GatewayError(
            f"No number is free for a record that {node} itself will not use: its own record would be lost.",
            "comatrix node add OTHER --room ROOM",
        ) from None
    except BrokenAnswerError as error:
        step = _discover(target) if node is None else f"comatrix node show {node}"
        raise GatewayError(f"The answer of {where} is of no use: {printable(error)}.", step) from None
    except OSError as error:
        raise Unreachable(f"{where} cannot be reached: {error.strerror or error}.", _look(target)) from None


def check_success(answer: Opened, target: Target, method: str) -> None:
    """Raises GatewayError where the answer is a refusal; it was shown before."""
    if answer.code >> 5 == 2:
        return
    steps = {
        coap.UNAUTHORIZED: "comatrix node list",
        NOT_FOUND: _discover(target),
        METHOD_NOT_ALLOWED: _discover(target),
        NOT_ACCEPTABLE: f"comatrix coap {method} --help",
        UNSUPPORTED_FORMAT: f"comatrix coap {method} --help",
    }
    raise GatewayError(f"It was refused: {code_words(answer.code)}.", steps.get(answer.code, _discover(target)))


def _discover(target: Target) -> str:
    return f"comatrix coap get {target.base}/.well-known/core"


def _look(target: Target) -> str:
    """A gateway of this machine tells how it is; another machine answers a ping, if it is there."""
    try:
        here = ipaddress.ip_address(target.host).is_loopback
    except ValueError:
        here = target.host == "localhost"
    return "comatrix status" if here else f"ping -c 3 {target.host}"
