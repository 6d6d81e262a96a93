"""Devices for tests: of the library, and of texts."""

import numpy as np

from crncompile.errors import Source
from crncompile.language.parser import parse
from crncompile.network.devices import device
from crncompile.network.library import standard_library
from crncompile.network.report import Report
from crncompile.symbolic.device_law import derive
from crncompile.symbolic.sampling import draw
from crncompile.units import Units

COLD = Units(0.1)
WARM = Units(310.15)
LIBRARY = tuple(sorted(map(str, standard_library().devices)))


def units_of(name):
    """Kelvins for molecules, millikelvins for dots."""
    wiring = standard_library().devices[name]
    return COLD if "charge" in wiring.span.text else WARM


def library_kind(name):
    return device(name, standard_library(), units_of(name))


def kind_of(text, units=WARM, name=None):
    """Return the last device of a text, or the one of this name."""
    model = parse(Source("test.tnet", text))
    library = standard_library().extended(model, Report())
    names = [statement.name for statement in model.statements if hasattr(statement, "items")]
    return device(name or names[-1], library, units)


def drawn(kind, count=200, seed=3):
    """Random values by name, and the steady fluxes of the derived law there, (fluxes, count)."""
    values = draw(kind, count, seed)
    law = derive(kind)
    return {symbol.name: value for symbol, value in values.items()}, fluxes_at(law, values)


def fluxes_at(law, values):
    return np.array(law.evaluate(law.fluxes, values))


def at(kind, count=1, **given):
    """Random values with some of them given, by symbol."""
    values = draw(kind, count, 5)
    symbols = {symbol.name: symbol for symbol in values}
    for name, value in given.items():
        values[symbols[name]] = np.broadcast_to(np.asarray(value, float), (count,))
    return values
