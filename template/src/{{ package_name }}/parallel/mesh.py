"""The mesh: all devices on two named axes, ``model`` and ``data``."""

from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from pydantic import Field, model_validator

from ..errors import UserError
from ..settings import Settings

AXES = ("model", "data")


class MeshSettings(Settings):
    """Sizes of the two axes; one of them may be -1, which takes the devices that are left.

    Attributes:
        model: Devices that share one copy of the weights (tensor parallelism).
        data: Groups of devices that share one batch (data parallelism).
        fsdp: Spread weights and optimizer state over ``data`` too, gathering them where used.
    """

    model: int = Field(default=1, ge=-1)
    data: int = Field(default=-1, ge=-1)
    fsdp: bool = False

    @model_validator(mode="after")
    def _sizes(self) -> "MeshSettings":
        if 0 in (self.model, self.data) or self.model == self.data == -1:
            raise ValueError("data: sizes are 1 or more; only one of model and data may be -1")
        return self

    def shape(self, num_devices: int) -> tuple[int, int]:
        """Sizes of (model, data) on `num_devices` devices.

        Raises:
            UserError: The sizes do not multiply to the number of devices.
        """
        rest = num_devices // abs(self.model * self.data)  # -1 counts for one device here
        model, data = (rest if size == -1 else size for size in (self.model, self.data))
        if model * data != num_devices:
            raise UserError(
                f"mesh: model={self.model} by data={self.data} does not divide the {num_devices} "
                "devices exactly; set mesh.data to -1 to use all that mesh.model leaves"
            )
        return model, data


def create_mesh(settings: MeshSettings | None = None, devices: Sequence[Any] | None = None) -> Mesh:
    """Create the (model, data) mesh.

    The axes are `AxisType.Auto`: XLA propagates shardings from the arguments of a compiled
    function and from the constraints on activations. `jax.make_mesh` would default to explicit
    axes, under which every contraction over a sharded axis has to spell its result's sharding.

    Args:
        settings: Axis sizes; by default all devices on ``data``.
        devices: The `jax.Device` objects to use; by default all of them.

    Returns:
        A mesh whose axis names are ``("model", "data")``.

    Raises:
        UserError: The sizes do not fit the number of devices.
    """
    devices = list(jax.devices() if devices is None else devices)
    shape = (settings or MeshSettings()).shape(len(devices))
    return jax.make_mesh(shape, AXES, axis_types=(AxisType.Auto,) * 2, devices=devices)


def get_sharding_spec(mesh: Mesh, spec: Sequence[str | None]) -> NamedSharding:
    """The sharding that puts axis i of an array on mesh axis ``spec[i]`` (None: replicated)."""
    return NamedSharding(mesh, PartitionSpec(*spec))
