"""Nodes of a scenario that run a program of a person's, as a board runs its main.py."""
