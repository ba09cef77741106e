"""The data source that alert rules ask: it has to be there, and to be a Prometheus."""

from typing import Any
from urllib.parse import quote

from sidecar.grafana.client import Grafana, GrafanaError


def check(grafana: Grafana, uid: str) -> None:
    """Raises GrafanaError, with the data sources there are, unless ``uid`` is of a Prometheus."""
    found = grafana.get(f"/datasources/uid/{quote(uid, safe='')}") if uid.strip() else None
    if found is None:
        wrong = "is empty" if not uid.strip() else "Grafana has no data source with this uid"
    elif not _is_prometheus(found):
        wrong = f"is a data source of type {_type(found)!r}, not Prometheus"
    else:
        return
    raise GrafanaError(f"--datasource {uid!r}: {wrong}; {_there_are(grafana)}")


def _there_are(grafana: Grafana) -> str:
    known = [one for one in grafana.get("/datasources") or () if _is_prometheus(one)]
    if not known:
        return "add a Prometheus data source in Grafana first"
    names = (f"{one['uid']} ({one['name']})" for one in known)
    return f"should be {' or '.join(names)}"


def _is_prometheus(source: Any) -> bool:
    """Amazon's and Azure's have a type of their own, and speak PromQL too."""
    return "prometheus" in _type(source)


def _type(source: Any) -> str:
    return str(source.get("type")) if isinstance(source, dict) else "unknown"
