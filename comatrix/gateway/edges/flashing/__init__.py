"""Boards on ports: the raw REPL over a terminal device, boards found by their USB ids."""
