"""The core is pure, and the compiled kernel does only what every machine rounds alike."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, TypeGuard

import pytest

from tests.architecture.tree import Module, modules

EXACT: Final = frozenset(
    {"sqrt", "floor", "copysign", "frexp", "ldexp", "isnan", "isinf", "isfinite", "inf", "nan"}
)
"""What of ``math`` IEEE 754 rounds in one way only."""

DTYPES: Final = frozenset({"dtype", "void"}) | {
    f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)
}
"""Names of numpy that only say what a value is."""
ALLOWED: Final = {"math": EXACT, "np": DTYPES}
LIBRARIES: Final = frozenset({"cmath", "math", "numpy", "scipy"})
USUAL: Final = {("math", None), ("numpy", "np"), ("numpy.typing", "npt")}
BUILTINS: Final = frozenset({"sum", "pow", "round", "divmod", "complex"})
REDUCTIONS: Final = frozenset(
    {"all", "any", "argmax", "argmin", "cumprod", "cumsum", "dot", "max", "mean", "min", "prod"}
    | {"std", "sum", "trace", "var", "ptp", "searchsorted", "sort", "matmul"}
)
UNVALIDATED: Final = frozenset({"model_construct", "model_copy"})
"""Methods of a model that may skip its validation; ``model_copy`` does if it is given updates."""

COMPILED: Final = "torghut.kernel.native.compiled"


def is_compiled(module: Module) -> bool:
    """Say whether ``module`` holds pieces of a kernel: it imports the mark for them."""
    return COMPILED in module.text and any(
        isinstance(node, ast.ImportFrom)
        and node.module == COMPILED
        and any(name.name == "compiled" for name in node.names)
        for node in ast.walk(module.tree)
    )


def compiled_functions(module: Module) -> set[str]:
    """Return the names of the functions of ``module`` that are pieces of a kernel."""
    return {node.name for node in ast.walk(module.tree) if _is_piece(node)}


def _is_piece(node: ast.AST) -> TypeGuard[ast.FunctionDef]:
    """Say whether ``node`` is a function marked as compiled."""
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(mark, ast.Name) and mark.id == "compiled" for mark in node.decorator_list
    )


def entries(module: Module) -> Iterator[str]:
    """Yield the names of the functions that ``module`` makes the outermost of a kernel."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id="entry"), args=[ast.Name(id=name), *_]):
                yield name
            case _:
                pass


def inexact(tree: ast.Module) -> Iterator[str]:
    """Yield what a compiled module must not do, with its line.

    Judged are its compiled functions and everything outside functions and classes, because the
    constants there are compiled in. Python around a kernel may use numpy as it likes.
    """
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and not _is_piece(statement):
            continue
        for node in ast.walk(statement):
            if (fault := _fault(node)) is not None:
                yield f"{getattr(node, 'lineno', 0)}: {fault}"


def _fault(node: ast.AST) -> str | None:
    """Return what is wrong with one node of a compiled module, if anything."""
    match node:
        case ast.BinOp(op=ast.Pow() | ast.MatMult()) | ast.AugAssign(op=ast.Pow() | ast.MatMult()):
            return "an operator that libraries round differently"
        case ast.Import() | ast.ImportFrom():
            return _import_fault(node)
        case ast.Attribute(value=ast.Name(id=library), attr=name):
            return None if name in ALLOWED.get(library, {name}) else f"{library}.{name}"
        case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
            return f"{name}()"
        case ast.Call(func=ast.Attribute(attr=name)) if name in REDUCTIONS:
            return f".{name}() over an array"
        case _:
            return None


def _import_fault(node: ast.Import | ast.ImportFrom) -> str | None:
    """Return what is wrong with an import that would get round the rules above, if anything."""
    if isinstance(node, ast.ImportFrom):
        root = (node.module or "").partition(".")[0]
        return f"a name imported out of {root}" if root in LIBRARIES else None
    for name in node.names:
        if name.name.partition(".")[0] in LIBRARIES and (name.name, name.asname) not in USUAL:
            return f"{name.name} under a name of its own"
    return None


KERNEL: Final = [module for module in modules() if is_compiled(module)]


def test_the_kernel_is_found() -> None:
    assert {"exact.py", "regime.py", "features.py"} <= {module.path.name for module in KERNEL}


@pytest.mark.parametrize("module", KERNEL, ids=lambda module: module.place)
def test_kernel_is_exact(module: Module) -> None:
    assert list(inexact(module.tree)) == []


def test_outermost_functions_are_judged_too() -> None:
    marked = set().union(*(compiled_functions(module) for module in KERNEL))
    core = [module for module in modules() if "adapters" not in module.path.parts]
    outermost = {name for module in core if "entry" in module.text for name in entries(module)}

    assert "decide_rows" in outermost
    assert outermost <= marked


@pytest.mark.parametrize(
    "planted",
    [
        "math.exp(x)",
        "x**3",
        "np.exp(x)",
        "np.sum(x)",
        "np.linalg.norm(x)",
        "x.sum()",
        "sum(x)",
        "m @ v",
        "pow(x, 3)",
        "math.fma(a, b, c)",
        "import numpy",
        "import math as m",
        "from math import exp",
        "f = math.exp",
        "f = np.tanh",
    ],
)
def test_planted_inexact_operation_is_caught(planted: str) -> None:
    piece = f"@compiled\ndef piece(x):\n    {planted}\n"

    assert list(inexact(ast.parse(planted))) != []
    assert list(inexact(ast.parse(piece))) != []


@pytest.mark.parametrize(
    "allowed", ["math.sqrt(x)", "np.uint64(1)", "abs(x)", "min(x, y)", "math.inf", "import math"]
)
def test_exact_operation_is_allowed(allowed: str) -> None:
    assert list(inexact(ast.parse(allowed))) == []


def unvalidated(tree: ast.Module) -> Iterator[str]:
    """Yield the calls that would make a pydantic model without validating it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        updates = any(keyword.arg == "update" for keyword in node.keywords)
        if node.func.attr in UNVALIDATED and (updates or node.func.attr != "model_copy"):
            yield f"{node.lineno}: {node.func.attr}"


def test_models_are_always_validated() -> None:
    found = {
        module.place: list(unvalidated(module.tree))
        for module in modules()
        if any(name in module.text for name in UNVALIDATED)
    }

    assert {place: calls for place, calls in found.items() if calls} == {}


@pytest.mark.parametrize("planted", ["m.model_copy(update={})", "Limit.model_construct(x=1)"])
def test_planted_unvalidated_model_is_caught(planted: str) -> None:
    assert list(unvalidated(ast.parse(planted))) != []
