from kontur.kernels.common cimport ci32, f32

cdef void blurred(f32[:, ::1] table, f32[:, ::1] spare, ci32[:, :, ::1] neighbours) noexcept nogil
