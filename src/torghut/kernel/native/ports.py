"""Where machine code is kept between processes."""

from __future__ import annotations

from typing import Protocol


class CodeStore(Protocol):
    """Keeps machine code by its build and its name in that build, for this user alone.

    Neither reading nor keeping ever fails: whoever finds nothing compiles.
    """

    def __hash__(self) -> int:
        """Return the same for equal ones; what is compiled is remembered by its store."""
        return object.__hash__(self)

    def read(self, build: str, name: str, /) -> bytes | None:
        """Return what was kept; None where there is nothing, or others could have written it.

        Args:
            build: Of a kernel, ``<kernel>-<32 hexadecimal digits>``.
            name: Of the code in it.
        """
        ...

    def keep(self, build: str, name: str, body: bytes, /) -> None:
        """Keep ``body``, if that can be done: whoever reads it finds all of it or nothing.

        Of each kernel the builds that were used last stay, and older ones go.
        """
        ...
