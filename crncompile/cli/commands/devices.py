"""``crncompile devices``: the devices that a model can be built of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crncompile.cli.options import example, json_option
from crncompile.cli.say import print_json
from crncompile.errors import ArgumentError, DataError, which_of

if TYPE_CHECKING:
    from crncompile.language.nodes import Device, Model, Statement
    from crncompile.network.library import Library
    from crncompile.network.types import DeviceKind
    from crncompile.units import Units

_ROOM = 298.15


@click.command(
    epilog=example(
        "crncompile devices",
        "crncompile devices model.tnet:my_enzyme --source",
        "crncompile devices model.tnet:my_enzyme --verify",
    )
)
@click.argument("name", required=False, metavar="[NAME|MODEL:NAME]")
@click.option("--verify", is_flag=True, help="Examine the law at random values, against its rate matrix in 50 digits.")
@click.option("--latex", is_flag=True, help="Print the law in LaTeX alone.")
@click.option("--source", is_flag=True, help="Print the text that declares it, as a model of one's own may have it.")
@json_option
def command(name: str | None, verify: bool, latex: bool, source: bool, as_json: bool) -> int:
    """List the library's devices, or show one: states, steps, derived law, units, reference.

    MODEL:NAME is a device of a model file, MODEL.tnet lists those that it declares, uses or places, MODEL: the
    library's as well.
    """
    library, units, chosen = _library(name)
    if chosen is None:
        if verify or latex or source:
            raise click.UsageError("--verify, --latex and --source are about one device: name it")
        _list(library, as_json, f"{name}:" if name and not name.endswith(":") else name or "")
        return 0
    if source and (verify or latex or as_json):
        raise click.UsageError("--source prints the declaration alone: leave out the other options")
    if source:
        click.echo(_device(chosen, library).span.text)
        return 0
    return _show(_kind(chosen, library, units), units, verify, latex, as_json)


def _library(name: str | None) -> tuple[Library, Units, str | None]:
    """Return the library (a model's own devices among it), its units, and the name that is asked for."""
    from crncompile.language.reading import read_source
    from crncompile.language.use import read_model
    from crncompile.network.declarations import temperature
    from crncompile.network.library import standard_library
    from crncompile.network.report import Report
    from crncompile.units import Units

    if name is None or not (":" in name or name.endswith(".tnet")):
        return standard_library(), Units(_ROOM), name
    path, colon, chosen = (name, "", "") if name.endswith(".tnet") else name.rpartition(":")
    model, report = read_model(read_source(Path(path))), Report()
    library = standard_library().extended(model, report)
    if not colon:
        library = replace(library, devices=_of_file(path, model, library, standard_library()))
    return library, Units(temperature(model, report)), chosen or None


def _of_file(path: str, model: Model, library: Library, standard: Library) -> dict[str, Device]:
    """Return the devices that a file declares, takes from others, or places."""
    placed = {name for file in (*model.used, model) for name in _placed(file.statements)}
    found = {n: node for n, node in library.devices.items() if n in placed or n not in standard.devices}
    if not found:
        raise DataError(f"{path} declares no devices and places none; crncompile devices lists those of the library")
    return found


def _placed(statements: Iterable[Statement]) -> Iterator[str]:
    """Yield the kinds of devices that are placed, in circuits too."""
    from crncompile.language import nodes

    for statement in statements:
        if isinstance(statement, nodes.Placement):
            yield statement.kind.name
        elif isinstance(statement, nodes.Circuit):
            yield from _placed(statement.statements)


def _kind(name: str, library: Library, units: Units) -> DeviceKind:
    from crncompile.network.devices import device

    _device(name, library)
    return device(name, library, units)


def _device(name: str, library: Library) -> Device:
    if name not in library.devices:
        raise ArgumentError(f"there is no device {name}; {which_of(name, library.devices)}")
    return library.devices[name]


def _list(library: Library, as_json: bool, before: str) -> None:
    from crncompile.cli.device_sheet import listing, listing_text

    devices = listing(library)
    if as_json:
        print_json({"devices": devices})
    else:
        click.echo(listing_text(devices, before))


def _show(kind: DeviceKind, units: Units, verify: bool, latex: bool, as_json: bool) -> int:
    from crncompile.cli.device_sheet import law_in_latex, sheet, text

    if latex and not (verify or as_json):
        click.echo(law_in_latex(kind, units))
        return 0
    content = sheet(kind, units)
    checks = _checks(kind) if verify else []
    if as_json:
        print_json({**content, **({"checks": checks} if verify else {})})
    elif latex:
        click.echo(content["latex"])
    else:
        click.echo(text(content))
    if verify and not as_json:
        click.echo("\nchecks")
        for check in checks:
            verdict = click.style("pass", fg="green") if check["passed"] else click.style("FAIL", fg="red")
            click.echo(f"  {verdict}  {check['name']}: {check['detail']}")
    return 0 if all(check["passed"] for check in checks) else 1


def _checks(kind: DeviceKind) -> list[dict[str, Any]]:
    from crncompile.analyze.verify import verify

    return [{"name": c.name, "passed": c.passed, "detail": c.detail} for c in verify(kind)]
