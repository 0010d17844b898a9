"""Published results: what a frozen input once came to, to compare with; text in, values out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError

from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.types import Message, SafeCount, Sha256, first_problem

Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class BaselineInvalidError(TorghutError):
    """A published result cannot be read; restore its file."""

    code: ClassVar[str] = "evals.baseline-invalid"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, name: str, found: str) -> None:
        super().__init__(
            f"{name}: expected a published result, found {found}; restore the file or reinstall"
        )
        self.name = name
        self.found = found


class RunBaseline(Message):
    """What deciding a source came to, and everything that it rests on.

    The root changes with the kernel's version, the declarations, the package and the data; each
    is named, so that a difference can be told.
    """

    type: Literal["evals.run-baseline.v1"] = "evals.run-baseline.v1"
    source: Annotated[str, Field(min_length=1, description="As given to torghut run.")]
    from_day: Annotated[Day, Field(description="First UTC day of receipt.")]
    to_day: Annotated[Day, Field(description="Last UTC day of receipt.")]
    parts: Annotated[tuple[Sha256, ...], Field(description="Digests of the source's parts.")]
    kernel_version: SafeCount
    declarations: Sha256
    router: Annotated[str, Field(min_length=1, description="Name of the package that serves.")]
    package: Annotated[Sha256, Field(description="Its digest.")]
    contexts: SafeCount
    decided: SafeCount
    refused: SafeCount
    root: Sha256


def parse_run_baseline(text: str, *, name: str) -> RunBaseline:
    """Return the published result that ``text`` spells.

    Raises:
        BaselineInvalidError: It spells none.
    """
    try:
        parse_json_object(text.encode())
        return RunBaseline.model_validate_json(text)
    except JsonRefusedError as error:
        raise BaselineInvalidError(name=name, found=error.found) from error
    except ValidationError as error:
        found = first_problem(error).at("the whole")
        raise BaselineInvalidError(name=name, found=found) from error
