"""A kernel compiled: numba makes machine code of its pieces, and a door for arrays goes before it.

Only whoever compiles imports this module, and the compiler with it. What comes out needs neither:
no memory of the compiler's, no Python, nothing but what the C library has (``loading``).

The door takes numpy arrays themselves and reads where their values lie out of their heads, as every
extension of numpy written in C does, since the layout of the head is part of numpy's ABI. It then
calls the kernel by numba's convention: where results go, where an exception would go, and each
argument, an array as (owner, parent, values, bytes of a value, address, shape, strides).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Final, Protocol, cast

import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core import types

from torghut.kernel.native.compiled import OPTIONS, pieces_of
from torghut.kernel.native.images import DOOR, Leaf, MachineCode, leaves

DATA_AT: Final = 16
SHAPE_AT: Final = 32
STRIDES_AT: Final = 40
"""Where an array's head holds the address of its values, and those of its shape and strides."""

_LETTERS: Final[Mapping[types.Type, str]] = {types.int64: "q", types.float64: "d"}


class _Signature(Protocol):
    return_type: types.Type


class _Described(Protocol):
    llvm_func_name: str


class _Overload(Protocol):
    signature: _Signature
    fndesc: _Described


class _Dispatcher(Protocol):
    """What numba makes of a function, as far as it is used here."""

    overloads: Mapping[tuple[types.Type, ...], _Overload]

    def compile(self, signature: tuple[types.Type, ...], /) -> object: ...

    def inspect_llvm(self, signature: tuple[types.Type, ...], /) -> str: ...


class _Njit(Protocol):
    """``numba.njit``."""

    def __call__(self, function: FunctionType, /, **options: str | bool) -> _Dispatcher: ...


_NJIT: Final = cast("_Njit", numba.njit)
_TYPE_OF: Final = cast("Callable[[object], types.Type]", numba.typeof)


def compile_kernel(function: FunctionType, arguments: Sequence[object]) -> MachineCode:
    """Return ``function``, and every piece below it, compiled for arguments such as these.

    Args:
        function: The outermost function of a kernel.
        arguments: Of each the type counts: arrays, integers, and tuples of them.

    Raises:
        TypeError: It returns something else than int64 and float64.
    """
    signature = tuple(_TYPE_OF(one) for one in arguments)
    dispatcher = _dispatcher(function, {})
    dispatcher.compile(signature)
    overload = dispatcher.overloads[signature]
    returned = overload.signature.return_type
    alone = not isinstance(returned, types.BaseTuple)
    kinds = [returned] if alone else cast("Sequence[types.Type]", returned)
    name = overload.fndesc.llvm_func_name
    door = _door(name, list(leaves(arguments)))
    image = _object(dispatcher.inspect_llvm(signature), name, door)
    return MachineCode(image=image, results="".join(map(_letter, kinds)), alone=alone)


def _dispatcher(function: FunctionType, done: dict[FunctionType, _Dispatcher]) -> _Dispatcher:
    """Return ``function`` for the compiler, over globals in which every piece is for it too."""
    if function not in done:
        scope = dict(function.__globals__)
        scope.update({name: _dispatcher(one, done) for name, one in pieces_of(function).items()})
        twin = FunctionType(
            function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
        )
        twin.__module__, twin.__qualname__ = function.__module__, function.__qualname__
        done[function] = _NJIT(twin, **OPTIONS)
    return done[function]


def _letter(returned: types.Type) -> str:
    """Return the letter of a result.

    Raises:
        TypeError: There is none for it.
    """
    kind = returned.literal_type if isinstance(returned, types.Literal) else returned
    if kind not in _LETTERS:
        message = f"expected a kernel that returns int64 or float64, found {kind}"
        raise TypeError(message)
    return _LETTERS[kind]


def _door(name: str, arguments: Sequence[Leaf]) -> str:
    """Return the door in LLVM's language.

    Args:
        name: Of the kernel behind it.
        arguments: Such as it takes.
    """
    takes, body, passes = ["ptr %results"], list[str](), ["ptr %results", "ptr %raised"]
    for place, one in enumerate(arguments):
        if isinstance(one, np.ndarray):
            takes.append(f"ptr %a{place}")
            lines, found = _unpacked(f"%a{place}", one.ndim, one.itemsize)
            body += lines
            passes += found
        else:
            takes.append(f"i64 %a{place}")
            passes.append(f"i64 %a{place}")
    kinds = [one.partition(" ")[0] for one in passes]
    return "\n".join(
        (
            f'declare i32 @"{name}"({", ".join(kinds)})',
            f"define i32 @{DOOR}({', '.join(takes)}) {{",
            "  %raised = alloca ptr",
            *body,
            f'  %status = call i32 @"{name}"({", ".join(passes)})',
            "  ret i32 %status",
            "}",
        )
    )


def _unpacked(head: str, dimensions: int, size: int) -> tuple[list[str], list[str]]:
    """Return how an array is read out of its head, and what is passed on of it.

    Args:
        head: Names the array.
        dimensions: How many it has.
        size: Bytes of a value.
    """
    lines: list[str] = []
    for name, at in (("data", DATA_AT), ("shape", SHAPE_AT), ("strides", STRIDES_AT)):
        lines += _loaded(f"{head}.{name}", "ptr", f"getelementptr i8, ptr {head}, i64 {at}")
    sizes = [(name, place) for name in ("shape", "strides") for place in range(dimensions)]
    for name, place in sizes:
        address = f"getelementptr i64, ptr {head}.{name}, i64 {place}"
        lines += _loaded(f"{head}.{name}.{place}", "i64", address)
    values = "1"
    for place in range(dimensions):
        lines.append(f"  {head}.values.{place} = mul i64 {values}, {head}.shape.{place}")
        values = f"{head}.values.{place}"
    owners = ["ptr null", "ptr null"]
    counts = [f"i64 {values}", f"i64 {size}", f"ptr {head}.data"]
    return lines, [*owners, *counts, *(f"i64 {head}.{name}.{place}" for name, place in sizes)]


def _loaded(name: str, kind: str, address: str) -> list[str]:
    """Return how what stands at an address is given a name."""
    return [f"  {name}.at = {address}", f"  {name} = load {kind}, ptr {name}.at"]


def _object(text: str, name: str, door: str) -> bytes:
    """Return an object file of a kernel and its door, without all that only Python would call.

    Args:
        text: All that numba made, in LLVM's language, optimised.
        name: Of the kernel in it.
        door: In LLVM's language.
    """
    module = llvm.parse_assembly(text)
    for one in (*module.functions, *module.global_variables):
        if not one.is_declaration and one.name != name:
            one.linkage = "internal"
    entrance = llvm.parse_assembly(door)
    entrance.triple, entrance.data_layout = module.triple, module.data_layout
    module.link_in(entrance)
    module.get_function(name).linkage = "internal"
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="default",
    )
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    options = llvm.create_pipeline_tuning_options(speed_level=0)
    passes.run(module, llvm.create_pass_builder(machine, options))
    return cast("bytes", machine.emit_object(module))
