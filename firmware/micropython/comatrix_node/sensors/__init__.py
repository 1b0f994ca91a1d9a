"""Sensors: callables that return a number, {word: number}, or None when there is no reading now."""
