"""`matcher bench quality` for people: one line a limit, then whom limits reject more often than others."""

from collections.abc import Sequence
from typing import Any

from matcher.cli.output import table

_SHOWN = (0.02, 0.05, 0.1, 0.2)


def shown(value: dict[str, Any]) -> str:
    """The report as text."""
    parts = [
        f"{value['people']} people, {value['pictures']} pictures, {value['templates']} templates, "
        f"{value['mated']} mated comparisons at threshold {value['threshold']:.4f} ({value['threshold_origin']})",
        table(
            ("limit", "correlation", "FNMR before", *(f"{share:.0%} rejected" for share in _SHOWN), "policy"),
            [_line(limit) for limit in value["limits"]],
        ),
        table(("group", "no probe (FTA)", "no picture (FTE)"), [_failure(one) for one in value["failures"]]),
        *_uneven(value["uneven"]),
    ]
    return "\n".join(parts)


def _line(limit: dict[str, Any]) -> Sequence[str]:
    found = {point["wanted"]: point for point in limit["curve"]}
    rho = limit["correlation"]
    return (
        f"{limit['limit']} ({limit['rejects']})",
        limit["correlation_reason"] if rho is None else f"{rho:+.2f}",
        _counted(limit["fnmr_before"]),
        *(_point(found.get(share)) for share in _SHOWN),
        "off" if limit["policy"] is None else _point(limit["policy"]),
    )


def _point(point: dict[str, Any] | None) -> str:
    """FNMR at a bound, and what was really rejected for it."""
    if point is None:
        return "-"
    return f"{_counted(point['fnmr'])} at {point['bound']:.3g}, {_counted(point['rejected'])} out"


def _counted(rate: dict[str, Any]) -> str:
    return f"{rate['k']}/{rate['n']}"


def _failure(one: dict[str, Any]) -> Sequence[str]:
    name = next((f"{column} {label}" for column, label in one["key"].items()), "all")
    return name, _counted(one["fta"]), _counted(one["fte"])


def _uneven(tests: Sequence[dict[str, Any]]) -> list[str]:
    said = [
        f"{one['limit']} at {one['bound']:.3g} rejects {one['group']['column']} {one['group']['label']} more often: "
        f"{_counted(one['group'])} against {_counted(one['others'])} of the others (adjusted p {one['adjusted']:.2g})"
        for one in tests
        if one["more_often"]
    ]
    if said:
        return said
    words = f"No limit is shown to reject a group more often ({len(tests)} comparisons, Fisher, Holm)"
    return [f"{words}; this is not evidence that they treat groups alike."]
