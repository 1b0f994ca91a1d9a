"""The homeserver's refusals as errors a person reads."""

from comatrix.gateway.errors import GatewayError, Unreachable
from comatrix.gateway.model import HomeserverAnswer

ACCOUNT = {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED"}

LOOK = "comatrix doctor"  # knows whether the address, the homeserver, an account or a service is the trouble


def refusal(answer: HomeserverAnswer, doing: str, next_step: str) -> GatewayError:
    """`answer`, which is not ok, to what was being done ("join #garden:example.org"), and what to type then."""
    if answer.status is None or answer.errcode is None:
        why = (answer.error or f"HTTP {answer.status}").rstrip(".")
        return Unreachable(f"No homeserver answered the request to {doing}: {why}.", LOOK)
    if answer.errcode in ACCOUNT:
        return GatewayError(f"The homeserver does not accept the access token: {_said(answer)}.", LOOK)
    if answer.errcode == "M_LIMIT_EXCEEDED":
        seconds = -(-(answer.retry_after_ms or 1000) // 1000)
        return GatewayError(f"The homeserver asks to wait {seconds} s before it will {doing}.", next_step)
    return GatewayError(f"The homeserver refused to {doing}: {_said(answer)}.", next_step)


def _said(answer: HomeserverAnswer) -> str:
    return f"{answer.errcode}, {answer.error}".rstrip(".") if answer.error else str(answer.errcode)
