"""A CoAP client on a UDP socket, for one person's requests."""
