"""Where the bundled models lie, and what tells one from another; without torch."""

import hashlib
from pathlib import Path

MODELS = Path(__file__).parent / "models"
WEIGHTS = "model.safetensors"


def digest(folder: Path) -> str:
    """SHA-256 of the weights in ``folder``, hexadecimal. Raises FileNotFoundError."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
