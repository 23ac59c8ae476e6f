"""Rows over several devices: where they lie, and how a function is run where they lie."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ._checks import check_count
from ._typing import Array

ROWS = "rows"
"""Name of the mesh axis that this package makes itself."""

_SPREAD_FROM = 8192  # below this many rows, handing them out costs more than it saves

_cpu_cores: int | None = None


class RowSharding(NamedTuple):
    """A mesh and the name (or names) of the axis over which rows are laid out."""

    mesh: Any
    axis: Any


def use_cpu_cores(n: int | None = None) -> int:
    """Makes one XLA device of each CPU core, over which functions then shard rows.

    XLA runs the small operations of a loop on one thread of one device, so that several devices
    use several cores better than one device does. A library must not decide that at import;
    call this once, before the first computation.

    Args:
      n: number of devices; None takes the cores this process may run on.

    Returns:
      The number of devices made.

    Raises:
      RuntimeError: when JAX has computed already, with another number of devices.
      TypeError: when `n` is no whole number.
      ValueError: when `n` is below 1.

    Example:
      >>> import clusterart_jax as ca
      >>> ca.use_cpu_cores()  # doctest: +SKIP
      2
    """
    global _cpu_cores  # noqa: PLW0603 - one process has one set of devices
    affinity = getattr(os, "sched_getaffinity", None)
    present = len(affinity(0)) if affinity else os.cpu_count() or 1
    cores = present if n is None else check_count(n, "n")
    try:
        jax.config.update("jax_num_cpu_devices", cores)
    except RuntimeError as error:
        present = len(jax.devices("cpu"))
        if present != cores:
            raise RuntimeError(
                f"use_cpu_cores({cores}) comes too late: JAX has started with {present} CPU "
                "device(s); call it before the first computation"
            ) from error
    _cpu_cores = cores
    return cores


def row_sharding(x: Any) -> RowSharding | None:
    """The mesh axis over which the rows of `x` are sharded, where that is known; else None.

    Known for concrete arrays, and under `jit` on a mesh whose axes are explicit. Under `jit` with
    automatic axes the partitioner decides; the result is the same.
    """
    sharding = getattr(jax.typeof(x) if isinstance(x, jax.core.Tracer) else x, "sharding", None)
    if not isinstance(sharding, NamedSharding) or not sharding.spec or sharding.spec[0] is None:
        return None
    axis = sharding.spec[0]
    names = axis if isinstance(axis, tuple) else (axis,)
    size = int(np.prod([sharding.mesh.shape[name] for name in names]))
    return RowSharding(sharding.mesh, axis) if size > 1 else None


def spread_rows(
    x: Array, weights: Array, *, absent: Any = 0, fewest: int | None = None
) -> tuple[Array, Array, RowSharding | None]:
    """Lays rows over the CPU devices of `use_cpu_cores`, padded with rows that count as absent.

    Rows that are traced, or few, stay as they are; where rows are sharded already, `weights` are
    laid out alike.

    Args:
      x: rows (n, d).
      weights: one value a row, (n,): weights, or labels.
      absent: the value in `weights` that marks a row as absent; padding gets it.
      fewest: rows from which on it pays to hand them out, which takes some milliseconds.

    Returns:
      The rows, their weights, and the sharding of both.
    """
    sharding = row_sharding(x)
    if sharding is not None:
        return place_rows(x, sharding), place_rows(weights, sharding), sharding
    plain = not any(isinstance(a, jax.core.Tracer) for a in (x, weights))
    if not plain or not _cpu_cores or _cpu_cores == 1:
        return x, weights, None
    if x.shape[0] < (_SPREAD_FROM if fewest is None else fewest):
        return x, weights, None
    if x.devices() - set(jax.devices("cpu")) or len(x.devices()) > 1:
        return x, weights, None
    sharding = RowSharding(jax.sharding.Mesh(np.array(jax.devices("cpu")), (ROWS,)), ROWS)
    short = -x.shape[0] % sharding.mesh.size
    if short:
        x = jnp.pad(x, ((0, short), (0, 0)))
        weights = jnp.pad(weights, (0, short), constant_values=absent)
    return _lend_rows(x, sharding), _lend_rows(weights, sharding), sharding


def _lend_rows(x: Array, sharding: RowSharding) -> Array:
    """`place_rows` without a copy: CPU devices share their memory, so each is lent a part of it.

    Copying 60,000 pictures took longer than a pass over them. A part that does not begin where XLA
    wants arrays to begin is copied nevertheless.
    """
    host = np.asarray(x)
    devices = sharding.mesh.devices.ravel()
    size = len(host) // len(devices)
    parts = [
        jax.device_put(host[i * size : (i + 1) * size], device, may_alias=True)
        for i, device in enumerate(devices)
    ]
    place = NamedSharding(sharding.mesh, PartitionSpec(sharding.axis))
    return jax.make_array_from_single_device_arrays(x.shape, place, parts)


def place_rows(values: Array, sharding: RowSharding | None) -> Array:
    """A per-row array (n, …) laid out as `sharding` says; as it is where there is none."""
    return values if sharding is None else _place(values, sharding, PartitionSpec(sharding.axis))


def replicate(values: Array, sharding: RowSharding | None) -> Array:
    """An array put whole on every device of `sharding`; as it is where there is none."""
    return values if sharding is None else _place(values, sharding, PartitionSpec())


def _place(values: Array, sharding: RowSharding, spec: PartitionSpec) -> Array:
    place = NamedSharding(sharding.mesh, spec)
    concrete = isinstance(sharding.mesh, jax.sharding.Mesh)
    explicit = jax.sharding.AxisType.Explicit in sharding.mesh.axis_types
    if explicit and (isinstance(values, jax.core.Tracer) or not concrete):
        return jax.sharding.reshard(values, place)
    return jax.device_put(values, place)


def rows_back(result: Any, rows_out: Any, x: Array, sharding: RowSharding | None) -> Any:
    """Undoes `spread_rows`: `use_cpu_cores` changes the speed, not where or what results are.

    Rows that were sharded when they came keep their results sharded alike.

    Args:
      result: a tree of arrays, computed from the spread rows.
      rows_out: a tree of its form: True where the first axis is rows.
      x: the rows (n, d) as they came.
      sharding: what `spread_rows` returned.
    """
    if sharding is None or row_sharding(x) is not None:
        return result
    result = jax.device_put(result, x.sharding)
    n = x.shape[0]
    return jax.tree.map(lambda a, rows: a[:n] if rows and len(a) > n else a, result, rows_out)


def over_rows(
    function: Callable[..., Any],
    sharding: RowSharding | None,
    *,
    rows_in: tuple[bool, ...],
    rows_out: Any,
) -> Callable[..., Any]:
    """`function` run on each device's own rows; the function itself where there is one device.

    Args:
      function: sums over devices with the axis name that it was given beforehand.
      sharding: from `row_sharding` or `spread_rows`.
      rows_in: for each argument, whether its first axis is rows (else it is on every device).
      rows_out: the same for the result, as a tree of the result's form.
    """
    if sharding is None:
        return function
    spec = {True: PartitionSpec(sharding.axis), False: PartitionSpec()}
    return jax.shard_map(
        function,
        mesh=sharding.mesh,
        in_specs=tuple(spec[rows] for rows in rows_in),
        out_specs=jax.tree.map(lambda rows: spec[rows], rows_out),
        check_vma=False,  # results are equal on every device because they come from sums over all
    )
