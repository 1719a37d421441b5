"""A network's tensors in a model folder: what was trained goes in, what is shared goes in once."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from attrex.errors import ModelError
from attrex.nn.encoders import PretrainedEncoder
from attrex.nn.fusion import IdentityAdaptor
from attrex.nn.structured import Added
from attrex.nn.vision import SmallResNet

VISION_GROUP = "vision"
"""The group of vision encoders."""

_FIX = "Fix: copy the whole folder, or fit the model again"


class TrainingOnly(nn.Module):
    """What takes part in training and is no part of the model: a model folder does not hold it."""


class OwnGroup(nn.Module):
    """Whose pretrained parameters learn at a rate of their own: ``group`` names it."""

    group: str


class PretrainedGroup(OwnGroup):
    """A group of which every parameter was pretrained."""


def kept(network: nn.Module, *, portable: bool) -> dict[str, Tensor]:
    """What a folder must hold: the parameters that were trained, and the buffers. Frozen parameters only
    where their base is not ``portable``. A tensor with two names (one word table in several encoders)
    goes by the first."""
    teachers = tuple(f"{n}." for n, m in network.named_modules() if isinstance(m, TrainingOnly))
    once = {n for n, _ in network.named_parameters()} | {n for n, _ in network.named_buffers()}
    frozen = _frozen(network) if portable else frozenset()
    return {
        n: t
        for n, t in network.state_dict().items()
        if n in once and n not in frozen and not n.startswith(teachers)
    }


def fill_in(network: nn.Module, tensors: Mapping[str, Tensor], *, portable: bool) -> None:
    """Loads what ``kept`` gave. Raises ``ModelError`` where one is missing or has another shape."""
    for name, tensor in kept(network, portable=portable).items():
        if name not in tensors:
            raise ModelError(f"model.safetensors: {name} is missing. {_FIX}")
        if tensors[name].shape != tensor.shape:
            raise ModelError(
                f"model.safetensors: {name} is {tuple(tensors[name].shape)}, expected {tuple(tensor.shape)}. "
                f"{_FIX}"
            )
    network.load_state_dict(dict(tensors), strict=False)


def grouped(network: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The trainable parameters: what was pretrained as "encoder", or as the group of the ``OwnGroup``
    around it, a vision encoder as "vision" also where it was not, and what else begins at random as "head".
    What begins as an identity, or as a copy, counts as pretrained. A group that is frozen is empty."""
    # At the head's rate an identity would be lost within some dozen steps.
    kinds = (PretrainedEncoder, IdentityAdaptor, PretrainedGroup, Added)
    pretrained = set[int]().union(*(_within(network, kind) for kind in kinds))
    own = [module for module in network.modules() if isinstance(module, OwnGroup)]
    of = {id(p): m.group for m in own for p in m.parameters() if id(p) in pretrained}
    of |= dict.fromkeys(_within(network, SmallResNet), VISION_GROUP)
    groups: dict[str, list[nn.Parameter]] = {"encoder": [], "head": [], **{m.group: [] for m in own}}
    for parameter in network.parameters():
        if parameter.requires_grad:
            group = of.get(id(parameter), "encoder" if id(parameter) in pretrained else "head")
            groups.setdefault(group, []).append(parameter)
    return groups


def _within(network: nn.Module, kind: type[nn.Module]) -> set[int]:
    return {id(p) for module in network.modules() if isinstance(module, kind) for p in module.parameters()}


def _frozen(network: nn.Module) -> frozenset[str]:
    return frozenset(n for n, p in network.named_parameters() if not p.requires_grad)
