"""What MicroPython 1.25 lacks, found in the syntax tree: `violations(source)` for the files a device shares."""

import ast
from collections.abc import Iterator

_AVAILABLE = """
array binascii collections comatrix comatrix_lora comatrix_node cryptolib dht errno esp32 gc hashlib json lora machine
math micropython network os pins random select socket struct sys time tls
"""
# Methods of built-in types that are not there.
_ABSENT_ATTRIBUTES = """
__doc__ __init_subclass__ __class_getitem__ __set_name__ __annotations__ __qualname__ __mro__ as_integer_ratio
bit_count bit_length capitalize casefold cast expandtabs isalnum isdecimal isidentifier isnumeric isprintable
ljust maketrans removeprefix removesuffix rjust swapcase title translate zfill
"""
# Functions and methods that take positional arguments only there.
_NO_KEYWORDS = """
to_bytes from_bytes zip map filter pack unpack pack_into unpack_from split rsplit decode encode hex fromhex sum
int float range
"""
AVAILABLE = frozenset(_AVAILABLE.split())
COLLECTIONS = frozenset(["deque", "namedtuple", "OrderedDict"])
ABSENT_ATTRIBUTES = frozenset(_ABSENT_ATTRIBUTES.split())
ABSENT_BUILTINS = frozenset(["__doc__", "__annotations__", "aiter", "anext", "ascii", "breakpoint", "format", "vars"])
NO_KEYWORDS = frozenset(_NO_KEYWORDS.split())


def violations(source: str) -> list[str]:
    """ "line N: what is absent", in the order of lines."""
    tree = ast.parse(source)
    found = {(getattr(node, "lineno", 0), text) for node in _at_run_time(tree) for text in _absent(node)}
    return [f"line {line}: {text}" for line, text in sorted(found)]


def _at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING:` and in annotations, which are never evaluated."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.arg):
            continue
        yield child
        if isinstance(child, ast.AnnAssign):
            for part in (child.target, child.value):
                if part is not None:
                    yield part
                    yield from _at_run_time(part)
        elif isinstance(child, ast.FunctionDef):
            child.returns = None
            yield from _at_run_time(child)
        else:
            yield from _at_run_time(child)


def _absent(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.stmt):
        yield from _absent_statement(node)
    else:
        yield from _absent_expression(node)
    if isinstance(node, ast.FunctionDef | ast.Lambda) and node.args.posonlyargs:
        yield "positional-only parameters"


def _absent_statement(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"module {alias.name}" for alias in names if alias.name.split(".")[0] not in AVAILABLE)
        case ast.ImportFrom(module=module, names=names):
            yield from _absent_import(module or ".", [alias.name for alias in names])
        case ast.Match():
            yield "match statement"
        case ast.TryStar():
            yield "except*"
        case ast.Delete(targets=targets):
            if any(isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice) for target in targets):
                yield "del of a slice"
        case ast.ClassDef(keywords=[_, *_]):
            yield "metaclass or class keyword"
        case ast.Raise(cause=ast.AST()):
            yield "raise ... from"


def _absent_expression(node: ast.AST) -> Iterator[str]:
    match node:
        case (
            ast.List(elts=elements, ctx=ast.Load()) | ast.Tuple(elts=elements, ctx=ast.Load()) | ast.Set(elts=elements)
        ):
            if any(isinstance(element, ast.Starred) for element in elements):
                yield "unpacking in a display, [*a]"
        case ast.Dict(keys=keys) if None in keys:
            yield "unpacking in a dict, {**a}"
        case ast.Attribute(attr=name) if name in ABSENT_ATTRIBUTES:
            yield f"attribute {name}"
        case ast.Name(id=name) if name in ABSENT_BUILTINS:
            yield f"built-in {name}"
        case ast.Call(func=function, keywords=[_, *_] as keywords):
            yield from _absent_keywords(function, [keyword.arg or "**" for keyword in keywords])


def _absent_import(module: str, names: list[str]) -> Iterator[str]:
    if module.split(".")[0] not in AVAILABLE or module == "collections.abc":
        yield f"module {module}"
    if module == "collections":
        yield from (f"collections.{name}" for name in names if name not in COLLECTIONS)


def _absent_keywords(function: ast.expr, keywords: list[str]) -> Iterator[str]:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if "signed" in keywords:
        yield "signed="
    elif name in NO_KEYWORDS:
        yield f"keyword argument of {name}"
