"""``torghut decision verify``: check a proof file with nothing but the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

import click
from typing_extensions import override

from torghut.decisions.proving import NOT_CHECKED, Check, ProofVerdict, verify_proof
from torghut.entrypoints.cli.console import json_option, print_json
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.times import instant
from torghut.schemas.codes import Intent, published_name
from torghut.schemas.leaf import decision_fields

_BYTES_MAX: Final = 1 << 26
_ROOT: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ProofUnreadableError(TorghutError):
    """The file that should hold a proof cannot be read."""

    code: ClassVar[str] = "lookup.proof-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path}: expected a proof, found {reason}")
        self.path = path
        self.reason = reason


class RootType(click.ParamType):
    """A run's root: 64 lower-case hexadecimal digits."""

    name = "hex"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value)
        if _ROOT.fullmatch(text) is None:
            self.fail(f"expected 64 lower-case hexadecimal digits, found {text!r}", param, ctx)
        return text


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--root", type=RootType(), help="The run's root, as you got it elsewhere.")
@json_option
def verify(file: Path, *, root: str | None, as_json: bool) -> ExitCode:
    """Verify the proof in FILE, offline: neither log nor settings are asked.

    Ends with 0 if it holds and its root is the one given, 4 if the file does not hold together,
    5 if its root is another one, and 6 if it holds together but no root was given: anybody can
    write such a file, only the root ties it to a log.
    """
    verdict = verify_proof(_read(file), root=root)
    if as_json:
        print_json(_as_json(verdict, root))
    else:
        for line in _lines(verdict, root):
            click.echo(line)
    return verdict.exit_code


def _read(path: Path) -> bytes:
    """Return the bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(_BYTES_MAX)
    except OSError as error:
        raise ProofUnreadableError(path=path, reason=error.strerror or str(error)) from error


def _lines(verdict: ProofVerdict, root: str | None) -> Iterator[str]:
    """Yield the verdict for people."""
    if verdict.proof is not None:
        head = decision_fields(bytes.fromhex(verdict.proof.row))
        yield verdict.proof.decision_id
        yield f"    decided {instant(head.decided_ns)}, valid until {instant(head.valid_until_ns)}"
        yield f"    {_decided(head.intent, head.target)}"
    for check in verdict.checks:
        yield _line(check)
    if verdict.proof is not None:
        if root is None:
            yield f"? root     {verdict.proof.run_root}: compare it, with --root"
        else:
            said = "it is the one given" if verdict.anchored else f"expected {root}, found another"
            yield _line(Check(name="root", passed=bool(verdict.anchored), says=said))
    yield "not checked:"
    yield from (f"    {one}" for one in NOT_CHECKED)


def _line(check: Check) -> str:
    """Return one check for people."""
    return f"{'✓' if check.passed else '✗'} {check.name:<8} {check.says}"


def _decided(intent: int, target: float) -> str:
    """Return what the proven row says, in words."""
    if intent >= len(Intent):
        return "no intent that is known here"
    name = published_name(Intent(intent))
    return name if intent == Intent.ABSTAIN else f"{name}, target position {target!r}"


def _as_json(verdict: ProofVerdict, root: str | None) -> JsonObject:
    """Return the verdict for machines."""
    proof = verdict.proof
    return {
        "sound": verdict.sound,
        "anchored": verdict.anchored,
        "exit_code": int(verdict.exit_code),
        "checks": [
            {"name": check.name, "passed": check.passed, "says": check.says}
            for check in verdict.checks
        ],
        "expected_root": root,
        "run_root": None if proof is None else proof.run_root,
        "decision_id": None if proof is None else proof.decision_id,
        "not_checked": list(NOT_CHECKED),
    }
