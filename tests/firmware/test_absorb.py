"""What all sets' nodes share is put into the node of a set, and behaves as before."""

import ast
from types import ModuleType

NODE = """'A node.'
from x.shared import LIMIT, Shared
class Node(Shared):
    'It.'
    def own(self):
        return LIMIT
    def both(self):
        return 'own'
class Other:
    pass
"""
SHARED = """'Shared.'
LIMIT = 3
class Shared:
    'Shared too.'
    def shared(self):
        return self.own()
    def both(self):
        return 'shared'
"""


def absorbed(build: ModuleType, node: str = NODE) -> dict[str, ast.Module]:
    trees = {"x.node": ast.parse(node), "x.shared": ast.parse(SHARED)}
    build.absorb.absorb(trees, "x.node", "x.shared")
    return trees


def test_the_module_is_gone_and_its_class_is_in_its_only_subclass(build: ModuleType) -> None:
    trees = absorbed(build)
    assert list(trees) == ["x.node"] and "Shared" not in ast.unparse(trees["x.node"]).replace("'Shared", "")
    names: dict[str, type] = {}
    exec(compile(ast.unparse(trees["x.node"]), "x", "exec"), names)
    node = names["Node"]()
    assert (node.shared(), node.both(), names["Node"].__bases__) == (3, "own", (object,))


def test_a_class_with_two_subclasses_stays(build: ModuleType) -> None:
    trees = absorbed(build, NODE.replace("class Other:", "class Other(Shared):"))
    names: dict[str, type] = {}
    exec(compile(ast.unparse(trees["x.node"]), "x", "exec"), names)
    assert issubclass(names["Node"], names["Shared"]) and issubclass(names["Other"], names["Shared"])
