"""Why a source cannot be opened or read on; never about one record, which is refused instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torghut.kernel.errors import ExitCode
from torghut.market.ports import SourceError


class SourceUnreadableError(SourceError):
    """A file or folder of the source is gone, may not be read, or failed while being read."""

    code: ClassVar[str] = "adapters.source-unreadable"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, name: str, reason: str) -> None:
        super().__init__(f"{name}: expected a readable file or folder, found: {reason}")
        self.name = name
        self.reason = reason


class SourceEmptyError(SourceError):
    """A folder holds no file of the kind that was asked for."""

    code: ClassVar[str] = "adapters.source-empty"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, name: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}, found none")
        self.name = name
        self.expected = expected


class SourcePartsError(SourceError):
    """A source has more files than a context can tell apart; read it in several runs."""

    code: ClassVar[str] = "adapters.source-parts"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, name: str, limit: int) -> None:
        super().__init__(
            f"{name}: expected at most {limit} files in one source, found more; "
            "spread them over several folders, each with a log of its own"
        )
        self.name = name
        self.limit = limit


class SourceChangedError(SourceError):
    """A file is no longer the one whose digest names its contexts; open the source again."""

    code: ClassVar[str] = "adapters.source-changed"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, name: str) -> None:
        super().__init__(
            f"{name}: expected the file that was digested when the source was opened, "
            "found another size or time of change; open the source again"
        )
        self.name = name


class SourceArchiveError(SourceError):
    """An archive is broken, cut off, encrypted, or not of the one shape that is read."""

    code: ClassVar[str] = "adapters.source-archive-broken"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, name: str, expected: str, found: str) -> None:
        super().__init__(f"{name}: expected {expected}, found: {found}")
        self.name = name
        self.expected = expected
        self.found = found


class SourceExpansionError(SourceError):
    """An archive expands beyond what is declared; a bomb, or limits too low for honest data."""

    code: ClassVar[str] = "adapters.source-expansion"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, name: str, expanded_bytes: int, ratio_limit: int) -> None:
        super().__init__(
            f"{name}: expected at most {ratio_limit} bytes for each byte of the archive, "
            f"found more after {expanded_bytes} bytes"
        )
        self.name = name
        self.expanded_bytes = expanded_bytes
        self.ratio_limit = ratio_limit


class SourceLayoutError(SourceError):
    """A whole file is laid out in a way that its kind of source does not know."""

    code: ClassVar[str] = "adapters.source-layout"

    def __init__(self, *, name: str, expected: str, found: str) -> None:
        super().__init__(f"{name}: expected {expected}, found {found}")
        self.name = name
        self.expected = expected
        self.found = found


class SourceOptionError(SourceError):
    """An option after the ``?`` of a source's URI is unknown or has a value it cannot have."""

    code: ClassVar[str] = "adapters.source-option"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, option: str, expected: str, found: str) -> None:
        super().__init__(f"option {option!r}: expected {expected}, found {found!r}")
        self.option = option
        self.expected = expected
        self.found = found


class SourceKindError(SourceError):
    """Neither the scheme nor the content says which kind of source this is."""

    code: ClassVar[str] = "adapters.source-kind"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, uri: str, supported: Sequence[str]) -> None:
        super().__init__(f"{uri}: expected one of {', '.join(supported)}; found none of them")
        self.uri = uri
        self.supported = tuple(supported)


class SourceExtraMissingError(SourceError):
    """The package that this kind of source needs is not installed."""

    code: ClassVar[str] = "adapters.source-extra-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, kind: str, package: str, extra: str) -> None:
        super().__init__(
            f"a source of kind {kind} needs the package {package}, found it not installed; "
            f"pip install 'torghut[{extra}]'"
        )
        self.kind = kind
        self.package = package
        self.extra = extra


class SourceZoneError(SourceError):
    """This machine has no time zone database, or not the zone that a source's clocks are in."""

    code: ClassVar[str] = "adapters.source-zone-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, zone: str) -> None:
        super().__init__(
            f"expected the time zone {zone}, found none of that name; pip install tzdata"
        )
        self.zone = zone


class SourceCursorError(SourceError):
    """A place to read on from lies beyond the source's end: it is not this source's cursor."""

    code: ClassVar[str] = "adapters.source-cursor"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, name: str, record: int) -> None:
        super().__init__(
            f"{name}: expected at least {record} records before the cursor, found fewer"
        )
        self.name = name
        self.record = record
