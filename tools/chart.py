"""The schema of the chart's values: its shape from `values.yaml`, settings from `sidecar.config`.

``python -m tools.chart`` writes it; with ``--check`` it only compares.
"""

import json
import sys
from typing import Any

import yaml

from sidecar.config import Settings
from tools.blocks import ROOT
from tools.generated import keep

CHART = ROOT / "helm/attention-sidecar"
FILE = CHART / "values.schema.json"

Schema = dict[str, Any]

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
_DURATION = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 1}
_QUANTITIES = {"type": "object", "required": ["cpu", "memory"]}
_RESOURCES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["limits", "requests"],
    "properties": {"limits": _QUANTITIES, "requests": _QUANTITIES, "claims": {"type": "array"}},
}
_FIELD, _NAMED = "[0-9*/,-]+", "[0-9A-Za-z*/,-]+"
_COMPACT = {"type": "string", "pattern": "^--(older-than=[0-9.]+|file-mb=[0-9]+|dry-run)$"}
_KEY = {"type": "string", "pattern": "^[-._a-zA-Z0-9]+$"}
_SIZE = {"type": ["string", "integer"], "pattern": r"^[0-9]+(\.[0-9]+)?([kMGT]|[KMGT]i)?$"}
_BY_NAME: dict[str, Schema] = {
    "annotations": _TEXTS,
    "args": {"type": "array", "items": _COMPACT},
    "commonLabels": _TEXTS,
    "deadlineSeconds": _COUNT,
    "grafanaUrl": {"type": "string", "pattern": r"^(https?://[^\s@#?{}]+)?$"},
    "interval": _DURATION,
    "keys": {"type": "array", "minItems": 1, "items": _KEY},
    "labels": _TEXTS,
    "matchLabels": _TEXTS,
    "nodeSelector": _TEXTS,
    "partitions": _COUNT,
    "podAnnotations": _TEXTS,
    "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "replicas": _COUNT,
    "resources": _RESOURCES,
    "schedule": {
        "type": "string",
        "pattern": f"^(@(hourly|daily|weekly|monthly)|({_FIELD} +){{3}}{_NAMED} +{_NAMED})$",
    },
    "scrapeTimeout": _DURATION,
    "state": {
        "type": "object",
        "minProperties": 1,
        "properties": {"emptyDir": {"type": "object", "properties": {"sizeLimit": _SIZE}}},
    },
}
_HTTP = "^https?://[^/]+"
_SERVER = r"^[^\s/,]+:[1-9][0-9]{0,4}$"
"""Without port 0, which no rule of a network policy has."""


def text() -> str:
    """What the file should hold."""
    settings = _plain(Settings.model_json_schema())
    definitions = _checked(settings.pop("$defs"))
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = _of(values)
    schema["properties"] |= {"settings": settings, "global": {"type": "object"}}
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps({**whole, "$defs": definitions}, indent=2) + "\n"


def _of(value: Any, name: str = "") -> Schema:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if isinstance(value, dict) and value:
        fields = {key: _of(one, key) for key, one in value.items()}
        return {"type": "object", "additionalProperties": False, "properties": fields}
    return {"type": "object" if isinstance(value, dict) else _TYPES[type(value)]}


def _checked(definitions: Schema) -> Schema:
    """With what the daemon checks by code; ports of brokers go into the network policy."""
    fields = {section: one["properties"] for section, one in definitions.items()}
    fields["Kafka"]["bootstrap_servers"]["items"]["pattern"] = _SERVER
    fields["Drift"]["alertmanager"]["items"]["pattern"] = _HTTP
    fields["Otel"]["endpoint"]["pattern"] = _HTTP
    return definitions


def _plain(schema: Any) -> Any:
    """Without what only a reader of the Python needs."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    properties = schema.get("properties", {})
    kept = {
        key: _plain(one)
        for key, one in schema.items()
        if key not in ("title", "default", "format", "properties")
    }
    fields = {name: _plain(one) for name, one in properties.items()}
    return {**kept, "properties": fields} if fields else kept


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` only say that it is stale."""
    return keep([(FILE, text())], arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
