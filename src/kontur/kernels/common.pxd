# What all kernels share: C's types by their width, and the small functions that are worth nothing unless they are inlined.
#
#     from cython.cimports.kontur.kernels.common import f32, find, i64

ctypedef float f32
ctypedef double f64
ctypedef signed char i8
ctypedef short i16
ctypedef int i32
ctypedef long long i64
ctypedef unsigned char u8
ctypedef unsigned short u16
ctypedef unsigned int u32
ctypedef unsigned long long u64

# The elements of arrays that are only read, so that read-only arrays are taken as well.
ctypedef const float cf32
ctypedef const double cf64
ctypedef const signed char ci8
ctypedef const short ci16
ctypedef const int ci32
ctypedef const long long ci64
ctypedef const unsigned char cu8
ctypedef const unsigned short cu16
ctypedef const unsigned int cu32
ctypedef const unsigned long long cu64


# Disjoint sets in one array: parent[i] is an element nearer to the root of i; a root is its own parent.
# Source: Tarjan & van Leeuwen, "Worst-case analysis of set union algorithms", J. ACM 31(2), 1984 (path halving).

cdef inline i64 find(i32[::1] parent, i64 i) noexcept nogil:
    """The root of element i; the path to it is halved on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


cdef inline i64 unite_low(i32[::1] parent, i64 i, i64 j) noexcept nogil:
    """Join the sets of i and j under the smaller root, so that every parent points to a smaller or equal index."""
    i, j = find(parent, i), find(parent, j)
    if i < j:
        parent[j] = <i32>i
        return i
    parent[i] = <i32>j
    return j


# The bits of words, without a compiler's builtins.

cdef inline int lowest_bit(u64 word) noexcept nogil:
    """The position of the lowest set bit of a word that is not 0: a product moves one of 64 different patterns to the top."""
    return _PLACES[((word & (0 - word)) * <u64>0x03F79D71B4CB0A89) >> 58]


cdef extern from *:
    """
    static const unsigned char kontur_places[64] = {
        0, 1, 48, 2, 57, 49, 28, 3, 61, 58, 50, 42, 38, 29, 17, 4, 62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
        63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9, 13, 8, 7, 6};
    """
    const u8 _PLACES "kontur_places"[64]


# The steps to the eight neighbours of a grid's links: `kontur.kernels.grid_maxflow.STEPS`; d ^ 1 leads back.

cdef inline int step_down(i64 d) noexcept nogil:
    return 0 if d < 2 else (1 if d % 2 == 0 else -1)


cdef inline int step_right(i64 d) noexcept nogil:
    return (1 if d == 0 else -1) if d < 2 else (0 if d < 4 else (1 if d == 4 or d == 7 else -1))


# L*a*b* by the tables of `kontur.kernels.colour`.

cdef inline f32 _unit(f32 value) noexcept nogil:
    """Within [0, 1]; NaN is 0, so that a table is never read outside."""
    if not value > 0:
        return 0
    return value if value < 1 else 1


cdef inline f32 linear_light(f32 value, cf32[::1] linear) noexcept nogil:
    """One sRGB value in [0, 1] to linear light."""
    cdef f32 position = _unit(value) * <f32>4096
    cdef i32 i = <i32>position
    return linear[i] + (linear[i + 1] - linear[i]) * (position - <f32>i)


cdef inline (f32, f32, f32) lab_of(f32 red, f32 green, f32 blue, cf32[::1] root, cf32[:, ::1] matrix) noexcept nogil:
    """One pixel from linear light."""
    cdef f32[3] f
    cdef f32 t, position
    cdef i32 i
    cdef int axis
    for axis in range(3):
        t = matrix[axis, 0] * red + matrix[axis, 1] * green + matrix[axis, 2] * blue
        position = _unit(t) * <f32>4096
        i = <i32>position
        f[axis] = root[i] + (root[i + 1] - root[i]) * (position - <f32>i)
    return <f32>116 * f[1] - <f32>16, <f32>500 * (f[0] - f[1]), <f32>200 * (f[1] - f[2])


cdef extern from *:
    """
    #include <string.h>
    static float kontur_float_of_bits(int bits) { float value; memcpy(&value, &bits, sizeof value); return value; }
    """
    f32 _float_of_bits "kontur_float_of_bits"(i32 bits) noexcept nogil


cdef inline f32 float_of_bits(i32 bits) noexcept nogil:
    """The float32 with these 32 bits."""
    return _float_of_bits(bits)


cdef inline i64 within(f64 value, i64 size) noexcept nogil:
    """A number without its fraction as an index 0..size - 1: the nearest one, and 0 for NaN."""
    if not value > 0:
        return 0
    return <i64>value if value < size else size - 1


cdef inline i64 floor_div(i64 a, i64 b) noexcept nogil:
    """a // b rounded down, b > 0: C rounds towards 0."""
    return a // b - (a % b < 0)


# A heap with the smallest entry on top, in the order of (key, first, second). Its memory is C's: `heap_free` it.

cdef extern from "<stdlib.h>" nogil:
    void* realloc(void*, size_t)
    void free(void*)


cdef struct Entry:
    f64 key
    i64 first
    i64 second


cdef struct Heap:
    Entry* entries
    i64 size
    i64 room


cdef inline bint _before(Entry a, Entry b) noexcept nogil:
    if a.key != b.key:
        return a.key < b.key
    return a.first < b.first or (a.first == b.first and a.second < b.second)


cdef inline bint heap_push(Heap* heap, f64 key, i64 first, i64 second) noexcept nogil:
    """Add an entry; False where there is no memory left."""
    cdef Entry entry
    cdef Entry* more
    cdef i64 at, above
    entry.key, entry.first, entry.second = key, first, second
    if heap.size == heap.room:
        more = <Entry*>realloc(heap.entries, <size_t>(2 * heap.room + 1024) * sizeof(Entry))
        if more == NULL:
            return False
        heap.entries, heap.room = more, 2 * heap.room + 1024
    at = heap.size
    heap.size += 1
    while at > 0:
        above = (at - 1) >> 1
        if not _before(entry, heap.entries[above]):
            break
        heap.entries[at] = heap.entries[above]
        at = above
    heap.entries[at] = entry
    return True


cdef inline Entry heap_pop(Heap* heap) noexcept nogil:
    """Take the smallest entry out of a heap that is not empty."""
    cdef Entry smallest = heap.entries[0]
    cdef Entry last
    cdef i64 at = 0, child
    heap.size -= 1
    last = heap.entries[heap.size]
    while True:
        child = 2 * at + 1
        if child >= heap.size:
            break
        if child + 1 < heap.size and _before(heap.entries[child + 1], heap.entries[child]):
            child += 1
        if not _before(heap.entries[child], last):
            break
        heap.entries[at] = heap.entries[child]
        at = child
    heap.entries[at] = last
    return smallest
