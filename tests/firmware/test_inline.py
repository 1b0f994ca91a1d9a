"""Functions called at one place are put there, and comprehensions become loops: what happens stays the same."""

import ast
from types import ModuleType

import pytest

LOG = "log = []\ndef tell(what, value=None):\n    log.append(what)\n    return value\ntold = tell\n"


def ran(source: str, call: str) -> tuple[object, object]:
    names: dict[str, object] = {}
    exec(compile(source, "x", "exec"), names)
    try:
        return eval(call, names), names.get("log")
    except Exception as error:  # noqa: BLE001 - whatever comes, it must come from both
        return type(error), names.get("log")


def inlined(build: ModuleType, source: str, kept: str = "", pieces: tuple[str, ...] = ()) -> tuple[str, list[str]]:
    trees = {"x": ast.parse(source)}
    gone = build.inline.inline(trees, {kept}, pieces)
    return ast.unparse(ast.fix_missing_locations(trees["x"])), gone


RETURN = """
def main(a):
    return _add(a, 2) * 3
def _add(x, y):
    return x + y
"""
GUARD = """
def main(a):
    r = _sign(a)
    return [r]
def _sign(x):
    if x < 0:
        return -1
    x += 1
    return x
"""
NOTHING = """
def main(a):
    _note(a)
    return log
def _note(x):
    if x > 1:
        return
    tell(x)
"""
TAIL = """
def main(a):
    return _find(a)
def _find(a):
    for one in a:
        if one > 1:
            return one
"""
TEST = """
def main(a):
    if _is(a):
        return 1
    elif a:
        return 2
def _is(x):
    y = x - 1
    return y
"""
CAUGHT = """
def main(a):
    e = 5
    r = _div(a)
    return r, e
def _div(x):
    r = 0
    try:
        r = 1 // x
    except ZeroDivisionError as e:
        r = str(e)
    return r
"""
GIVEN = """
def main(a):
    x = 7
    return _sub(y=x, x=a)
def _sub(x, y, z=1):
    x -= y
    return x * z
"""
LATER = """
def main(a):
    return _pair(tell(1, a), tell(2, a))
def _pair(x, y):
    return (y, x)
"""
LIST = """
def main(a):
    one = 3
    return _odd(a), one
def _odd(all):
    return [one for one in all if one % 2]
"""


@pytest.mark.parametrize(
    ("source", "values"),
    [
        (RETURN, (1,)),
        (GUARD, (-2, 0)),
        (NOTHING, (1, 2)),
        (TAIL, ([1, 2], [1])),
        (TEST, (0, 1, 2)),
        (CAUGHT, (0, 1)),
        (GIVEN, (10,)),
        (LATER, (1,)),
        (LIST, ([1, 2, 3],)),
    ],
)
def test_what_is_called_once_is_put_there_and_does_the_same(
    build: ModuleType, source: str, values: tuple[object, ...]
) -> None:
    found, gone = inlined(build, LOG + source)
    assert len(gone) == 1 and found.count("def ") == 2
    for value in values:
        assert ran(found, f"main({value!r})") == ran(LOG + source, f"main({value!r})")


@pytest.mark.parametrize(
    "source",
    [
        "def main():\n    return tell(1, 2) + _late()\ndef _late():\n    x = tell(2, 3)\n    return x",
        "def main(a):\n    return a and _late()\ndef _late():\n    x = tell(2, 3)\n    return x",
        "def main(a):\n    return lambda: _late()\ndef _late():\n    return tell(2)",
        "def main(a):\n    return _each(a)\ndef _each(a):\n    yield a",
        "def main(max):\n    return _most(max)\ndef _most(x):\n    y = max(x)\n    return y",
        "def main(a):\n    x = _find(a)\n    return x\ndef _find(a):\n    for one in a:\n        return one",
        "def main(a):\n    return _count(a) + _count(a)\ndef _count(a):\n    return len(a)",
        "def main(a):\n    while _more(a):\n        pass\ndef _more(a):\n    x = a.pop()\n    return x",
        "def main(a):\n    return _more(*a)\ndef _more(a):\n    return a",
        "def main(a, f):\n    return _more\ndef _more(a):\n    return a",
    ],
)
def test_what_could_happen_in_another_order_or_mean_something_else_stays(build: ModuleType, source: str) -> None:
    assert inlined(build, LOG + source) == (ast.unparse(ast.parse(LOG + source)), [])


