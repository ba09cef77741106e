"""Options that panels of several kinds share."""

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as model


def steps(levels: Mapping[float, str], *, base: str) -> dashboard.ThresholdsConfig:
    """Colours by value: ``base`` below the first level."""
    found = [model.Threshold(value=None, color=base)]
    found += [model.Threshold(value=value, color=color) for value, color in levels.items()]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def without_value(text: str, color: str) -> model.SpecialValueMap:
    """What a panel says, and on which colour, where a query brings nothing.

    Without it Grafana takes the colour of the lowest threshold.
    """
    result = model.ValueMappingResult(text=text, color=color, index=0)
    nothing = model.DashboardSpecialValueMapOptions(
        match=model.SpecialValueMatch.NULL_AND_NAN, result=result
    )
    return model.SpecialValueMap(options=nothing)


def transformation(name: str, options: dict[str, Any]) -> model.DataTransformerConfig:
    """One of Grafana's, by its name."""
    return model.DataTransformerConfig(id_val=name, options=options)


def properties(changes: Mapping[str, Any]) -> list[model.DynamicConfigValue]:
    """Changes of a field, for an override."""
    return [model.DynamicConfigValue(id_val=name, value=value) for name, value in changes.items()]


def last() -> common.ReduceDataOptions:
    """The last value that is known."""
    calculations: Sequence[str] = ["lastNotNull"]
    return common.ReduceDataOptions().calcs(list(calculations)).values(False)


def legend() -> common.VizLegendOptions:
    """A list below the panel."""
    return (
        common.VizLegendOptions()
        .display_mode(kinds.LegendDisplayMode.LIST)
        .placement(kinds.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def tooltip() -> common.VizTooltipOptions:
    """All series at a moment."""
    return common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI)
