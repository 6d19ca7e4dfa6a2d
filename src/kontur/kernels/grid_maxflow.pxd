# A node's state in one byte: the low four bits are its parent (a direction, or one of these), then its tree.
cdef enum:
    _TERMINAL = 8
    _ORPHAN = 9
    _NONE = 10
    _PARENT = 15
    _SOURCE = 16
    _SINK = 32
    _TREE = 48
    _QUEUED = 64
    _FAR = 1 << 30
