"""A model's records as bytes and back, by the annotations of their dataclasses. Nothing is unpickled.

The bytes: a header's length, the header (JSON: the record's tree, and of each array what it is and where
it begins), and the arrays one after another. The tree holds texts and numbers as they are and, for an array,
its number.

Floating-point tensors are kept as they are, rounded to float16 (where they fit: T5's states may not), or to 8
bits with a scale a row, the last dimension being the row.
"""

from __future__ import annotations

import json
import struct
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

Precision = Literal["float32", "float16", "int8"]
"""What floating-point tensors are rounded to; "float32" leaves them as they are."""

_LENGTH = struct.Struct("<I")
_ALIGNED = 16
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float32, torch.float16, torch.bfloat16, torch.float64),
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    )
}
_SMALL, _LARGE = -(2**31), 2**31 - 1


class Unreadable(ValueError):
    """Bytes that are no record of the type."""


def pack(record: Any, kind: Any, precision: Precision) -> bytes:
    """The record, whose annotation would be ``kind``, as bytes."""
    arrays: list[tuple[str, list[int], bytes]] = []
    tree = _put(record, kind, arrays, precision)
    about, at = [], 0
    for dtype, shape, data in arrays:
        about.append([dtype, shape, at])
        at += _padded(len(data))
    header = json.dumps({"tree": tree, "arrays": about}, ensure_ascii=True, separators=(",", ":")).encode()
    header += b" " * (_padded(_LENGTH.size + len(header)) - _LENGTH.size - len(header))
    body = b"".join(data + bytes(_padded(len(data)) - len(data)) for _, _, data in arrays)
    return _LENGTH.pack(len(header)) + header + body


def unpack(data: memoryview, kind: Any) -> Any:
    """What ``pack`` was given, rounded; tensors are on the CPU. Raises ``Unreadable``."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        begin = _LENGTH.size + length
        header = json.loads(bytes(data[_LENGTH.size : begin]))
        arrays = [_array(data, begin + at, dtype, shape) for dtype, shape, at in header["arrays"]]
        return _get(header["tree"], kind, arrays)
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        struct.error,
        RuntimeError,
    ) as problem:
        raise Unreadable(f"no {kind}: {problem}") from problem


def _padded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _array(data: memoryview, at: int, dtype: str, shape: list[int]) -> Tensor:
    kind = _DTYPES[dtype]
    count = 1
    for side in shape:
        count *= side
    if not count:
        return torch.empty(shape, dtype=kind)
    # A copy: the bytes are a file's, read-only, and may go with it.
    raw = bytearray(data[at : at + count * kind.itemsize])
    return torch.frombuffer(raw, dtype=kind, count=count).view(shape)


# --- by annotation ---


@cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in fields(kind))


def _put(value: Any, kind: Any, arrays: list[tuple[str, list[int], bytes]], precision: Precision) -> Any:
    """The value as a tree; its arrays are added to ``arrays``."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else [_put(value, _only(inner), arrays, precision)]
    if kind is Tensor:
        return _put_tensor(value, arrays, precision)
    if kind == list[int] and all(_SMALL <= number <= _LARGE for number in value):
        return _add(torch.tensor(value, dtype=torch.int32), arrays)
    if origin in (list, tuple):
        kinds = _kinds(inner, len(value))
        return [_put(each, own, arrays, precision) for each, own in zip(value, kinds, strict=True)]
    if origin is Mapping:
        key, own = inner
        return [[_put(k, key, arrays, precision), _put(v, own, arrays, precision)] for k, v in value.items()]
    if isinstance(kind, type) and is_dataclass(kind):
        return {name: _put(getattr(value, name), own, arrays, precision) for name, own in _fields(kind)}
    if kind in (str, int, float, bool) or origin is Literal:
        return value
    raise TypeError(f"a record of a cache cannot hold {kind}")


