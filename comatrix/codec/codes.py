"""Method and response codes (RFC 7252 section 12.1, RFC 7959, RFC 8132, RFC 8516); `coap` has those a node needs."""

from comatrix.codec.coap import CHANGED, CONTENT, EMPTY, FETCH, GET, POST, TOO_MANY_REQUESTS, UNAUTHORIZED, code_text

PUT, DELETE, PATCH, IPATCH = 0x03, 0x04, 0x06, 0x07
CREATED, DELETED, VALID, CONTINUE = 0x41, 0x42, 0x43, 0x5F
BAD_REQUEST, BAD_OPTION, FORBIDDEN, NOT_FOUND = 0x80, 0x82, 0x83, 0x84
METHOD_NOT_ALLOWED, NOT_ACCEPTABLE, INCOMPLETE, PRECONDITION_FAILED = 0x85, 0x86, 0x88, 0x8C
TOO_LARGE, UNSUPPORTED_FORMAT = 0x8D, 0x8F
SERVER_ERROR, SERVICE_UNAVAILABLE, NO_PROXYING = 0xA0, 0xA3, 0xA5

NAMES = {
    EMPTY: "empty",
    GET: "GET",
    POST: "POST",
    PUT: "PUT",
    DELETE: "DELETE",
    FETCH: "FETCH",
    PATCH: "PATCH",
    IPATCH: "iPATCH",
    CREATED: "Created",
    DELETED: "Deleted",
    VALID: "Valid",
    CHANGED: "Changed",
    CONTENT: "Content",
    CONTINUE: "Continue",
    BAD_REQUEST: "Bad Request",
    UNAUTHORIZED: "Unauthorized",
    BAD_OPTION: "Bad Option",
    FORBIDDEN: "Forbidden",
    NOT_FOUND: "Not Found",
    METHOD_NOT_ALLOWED: "Method Not Allowed",
    NOT_ACCEPTABLE: "Not Acceptable",
    INCOMPLETE: "Request Entity Incomplete",
    PRECONDITION_FAILED: "Precondition Failed",
    TOO_LARGE: "Request Entity Too Large",
    UNSUPPORTED_FORMAT: "Unsupported Content-Format",
    TOO_MANY_REQUESTS: "Too Many Requests",
    SERVER_ERROR: "Internal Server Error",
    SERVICE_UNAVAILABLE: "Service Unavailable",
    NO_PROXYING: "Proxying Not Supported",
}


def name(code: int) -> str:
    """0x44 -> "2.04 Changed", 0x02 -> "0.02 POST"."""
    known = NAMES.get(code)
    return code_text(code) + (" " + known if known else "")
