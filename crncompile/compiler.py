"""The whole pipeline on one screen: each stage takes what the one before it made and makes a new value.

====  =========  ==============================================================  ===========================
 1    language   text -> Model: frozen nodes, each with its place in the text    `language.use.read_model`
 2    network    Model -> Network: families, indices, units; all mistakes told   `network.resolve.resolve`
 3    symbolic   Network -> System: currents of each device kind, conservation   `symbolic.system.derive_system`
 4    program    System -> Program: arithmetic only, blocks of the Jacobian      `program.build.build_program`
 5    backends   Program -> source -> functions                                  `backends.choice`
 6    solve      functions -> steady states with certificates                    `solve.steady.steady_states`
====  =========  ==============================================================  ===========================

Errors of the user come out of stages 1 to 3 as `errors.ModelError`; later stages have none to report.
"""

from __future__ import annotations

from pathlib import Path

from crncompile.backends import choice
from crncompile.compiled import CompiledNetwork
from crncompile.errors import Source
from crncompile.language.reading import read_source
from crncompile.language.use import read_model
from crncompile.network.library import standard_library
from crncompile.network.resolve import Review, resolve
from crncompile.network.types import Network
from crncompile.program.build import build_program
from crncompile.symbolic.system import derive_system


def load(path: str | Path, backend: str = "numpy") -> CompiledNetwork:
    """Compile a ``.tnet`` file; raises ModelError with all its mistakes, DataError where there is no such backend."""
    return compile_source(read_source(path), backend)


def loads(text: str, name: str = "<text>", backend: str = "numpy") -> CompiledNetwork:
    """Compile the text of a model; raises as `load` does."""
    return compile_source(Source(name, text), backend)


def check_source(source: Source, review: Review | None = None) -> Network:
    """Parse and resolve a model with the files that it uses: stages 1 and 2."""
    return resolve(read_model(source), standard_library(), review)


def compile_source(source: Source, backend: str = "numpy", review: Review | None = None) -> CompiledNetwork:
    """Take a model through all stages up to functions; ``review`` as in `network.resolve`."""
    network = check_source(source, review)
    system = derive_system(network)
    program = build_program(system)
    return CompiledNetwork(network, system, program, choice.load(program, backend), backend)
