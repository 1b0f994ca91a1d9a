"""Between the rooms and the mailbox: what people type becomes commands, and each command one reply that stays true."""
