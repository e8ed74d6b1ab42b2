"""`pmstore plugins`: which backends there are, and which of them cannot be used."""

from __future__ import annotations

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit
from pmstore.cli.output import Json, print_rows
from pmstore.registry import PLUGINS, PluginState
from pmstore.settings import environment_pins

EXAMPLES = examples(
    "pmstore plugins",
    "pmstore plugins --json",
)


def plugins(as_json: Json = False) -> None:
    """List the installed, broken and clashing backends, by URL scheme, and what an extra adds."""
    reports = PLUGINS.survey(pins=environment_pins())
    rows = [
        {
            "scheme": one.scheme,
            "distribution": one.distribution,
            "version": one.version,
            "state": "extra missing" if one.extra else one.state.value,
            "contracts": list(one.backend.contracts) if one.backend else [],
            "problem": one.problem,
        }
        for one in reports
    ]
    if as_json:
        print_rows(rows, as_json=True, empty="")
    else:
        shown = [{name: row[name] for name in row if name != "problem"} for row in rows]
        print_rows(shown, as_json=False, empty="No backend is installed.")
        missing = dict.fromkeys(one.extra for one in reports if one.extra)
        lines = [f"for more of our own: pip install 'pmstore[{extra}]'" for extra in missing]
        lines += [one.problem for one in reports if one.problem and not one.extra]
        for line in dict.fromkeys(lines):
            typer.echo(f"  {line}")
    if any(one.state is not PluginState.INSTALLED and not one.extra for one in reports):
        raise typer.Exit(Exit.DAMAGED)
