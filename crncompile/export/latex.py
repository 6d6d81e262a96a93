"""A network as a LaTeX article: its reservoirs, devices with their derived laws, equations, and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

import crncompile
from crncompile import constants as codata
from crncompile.compiled import CompiledNetwork
from crncompile.export.tex_devices import device_section, slope_section
from crncompile.export.tex_math import Mathematics
from crncompile.export.tex_network import (
    family_lines,
    is_list,
    jacobian_lines,
    parameter_table,
    rate_equations,
    readout_lines,
    reservoir_table,
    value_lines,
)
from crncompile.export.tex_words import number, symbol, words
from crncompile.network.types import Network

_PREAMBLE = r"""
\documentclass[11pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper, margin=22mm]{geometry}
\usepackage{amsmath, amssymb, booktabs, longtable}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
"""
_CONVENTIONS = r"""
Potentials are dimensionless: $u = \mu / k_{\mathrm{B}}T$ for charge, $u = \ln (c / c_0)$ with $c_0 = 1\,\mathrm{M}$ for
molecules. In laws the name of a reservoir or terminal is its electrochemical potential $\mu$ in units of
$k_{\mathrm{B}}T$, or its concentration $c$ in M; energies are in $k_{\mathrm{B}}T$. A reservoir holds
$n = C \mu / e^2$ electrons, or $n = N_{\mathrm{A}} V c$ molecules. The Fermi function is
$\operatorname{f}(x) = 1 / (1 + \mathrm{e}^{x})$. The backward rate of every reversible step follows from its affinity
by local detailed balance.
"""


def latex_text(compiled: CompiledNetwork, values: Mapping[str, NDArray[Any]]) -> str:
    """Return the article; ``values`` are all parameters in the coherent system."""
    network, system = compiled.network, compiled.system
    mathematics = Mathematics(network.units)
    laws = [system.laws[name] for name in dict.fromkeys(family.kind.name for family in network.families)]
    devices = [device_section(law, system.conductances[law.kind.name], mathematics) for law in laws]
    following = value_lines(network, mathematics)
    parts = [
        _PREAMBLE.strip(),
        _title(compiled),
        r"\section{Conventions}",
        _CONVENTIONS.strip(),
        r"\section{Reservoirs}",
        reservoir_table(network, mathematics),
        r"\section{Devices}",
        *devices,
        r"\section{Rate equations}",
        "Each family of devices carries, along its arrow and with its own parameters,",
        family_lines(network, system.laws),
        "with these values, which follow from parameters of other names:" if following else "",
        following,
        _lists(network) + "The particles in each floating reservoir change at the rate",
        rate_equations(network, system.laws),
        r"\section{Jacobian}",
        "Derivatives of the fluxes by the terminals:",
        *(slope_section(law, mathematics) for law in laws),
        r"Each device adds to the Jacobian, between reservoirs that float,",
        jacobian_lines(network, system.laws),
        r"\section{Conserved totals and uniqueness}",
        _totals(compiled),
        r"\section{Readouts}",
        readout_lines(network, mathematics),
        r"\section{Parameters}",
        parameter_table(compiled, values),
        r"\end{document}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _lists(network: Network) -> str:
    lists = [words(family.name) for family in network.families if is_list(family)]
    names = ", ".join(rf"\texttt{{{name}}}" for name in lists)
    return f"where $e$ runs over the devices of a list ({names}). " if lists else ""


def _title(compiled: CompiledNetwork) -> str:
    network = compiled.network
    temperature = network.units.temperature
    energy = codata.k * temperature / codata.e * 1e3
    title = network.title or network.name
    reservoirs = sum(len(group.labels()) for group in network.floating)
    return "\n".join(
        [
            rf"\title{{{words(title)}}}",
            rf"\author{{Network \texttt{{{words(network.name)}}}, written by crncompile {crncompile.__version__}}}",
            r"\date{}",
            r"\begin{document}",
            r"\maketitle",
            "",
            rf"Temperature $T = {number(temperature)}\,\mathrm{{K}}$, hence "
            rf"$k_{{\mathrm{{B}}}}T = {number(energy)}\,\mathrm{{meV}}$. "
            rf"{reservoirs} floating reservoir{'' if reservoirs == 1 else 's'}, "
            rf"{len(network.families)} famil{'y' if len(network.families) == 1 else 'ies'} of devices.",
        ]
    )


def _totals(compiled: CompiledNetwork) -> str:
    structure = compiled.functions.structure
    unique = structure.unique
    text = (
        f"The steady state is unique: {words(unique)}." if unique else "Uniqueness of the steady state is not proved."
    )
    if not len(structure.conserved):
        return f"No total is conserved. {text}"
    lines = []
    for name, weights in zip(structure.conserved_names, structure.conserved, strict=True):
        members = [(int(w), label) for w, label in zip(weights, structure.reservoirs, strict=True) if w]
        shown = members if len(members) <= 8 else [*members[:5], members[-1]]
        terms = [f"{'' if abs(w) == 1 else f'{abs(w)} '}n({symbol(label)})" for w, label in shown]
        signs = ["-" if w < 0 else "+" for w, _ in shown]
        if len(shown) < len(members):
            terms.insert(5, r"\dots")
            signs.insert(5, "+")
        total = " ".join(f"{sign} {term}" for sign, term in zip(signs, terms, strict=True)).removeprefix("+ ")
        lines.append(rf"\item {words(name)}: ${total}$")
    return "\n".join([r"Conserved:", r"\begin{itemize}", *lines, r"\end{itemize}", text])
