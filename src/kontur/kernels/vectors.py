"""Eight float32 at a time (or three times eight): multiply-add between rows, over the corners of a lattice point.

LLVM does not keep a short row in a register across a loop over several tables, because it cannot know that they do not
overlap; these intrinsics say so. Everything is bounds-unchecked, as numba's own indexing.
"""

from __future__ import annotations

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

_VECTOR = ir.VectorType(ir.FloatType(), 8)
_LANES = ir.VectorType(ir.IntType(32), 8)
_WORD = ir.IntType(64)


def _array(context, builder, array_type, value):  # type: ignore[no-untyped-def]
    """(data pointer, the array's structure)"""
    structure = context.make_array(array_type)(context, builder, value)
    return structure.data, structure


def _vector_at(builder, data, index):  # type: ignore[no-untyped-def]
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


def _repeated(builder, scalar):  # type: ignore[no-untyped-def]
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_LANES, [0] * 8))


def _fused(builder, a, b, c):  # type: ignore[no-untyped-def]
    """a · b + c, rounded once where the machine can."""
    return builder.fadd(builder.fmul(a, b, ("contract",)), c, ("contract",))


def _checked(row, offset, table, corners, weights, p):  # type: ignore[no-untyped-def]
    expected = (
        types.Array(types.float32, 1, "C"), types.int64, types.Array(types.float32, 2, "C"),
        types.Array(types.int32, 2, "C"), types.Array(types.float32, 2, "C"), types.int64,
    )  # fmt: skip
    if (row, table, corners, weights) != (expected[0], *expected[2:5]):
        raise TypeError(f"expected {expected}, got {(row, offset, table, corners, weights, p)}")
    return types.void(*expected)


def _corner_loop(context, builder, signature, args, registers, visit):  # type: ignore[no-untyped-def]
    """Call visit(register, vector pointer into the table, repeated weight) for every corner of point p."""
    _, offset, table, corners, weights, p = args
    types_ = signature.args
    table_data, table_array = _array(context, builder, types_[2], table)
    corner_data, corner_array = _array(context, builder, types_[3], corners)
    weight_data, _ = _array(context, builder, types_[4], weights)
    width = cgutils.unpack_tuple(builder, table_array.shape, 2)[1]
    count = cgutils.unpack_tuple(builder, corner_array.shape, 2)[1]
    start = builder.mul(p, count)
    with cgutils.for_range(builder, count) as loop:
        at = builder.add(start, loop.index)
        row = builder.sext(builder.load(builder.gep(corner_data, [at])), _WORD)
        weight = _repeated(builder, builder.load(builder.gep(weight_data, [at])))
        first = builder.add(builder.mul(row, width), offset)
        for register in range(registers):
            visit(
                register, _vector_at(builder, table_data, builder.add(first, ir.Constant(_WORD, 8 * register))), weight
            )


def _row_vectors(context, builder, signature, args, registers):  # type: ignore[no-untyped-def]
    """Pointers to `registers` vectors of the row, from the offset on."""
    data, _ = _array(context, builder, signature.args[0], args[0])
    return [_vector_at(builder, data, builder.add(args[1], ir.Constant(_WORD, 8 * r))) for r in range(registers)]


def _receive(registers):  # type: ignore[no-untyped-def]
    def receive(typing_context, row, offset, table, corners, weights, p):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            targets = _row_vectors(context, builder, signature, args, registers)
            totals = [cgutils.alloca_once_value(builder, builder.load(target, align=4)) for target in targets]

            def add(register, vector, weight):  # type: ignore[no-untyped-def]
                total = builder.load(totals[register])
                builder.store(_fused(builder, weight, builder.load(vector, align=4), total), totals[register])

            _corner_loop(context, builder, signature, args, registers, add)
            for target, total in zip(targets, totals):
                builder.store(builder.load(total), target, align=4)
            return context.get_dummy_value()

        return _checked(row, offset, table, corners, weights, p), generate

    return intrinsic(receive)


