"""Where the parts of a pipeline wait: all on the device, or in main memory until they are used."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.hooks import apply_group_offloading
from torch import nn

from engine.runtime import Runtime

REST = torch.device("cpu")


class Parts:
    """The modules of a pipeline, one group of them in use at a time.

    With ``runtime.offload`` "none" all stay on the device. "model": those in use are there, the others wait. "group":
    the large ones come layer by layer, which needs the least memory and the most time (diffusers' group offloading).
    """

    def __init__(self, modules: Sequence[nn.Module], large: Sequence[nn.Module], runtime: Runtime) -> None:
        self.runtime, self.modules = runtime, list(modules)
        if runtime.offload == "none":
            for module in modules:
                module.to(runtime.device)
        if runtime.offload == "group":
            for module in large:
                _layer_by_layer(module, runtime.device)
            self.modules = [module for module in modules if all(module is not one for one in large)]

    def use(self, *wanted: nn.Module) -> None:
        """Bring these to the device and send the others away."""
        if self.runtime.offload == "none":
            return
        for module in self.modules:
            if all(module is not one for one in wanted):
                module.to(REST)
        for module in self.modules:
            if any(module is one for one in wanted):
                module.to(self.runtime.device)


def _layer_by_layer(module: nn.Module, device: torch.device) -> None:
    stream = device.type == "cuda"  # the next layer comes while this one computes
    apply_group_offloading(module, device, REST, offload_type="leaf_level", use_stream=stream)
    # our passes call layers, never whole blocks: nothing would bring the few weights that blocks hold themselves
    for inner in module.modules():
        if any(True for _ in inner.children()):
            for weight in inner.parameters(recurse=False):
                weight.data = weight.data.to(device)
