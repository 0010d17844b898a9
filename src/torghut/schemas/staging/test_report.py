"""Which tests passed on which commit, as a machine that ran them wrote it down."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.types import Message, Nanoseconds, Sha256

Commit = Annotated[
    str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$", description="Whole, of Git.")
]
Tree = Annotated[
    Literal["clean", "modified", "unknown"],
    Field(description="Whether the commit is all that was there; unknown where nobody looked."),
]
TestName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_./-]{1,200}::[A-Za-z0-9_.]{1,200}$", max_length=400)
]


class TestReport(Message):
    """What came of every test function of a run; all its cases count as one.

    A function has passed only if each of its cases has, and skipped if none failed and one was
    not run.
    """

    __test__ = False

    type: Literal["stage.test-report.v1"] = "stage.test-report.v1"
    commit: Commit
    tree: Tree
    junit: Annotated[Sha256, Field(description="Of the report that this was read from.")]
    made_at_ns: Annotated[Nanoseconds, Field(description="Wall time.")]
    passed: tuple[TestName, ...]
    failed: tuple[TestName, ...]
    skipped: tuple[TestName, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        every = [*self.passed, *self.failed, *self.skipped]
        if len(set(every)) != len(every):
            message = "each test once"
            raise ValueError(message)
        return self
