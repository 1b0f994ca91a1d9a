"""What `comatrix demo` needs and a gateway does not: a homeserver on loopback, simulated nodes, a lossy link."""
