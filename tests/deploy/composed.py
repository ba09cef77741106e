"""What `docker compose config` makes of the stack: the services as Docker would be given them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent.parent / "deploy/compose"
SECRETS = {
    "SIDECAR_TOKEN": "token-of-the-test",
    "GRAFANA_PASSWORD": "password-of-the-test",
    "OBJECTS_SECRET_KEY": "secret-key-of-the-test",
}


def config(compose: Path, profile: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `docker compose config` with `.env.example` and ``environment``."""
    files: list[str | Path] = [
        "--env-file",
        FOLDER / ".env.example",
        "--file",
        FOLDER / "compose.yaml",
    ]
    command: list[str | Path] = [compose, *files, "config", "--format", "json"]
    chosen = {"COMPOSE_PROFILES": profile, **environment}
    return subprocess.run(
        command, env=os.environ | chosen, check=False, capture_output=True, text=True
    )


def services(compose: Path, profile: str) -> dict[str, dict[str, Any]]:
    """The services of a profile, variables and paths resolved."""
    done = config(compose, profile, **SECRETS)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["services"])


def mounts(service: dict[str, Any]) -> list[dict[str, Any]]:
    return list(service.get("volumes", []))


def mounted(service: dict[str, Any], target: str) -> Path:
    """The file of the checkout that a service sees as ``target``."""
    return next(Path(mount["source"]) for mount in mounts(service) if mount["target"] == target)


def laid_out(service: dict[str, Any], folder: Path) -> Path:
    """A folder that has the service's mounted files in their places."""
    for mount in mounts(service):
        if mount["type"] == "bind":
            place = folder / mount["target"].strip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(mount["source"])
    return folder
