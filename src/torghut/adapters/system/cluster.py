"""A Kubernetes cluster, through its own command."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import ClassVar, Final

from torghut.kernel.errors import ExitCode, TorghutError

_COMMAND: Final = "kubectl"
_BUDGET_S: Final = 20.0


class ClusterRefusedError(TorghutError):
    """The cluster did not take what it was given, or nobody knows whether it did."""

    code: ClassVar[str] = "system.cluster-refused"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, context: str, found: str) -> None:
        super().__init__(
            f"cluster {context}: expected it to take the patch, found: {found}; "
            "apply the file by hand with kubectl patch, or correct TORGHUT_CLUSTER"
        )
        self.context = context
        self.found = found


def patch_traffic(context: str, service: str, patch: Path) -> str:
    """Give the traffic patch in ``patch`` to a cluster; return what it said.

    Args:
        context: Of kubectl's configuration; it says which cluster and namespace.
        service: Name of the Knative Service.
        patch: A merge patch, JSON.

    Raises:
        ClusterRefusedError: It was not taken, or not within 20 s.
    """
    words = ("patch", "ksvc", service, "--type", "merge", "--patch-file", str(patch))
    try:
        ended = subprocess.run(  # noqa: S603 - no shell; every word comes from declared settings
            [_COMMAND, "--context", context, *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=_BUDGET_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClusterRefusedError(context=context, found=str(error)) from error
    said = " ".join((ended.stdout + ended.stderr).split())
    if ended.returncode:
        raise ClusterRefusedError(context=context, found=said or f"status {ended.returncode}")
    return said
