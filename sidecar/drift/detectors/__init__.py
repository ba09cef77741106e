"""Detectors of drift, one a file, behind one interface."""

import importlib
import inspect
import pkgutil

from sidecar.drift.detectors.base import Detector, StateError

__all__ = ["Detector", "StateError", "every"]


def every() -> dict[str, type[Detector]]:
    """All detectors of this package by name, found by looking through its modules."""
    found = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, Detector) and not inspect.isabstract(kind):
                found[kind.name] = kind
    return dict(sorted(found.items()))
