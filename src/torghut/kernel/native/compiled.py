"""One source for the compiled kernel and for its oracle, the same functions as plain Python.

``compiled`` marks a function as a piece of a kernel and leaves it as it is: called from Python, it
is its own oracle. ``loading`` has it compiled and runs the machine code. ``build_digest`` names a
kernel's code as loaded, together with the compiler: a cache under that name can never serve
yesterday's code.
"""

from __future__ import annotations

import dis
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Final, ParamSpec, TypeVar, cast

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

# fastmath and contraction stay off: every operation rounds once, in the order written.
# error_model="numpy": a division by zero gives infinity instead of raising half-way through a row.
# _nrt=False: a kernel owns no memory, so what it is compiled to needs nothing of the compiler's.
# No wrappers: nobody calls a piece through numba, and they are a third of the work.
OPTIONS: Final[Mapping[str, str | bool]] = MappingProxyType(
    {
        "_nrt": False,
        "error_model": "numpy",
        "fastmath": False,
        "no_cfunc_wrapper": True,
        "no_cpython_wrapper": True,
    }
)
"""How every piece is compiled."""

_LOADS: Final = frozenset(dis.hasconst)
_PIECES: Final[set[FunctionType]] = set()


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Mark ``function`` as a piece of a kernel."""
    _PIECES.add(cast("FunctionType", function))
    return function


def pieces_of(function: FunctionType) -> Mapping[str, FunctionType]:
    """Return the kernel pieces that ``function`` names, by the name it uses."""
    found: dict[str, FunctionType] = {}
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType) and value in _PIECES:
            found[name] = value
    return found


def build_digest(function: Callable[P, R]) -> str:
    """Return the sha256 that names this build of a kernel: its code and its compiler.

    The code is what was loaded, with every value that the compiler freezes into it, and not the
    files that it came from: they may have been edited since.

    Raises:
        TypeError: A piece uses a value that has no lasting name, such as a plain object, or one
            of a function around it, which has no name at all.
    """
    pieces: set[FunctionType] = set()
    _reach(cast("FunctionType", function), pieces)
    versions = [f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy")]
    options = [f"{name}={value}" for name, value in sorted(OPTIONS.items())]
    texts = sorted(map(_spell_piece, pieces))
    return _digest([*texts, *versions, *options, sys.version])


def _spell_piece(piece: FunctionType) -> str:
    """Return a text that is alike wherever, and only where, ``piece`` compiles alike."""
    if piece.__closure__:
        names = ", ".join(piece.__code__.co_freevars)
        message = f"{_qualified(piece)} uses {names} of a function around it: make it global"
        raise TypeError(message)
    named = tuple(sorted((piece.__kwdefaults__ or {}).items()))
    defaults = (piece.__defaults__, named)
    parts = [_qualified(piece), _spell(piece.__code__), _spell(defaults)]
    for name in sorted(_names(piece.__code__)):
        if name in piece.__globals__:
            try:
                parts.append(f"{name}={_spell(piece.__globals__[name])}")
            except TypeError as error:
                message = f"{_qualified(piece)} uses {name}: {error}"
                raise TypeError(message) from error
    return _digest(parts)


def _spell(value: object) -> str:
    """Return a text that stands for ``value`` in every process."""
    kind = type(value).__qualname__
    match value:
        case CodeType():
            return _spell_code(value)
        case FunctionType() if value in _PIECES:
            return f"piece {_qualified(value)}"
        case ModuleType():
            return f"module {value.__name__}"
        case tuple():
            return f"({','.join(map(_spell, value))})"
        case frozenset():
            return f"{{{','.join(sorted(map(_spell, value)))}}}"
        case None | int() | float() | str() | np.generic():
            return f"{kind} {value!r}"
        case _:
            message = f"expected a number, a text or a tuple of them, found {kind}"
            raise TypeError(message)


def _spell_code(code: CodeType) -> str:
    """Return a text for what ``code`` does; where it stands in which file does not count."""
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    parts = [code.co_code.hex(), code.co_exceptiontable.hex(), _spell(counts), _spell(names)]
    return _digest([*parts, *map(_spell, _frozen(code))])


def _frozen(code: CodeType) -> Sequence[object]:
    """Return the constants of ``code``, without a first one that it never loads: its docstring."""
    arguments = zip(code.co_code[::2], code.co_code[1::2], strict=True)
    loads_first = any(operation in _LOADS and argument == 0 for operation, argument in arguments)
    return code.co_consts if loads_first else code.co_consts[1:]


def _digest(parts: Sequence[str]) -> str:
    """Return the sha256 of texts, each set apart from the next."""
    state = hashlib.sha256()
    for part in parts:
        body = part.encode()
        state.update(len(body).to_bytes(8, "little") + body)
    return state.hexdigest()


def _qualified(function: FunctionType) -> str:
    """Return the module and the name of a piece."""
    return f"{function.__module__}.{function.__qualname__}"


def _names(code: CodeType) -> set[str]:
    """Return the global names that ``code`` and the code nested in it use."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _reach(function: FunctionType, done: set[FunctionType]) -> None:
    """Collect ``function`` and all pieces below it into ``done``."""
    if function in done:
        return
    done.add(function)
    for piece in pieces_of(function).values():
        _reach(piece, done)
