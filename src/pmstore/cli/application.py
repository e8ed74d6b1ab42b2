"""All commands of `pmstore` under one roof."""

from __future__ import annotations

import typer

from pmstore.cli import (
    audit_verify,
    bench,
    copy,
    doctor,
    export,
    find,
    get,
    migrate,
    outbox,
    plugins,
    prune,
    snapshot_list,
    snapshot_show,
    snapshot_verify,
    stream_info,
    tail,
    verify,
    wipe,
)

_EXITS = (
    "Exit codes: 0 fine, 1 something is damaged or differs, 2 wrong command line, 3 URL, setting "
    "or plugin cannot be used, 4 store unavailable, 5 not there, 130 stopped by Ctrl-C."
)

application = typer.Typer(
    name="pmstore",
    help="Look at stored orders, trades, snapshots and streams, check, move and repair them.",
    epilog=_EXITS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
audits = typer.Typer(help="The audit log of the trades.", no_args_is_help=True)
snapshots = typer.Typer(help="Generations of snapshots.", no_args_is_help=True)
streams = typer.Typer(help="Ordered logs.", no_args_is_help=True)

application.command("get", epilog=get.EXAMPLES)(get.get)
application.command("find", epilog=find.EXAMPLES)(find.find)
application.command("tail", epilog=tail.EXAMPLES)(tail.tail)
application.command("export", epilog=export.EXAMPLES)(export.export)
application.command("copy", epilog=copy.EXAMPLES)(copy.copy)
application.command("prune", epilog=prune.EXAMPLES)(prune.prune)
application.command("outbox", epilog=outbox.EXAMPLES)(outbox.outbox)
application.command("wipe", epilog=wipe.EXAMPLES)(wipe.wipe)
application.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
application.command("bench", epilog=bench.EXAMPLES)(bench.bench)
application.command("migrate", epilog=migrate.EXAMPLES)(migrate.migrate)
application.command("verify", epilog=verify.EXAMPLES)(verify.verify)
application.command("plugins", epilog=plugins.EXAMPLES)(plugins.plugins)
audits.command("verify", epilog=audit_verify.EXAMPLES)(audit_verify.audit_verify)
snapshots.command("list", epilog=snapshot_list.EXAMPLES)(snapshot_list.snapshot_list)
snapshots.command("show", epilog=snapshot_show.EXAMPLES)(snapshot_show.snapshot_show)
snapshots.command("verify", epilog=snapshot_verify.EXAMPLES)(snapshot_verify.snapshot_verify)
streams.command("info", epilog=stream_info.EXAMPLES)(stream_info.stream_info)
application.add_typer(audits, name="audit")
application.add_typer(snapshots, name="snapshot")
application.add_typer(streams, name="stream")
