"""A disk that keeps only what was synced: rebuilt from a trace of what a process asked it to do.

Strict where the standards leave room: a file's bytes are those of its last completed fsync, and a
file is there only if its folder was synced after it was made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CALLS: Final = (
    "write,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,openat,ftruncate,truncate,"
    "rename,renameat,renameat2,unlink,unlinkat,mmap"
)

_LINE: Final = re.compile(r"(?P<pid>\d+) +(?P<rest>.*)")
_RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>(?P<tail>.*)")
_CALL: Final = re.compile(r"(?P<name>\w+)\((?P<args>.*)\) += (?P<result>-?\w+)")
_FILE: Final = re.compile(r"\d+<(?P<path>[^>]*)>")
_TEXT: Final = re.compile(r'"(?P<hex>(?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that succeeded.

    Attributes:
        begins: Whether this is the moment it was asked for; otherwise the moment it was done.
    """

    name: str
    args: str
    begins: bool
    pid: str

    @property
    def path(self) -> Path:
        """Return the file that the first argument is open on."""
        match = _FILE.match(self.args)
        return _path(match["path"]) if match else Path()

    @property
    def texts(self) -> list[bytes]:
        """Return the strings among the arguments."""
        return [_bytes(match["hex"]) for match in _TEXT.finditer(self.args)]

    @property
    def numbers(self) -> list[int]:
        """Return the plain numbers among the arguments, in order."""
        return [int(arg) for arg in self.args.split(", ") if re.fullmatch(r"-?\d+", arg)]


def read_calls(trace: Iterable[str]) -> Iterator[Call]:
    """Yield both moments of every call that succeeded, in the order they came."""
    waiting: dict[str, str] = {}
    for line in trace:
        match = _LINE.match(line)
        if match is None:
            continue
        pid, rest = match["pid"], match["rest"]
        if rest.endswith("<unfinished ...>"):
            waiting[pid] = rest.removesuffix("<unfinished ...>").rstrip()
            name, _, args = waiting[pid].partition("(")
            yield Call(name, args, begins=True, pid=pid)
            continue
        resumed = _RESUMED.match(rest)
        whole = waiting.pop(pid) + resumed["tail"] if resumed else rest
        call = _CALL.match(whole)
        if call is None or call["result"].startswith("-"):
            continue
        if not resumed:
            yield Call(call["name"], call["args"], begins=True, pid=pid)
        yield Call(call["name"], call["args"], begins=False, pid=pid)


@dataclass(slots=True)
class Disk:
    """The files of one folder as a process sees them, and as a power cut would leave them."""

    folder: Path
    seen: dict[str, bytearray] = field(default_factory=dict)
    synced: dict[str, bytes] = field(default_factory=dict)
    entries: set[str] = field(default_factory=set)
    asked: dict[str, tuple[bytes, set[str]]] = field(default_factory=dict)

    def apply(self, call: Call) -> None:
        """Do what a call asked for."""
        if call.name in {"fsync", "fdatasync"}:
            self._sync(call)
        elif not call.begins and call.name == "openat":
            self._open(call)
        elif not call.begins and call.name == "unlink":
            self.seen.pop(Path(call.texts[0].decode()).name, None)
        elif not call.begins and self._touches(call):
            self._change(call)

    def after_power_cut(self) -> dict[str, bytes]:
        """Return the files that are left, by name."""
        return {name: self.synced.get(name, b"") for name in self.entries}

    def _touches(self, call: Call) -> bool:
        """Say whether a call is about a file of this folder, by descriptor or by name."""
        shared = call.name != "mmap" or "MAP_SHARED" in call.args
        files = [_path(match["path"]) for match in _FILE.finditer(call.args)]
        if call.name not in {"write", "pwrite64"}:
            files += [Path(os.fsdecode(text)) for text in call.texts]
        return shared and any(self._here(file) for file in files)

    def _change(self, call: Call) -> None:
        """Change a file; refuse what this disk does not know how to follow."""
        name = call.path.name
        match call.name:
            case "pwrite64":
                self._write(name, call.texts[0], at=call.numbers[-1])
            case "write":
                self._write(name, call.texts[0], at=len(self.seen[name]))
            case "ftruncate":
                size = call.numbers[-1]
                self.seen[name] = self.seen[name][:size].ljust(size, b"\0")
            case _:
                raise AssertionError(call)

    def _here(self, path: Path) -> bool:
        return path.parent == self.folder and not path.name.endswith("-shm")

    def _sync(self, call: Call) -> None:
        """Keep what was there when the sync was asked for, once it is done."""
        path = call.path
        if call.begins:
            content = bytes(self.seen.get(path.name, b"")) if self._here(path) else b""
            self.asked[call.pid] = content, set(self.seen)
            return
        content, entries = self.asked.pop(call.pid)
        if path == self.folder:
            self.entries = entries
        elif self._here(path):
            self.synced[path.name] = content

    def _open(self, call: Call) -> None:
        path = Path(call.texts[0].decode())
        if not self._here(path) or "O_DIRECTORY" in call.args:
            return
        if "O_CREAT" in call.args:
            self.seen.setdefault(path.name, bytearray())
        if "O_TRUNC" in call.args:
            self.seen[path.name] = bytearray()

    def _write(self, name: str, data: bytes, *, at: int) -> None:
        content = self.seen.setdefault(name, bytearray())
        content.extend(bytes(max(0, at - len(content))))
        content[at : at + len(data)] = data


def _path(escaped: str) -> Path:
    return Path(_bytes(escaped).decode()) if escaped.startswith("\\x") else Path(escaped)


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))
