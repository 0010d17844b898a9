"""The folder of switch files: what it throws now, one throw more, what was released taken away."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final

from typing_extensions import override

from torghut.adapters.filesystem.switches.placing import (
    Placement,
    keep_room,
    make_folder,
    place,
)
from torghut.adapters.filesystem.switches.reading import is_throw_id, read_thrown
from torghut.adapters.filesystem.writing import write_text
from torghut.kernel.clock import IdSource, WallClock
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.worker import SwitchThrownFile
from torghut.workflows.live.switch_ports import (
    DRILL_ID,
    SWITCH_NAMES,
    SwitchThrower,
    ThrownSwitch,
)

_AGAIN: Final = re.compile(rf"({'|'.join(SWITCH_NAMES)})\.(?!drill\.)(.+)\.json", re.DOTALL)
"""A file beside the first throw of the same switch: thrown again, or about to be taken away."""

_LOOKED_AT_MAX: Final = 10_000
_AGAIN_MAX: Final = 16
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What this process lacks and the folder does not: not a reason to stop for good."""


class SwitchNotThrownError(TorghutError):
    """No switch file can be put where workers look: the switch is not thrown."""

    code: ClassVar[str] = "switches.not-thrown"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, name: str, folder: Path, reason: str) -> None:
        super().__init__(
            f"switch {name}: expected a folder that takes a file at {folder}, found: {reason}; "
            "throw it on the record with torghut control send, or end the service"
        )
        self.name = name
        self.folder = folder
        self.reason = reason


class ThrowIdRefusedError(TorghutError):
    """A switch file with this id would be read as somebody else's: nobody could take it back."""

    code: ClassVar[str] = "switches.throw-id-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, throw_id: str) -> None:
        super().__init__(
            "expected a throw's id of at most 64 letters, digits, dots, dashes and underscores "
            f"that does not begin with {DRILL_ID}, found: {throw_id!r}; give it another"
        )
        self.throw_id = throw_id


class SwitchFiles(SwitchThrower):
    """The switch files in one folder, which need not exist.

    Args:
        folder: Where they are.
        ids: For names that nobody else uses.
        wall: Tells when the folder turned unreadable.
    """

    def __init__(self, folder: Path, *, ids: IdSource, wall: WallClock) -> None:
        self._folder = folder
        self._ids = ids
        self._wall = wall
        self._unreadable_since_ns: int | None = None

    @override
    def prepare(self) -> None:
        with contextlib.suppress(OSError):
            make_folder(self._folder)
            for name in SWITCH_NAMES:
                keep_room(self._spare(name), self._incoming(name))

    @override
    def thrown(self) -> Sequence[ThrownSwitch]:
        found: dict[str, ThrownSwitch] = {}
        try:
            for one in self._found():
                found.setdefault(one.throw_id, one)
        except FileNotFoundError:  # no folder: nobody ever threw anything here
            self._unreadable_since_ns = None
        except OSError as error:
            one = self._unreadable(error)
            found[one.throw_id] = one
        else:
            self._unreadable_since_ns = None
        return list(found.values())

    @override
    def retire(self, name: str, throw_id: str) -> None:
        with contextlib.suppress(OSError):  # it is tried again at the next look
            for path, switch in self._places():
                if switch == name:
                    self._retire(path, switch, throw_id)
        self.prepare()  # a throw may have taken the room that was kept

    @override
    def throw(self, thrown: SwitchThrownFile) -> None:
        if not is_throw_id(thrown.throw_id):
            raise ThrowIdRefusedError(throw_id=thrown.throw_id)
        first = self._folder / f"{thrown.name}.json"
        try:
            place(
                Placement(
                    targets=(first, self._folder / f"{thrown.name}.{thrown.throw_id}.json"),
                    incoming=self._incoming(thrown.name),
                    spare=self._spare(thrown.name),
                    body=thrown.model_dump_json().encode(),
                )
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise SwitchNotThrownError(
                name=thrown.name, folder=self._folder, reason=reason
            ) from error

    @override
    def drill(self, thrown: SwitchThrownFile) -> None:
        write_text(self._drill(thrown.name), thrown.model_dump_json())

    @override
    def end_drill(self, name: SwitchName, throw_id: str) -> None:
        with contextlib.suppress(OSError):
            found = read_thrown(self._drill(name), name, drill=True)
            if found is not None and found.throw_id == throw_id:
                self._drill(name).unlink()

    def _found(self) -> Iterator[ThrownSwitch]:
        """Yield what stands in the folder.

        Raises:
            OSError: The folder cannot be looked at.
        """
        for name in SWITCH_NAMES:
            if (found := read_thrown(self._drill(name), name, drill=True)) is not None:
                yield found
        for path, name in self._places():
            if (found := read_thrown(path, name)) is not None:
                yield found

    def _places(self) -> Iterator[tuple[Path, SwitchName]]:
        """Yield where throws may stand, the first of each switch before the others.

        Raises:
            OSError: The folder cannot be looked at.
        """
        for name in SWITCH_NAMES:
            yield self._folder / f"{name}.json", name
        yield from self._again()

    def _again(self) -> Sequence[tuple[Path, SwitchName]]:
        """Return the files beside the first throws, a bounded number of each switch.

        Raises:
            OSError: The folder cannot be looked at.
        """
        try:
            with os.scandir(self._folder) as entries:
                listed = sorted(entry.name for entry in islice(entries, _LOOKED_AT_MAX))
        except OSError as error:
            if error.errno in _EXHAUSTED:
                return []
            raise
        matches = [match for match in map(_AGAIN.fullmatch, listed) if match is not None]
        return [
            (self._folder / match[0], name)
            for name in SWITCH_NAMES
            for match in [one for one in matches if one[1] == name][:_AGAIN_MAX]
        ]

    def _unreadable(self, error: OSError) -> ThrownSwitch:
        """Return the stop that a folder throws that cannot be looked at, one for each time."""
        if self._unreadable_since_ns is None:
            self._unreadable_since_ns = self._wall.now_ns()
        return ThrownSwitch(
            name="stop",
            throw_id=f"folder-{self._unreadable_since_ns}",
            who="",
            reason=f"the folder of switch files cannot be read: {error.strerror or error}",
            thrown_wall_ns=self._unreadable_since_ns,
        )

    def _retire(self, path: Path, name: SwitchName, throw_id: str) -> None:
        """Take one file away if it is that throw.

        It is renamed first, to a name that throws as well, and judged again: whatever came there
        in between stays in force, wherever this process is killed.
        """
        found = read_thrown(path, name)
        if found is None or found.throw_id != throw_id:
            return
        aside = self._folder / f"{name}.{self._ids.new_id()}.json"
        path.rename(aside)
        moved = read_thrown(aside, name)
        if moved is None or moved.throw_id != throw_id:
            return
        released = self._folder / "released" / f"{name}.{throw_id}.json"
        try:
            released.parent.mkdir(exist_ok=True)
            aside.rename(released)
        except OSError:  # a full disk
            aside.unlink()

    def _drill(self, name: SwitchName) -> Path:
        """Return the path of a drill."""
        return self._folder / f"{name}.drill.json"

    def _spare(self, name: SwitchName) -> Path:
        """Return the path of a switch's spare file."""
        return self._folder / f".{name}.spare"

    def _incoming(self, name: SwitchName) -> Path:
        """Return a hidden path that nobody else uses."""
        return self._folder / f".{name}.{self._ids.new_id()}.incoming"
