"""`python -m pmstore`: the command line of the interpreter that runs it."""

from pmstore.cli import main

main()
