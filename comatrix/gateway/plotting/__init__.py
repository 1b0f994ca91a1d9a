"""Readings as a picture or as a line of small bars. Pure: numbers in, the bytes of a PNG or a text out."""
