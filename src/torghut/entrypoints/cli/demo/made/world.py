"""The folder of the made world: declarations with one instrument more, prices, packages, a key."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.artifacts.signatures import fingerprint, raw_bytes
from torghut.composition import deciding, machine
from torghut.composition.governing import new_key_file
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.demo.made import packages
from torghut.entrypoints.cli.demo.made.market import made_prices, table_of
from torghut.entrypoints.cli.demo.made.texts import EXPERTS, INSTRUMENT
from torghut.settings import settings

_COPIED: Final = ("streams", "governance", "router", "ops")
_CLASS: Final = "crypto"
"""Asset class whose limits the made instrument has."""

_LIMITS: Final = {"turnover": 1e6, "dwell": 0.0}
"""Of gates that count by the hour, for prices that come by the thousand a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeWorld:
    """Where everything of the made world is.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def declared(self) -> Path:
        """Its declarations."""
        return self.root / "declared"

    @property
    def artifacts(self) -> Path:
        """What governance produces."""
        return self.root / "var"

    @property
    def recorded(self) -> Path:
        """The log of made prices that challengers are judged on."""
        return self.root / "made.log"

    @property
    def live(self) -> Path:
        """The log of the loop that runs."""
        return self.root / "live.log"

    @property
    def advised(self) -> Path:
        """The log of a loop that is advised."""
        return self.root / "advised.log"

    @property
    def prices(self) -> Path:
        """The made prices."""
        return self.root / "made.csv"

    @property
    def key(self) -> Path:
        """The scheduler's private key."""
        return self.root / "scheduler.pem"

    @property
    def public_key(self) -> Path:
        """Its public one."""
        return self.root / "scheduler.pem.pub"


def make_world(root: Path, *, aside: str) -> MadeWorld:
    """Return a new made world below ``root``.

    Args:
        root: Its folder; what is there already is renamed.
        aside: What the renamed folder's name ends with.
    """
    if root.exists():
        root.rename(root.with_name(f"{root.name}.{aside}"))
    world = MadeWorld(root=root)
    _declare(world)
    store = deciding.package_store(world.declared / deciding.BASELINES)
    for package in (packages.serving(), packages.ordinary(), packages.constructed()):
        store.save(package)
    machine.write_text(world.prices, table_of(made_prices()))
    return world


def _declare(world: MadeWorld) -> None:
    """Copy the declarations, and declare what is made beside them."""
    for name in _COPIED:
        shutil.copytree(
            settings().declarations_dir / name,
            world.declared / name,
            ignore=shutil.ignore_patterns("baselines"),
        )
    known = deciding.declarations()
    texts = {
        "streams/instruments/made-REGIMES.yaml": INSTRUMENT,
        **{f"router/experts/{name}.yaml": text for name, text in EXPERTS.items()},
        "router/policy.yaml": _routed(known),
        "governance/policies/gates.yaml": _loosened(known),
        "governance/owners.yaml": _owned(known, world),
    }
    for file, text in texts.items():
        (world.declared / file).write_text(text, encoding="utf-8")


def _routed(known: Declarations) -> str:
    """Return the router's policy, with a name for the made market's packages."""
    policy = known.router.model_dump(mode="json")
    policy["packages"][_CLASS].append(packages.ROUTER)
    return json.dumps(policy, indent=2)


def _loosened(known: Declarations) -> str:
    """Return the gates, without those that count by the hour."""
    policies = known.gates.model_dump(mode="json")
    for gate in policies["gates"]:
        if gate["id"] in _LIMITS:
            gate["threshold"]["by_asset_class"][_CLASS] = _LIMITS[gate["id"]]
    return json.dumps(policies, indent=2)


def _owned(known: Declarations, world: MadeWorld) -> str:
    """Return the owners, with a pair of keys made for the scheduler alone."""
    public = new_key_file(world.key)
    entry = {
        "role": "scheduler",
        "fingerprint": fingerprint(public),
        "public_key": base64.b64encode(raw_bytes(public)).decode("ascii"),
    }
    return json.dumps({**known.owners.model_dump(mode="json"), "keys": [entry]}, indent=2)
