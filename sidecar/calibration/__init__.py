"""Calibrated heads: the heads of one model revision that copy from retrieved documents."""

from sidecar.calibration.artefact import Calibration, CalibrationError, load
from sidecar.calibration.known import heads

__all__ = ["Calibration", "CalibrationError", "heads", "load"]
