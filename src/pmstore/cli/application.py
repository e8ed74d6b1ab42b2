"""All commands of `pmstore` under one roof."""

from __future__ import annotations

import typer

from pmstore.cli import (
    audit_verify,
    plugins,
    snapshot_list,
    snapshot_show,
    snapshot_verify,
    stream_info,
)

_EXITS = (
    "Exit codes: 0 fine, 1 something is damaged, 2 wrong command line, 3 URL, setting or "
    "plugin cannot be used, 4 store unavailable, 5 not there."
)

application = typer.Typer(
    name="pmstore",
    help="Look at stored orders, trades, snapshots and streams, and check them.",
    epilog=_EXITS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
audits = typer.Typer(help="The audit log of the trades.", no_args_is_help=True)
snapshots = typer.Typer(help="Generations of snapshots.", no_args_is_help=True)
streams = typer.Typer(help="Ordered logs.", no_args_is_help=True)

application.command("plugins", epilog=plugins.EXAMPLES)(plugins.plugins)
audits.command("verify", epilog=audit_verify.EXAMPLES)(audit_verify.audit_verify)
snapshots.command("list", epilog=snapshot_list.EXAMPLES)(snapshot_list.snapshot_list)
snapshots.command("show", epilog=snapshot_show.EXAMPLES)(snapshot_show.snapshot_show)
snapshots.command("verify", epilog=snapshot_verify.EXAMPLES)(snapshot_verify.snapshot_verify)
streams.command("info", epilog=stream_info.EXAMPLES)(stream_info.stream_info)
application.add_typer(audits, name="audit")
application.add_typer(snapshots, name="snapshot")
application.add_typer(streams, name="stream")
