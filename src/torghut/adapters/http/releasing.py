"""Sending a release to one service, and what its answer comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from pydantic import ValidationError

from torghut.adapters.http.errors import ServiceUnreachableError
from torghut.adapters.http.posting import Knock
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.live.delivery import Answered, Fault, SwitchName
from torghut.schemas.live.offering import ReleaseAsked

_BUDGET_MS: Final = 10_000
"""Longest wait for a service, which itself takes at most its ``door.answer_ms``."""

_OK: Final = 200
_BY_STATUS: Final[Mapping[int, ExitCode]] = {
    409: ExitCode.NO,
    429: ExitCode.UNREACHABLE,
    500: ExitCode.UNREACHABLE,
    503: ExitCode.UNREACHABLE,
    504: ExitCode.NOT_FINAL,
}
"""What a refusal comes to by its HTTP status; all others are of what was typed."""


class ServiceUnknownError(TorghutError):
    """What answers at the address of a service is none."""

    code: ClassVar[str] = "switch.service-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, url: str, status: int) -> None:
        super().__init__(
            f"{url}: expected an answer of a service, found another one with HTTP status {status}; "
            "correct --url"
        )
        self.url = url
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a release is sent.

    Attributes:
        worker: Whose it is; the address where it was typed.
        url: Its address.
        ends: Ids of the throws that the worker has in force; None where nobody looked.
    """

    worker: str
    url: str
    ends: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """What became of a release at one worker.

    Attributes:
        worker: Its name.
        code: Why it was refused; else empty.
        detail: The same in words.
        exit_code: What the command ends with for it.
        answer: What its log has of it; None where it was not taken.
    """

    worker: str
    code: str
    detail: str
    exit_code: ExitCode
    answer: Answered | None = None


def send_release(switch: SwitchName, door: Door, asked: ReleaseAsked, knock: Knock) -> Became:
    """Return what became of a release at one worker; one that does not answer stops no other.

    Args:
        switch: Of which.
        door: Where it is sent.
        asked: Who releases what, and why.
        knock: Asks the service.

    Raises:
        AddressMalformedError: Its address is none.
        TokenUnreadableError: There is no token to show.
        ServiceUnknownError: What answers there is no service.
    """
    path, said = f"/v1/switches/{switch}/release", asked.model_dump_json().encode()
    try:
        status, body = knock(door.url, path, said, budget_ms=_BUDGET_MS)
    except ServiceUnreachableError as error:
        return Became(
            worker=door.worker, code=error.code, detail=str(error), exit_code=error.exit_code
        )
    try:
        return _answered(door, body) if status == _OK else _refused(door, status, body)
    except ValidationError as error:
        raise ServiceUnknownError(url=door.url, status=status) from error


def _answered(door: Door, body: bytes) -> Became:
    """Return what an answer comes to.

    Raises:
        ValidationError: It is none.
    """
    answer = Answered.model_validate_json(body)
    return Became(
        worker=door.worker,
        answer=answer,
        code=answer.code,
        detail=answer.detail,
        exit_code=ExitCode.NO if answer.status == "refused" else ExitCode.YES,
    )


def _refused(door: Door, status: int, body: bytes) -> Became:
    """Return what a refusal comes to.

    Raises:
        ValidationError: It is none.
    """
    fault = Fault.model_validate_json(body)
    exit_code = _BY_STATUS.get(status, ExitCode.USAGE)
    return Became(worker=door.worker, code=fault.code, detail=fault.detail, exit_code=exit_code)
