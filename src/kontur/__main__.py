"""`python -m kontur` is the command `kontur`."""

from .cli import main

main()
