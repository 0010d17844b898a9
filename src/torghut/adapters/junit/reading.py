"""Reads what became of every test function from a JUnit report, as pytest writes it.

A document type could define entities, which say more than they are long, so a report that has one
is refused before anything in it is expanded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal
from xml.parsers import expat

from torghut.kernel.errors import ExitCode, TorghutError

Became = Literal["passed", "failed", "skipped"]

_BYTES_MAX: Final = 1 << 26
_WORST: Final[Sequence[Became]] = ("passed", "skipped", "failed")
_TOLD: Final[Mapping[str, Became]] = {
    "failure": "failed",
    "error": "failed",
    "skipped": "skipped",
}


class JunitUnreadableError(TorghutError):
    """A file is no JUnit report that names its tests."""

    code: ClassVar[str] = "junit.unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected a JUnit report as pytest --junit-xml writes it, found {found}")
        self.found = found


@dataclass(slots=True)
class _Reading:
    """What a parser has come across."""

    became: dict[str, Became] = field(default_factory=dict)
    test: str = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Note a test, or what became of the one before."""
        if name == "testcase":
            self.test = _test_name(attributes)
            self._note("passed")
        elif self.test and name in _TOLD:
            self._note(_TOLD[name])

    def end(self, name: str) -> None:
        """Note that a test is over."""
        if name == "testcase":
            self.test = ""

    def _note(self, now: Became) -> None:
        """Keep the worst of what became of the test's cases."""
        before = self.became.get(self.test, now)
        self.became[self.test] = max(before, now, key=_WORST.index)


def read_junit(body: bytes) -> Mapping[str, Became]:
    """Return what became of every test function, by ``path::name``; of its cases the worst.

    Raises:
        JunitUnreadableError: It is no such report.
    """
    if len(body) > _BYTES_MAX:
        raise JunitUnreadableError(found=f"more than {_BYTES_MAX} bytes")
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the library's own way to say that it is whole
    except expat.ExpatError as error:
        raise JunitUnreadableError(found=str(error)) from error
    if not reading.became:
        raise JunitUnreadableError(found="no test in it")
    return reading.became


def _refuse_doctype(name: str, _system: str | None, _public: str | None, _has: bool) -> None:  # noqa: FBT001
    """Refuse a document type."""
    raise JunitUnreadableError(found=f"a document type {name!r}")


def _test_name(attributes: Mapping[str, str]) -> str:
    """Return a test function's name from a case's attributes; its parameters left out.

    Raises:
        JunitUnreadableError: The case does not say which test it is.
    """
    module, name = attributes.get("classname", ""), attributes.get("name", "")
    function = name.partition("[")[0]
    path = "/".join(_modules(module))
    inner = module.split(".")[len(path.split("/")) :]
    if not path or not function:
        raise JunitUnreadableError(found=f"a case of class {module!r} and name {name!r}")
    return f"{path}.py::{'.'.join([*inner, function])}"


def _modules(classname: str) -> Iterator[str]:
    """Yield the parts of a dotted name up to the first that names a class."""
    for part in classname.split("."):
        if part[:1].isupper():
            return
        yield part
