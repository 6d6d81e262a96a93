"""Reservoirs as numpy text: capacities, contents, starts, held potentials, and the derivatives of all these."""

from __future__ import annotations

from collections.abc import Iterator

from crncompile.backends.reading import Reader, columns, is_molecular
from crncompile.backends.text import function
from crncompile.program.types import GroupCode, SlotCode

_NEW = "result = np.zeros(u.shape, dtype_of(u, *parameters.values()))"


class ReservoirText:
    """Writes the functions of one program that deal with single reservoirs."""

    def __init__(self, reader: Reader):
        self.reader = reader
        program = reader.program
        self.held = program.held
        self.settings = tuple(zip(program.groups, program.capacities, program.starts, strict=True))

    def functions(self) -> tuple[str, ...]:
        """Return the texts of all functions."""
        return (
            self._of_u("capacity", "dn/du of every floating reservoir, (batch, reservoirs).", ""),
            self._of_u("content", "Particles in every floating reservoir, (batch, reservoirs).", " * u"),
            self._start(),
            self._hold(),
            self._hold_pullback(),
            self._content_pullback(),
            self._start_pullback(),
        )

    def _of_u(self, name: str, doc: str, charge: str) -> str:
        """Write capacity or content; both are N_A V c for molecules."""
        body = [_NEW]
        for group, capacity, _ in self.settings:
            where, size = columns(group), self.reader.full_slot(capacity, group)
            if is_molecular(group):
                body.append(f"result{where} = N_A * {_factor(size)} * exp(u{where})")
            else:
                body.append(f"result{where} = {f'{_factor(size)}{charge}{where}' if charge else size}")
        return function(f"{name}(u, parameters)", doc, [*body, "return result"])

    def _start(self) -> str:
        size = self.settings[-1][0].stop if self.settings else 0
        body = [f"result = np.zeros({size}, dtype_of(*parameters.values()))"]
        for group, _, start in self.settings:
            where = f"{group.start}:{group.stop}" if group.shape else str(group.start)
            body.append(f"result[{where}] = {self._as_potential(self.reader.full_slot(start, group), group)}")
        return function("start(parameters)", "Initial potentials, (reservoirs,).", [*body, "return result"])

    def _hold(self) -> str:
        size = self.held[-1].group.stop if self.held else 0
        body = ["batch = max((np.shape(v)[0] for v in inputs.values()), default=1)"]
        body.append(f"held = np.zeros((batch, {size}), dtype_of(*inputs.values(), *parameters.values()))")
        for held in self.held:
            group = held.group
            if held.at is not None:
                value = self.reader.full_slot(held.at, group)
            elif group.shape:
                value = f"np.reshape(inputs[{group.name!r}], (-1, {group.stop - group.start}))"
            else:
                value = f"np.ravel(inputs[{group.name!r}])"
            body.append(f"held{columns(group)} = {self._as_potential(value, group)}")
        doc = "Potentials of the held reservoirs, (batch, held), from inputs (batch, *group): mu in kT or c in M."
        return function("hold(inputs, parameters)", doc, [*body, "return held"])

    @staticmethod
    def _as_potential(text: str, group: GroupCode) -> str:
        return f"np.log({text})" if is_molecular(group) else text

    # --- derivatives --------------------------------------------------------------------------------------------------

    def _hold_pullback(self) -> str:
        body = ["batch, gradient = len(to_held), {}"]
        for held in self.held:
            if held.at is not None:
                body += self._pull(held.at, held.group, f"to_held{columns(held.group)}", potential=True)
        doc = "Derivatives by the parameters that hold fixed reservoirs, per sample, from those by the held potentials."
        return function("hold_pullback(to_held, parameters)", doc, [*body, "return gradient"])

    def _content_pullback(self) -> str:
        body = ["batch, gradient = len(weights), {}"]
        for group, capacity, _ in self.settings:
            where = columns(group)
            amount = f"N_A * exp(u{where})" if is_molecular(group) else f"u{where}"
            body += self._pull(capacity, group, f"weights{where} * {amount}", potential=False)
        doc = "Derivatives of sum(weights * content) by the parameters at fixed u, per sample."
        return function("content_pullback(weights, u, parameters)", doc, [*body, "return gradient"])

    def _start_pullback(self) -> str:
        body = ["batch, gradient = len(weights), {}"]
        for group, _, start in self.settings:
            body += self._pull(start, group, f"weights{columns(group)}", potential=True)
        doc = "Derivatives of sum(weights * start) by the parameters, per sample."
        return function("start_pullback(weights, parameters)", doc, [*body, "return gradient"])

    def _pull(self, slot: SlotCode, group: GroupCode, weight: str, potential: bool) -> Iterator[str]:
        """Yield lines that add to the gradient what weights (batch, size) say of a setting of their reservoirs.

        With ``potential`` the weights are by u, which for molecules is the logarithm of the setting.
        """
        if len(group.shape) > 1:
            inner = f"({weight})" if " * " in weight else weight
            weight = f"{inner}.reshape(-1, {', '.join(map(str, group.shape))})"
        chain = ""
        if potential and is_molecular(group):
            chain = f" / {_divisor(self.reader.slot(slot, group.shape, group.name))}"
        for read, slope in self.reader.slopes(slot, group.shape, group.name):
            yield self.reader.give(read, f"{weight}{slope}{chain}", group.shape, group.name)


def _factor(text: str) -> str:
    """Text of a value as a factor."""
    return f"({text})" if " + " in text or " - " in text or text.startswith("-") else text


def _divisor(text: str) -> str:
    """Text of a value as a divisor."""
    return f"({text})" if " " in text or text.startswith("-") else text
