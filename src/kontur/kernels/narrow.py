"""Arithmetic that keeps its width: 16-bit sums stay 16-bit, so that a loop handles four times as many pixels at once.

Numba, like NumPy's scalars of old, computes `int16 + int16` in the machine's word; LLVM cannot always narrow it again.
These are the operations the inner loops need, without overflow checks: the caller keeps every value within ±32767.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic


@intrinsic
def add16(typing_context: Any, a: Any, b: Any) -> Any:
    """a + b of two int16 as int16 (wraps)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.add(*arguments)

    return types.int16(types.int16, types.int16), generate


@intrinsic
def distance16(typing_context: Any, a: Any, b: Any) -> Any:
    """|a - b| of two int16 as int16 (|a - b| must be at most 32767)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right = arguments
        greater = builder.icmp_signed(">", left, right)
        return builder.select(greater, builder.sub(left, right), builder.sub(right, left))

    return types.int16(types.int16, types.int16), generate


@intrinsic
def float_of_bits(typing_context: Any, bits: Any) -> Any:
    """The float32 with these 32 bits (an int32)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate
