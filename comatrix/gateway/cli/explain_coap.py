"""A CoAP message told field by field, from the gateway's own decoder."""

from typing import Any

from comatrix.codec import coap, options
from comatrix.gateway.cli.explain_cbor import ascii_text, diagnostic

TYPES = ("CON", "NON", "ACK", "RST")
TYPE_WORDS = ("confirmable", "non-confirmable", "acknowledgement", "reset")
# RFC 7252 section 12.1, RFC 7959, RFC 8132, RFC 8516
CODE_NAMES = {
    "0.00": "Empty",
    "0.01": "GET",
    "0.02": "POST",
    "0.03": "PUT",
    "0.04": "DELETE",
    "0.05": "FETCH",
    "0.06": "PATCH",
    "0.07": "iPATCH",
    "2.01": "Created",
    "2.02": "Deleted",
    "2.03": "Valid",
    "2.04": "Changed",
    "2.05": "Content",
    "2.31": "Continue",
    "4.00": "Bad Request",
    "4.01": "Unauthorized",
    "4.02": "Bad Option",
    "4.03": "Forbidden",
    "4.04": "Not Found",
    "4.05": "Method Not Allowed",
    "4.06": "Not Acceptable",
    "4.08": "Request Entity Incomplete",
    "4.09": "Conflict",
    "4.12": "Precondition Failed",
    "4.13": "Request Entity Too Large",
    "4.15": "Unsupported Content-Format",
    "4.22": "Unprocessable Entity",
    "4.29": "Too Many Requests",
    "5.00": "Internal Server Error",
    "5.01": "Not Implemented",
    "5.02": "Bad Gateway",
    "5.03": "Service Unavailable",
    "5.04": "Gateway Timeout",
    "5.05": "Proxying Not Supported",
}
FORMATS = {
    0: "text/plain",
    40: "application/link-format",
    50: "application/json",
    60: "application/cbor",
    63: "application/cbor-seq",
    110: "application/senml+json",
    112: "application/senml+cbor",
}
UINTS = {options.OBSERVE, options.URI_PORT, options.MAX_AGE, options.SIZE1, options.SIZE2, options.NO_RESPONSE}
TEXTS = {
    options.URI_HOST,
    options.LOCATION_PATH,
    options.URI_PATH,
    options.URI_QUERY,
    20,
    options.PROXY_URI,
    options.PROXY_SCHEME,
}


def message_json(message: coap.Message) -> dict[str, Any]:
    """The message's fields, bytes as "h'..'"."""
    code = coap.code_text(message.code)
    return {
        "version": 1,
        "type": TYPES[message.type],
        "code": code,
        "code_name": CODE_NAMES.get(code, ""),
        "mid": message.mid,
        "token": diagnostic(message.token),
        "options": [_option(number, value) for number, value in message.options],
        "payload": diagnostic(message.payload),
    }


def message_lines(message: coap.Message) -> list[str]:
    """The message in words."""
    told = message_json(message)
    name = told["code_name"] or "a code we do not know"
    lines = [
        f"type     {told['type']} ({TYPE_WORDS[message.type]})",
        f"code     {told['code']} {name}",
        f"mid      {message.mid} (0x{message.mid:04x})",
        f"token    {told['token'] if message.token else 'none'}",
    ]
    for option in told["options"]:
        nature = ", ".join(word for word in ("critical", "unsafe", "repeatable") if option[word]) or "elective"
        value = option["value"]
        shown = ascii_text(value) if isinstance(value, str) and not value.startswith("h'") else _shown(value)
        problem = f"  <- {option['problem']}" if option["problem"] else ""
        words = f" {option['words']}" if option["words"] else ""
        lines.append(f"option   {option['number']:>3} {option['name']} = {shown}{words} ({nature}){problem}")
    size = len(message.payload)
    return [*lines, f"payload  {size} bytes{': ' + message.payload.hex() if size else ''}"]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return str(value)


def _option(number: int, value: bytes) -> dict[str, Any]:
    row = options.TABLE.get(number)
    problem = ""
    if row is None:
        problem = "unknown to this gateway"
    elif not row[1] <= len(value) <= row[2]:
        problem = f"length {len(value)}, must be {row[1]} to {row[2]}"
    return {
        "number": number,
        "name": options.name(number),
        "critical": options.is_critical(number),
        "unsafe": options.is_unsafe(number),
        "repeatable": bool(row and row[3]),
        "value": diagnostic(value) if problem else _value(number, value),
        "hex": value.hex(),
        "words": _words(number, value),
        "problem": problem,
    }


def _words(number: int, value: bytes) -> str:
    """What a number in the value stands for, where a registry says."""
    return FORMATS.get(options.uint(value), "") if number in (options.CONTENT_FORMAT, options.ACCEPT) else ""


def _value(number: int, value: bytes) -> Any:
    if number in (options.BLOCK1, options.BLOCK2):
        return _block(options.uint(value))
    if number in (options.CONTENT_FORMAT, options.ACCEPT):
        return options.uint(value)
    if number in UINTS:
        return options.uint(value)
    if number in TEXTS:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return diagnostic(value)
    return diagnostic(value)


def _block(value: int) -> dict[str, Any]:
    """RFC 7959 section 2.2."""
    exponent = value & 7
    return {"number": value >> 4, "more": bool(value & 8), "size": 1 << exponent + 4 if exponent < 7 else None}
