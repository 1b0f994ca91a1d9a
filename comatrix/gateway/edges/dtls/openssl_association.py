"""One association on OpenSSL: an SSL object between two memory BIOs."""

from typing import TYPE_CHECKING, Any

from comatrix.gateway.edges.dtls import engine as states
from comatrix.gateway.edges.dtls.binding import common_name, ffi, lib
from comatrix.gateway.edges.dtls.engine import Negotiated
from comatrix.gateway.edges.dtls.hello import HANDSHAKE, RECORD, is_forgeable_alert, packed, records

if TYPE_CHECKING:
    from comatrix.gateway.edges.dtls.openssl import OpenSslEngine

_SIZE = 16_384 + 2_048
_BUFFER: Any = ffi.new("char[]", _SIZE)
_MEMORY: Any = ffi.buffer(_BUFFER)
_MASTER = 48  # bytes of a master secret


class OpenSslAssociation:
    """As engine.Association. `unknown`: the identity has no key."""

    __slots__ = ("_engine", "_mtu", "_read", "_ssl", "_write", "identity", "out", "reason", "state", "unknown")

    def __init__(self, engine: "OpenSslEngine", ssl: Any, mtu: int) -> None:
        self.state = states.HANDSHAKE
        self.identity: bytes | None = None
        self.reason = ""
        self.unknown = False
        self.out: list[bytes] = []
        self._engine = engine
        self._mtu = mtu
        self._ssl = ssl
        self._read, self._write = lib.BIO_new(lib.BIO_s_mem()), lib.BIO_new(lib.BIO_s_mem())
        lib.BIO_set_mem_eof_return(self._read, -1)
        lib.BIO_set_mem_eof_return(self._write, -1)
        lib.SSL_set_bio(ssl, self._read, self._write)  # which owns them from now on
        lib.SSL_set_mtu(ssl, mtu)
        lib.SSL_set_accept_state(ssl)

    def begin(self, hello: bytes) -> bool:
        """Take the ClientHello whose cookie is good -> whether OpenSSL takes it too."""
        lib.BIO_write(self._read, hello, len(hello))
        where = lib.BIO_ADDR_new()
        taken = lib.DTLSv1_listen(self._ssl, where) > 0
        lib.BIO_ADDR_free(where)
        if not taken:
            self._end(states.FAILED)
            return False
        self._shake()
        return True

    def receive_datagram(self, datagram: bytes) -> list[bytes]:
        """As engine.Association."""
        if len(datagram) <= RECORD:
            return []
        if self.state == states.OPEN:
            return self._opened(datagram)
        plaintexts: list[bytes] = []
        for record in records(datagram) if self.state == states.HANDSHAKE else ():
            if self.state == states.OPEN:
                plaintexts += self._opened(record)
            elif self.state == states.HANDSHAKE and not is_forgeable_alert(record):
                lib.BIO_write(self._read, record, len(record))
                self._shake()
                self._suspect(record)
        return plaintexts

    def _opened(self, datagram: bytes) -> list[bytes]:
        lib.BIO_write(self._read, datagram, len(datagram))
        size = lib.SSL_read(self._ssl, _BUFFER, _SIZE)
        if size > 0 and len(datagram) == RECORD + int.from_bytes(datagram[11:13], "big"):
            return [_MEMORY[:size]]  # one record, nearly always: asking for another costs half as much again
        plaintexts: list[bytes] = []
        while size > 0:
            plaintexts.append(_MEMORY[:size])
            size = lib.SSL_read(self._ssl, _BUFFER, _SIZE)
        error = lib.SSL_get_error(self._ssl, size)
        if error != lib.SSL_ERROR_WANT_READ:
            self._flush()
            if error == lib.SSL_ERROR_ZERO_RETURN:
                self.close()
            else:
                self._end(states.FAILED)
        elif datagram[0] != 23:
            self._flush()  # the last flight again
        return plaintexts

    def send(self, plaintext: bytes) -> None:
        """As engine.Association."""
        if self.state != states.OPEN:
            return
        if lib.SSL_write(self._ssl, plaintext, len(plaintext)) <= 0:
            lib.ERR_clear_error()  # longer than a record may be
            return
        size = lib.BIO_read(self._write, _BUFFER, _SIZE)
        if size > 0:
            self.out.append(_MEMORY[:size])

    def timeout_ms(self) -> int | None:
        """As engine.Association."""
        if self.state != states.HANDSHAKE:
            return None
        seconds, microseconds = ffi.new("time_t *"), ffi.new("long *")
        if not lib.Cryptography_DTLSv1_get_timeout(self._ssl, seconds, microseconds):
            return None
        return int(seconds[0]) * 1000 + -(-int(microseconds[0]) // 1000)

    def handle_timer(self) -> None:
        """As engine.Association."""
        if self.state != states.HANDSHAKE:
            return
        failed = lib.DTLSv1_handle_timeout(self._ssl) < 0
        self._flush()
        if failed:
            self._end(self.reason or states.FAILED)

    def close(self) -> None:
        """As engine.Association."""
        if self.state == states.OPEN:
            lib.SSL_shutdown(self._ssl)
            self._flush()
        self._end(states.CLOSED)

    def negotiated(self) -> Negotiated:
        """As engine.Association."""
        suite = ffi.string(lib.SSL_CIPHER_get_name(lib.SSL_get_current_cipher(self._ssl))).decode()
        extended = lib.SSL_get_extms_support(self._ssl) == 1
        return Negotiated(suite, extended, bool(lib.SSL_session_reused(self._ssl)))

    def _shake(self) -> None:
        self._engine.working_for(self)
        done = lib.SSL_do_handshake(self._ssl)
        self._engine.working_for(None)
        error = None if done == 1 else lib.SSL_get_error(self._ssl, done)
        self._flush()
        if done == 1:
            self._finished()
        elif error != lib.SSL_ERROR_WANT_READ:
            self._end(states.UNKNOWN_IDENTITY if self.unknown else states.FAILED)

    def _finished(self) -> None:
        self.state = states.OPEN
        self.reason = ""
        master = self._master()
        if lib.SSL_session_reused(self._ssl):
            self.identity = self._engine.resumed(master)
            if self.identity is None:
                self._end(states.FAILED)  # and OpenSSL forgets the session: the next handshake is a full one
            return
        if self.identity is None:
            self.identity = common_name(self._ssl)
        if self.identity is None:
            self._end(states.UNKNOWN_IDENTITY)
        else:
            self._engine.remember(master, self.identity)

    def _master(self) -> bytes:
        lib.SSL_SESSION_get_master_key(lib.SSL_get_session(self._ssl), _BUFFER, _MASTER)
        return bytes(_MEMORY[:_MASTER])

    def _suspect(self, record: bytes) -> None:
        """OpenSSL drops a Finished that does not decrypt without a word; with the right key it does not stay so."""
        if self.state == states.HANDSHAKE and self.identity is not None and _is_finished(record):
            self.reason = states.WRONG_KEY

    def _flush(self) -> None:
        while True:
            size = lib.BIO_read(self._write, _BUFFER, _SIZE)
            if size <= 0:
                return
            self.out += packed(_MEMORY[:size], self._mtu)

    def _end(self, reason: str) -> None:
        if self.state == states.OVER:
            return
        self.state = states.OVER
        self.reason = reason
        lib.ERR_clear_error()
        lib.SSL_free(self._ssl)
        self._ssl = self._read = self._write = None

    def __del__(self) -> None:
        if self._ssl is not None:
            lib.SSL_free(self._ssl)


def _is_finished(record: bytes) -> bool:
    return len(record) > RECORD and record[0] == HANDSHAKE and record[3:5] == b"\0\x01"