METHODS = """
class Owner:
    def __init__(self, other):
        self.other = other
    def main(self):
        self.other.add(2)
        return self._own() + self.other.total
    def _own(self):
        return self.other.total * 10
class Other:
    total = 1
    def add(self, x):
        self.total += x
"""


def test_a_method_of_self_is_put_there_and_in_a_piece_one_of_any_object(build: ModuleType) -> None:
    for pieces, names in (((), ["_own"]), (("x",), ["_own", "add"])):
        found, gone = inlined(build, METHODS, pieces=pieces)
        assert gone == names
        assert ran(found, "Owner(Other()).main()") == ran(METHODS, "Owner(Other()).main()") == (33, None)


def test_what_people_may_call_stays_and_a_method_that_a_subclass_has_too(build: ModuleType) -> None:
    public = "class A:\n    def main(self):\n        return self.shown()\n    def shown(self):\n        return 1"
    assert inlined(build, public, kept="x")[1] == []
    assert inlined(build, public)[1] == ["shown"]
    assert inlined(build, public + "\nclass B(A):\n    def shown(self):\n        return 2")[1] == []


def unrolled(build: ModuleType, source: str) -> str:
    trees = {"x": ast.parse(source)}
    build.loops.unroll(trees)
    return ast.unparse(trees["x"])


@pytest.mark.parametrize(
    "source",
    [
        "def main(a):\n    a = [one + 1 for one in a if one if tell(one, one > 1)]\n    return a",
        "def main(a):\n    one = 9\n    return sum([one for one in a]), one",
        "def main(a):\n    return [(x, y) for x, y in zip(a, a)]",
        "def main(a):\n    return [x + 1 for x in [y + 1 for y in a]]",
        "def main(a):\n    if any(tell(one, one > 1) for one in a):\n        return 1",
        "def main(a):\n    return all(tell(one, one > 1) for one in a if one)",
        "def main(a):\n    for one in [2 * one for one in a]:\n        tell(one)",
        "def main(a):\n    if not a:\n        return 0\n    elif [one for one in a if one > 2]:\n        return 1",
    ],
)
def test_a_comprehension_becomes_a_loop_that_does_the_same(build: ModuleType, source: str) -> None:
    found = unrolled(build, LOG + source)
    assert not [node for node in ast.walk(ast.parse(found)) if isinstance(node, ast.ListComp | ast.GeneratorExp)]
    for value in ([], [0, 1], [3, 1, 2, 0]):
        assert ran(found, f"main({value!r})") == ran(LOG + source, f"main({value!r})")


@pytest.mark.parametrize(
    "source",
    [
        "def main(a):\n    return tell(1, 1) + len([tell(2) for one in a])",
        "def main(a):\n    return a and [tell(2) for one in a]",
        "def main(a):\n    return [lambda: one for one in a]",
        "def main(a):\n    return sum((one for one in a))",
        "def main(a):\n    while [one for one in a]:\n        a.pop()",
        "def main(a):\n    return [x + y for x in a for y in a]",
        "def main(a):\n    return [one for one in a][0] if a else 0",
    ],
)
def test_a_comprehension_that_comes_later_or_is_looked_at_later_stays(build: ModuleType, source: str) -> None:
    assert unrolled(build, LOG + source) == ast.unparse(ast.parse(LOG + source))


def test_methods_a_set_has_no_use_for_are_dropped_and_one_that_is_gone_is_told(build: ModuleType) -> None:
    trees = {"x": ast.parse("class A:\n    def used(self): pass\n    def unused(self): pass")}
    build.prune.drop(trees, {"x": {"A": ("unused",)}})
    assert ast.unparse(trees["x"]) == "class A:\n\n    def used(self):\n        pass"
    with pytest.raises(KeyError):
        build.prune.drop(trees, {"x": {"A": ("unused",)}})
