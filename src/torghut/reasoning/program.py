"""The program that a package holds: parsed once, checked wholly, or refused.

It is served only by what renders its requests to the same bytes, and reads answers by the same
schemas, as when it was compiled: anything else is another program under its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar, cast

from pydantic import ValidationError

from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.kernel.canonical import (
    JsonNotCanonicalError,
    JsonObject,
    JsonRefusedError,
    canonical_bytes,
    parse_json_object,
)
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.package import Provenance
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.program import (
    ProgramFile,
    RenderingFile,
    SchemaFile,
    StepProgram,
)
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import STEPS, StepName, steps_before
from torghut.schemas.types import Message, first_problem

T = TypeVar("T", bound=Message)

PROGRAM_KIND: Final = "advice-program"
PROGRAM_PATH: Final = "program.json"
SCHEMAS_PATH: Final = "schemas.json"
RENDERING_PATH: Final = "rendering.json"
CONTEXT: Final = "context"
"""The input that every step has; the answers of the steps before it are the others."""


class AdviceProgramInvalidError(TorghutError):
    """A package holds no program that can be served here; compile it again."""

    code: ClassVar[str] = "reasoning.program-invalid"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, package: str, expected: str, found: str) -> None:
        super().__init__(f"package {package}: expected {expected}, found {found}; compile it again")
        self.package = package
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceProgram:
    """A compiled program.

    Attributes:
        name: Of the package.
        digest: Of the package, 64 hex digits.
        optimizer: What made it.
        steps: What each step is told and shown, by name.
        parameters: Of the model that it was compiled for.
        requests: Digest of each step's request for a fixed question, by name.
        versions: Of the libraries that render it.
    """

    name: str
    digest: str
    optimizer: str
    steps: Mapping[StepName, StepProgram]
    parameters: ModelParameters
    requests: Mapping[StepName, str]
    versions: Mapping[str, str]


def build_program(
    name: str, program: ProgramFile, rendering: RenderingFile, created_from: Provenance
) -> Package:
    """Return the package of a program.

    Raises:
        PackageContentError: The name is not allowed.
    """
    files = {
        PROGRAM_PATH: program,
        RENDERING_PATH: rendering,
        SCHEMAS_PATH: current_schemas(),
    }
    return build_package(
        kind=PROGRAM_KIND,
        name=name,
        files={path: StoredFile(body=_bytes(file)) for path, file in files.items()},
        created_from=created_from,
    )


def read_program(package: Package) -> AdviceProgram:
    """Return the program in ``package``.

    Raises:
        AdviceProgramInvalidError: The package holds none, or one of other schemas than these.
    """
    reference, kind = str(package.reference), package.manifest.kind
    if kind != PROGRAM_KIND:
        raise AdviceProgramInvalidError(
            package=reference, expected=f"kind {PROGRAM_KIND}", found=kind
        )
    program = _read(package, PROGRAM_PATH, ProgramFile)
    rendering = _read(package, RENDERING_PATH, RenderingFile)
    schemas = _read(package, SCHEMAS_PATH, SchemaFile)
    if schemas != current_schemas():
        raise AdviceProgramInvalidError(
            package=reference, expected="the schemas of this version", found="others"
        )
    for expected, found in _problems(program, rendering):
        raise AdviceProgramInvalidError(package=reference, expected=expected, found=found)
    return AdviceProgram(
        name=package.name,
        digest=package.digest,
        optimizer=program.optimizer,
        steps={one.step: one for one in program.steps},
        parameters=rendering.parameters,
        requests=rendering.requests,
        versions=package.manifest.created_from.versions,
    )


def current_schemas() -> SchemaFile:
    """Return what goes in and what must come out, in this version."""
    return SchemaFile.model_validate(
        {
            "context": AdviceContext.model_json_schema(),
            "answers": {step: answer.model_json_schema() for step, answer in STEPS.items()},
        }
    )


def check_rendering(
    program: AdviceProgram, requests: Mapping[StepName, str], versions: Mapping[str, str]
) -> None:
    """Refuse a program that is rendered otherwise here than where it was compiled.

    Args:
        program: To be served.
        requests: Digest of each step's request for the fixed question, as rendered here.
        versions: Of the libraries here.

    Raises:
        AdviceProgramInvalidError: It is another program here.
    """
    reference = f"{program.name}@{program.digest[:12]}"
    for library, version in versions.items():
        if (found := program.versions.get(library)) != version:
            raise AdviceProgramInvalidError(
                package=reference,
                expected=f"one compiled with {library} {version}",
                found=str(found),
            )
    for step, digest in requests.items():
        if program.requests.get(step) != digest:
            raise AdviceProgramInvalidError(
                package=reference,
                expected=f"a request for {step} of digest {program.requests.get(step)}",
                found=digest,
            )


def _problems(program: ProgramFile, rendering: RenderingFile) -> Iterator[tuple[str, str]]:
    """Yield what keeps files from being a program: expected, then found."""
    names = [one.step for one in program.steps]
    if names != list(STEPS):
        yield f"the steps {', '.join(STEPS)}", ", ".join(names)
    if set(rendering.requests) != set(STEPS):
        yield "a rendering of each step", ", ".join(rendering.requests)
    for one in program.steps:
        inputs = {CONTEXT, *steps_before(one.step)}
        for demo in one.demos:
            if set(demo.given) != inputs:
                yield f"an example of {one.step} given {', '.join(sorted(inputs))}", "other inputs"
                continue
            try:
                STEPS[one.step].model_validate_json(
                    canonical_bytes(cast("JsonObject", demo.answer)), strict=True
                )
            except ValidationError as error:
                problem = first_problem(error)
                yield problem.at(f"an example of {one.step}"), problem.found
            except JsonNotCanonicalError as error:
                yield f"an example of {one.step} in canonical JSON", str(error)


def _read(package: Package, path: str, kind: type[T]) -> T:
    """Return a file of a package, if it says one thing in one way."""
    reference = str(package.reference)
    body = package.files.get(path)
    if body is None:
        raise AdviceProgramInvalidError(
            package=reference, expected=f"a file {path}", found=", ".join(package.files)
        )
    try:
        parse_json_object(body)
        return kind.model_validate_json(body)
    except JsonRefusedError as error:
        raise AdviceProgramInvalidError(
            package=reference, expected=f"one JSON object in {path}", found=str(error)
        ) from error
    except ValidationError as error:
        first = first_problem(error)
        raise AdviceProgramInvalidError(
            package=reference, expected=first.at(path), found=first.found
        ) from error


def _bytes(file: Message) -> bytes:
    """Return the RFC 8785 form of a file."""
    return canonical_bytes(cast("JsonObject", file.model_dump(mode="json")))