def _send(registers):  # type: ignore[no-untyped-def]
    def send(typing_context, row, offset, table, corners, weights, p):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            targets = _row_vectors(context, builder, signature, args, registers)
            values = [builder.load(target, align=4) for target in targets]

            def add(register, vector, weight):  # type: ignore[no-untyped-def]
                old = builder.load(vector, align=4)
                builder.store(_fused(builder, weight, values[register], old), vector, align=4)

            _corner_loop(context, builder, signature, args, registers, add)
            return context.get_dummy_value()

        return _checked(row, offset, table, corners, weights, p), generate

    return intrinsic(send)


# row[offset : offset + n] += Σ_k weights[p, k] · table[corners[p, k], offset : offset + n]
receive_8, receive_24 = _receive(1), _receive(3)

# table[corners[p, k], offset : offset + n] += weights[p, k] · row[offset : offset + n] for every corner k
send_8, send_24 = _send(1), _send(3)


@intrinsic
def softmax(typing_context, row):  # type: ignore[no-untyped-def]
    """exp(row) / Σ exp(row) in place; row: (8 n,) float32, finite. Relative error under 3e-6.

    Nothing falls below e^-60 of the largest, so that no slow denormal numbers arise.

    exp(x) = 2^whole · e^part: whole goes into the exponent bits, e^part with |part| <= ln 2 / 2 is a polynomial.
    """

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        data, structure = _array(context, builder, signature.args[0], args[0])
        blocks = builder.udiv(cgutils.unpack_tuple(builder, structure.shape, 1)[0], ir.Constant(_WORD, 8))

        def constant(value):  # type: ignore[no-untyped-def]
            return ir.Constant(_VECTOR, [value] * 8)

        def every_block(visit):  # type: ignore[no-untyped-def]
            with cgutils.for_range(builder, blocks) as loop:
                address = _vector_at(builder, data, builder.mul(loop.index, ir.Constant(_WORD, 8)))
                visit(address, builder.load(address, align=4))

        def larger(a, b):  # type: ignore[no-untyped-def]
            return builder.select(builder.fcmp_ordered(">", a, b), a, b)

        def fold(vector, operation):  # type: ignore[no-untyped-def]
            """All eight lanes into one scalar."""
            undefined = ir.Constant(_VECTOR, ir.Undefined)
            for shift in (4, 2, 1):
                order = ir.Constant(_LANES, [(lane + shift) % 8 for lane in range(8)])
                vector = operation(vector, builder.shuffle_vector(vector, undefined, order))
            return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

        highest = cgutils.alloca_once_value(builder, constant(-3e38))
        every_block(lambda _, x: builder.store(larger(x, builder.load(highest)), highest))
        top = _repeated(builder, fold(builder.load(highest), larger))
        total = cgutils.alloca_once_value(builder, constant(0.0))

        def exponential(address, x):  # type: ignore[no-untyped-def]
            x = larger(builder.fsub(x, top), constant(-60.0))
            whole = builder.fptosi(_fused(builder, x, constant(1.4426950408889634), constant(-0.5)), _LANES)
            part = _fused(builder, builder.sitofp(whole, _VECTOR), constant(-0.6931471805599453), x)
            exponent = builder.shl(builder.add(whole, ir.Constant(_LANES, [127] * 8)), ir.Constant(_LANES, [23] * 8))
            series = constant(1 / 720)
            for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
                series = _fused(builder, series, part, constant(factor))
            value = builder.fmul(series, builder.bitcast(exponent, _VECTOR))
            builder.store(value, address, align=4)
            builder.store(builder.fadd(value, builder.load(total)), total)

        every_block(exponential)
        inverse = builder.fdiv(ir.Constant(ir.FloatType(), 1.0), fold(builder.load(total), builder.fadd))
        scale = _repeated(builder, inverse)
        every_block(lambda address, x: builder.store(builder.fmul(x, scale), address, align=4))
        return context.get_dummy_value()

    return types.void(types.Array(types.float32, 1, "C")), generate
