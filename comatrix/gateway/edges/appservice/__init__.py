"""The gateway as an application service: its users, and how it hears of its rooms."""
