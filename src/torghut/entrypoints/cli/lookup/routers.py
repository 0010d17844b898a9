"""Regime packages on a terminal and as JSON: what they were fitted on, and how well it went."""

from __future__ import annotations

from collections.abc import Iterator

from torghut.artifacts.package import Package
from torghut.decisions.explaining.words import number
from torghut.entrypoints.cli.console import plural, print_fields, print_table
from torghut.kernel.canonical import JsonObject, parse_json_object
from torghut.kernel.times import instant
from torghut.router.package import MODEL_PATH, RegimeModel, read_regime_model
from torghut.router.training.record import (
    RECORD_PATH,
    Evidence,
    TrainingRecord,
    read_training_record,
)


def print_router(package: Package) -> None:
    """Print what ``package`` is, for people."""
    model = read_regime_model(package)
    record = read_training_record(package) if RECORD_PATH in package.files else None
    fields = {
        "package": f"{package.name}@{package.digest}",
        "window": f"{instant(model.start_ns)} to {instant(model.end_ns)}; "
        "what it decides in that time is no evidence",
        "regimes": ", ".join(model.labels),
        "stays": ", ".join(
            f"{label} {number(model.transition[i][i])}" for i, label in enumerate(model.labels)
        ),
        "confidence": f"bias {number(model.confidence_bias)}, "
        f"score {number(model.confidence_score)}, cost {number(model.confidence_cost)}",
        "files": "\n".join(f"{one.path}  {one.sha256}" for one in package.manifest.files),
    }
    print_fields({**fields, **(dict(_fitted(record)) if record else {})})
    _print_regimes(model)
    if record is not None:
        _print_candidates(record)


def router_json(package: Package) -> JsonObject:
    """Return what ``package`` is, for machines."""
    files = package.files
    return {
        "package": f"{package.name}@{package.digest}",
        "reference": str(package.reference),
        "manifest": package.manifest.model_dump(mode="json"),
        "model": parse_json_object(files[MODEL_PATH]),
        "training": parse_json_object(files[RECORD_PATH]) if RECORD_PATH in files else None,
    }


def _fitted(record: TrainingRecord) -> Iterator[tuple[str, str]]:
    """Yield how a package came to be."""
    request = record.request
    yield "symbols", ", ".join(request.symbols)
    parts = record.source.parts
    yield "source", f"{record.source.kind}, {plural(len(parts), 'part')}"
    yield "fitted on", f"{plural(record.observations, 'sample')}; {record.held_out:,} held out"
    refused = sum(record.refused.values())
    yield "contexts", f"{record.contexts:,} in the window, {refused:,} of them refused"
    yield "one Gaussian", f"{number(record.one_gaussian_nats)} nats a held-out sample"
    found = record.calibration
    yield (
        "calibration",
        f"{found.origin}, {plural(found.labels, 'label')}, gained " + number(found.gained_ratio),
    )
    if record.evidence:
        yield "evidence", "\n".join(map(_measured, record.evidence))
    if request.note:
        yield "note", request.note


def _measured(one: Evidence) -> str:
    """Return how a package did on other data."""
    nats = f"{number(one.model_nats)} nats, one Gaussian {number(one.one_gaussian_nats)}"
    span = f"{instant(one.start_ns)} to {instant(one.end_ns)}"
    return f"{one.source.kind}, {plural(one.observations, 'sample')}, {span}: {nats}"


def _print_regimes(model: RegimeModel) -> None:
    """Print mean and deviation of each feature in each regime."""
    features = ("volatility ratio", "efficiency", "surprise")
    print_table(
        {"regime": "left"} | dict.fromkeys(features, "right"),
        [
            (label, *(f"{m:.3f} ± {v**0.5:.3f}" for m, v in zip(mean, variance, strict=True)))
            for label, mean, variance in zip(model.labels, model.mean, model.variance, strict=True)
        ],
    )


def _print_candidates(record: TrainingRecord) -> None:
    """Print what the number of regimes was chosen from."""
    print_table(
        {"regimes": "right", "seed": "right", "training nats": "right", "held out": "right"}
        | {"share of each": "left", "": "left"},
        [
            (
                f"{one.states}",
                f"{one.seed}",
                f"{one.training_nats:.4f}",
                f"{one.held_out_nats:.4f}",
                ", ".join(f"{share:.2f}" for share in one.occupancy),
                "chosen" if one.states == record.chosen_states else "",
            )
            for one in record.candidates
        ],
    )
