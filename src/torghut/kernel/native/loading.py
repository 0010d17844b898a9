"""Compiled kernels loaded and called: LLVM links an object file, and the compiler stays away.

To import numba and let it load what it once compiled costs 130 MB and half a second in every
process that decides. Here numba is imported only where a build is compiled for the first time;
whoever comes after links an object file of some ten kilobytes.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Final, ParamSpec, Protocol, TypeVar, cast

import llvmlite.binding as llvm
import numpy as np

from torghut.kernel.native.compiled import build_digest
from torghut.kernel.native.images import DOOR, MachineCode, from_bytes, leaves, spelled, to_bytes
from torghut.kernel.native.ports import CodeStore

P = ParamSpec("P")
R = TypeVar("R")

_LINKED: Final[list[llvm.ResourceTracker]] = []
"""What was linked in this process: machine code goes when nobody keeps it, and kernels stay."""

_NUMBERS: Final = itertools.count()
"""No two libraries of a linker have one name."""

_RESULTS: Final[Mapping[str, type[ctypes.c_int64 | ctypes.c_double]]] = {
    "q": ctypes.c_int64,
    "d": ctypes.c_double,
}


class _Called(Protocol):
    """Machine code, whatever it takes and returns."""

    def __call__(self, /, *arguments: object) -> object: ...


@dataclass(frozen=True, slots=True)
class _Layout:
    """What compiled code takes for granted of an array: its type, its dimensions, no gaps."""

    dtype: np.dtype[np.void]
    dimensions: int


def entry(
    function: Callable[P, R], like: Sequence[object], store: CodeStore | None
) -> Callable[P, R]:
    """Return the outermost function of a kernel as machine code, kept in ``store``.

    It is kept under ``build_digest``, and there under the processor and the layout of the
    arguments, in which a row's type spells its fields, their places and its size. What is kept and
    cannot be linked is compiled again.

    Args:
        function: Marked as ``compiled`` or not; what it calls has to be.
        like: Arguments of the layout that it will be called with: contiguous arrays, integers, and
            tuples of them. Others are refused when it is called.
        store: For the machine code of all kernels; None keeps it in memory.
    """
    plain = cast("FunctionType", function)
    kept = None if store is None else _linked(function, like, store)
    if kept is not None:
        return cast("Callable[P, R]", kept)
    code = _compile(plain, like)
    if store is not None:
        store.keep(build_name(function), _file_name(like), to_bytes(code))
    return cast("Callable[P, R]", _callable(plain.__name__, code, like))


@cache
def build_of(function: Callable[P, R]) -> str:
    """Return ``build_digest`` of a kernel as this process has it, reckoned once: 64 hex digits."""
    return build_digest(function)


def build_name(function: Callable[P, R]) -> str:
    """Return what this build of the kernel of ``function`` is kept under."""
    plain = cast("FunctionType", function)
    return f"{plain.__name__}-{build_of(function)[:32]}"


def is_kept(function: Callable[P, R], like: Sequence[object], store: CodeStore) -> bool:
    """Return whether this build's machine code, for this processor, is in ``store``."""
    return _read(function, like, store) is not None


def _file_name(like: Sequence[object]) -> str:
    """Return the name of the file for arguments ``like`` these on this processor."""
    processor = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    named = "\n".join((*processor, spelled(like)))
    return f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.code"


def _read(function: Callable[P, R], like: Sequence[object], store: CodeStore) -> MachineCode | None:
    """Return the code that was kept; None if there is none, or not as it was written."""
    body = store.read(build_name(function), _file_name(like))
    return None if body is None else from_bytes(body)


def _linked(function: Callable[P, R], like: Sequence[object], store: CodeStore) -> _Called | None:
    """Return what calls the code that was kept; None if there is none, or it is no such code."""
    code = _read(function, like, store)
    if code is None:
        return None
    try:
        return _callable(cast("FunctionType", function).__name__, code, like)
    except (RuntimeError, KeyError, ValueError):  # no object file, or another one
        return None


def _compile(function: FunctionType, like: Sequence[object]) -> MachineCode:
    """Return ``function`` compiled."""
    from torghut.kernel.native.compiling import compile_kernel  # noqa: PLC0415 - 90 MB that few need

    return compile_kernel(function, like)


@cache
def _linker() -> llvm.orcjit.LLJIT:
    """Return what links object files in this process."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        reloc="pic", codemodel="default"
    )
    # LLVM's older linker gives each section memory of its own, wherever the system has some, and
    # ends the process where two of them are too far apart for a reference of 32 bits.
    return llvm.create_lljit_compiler(machine, use_jit_link=True)


def _callable(name: str, code: MachineCode, like: Sequence[object]) -> _Called:
    """Return what calls ``code`` with arguments ``like`` those, and nothing else.

    The lock of the interpreter is given up meanwhile.
    """
    layouts = tuple(
        _Layout(one.dtype, one.ndim) if isinstance(one, np.ndarray) else None
        for one in leaves(like)
    )
    builder = llvm.JITLibraryBuilder().add_object_img(code.image).add_current_process()
    linked = builder.export_symbol(DOOR).link(_linker(), f"{name} {next(_NUMBERS)}")
    _LINKED.append(linked)
    kinds = [ctypes.c_int64 if one is None else ctypes.py_object for one in layouts]
    door = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *kinds)(linked[DOOR])
    several = _RESULTS[code.results[0]] * len(code.results)
    nested = any(isinstance(one, tuple) for one in like)

    def run(*arguments: object) -> object:
        flat = tuple(leaves(arguments)) if nested else arguments
        for one, layout in zip(flat, layouts, strict=True):
            if layout is not None and not _fits(one, layout):
                raise TypeError(_misfit(name, one, layout))
        results = several()
        status = door(results, *flat)
        if status:
            message = f"{name} ended with status {status} instead of 0"
            raise RuntimeError(message)
        return results[0] if code.alone else tuple(results)

    return run


def _fits(one: object, layout: _Layout) -> bool:
    """Return whether something is an array of that layout."""
    return (
        isinstance(one, np.ndarray)
        # Almost always the very same: to compare two layouts field by field takes microseconds.
        and (one.dtype is layout.dtype or one.dtype == layout.dtype)
        and one.ndim == layout.dimensions
        and one.flags.c_contiguous
    )


def _misfit(name: str, one: object, layout: _Layout) -> str:
    """Return what is wrong with an argument."""
    expected = f"contiguous arrays of {layout.dimensions} dimensions of {layout.dtype}"
    found = f"{one.ndim} of {one.dtype}" if isinstance(one, np.ndarray) else type(one).__name__
    return f"{name}: expected {expected}, found {found}"
