"""Compiled kernels loaded and called: LLVM links an object file, and the compiler stays away.

To import numba and let it load what it once compiled costs 130 MB and half a second in every
process that decides. Here numba is imported only where a build is compiled for the first time;
whoever comes after links an object file of some ten kilobytes.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Final, ParamSpec, Protocol, TypeVar, cast

import llvmlite.binding as llvm
import numpy as np

from torghut.kernel.native.compiled import build_digest
from torghut.kernel.native.folders import folder_of, prepare_folder
from torghut.kernel.native.images import DOOR, MachineCode, from_bytes, leaves, spelled, to_bytes

P = ParamSpec("P")
R = TypeVar("R")

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
    function: Callable[P, R], like: Sequence[object], cache_root: Path | None
) -> Callable[P, R]:
    """Return the outermost function of a kernel as machine code, kept on disk below ``cache_root``.

    The folder is named by ``build_digest``, the file in it by the processor and by the layout of
    the arguments, in which a row's type spells its fields, their places and its size. Without a
    folder that this user, and nobody else, can write, the code lives in memory;
    ``folders.why_refused`` says why.

    Args:
        function: Marked as ``compiled`` or not; what it calls has to be.
        like: Arguments of the layout that it will be called with: contiguous arrays, integers, and
            tuples of them. Others are refused when it is called.
        cache_root: Folder for the machine code of all kernels; None keeps it in memory.
    """
    plain = cast("FunctionType", function)
    folder = None
    if cache_root is not None:
        folder = prepare_folder(cache_root, plain.__name__, build_of(function))
    kept = None if folder is None else folder / _file_name(like)
    code = None if kept is None else _read(kept)
    if code is None:
        code = _compile(plain, like)
        if kept is not None:
            _keep(kept, code)
    return cast("Callable[P, R]", _callable(plain.__name__, code, like))


@cache
def build_of(function: Callable[P, R]) -> str:
    """Return ``build_digest`` of a kernel as this process has it, reckoned once: 64 hex digits."""
    return build_digest(function)


def build_folder(function: Callable[P, R], cache_root: Path) -> Path:
    """Return the folder below ``cache_root`` for this build of the kernel of ``function``."""
    plain = cast("FunctionType", function)
    return folder_of(cache_root, plain.__name__, build_of(function))


def is_kept(function: Callable[P, R], like: Sequence[object], cache_root: Path) -> bool:
    """Return whether this build's machine code, for this processor, is below ``cache_root``."""
    return _read(build_folder(function, cache_root) / _file_name(like)) is not None


def _file_name(like: Sequence[object]) -> str:
    """Return the name of the file for arguments ``like`` these on this processor."""
    processor = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    named = "\n".join((*processor, spelled(like)))
    return f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.code"


def _read(path: Path) -> MachineCode | None:
    """Return the code that was kept; None if there is none, or not as it was written."""
    try:
        return from_bytes(path.read_bytes())
    except OSError:
        return None


def _keep(path: Path, code: MachineCode) -> None:
    """Write ``code`` so that whoever reads it finds all of it or nothing."""
    written = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # a full disk: the code lives in memory
        written.write_bytes(to_bytes(code))
        written.replace(path)


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
    return llvm.create_lljit_compiler(machine)


def _callable(name: str, code: MachineCode, like: Sequence[object]) -> _Called:
    """Return what calls ``code`` with arguments ``like`` those, and nothing else.

    The lock of the interpreter is given up meanwhile. What is linked lives as long as the callable.
    """
    layouts = tuple(
        _Layout(one.dtype, one.ndim) if isinstance(one, np.ndarray) else None
        for one in leaves(like)
    )
    builder = llvm.JITLibraryBuilder().add_object_img(code.image).add_current_process()
    linked = builder.export_symbol(DOOR).link(_linker(), f"{name} {next(_NUMBERS)}")
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
        if status or linked is None:
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
