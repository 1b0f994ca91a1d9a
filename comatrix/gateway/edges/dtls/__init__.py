"""The gateway's DTLS 1.2 server (RFC 6347): many peers on one UDP socket. An edge: its timers are real time."""
