"""Grafana's provisioning files as its documentation has them; a field it does not know is an error.

Alert rules are made from code and checked by the tests of the dashboards.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, HttpUrl


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PrometheusOptions(Strict):
    httpMethod: Literal["GET", "POST"]  # noqa: N815
    timeInterval: str  # noqa: N815


class AlertmanagerOptions(Strict):
    implementation: Literal["prometheus", "mimir", "cortex"]


class Source(Strict):
    name: str
    uid: str
    access: Literal["proxy"]
    url: HttpUrl
    isDefault: bool = False  # noqa: N815


class Prometheus(Source):
    type: Literal["prometheus"]
    jsonData: PrometheusOptions  # noqa: N815


class Alertmanager(Source):
    type: Literal["alertmanager"]
    jsonData: AlertmanagerOptions  # noqa: N815


class Datasources(Strict):
    apiVersion: Literal[1]  # noqa: N815
    datasources: list[Prometheus | Alertmanager]


class Folder(Strict):
    path: str


class Provider(Strict):
    name: str
    folder: str
    type: Literal["file"]
    disableDeletion: bool  # noqa: N815
    allowUiUpdates: bool  # noqa: N815
    options: Folder


class Dashboards(Strict):
    apiVersion: Literal[1]  # noqa: N815
    providers: list[Provider]
