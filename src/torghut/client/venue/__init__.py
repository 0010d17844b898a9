"""A venue to practise on: latency, partial fills, rejections, and a journal that survives."""

from __future__ import annotations

from torghut.client.venue.habits import Habits
from torghut.client.venue.simulated import SimulatedVenue

__all__ = ["Habits", "SimulatedVenue"]
