"""The command `edge-alpr`: arguments in, exit code out; see commands and vehicles for what is done."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import cv2

from edge import __version__, commands, flashing, maintenance, planning, vehicles
from edge.assembly import open_pipeline
from edge.bench import command as bench
from edge.errors import EdgeError

USAGE = 64  # sysexits.h; systemd does not restart it


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints exit as sysexits.h wants."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def main(arguments: Sequence[str] | None = None, *, assemble: commands.Assemble = open_pipeline) -> int:
    """Run one command; every error that edge-alpr can explain is one line on stderr and its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(words, argparse.Namespace(assemble=assemble, words=words))
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING, format="%(levelname)s %(message)s"
    )
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_ERROR
    )  # its warnings are told as errors of ours
    try:
        code: int = options.command(options)
        sys.stdout.flush()
    except EdgeError as problem:
        print(f"edge-alpr: {problem}", file=sys.stderr)
        return problem.exit_code
    except BrokenPipeError:  # `edge-alpr … | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def parser() -> Parser:
    """All commands with their options."""
    top = Parser(
        prog="edge-alpr", description="Reads licence plates and says whose vehicles they are, offline."
    )
    top.add_argument("--version", action="version", version=f"edge-alpr {__version__}")
    top.set_defaults(verbose=False)
    add = top.add_subparsers(dest="name", required=True, metavar="COMMAND")
    _run(add)
    _read(add)
    _vehicles(add)
    _events(add)
    _keeping(add)
    _doctor(add)
    _models(add)
    _demo(add)
    flashing.arguments(add.add_parser("flash", help="write a checked image to a card, with what the board is told"))
    _bench(add)
    planning.arguments(add.add_parser("camera-plan", help="lens, distance and shutter against pixels per plate"))
    return top


def _run(add: Any) -> None:
    command = add.add_parser("run", help="watch a camera or a recording: one line per vehicle")
    _common(command, commands.run)
    source = command.add_mutually_exclusive_group()
    source.add_argument("--camera", metavar="N", help="V4L2 camera, such as 0")
    source.add_argument(
        "--source", metavar="PATH|URL|-", help="video, picture, folder, address or standard input"
    )
    _reading(command)
    command.add_argument("--json", action="store_true", help="one JSON object per vehicle")
    command.add_argument(
        "--supervise", action="store_true", help="start again after a crash or a hang, where systemd does not"
    )
    command.add_argument(
        "--annotate", metavar="OUT", help="video, contact sheet (.png) or folder of pictures"
    )


def _read(add: Any) -> None:
    command = add.add_parser("read", help="read single images, each on its own")
    _common(command, commands.read)
    _reading(command)
    command.add_argument("--json", action="store_true", help="one JSON object per image")
    command.add_argument("--crops", action="store_true", help="each image is a plate already cut out")
    command.add_argument("images", nargs="+", metavar="IMAGE|DIR|-")


def _vehicles(add: Any) -> None:
    group = add.add_parser("vehicles", help="the registry: whose vehicle carries which plate")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    command = actions.add_parser("import", help="add or update from a CSV file; all lines or none")
    _common(command, vehicles.import_vehicles)
    command.add_argument("file", metavar="FILE|-")
    command = actions.add_parser("export", help="write all vehicles as CSV")
    _common(command, vehicles.export_vehicles)
    command.add_argument("file", nargs="?", default="-", metavar="FILE|-")
    command = actions.add_parser("add", help="add or replace one vehicle")
    _common(command, vehicles.add_vehicle)
    command.add_argument("plate")
    for column in ("owner", "unit", "kind", "note"):
        command.add_argument(f"--{column}", default="")
    command.add_argument("--status", default="allow", help="allow, deny or watch")
    command = actions.add_parser("remove", help="delete one vehicle")
    _common(command, vehicles.remove_vehicle)
    command.add_argument("plate")
    command = actions.add_parser("find", help="look a plate up; exit code 1 where there is none")
    _common(command, vehicles.find_vehicle)
    command.add_argument("plate")
    command.add_argument("--json", action="store_true")


def _events(add: Any) -> None:
    command = add.add_parser("events", help="search the log of vehicles that passed")
    _common(command, commands.events)
    command.add_argument("--plate", help="any spelling of it")
    command.add_argument(
        "--since", metavar="TIME", help="2026-03-31, 2026-03-31T08:00, or back from now: 90m, 12h, 7d"
    )
    shape = command.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one JSON object per event")
    shape.add_argument("--csv", action="store_true", help="a table")


def _keeping(add: Any) -> None:
    command = add.add_parser("maintain", help="hold the retention, correct times, make the daily backup")
    _common(command, maintenance.maintain)
    command.add_argument("--trust-clock", action="store_true", help="the clock is right, whoever set it")
    command = add.add_parser("backup", help="copy the database into one file, while it is in use too")
    _common(command, maintenance.backup)
    command.add_argument("file", metavar="FILE")
    command = add.add_parser("restore", help="put a backup in the place of the database")
    _common(command, maintenance.restore)
    command.add_argument("file", metavar="FILE")


def _doctor(add: Any) -> None:
    command = add.add_parser("doctor", help="check board, runtime, Edge TPU, cameras, disk, clock and models")
    _common(command, commands.doctor)
    command.add_argument("--json", action="store_true")
    command.add_argument(
        "--root", default="/", metavar="DIR", help="where /sys, /proc and /dev lie, such as a container's host"
    )


def _models(add: Any) -> None:
    command = add.add_parser("models", help="list the released models")
    _common(command, commands.models)
    command.add_argument("--json", action="store_true")


def _bench(add: Any) -> None:
    command = add.add_parser("bench", help="time every stage on this board, beside a net of known cost")
    _common(command, bench.bench)
    bench.arguments(command)


def _demo(add: Any) -> None:
    command = add.add_parser("demo", help="read the bundled clip and draw what was found")
    _common(command, commands.demo)
    command.add_argument("--out", default="demo-output", metavar="DIR", help="where the picture goes")


def _common(command: argparse.ArgumentParser, run: commands.Command) -> None:
    command.set_defaults(command=run)
    command.add_argument("--config", metavar="FILE", help="settings in TOML")
    command.add_argument("--db", metavar="FILE", help="the database; default from the settings")
    command.add_argument("-v", "--verbose", action="store_true", help="say more on standard error")


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--region", metavar="CODE", help="vn, kr, br, cn, latin; without it the grammars vote"
    )
    command.add_argument("--device", metavar="auto|cpu|edgetpu|usb:N|pci:N")
