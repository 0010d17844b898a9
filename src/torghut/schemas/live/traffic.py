"""What is handed to a cluster: the patch that gives all traffic to one revision.

A Knative Service that does not fit is let through with a warning by the validators of Kubernetes,
so these models are closed, and say what such a patch may be and no more.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.types import Message

DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""Name of a Kubernetes object."""

_WHOLE = 100


class TrafficTarget(Message):
    """A share of the traffic for one revision, by its name."""

    revisionName: DnsLabel  # noqa: N815 - as Knative spells it
    latestRevision: Literal[False] = False  # noqa: N815 - as Knative spells it
    percent: Annotated[int, Field(ge=0, le=_WHOLE, strict=True)]


class TrafficSpec(Message):
    """Where a service's traffic goes."""

    traffic: Annotated[tuple[TrafficTarget, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        names = [one.revisionName for one in self.traffic]
        if sum(one.percent for one in self.traffic) != _WHOLE or len(set(names)) != len(names):
            message = "100 percent in all, each revision once"
            raise ValueError(message)
        return self


class ObjectName(Message):
    """Which service."""

    name: DnsLabel


class TrafficPatch(Message):
    """A merge patch of a Knative Service that changes where its traffic goes, and nothing else."""

    apiVersion: Literal["serving.knative.dev/v1"]  # noqa: N815 - as Kubernetes spells it
    kind: Literal["Service"]
    metadata: ObjectName
    spec: TrafficSpec


def patch_to(patch: TrafficPatch, revision: str) -> TrafficPatch:
    """Return ``patch`` with all traffic for one revision.

    Raises:
        ValueError: The revision has a name that no Knative revision has.
    """
    target = {"revisionName": revision, "latestRevision": False, "percent": _WHOLE}
    return TrafficPatch.model_validate(
        {**patch.model_dump(mode="json"), "spec": {"traffic": [target]}}
    )
