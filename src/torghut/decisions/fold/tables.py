"""The kernel's tables as a run fills them: sessions, source parts, symbols, and where to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from torghut.decisions.declarations import Declarations
from torghut.decisions.errors import PackageUnknownError, SourcesExhaustedError
from torghut.decisions.fold.symbols import SymbolFacts, appended
from torghut.decisions.kernel.engine import Tables, empty_tables
from torghut.decisions.parameters import parameter_row
from torghut.kernel.ids import source_key, source_words
from torghut.router.package import RegimeModel
from torghut.schemas.rows import CONTEXT, PARAMETERS, SOURCE, RowArray

SOURCES_MAX: Final = int(np.iinfo(CONTEXT["source"]).max) + 1


@dataclass(slots=True, kw_only=True)
class GrowingTables:
    """What the kernel reads of a run, and the numbers under which it finds it.

    Attributes:
        packages: Every package that may serve, by digest; they may become more.
        current: For the kernel; another value once something was added.
        sources: Digest of each source part, in the order first seen.
        declarations: Those that ``add_declarations`` was given, by digest, in that order.
    """

    packages: Mapping[str, RegimeModel]
    current: Tables = field(default_factory=empty_tables)
    sources: list[str] = field(default_factory=list)
    declarations: dict[str, Declarations] = field(default_factory=dict)
    _source_index: dict[str, int] = field(default_factory=dict)
    _session_offsets: dict[str, int] = field(default_factory=dict)

    def add_declarations(self, declarations: Declarations) -> None:
        """Let rows be made under ``declarations``."""
        if declarations.digest in self.declarations:
            return
        self.declarations[declarations.digest] = declarations
        self._session_offsets[declarations.digest] = len(self.current.sessions)
        sessions = np.concatenate([self.current.sessions, declarations.sessions])
        self.current = replace(self.current, sessions=sessions)

    def source_index(self, digest: str) -> int:
        """Return the number of the source part with that sha256, new if it is.

        Raises:
            SourcesExhaustedError: A context has no room for the number.
        """
        if digest not in self._source_index:
            if len(self.sources) >= SOURCES_MAX:
                raise SourcesExhaustedError(most=SOURCES_MAX)
            self._source_index[digest] = len(self.sources)
            self.sources.append(digest)
            words = np.array([source_words(source_key(digest))], dtype=SOURCE)
            self.current = replace(self.current, sources=appended(self.current.sources, words))
        return self._source_index[digest]

    def row(self, facts: SymbolFacts) -> RowArray:
        """Return the parameters of a symbol under its declarations and package, shape (1,).

        Raises:
            PackageUnknownError: Its package was never given.
        """
        declarations = self.declarations[facts.declarations]
        if facts.package and facts.package not in self.packages:
            router = declarations.instrument(facts.name).router
            raise PackageUnknownError(router=router, digest=facts.package)
        row = parameter_row(declarations, self.packages.get(facts.package), facts.name)
        row["session_first"] += self._session_offsets[facts.declarations]
        return row

    def add_symbol(self, row: RowArray) -> None:
        """Give the next symbol its parameters, shape (1,)."""
        self.current = replace(
            self.current,
            parameters=appended(self.current.parameters, row),
            due_ns=appended(self.current.due_ns, np.zeros(1, np.int64)),
        )

    def change_symbol(self, index: int, row: RowArray) -> None:
        """Give a symbol other parameters, shape (1,)."""
        self.current.parameters[index : index + 1] = row

    def stop_at(self, index: int, due_ns: int) -> None:
        """Let the kernel stop before a symbol's first context from ``due_ns`` on; 0: before none.

        A control record has its place there.
        """
        self.current.due_ns[index] = due_ns

    def stops(self, index: int) -> bool:
        """Return whether the kernel is to stop before some context of a symbol."""
        return bool(self.current.due_ns[index])

    def rebuild(self, symbols: Sequence[SymbolFacts], sources: Sequence[str]) -> None:
        """Take in all symbols and source parts anew; the kernel is to stop nowhere."""
        self.sources = list(sources)
        self._source_index = {digest: i for i, digest in enumerate(sources)}
        words = [source_words(source_key(digest)) for digest in sources]
        self.current = replace(
            self.current,
            parameters=np.concatenate([np.zeros(0, PARAMETERS), *map(self.row, symbols)]),
            sources=np.array(words, dtype=SOURCE),
            due_ns=np.zeros(len(symbols), np.int64),
        )