def _get(tree: Any, kind: Any, arrays: list[Tensor]) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if tree is None else _get(tree[0], _only(inner), arrays)
    if kind is Tensor:
        return _get_tensor(tree, arrays)
    if kind == list[int] and isinstance(tree, int):
        return arrays[tree].tolist()
    if origin in (list, tuple):
        made = [_get(each, own, arrays) for each, own in zip(tree, _kinds(inner, len(tree)), strict=True)]
        return made if origin is list else tuple(made)
    if origin is Mapping:
        key, own = inner
        return {_get(k, key, arrays): _get(v, own, arrays) for k, v in tree}
    if origin is Literal:
        if tree not in inner:
            raise Unreadable(f"expected one of {inner}")
        return tree
    if isinstance(kind, type) and is_dataclass(kind):
        named = _fields(kind)
        if tree.keys() != {name for name, _ in named}:
            raise Unreadable(f"{kind.__name__} has other fields")
        return kind(**{name: _get(tree[name], own, arrays) for name, own in named})
    if kind is float and isinstance(tree, int):
        return float(tree)
    if not isinstance(tree, kind):
        raise Unreadable(f"expected {kind.__name__}, got {type(tree).__name__}")
    return tree


def _only(inner: tuple[Any, ...]) -> Any:
    (kind,) = [each for each in inner if each is not type(None)]
    return kind


def _kinds(inner: tuple[Any, ...], length: int) -> tuple[Any, ...]:
    """The annotation of each element of ``list[X]``, ``tuple[X, ...]`` or ``tuple[X, Y]``."""
    if len(inner) == 1 or (len(inner) == 2 and inner[1] is Ellipsis):
        return (inner[0],) * length
    return inner


# --- tensors ---


def _put_tensor(
    tensor: Tensor, arrays: list[tuple[str, list[int], bytes]], precision: Precision
) -> list[Any]:
    tensor = tensor.detach().cpu()
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_floating_point() and tensor.numel():
        if precision == "float16" and tensor.abs().max() <= torch.finfo(torch.float16).max:
            return [dtype, _add(tensor.half(), arrays)]
        if precision == "int8" and tensor.dim():
            scale = (
                tensor.float().abs().amax(-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny) / 127
            )
            rounded = (tensor.float() / scale).round().to(torch.int8)
            return [dtype, _add(rounded, arrays), _add(scale, arrays)]
    return [dtype, _add(tensor, arrays)]


def _get_tensor(tree: Any, arrays: list[Tensor]) -> Tensor:
    dtype, place, *scale = tree
    tensor: Tensor = arrays[place]
    if scale:
        tensor = tensor.float() * arrays[scale[0]]
    return tensor.to(_DTYPES[dtype])


def _add(tensor: Tensor, arrays: list[tuple[str, list[int], bytes]]) -> int:
    data = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    arrays.append((str(tensor.dtype).removeprefix("torch."), list(tensor.shape), data))
    return len(arrays) - 1


# --- in memory ---


def own(record: Any) -> Any:
    """The record with a copy of each tensor that is a view of a larger one."""
    if isinstance(record, Tensor):
        whole = record.untyped_storage().nbytes()
        return record.clone() if whole > record.numel() * record.element_size() else record
    if is_dataclass(record) and not isinstance(record, type):
        changed = {}
        for field in fields(record):
            before = getattr(record, field.name)
            after = own(before)
            if after is not before:
                changed[field.name] = after
        return replace(record, **changed) if changed else record
    if isinstance(record, tuple | list):
        copies = [own(each) for each in record]
        if all(after is before for after, before in zip(copies, record, strict=True)):
            return record
        return copies if isinstance(record, list) else tuple(copies)
    return record


def size_of(record: Any) -> int:
    """About how many bytes the record holds."""
    if isinstance(record, Tensor):
        return record.numel() * record.element_size() + 200
    if is_dataclass(record) and not isinstance(record, type):
        return 64 + sum(size_of(getattr(record, field.name)) for field in fields(record))
    if isinstance(record, list | tuple):
        if record and isinstance(record[0], int):
            return 56 + 8 * len(record)  # small numbers are shared
        return 56 + sum(8 + size_of(each) for each in record)
    if isinstance(record, Mapping):
        return 64 + sum(100 + size_of(key) + size_of(own) for key, own in record.items())
    if isinstance(record, str):
        return 56 + len(record)
    return 32
