"""Bytes <-> values: no state, no time. Shared with MicroPython."""
