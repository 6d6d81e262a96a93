"""Derivatives of readouts at steady states by complex step on the equations: no adjoint, no Jacobian of the program.

At a steady state F(u, theta) = 0. For theta + i h the state is u + i h du with J du = -Im F(u, theta + i h) / h, where
J too is got by complex step; conserved totals stand as further rows below, and all is solved by least squares.
"""

import numpy as np

H = 1e-30


def by_parameter(net, solution, name, index, totals_fixed=False):
    """d readouts / d parameters[name][index], {readout: (samples, *shape)}."""
    moved = {key: np.asarray(value, complex) for key, value in solution.parameters.items()}
    moved[name] = moved[name].copy()
    moved[name][index] += 1j * H
    held = _held(net, solution, moved)
    return _readouts(net, solution, moved, held, totals_fixed)


def by_held(net, solution, number, totals_fixed=False):
    """d readouts / d held potential."""
    held = solution.held.astype(complex)
    held[:, number] += 1j * H
    return _readouts(net, solution, solution.parameters, held, totals_fixed)


def _held(net, solution, parameters):
    """Held potentials; those of inputs as they are, those of fixed reservoirs from their parameters."""
    inputs = {}
    for code in net.program.held:
        if code.at is None:
            part = solution.held[:, code.group.start : code.group.stop]
            values = np.exp(part) if code.group.content == "molecules" else part
            inputs[code.group.name] = values.reshape(len(part), *code.group.shape)
    return np.asarray(net.functions.hold(inputs, parameters))


def _readouts(net, solution, parameters, held, totals_fixed):
    f, u = net.functions, solution.u
    jacobian, contents = _dense(net, solution)
    forces = f.currents(u.astype(complex), held, parameters).imag / H
    weights = f.structure.conserved
    kept = f.content(u.astype(complex), parameters).imag / H
    if not totals_fixed:
        start = np.broadcast_to(f.start(parameters), u.shape)
        kept = kept - f.content(start.astype(complex), parameters).imag / H
    moves = []
    for sample in range(len(u)):
        matrix = np.concatenate([jacobian[sample], weights * contents[sample]])
        right = -np.concatenate([forces[sample], weights @ kept[sample]])
        scale = np.abs(matrix).max(axis=1)
        moves.append(np.linalg.lstsq(matrix / scale[:, None], right / scale, rcond=None)[0])
    shifted = u + 1j * H * np.array(moves)
    found = f.readouts(shifted, held, parameters)
    return {name: np.asarray(value).imag / H for name, value in found.items()}


def _dense(net, solution):
    """J (samples, n, n) and dn/du (samples, n), column by column."""
    f, u, p = net.functions, solution.u, solution.parameters
    columns = []
    for number in range(u.shape[1]):
        moved = u.astype(complex)
        moved[:, number] += 1j * H
        columns.append(f.currents(moved, solution.held, p).imag / H)
    contents = f.content(u + 1j * H, p).imag / H
    return np.stack(columns, axis=2), contents
