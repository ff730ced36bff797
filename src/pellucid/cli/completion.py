"""`pellucid completion`: shell code that completes commands, options and names."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell",
        choices=("bash", "zsh", "fish"),
        help='bash, zsh: eval "$(pellucid completion bash)"; '
        "fish: pellucid completion fish | source",
    )


def run(args: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["pellucid"], shell=args.shell))
    return 0
