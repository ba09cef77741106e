"""The calibrations that the settings name, as the signals take them."""

from sidecar.calibration.artefact import CalibrationError, load
from sidecar.config import Heads
from sidecar.signals import CalibratedHeads


def heads(settings: Heads) -> list[CalibratedHeads]:
    """Those of all files, in their order. Raises CalibrationError, naming setting and file."""
    try:
        return [
            load(path).indices(other_revisions=settings.other_revisions)
            for path in settings.calibrations
        ]
    except CalibrationError as error:
        raise CalibrationError(f"heads.calibrations: {error}") from None
