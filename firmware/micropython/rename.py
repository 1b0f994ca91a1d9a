"""Gives the set's own functions, classes and attributes short names, the same in every file.

A name costs its text in each .mpy that mentions it, and on the board about 20 bytes of RAM. The first names given are
those that every MicroPython holds in ROM (they cost nothing) and that the set does not use; then letters. What keeps
its name: all that is public in modules people write against, whatever a built-in type, a module or a board also calls
so, keyword arguments, and names that occur in a text.
"""

import ast
import binascii
import builtins
import collections
import gc
import hashlib
import io
import itertools
import json
import keyword
import os
import select
import socket
import string
import struct
import sys
import time
from collections.abc import Iterator, Mapping

import scopes

# Interned in every MicroPython that reads .mpy version 6 (a test asks the compiler).
ROM = (
    "clear copy count dict dir divmod endswith eval exec extend find format getattr globals hash id index insert "
    "isalpha islower isspace issubclass isupper iter key list little locals lower lstrip map micropython next object "
    "ord popitem pow readinto readline remove repr reverse rfind rindex rsplit rstrip sep setattr setdefault sort "
    "split start startswith staticmethod step stop strip sum super throw value zip"
).split()
# In ROM too, but built-in names our code uses: good for attributes only, which nothing can mistake for them.
ROM_FOR_ATTRIBUTES = (
    "abs all any bool bytearray bytes callable chr classmethod int isinstance len open print range round set sorted "
    "str tuple type ArithmeticError AssertionError AttributeError BaseException EOFError Exception ImportError "
    "IndexError KeyError LookupError MemoryError NameError NotImplementedError OSError OverflowError RuntimeError "
    "StopIteration SyntaxError SystemExit TypeError ValueError ZeroDivisionError"
).split()
# And names that mean something in a class only: good for what a module binds.
ROM_FOR_GLOBALS = (
    "__call__ __delitem__ __enter__ __exit__ __getitem__ __hash__ __int__ __iter__ __len__ __module__ __new__ __next__ "
    "__qualname__ __repr__ __setitem__ __str__"
).split()
_FOREIGN_OBJECTS = (
    builtins, int, float, str, bytes, bytearray, memoryview, list, tuple, dict, set, frozenset, type, property, OSError,
    io.BytesIO, io.TextIOWrapper, (lambda: (yield))(), binascii, collections, collections.deque, gc, hashlib,
    hashlib.sha256(), json, os, select, select.poll(), socket, socket.socket, struct, sys, time,
)  # fmt: skip
# What boards and MicroPython's own modules have beyond CPython's.
_BOARD = (
    "ADC DEEPSLEEP_RESET I2C Pin RTC STA_IF WDT WLAN active aes connect const decrypt deepsleep encrypt feed humidity "
    "ifconfig ipoll isconnected mem_alloc mem_free measure memory read_u16 read_uv readfrom_mem reset_cause sync "
    "temperature ticks_add ticks_diff ticks_ms writeto_mem"
).split()
FOREIGN = frozenset(itertools.chain(_BOARD, *(dir(thing) for thing in _FOREIGN_OBJECTS)))


def rename(trees: Mapping[str, ast.Module], public: set[str], internal: frozenset[str] = frozenset()) -> dict[str, str]:
    """Rename in `trees` (module -> tree), in place; the short name of each. `public`: modules people write against,
    `internal`: names in them that people do not.

    What a module binds and what an object has are never mistaken for each other, so two such names may share one short
    one: a board holds each name once. Local variables keep theirs, as no .mpy has them (parameters: parameters.py).
    """
    defined = {name for module, tree in trees.items() for name in _defined(tree, module in public)} | internal
    kept = FOREIGN | _texts_and_keywords(trees) | {part for module in trees for part in module.split(".")}
    for module in public & set(trees):
        named = {name for name in _defined(trees[module], False) - internal if not name.startswith("_")}
        kept |= named | _parameters(trees[module])
    wanted = sorted(name for name in defined - kept if len(name) > 1 and not name.startswith("__"))
    uses = [use for tree in trees.values() for use in scopes.uses(tree)]
    names = {kind: {use.name for use in uses if use.kind == kind} for kind in (scopes.GLOBAL, scopes.ATTRIBUTE)}
    taken = {use.name for use in uses if use.kind != scopes.ATTRIBUTE}, names[scopes.ATTRIBUTE]
    both = [name for name in wanted if name in names[scopes.GLOBAL] and name in names[scopes.ATTRIBUTE]]
    short = dict(zip(both, (name for name in _short_names() if name not in taken[0] | taken[1]), strict=False))
    used = set(short.values())
    first = [*ROM_FOR_GLOBALS], [*ROM_FOR_ATTRIBUTES]
    for kind, own, rom in zip((scopes.GLOBAL, scopes.ATTRIBUTE), taken, first, strict=True):
        free = (name for name in itertools.chain(rom, _short_names()) if name not in own | used)
        short.update(zip([name for name in wanted if name in names[kind] and name not in both], free, strict=False))
    for use in uses:
        if use.kind != scopes.LOCAL:
            use.rename(short.get(use.name, use.name))
    return short


def _short_names() -> Iterator[str]:
    yield from ROM
    for length in (1, 2):
        for letters in itertools.product(string.ascii_letters, repeat=length):
            if not keyword.iskeyword(name := "".join(letters)):
                yield name


def _defined(tree: ast.Module, private_only: bool) -> set[str]:
    """What a module gives names to: functions, classes, attributes of its objects, its own variables."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    assigned = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    found |= {target.id for target in assigned if isinstance(target, ast.Name)}
    return {name for name in found if name.startswith("_")} if private_only else found


def _parameters(tree: ast.Module) -> set[str]:
    """What users' own clocks, stores and links are also called by."""
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _texts_and_keywords(trees: Mapping[str, ast.Module]) -> set[str]:
    found = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.Import):
                found.update(alias.asname or alias.name for alias in node.names)
    return found
