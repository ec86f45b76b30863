//===- KernelAbi.h - What compiled kernels and the runtime share ----------===//
//
// The whole contract between machine code in an artifact and the runtime that
// calls it. Plain C; includes nothing, so that a kernel can be written by hand.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_ABI_KERNELABI_H
#define LATHE_RUNTIME_ABI_KERNELABI_H

/// Raised when the layout below or the meaning of a field changes. An artifact
/// says which one its kernels were built for.
#define LATHE_KERNEL_ABI_VERSION 2

/// Bytes before a worker's scratch: a header that is zero when a context is
/// made and that only kernels with something to compute once a worker read or
/// write. They leave there, as two numbers, the launch for which they did so,
/// and what.
#define LATHE_SCRATCH_HEADER 64

/// What a kernel returns: 0 for success; any other value is a fault of the
/// kernel and ends the call with a device error.
#define LATHE_KERNEL_OK 0

#ifdef __cplusplus
extern "C" {
#endif

/// The operands of one launch, the same for every range of its tiles.
typedef struct LatheKernelArgs {
  /// LATHE_KERNEL_ABI_VERSION.
  long long abi_version;
  /// Base address of each operand, in parameter order: operands, then results
  /// (a result tied to an operand is not listed again). 64-byte aligned, and
  /// readable 64 bytes past the buffer's end.
  void *const *buffers;
  /// Value of each symbol that the kernel names, in its order.
  const long long *scalars;
  /// The number of this launch, 1 or more: no other launch that runs on the
  /// same scratch has it.
  long long launch;
} LatheKernelArgs;

/// Computes the tiles [begin, end) of a launch. Re-entrant: several threads
/// call it at once with disjoint ranges and their own scratch. It never
/// blocks, allocates or calls out.
///
/// \param scratch 64-byte aligned, of the kernel's `scratch_bytes`, behind a
/// header
///   of LATHE_SCRATCH_HEADER bytes. What stands there is what the last range
///   left that ran on it; it is undefined at the first range of a launch.
typedef int (*LatheKernel)(const LatheKernelArgs *args, void *scratch,
                           long long begin, long long end);

#ifdef __cplusplus
} // extern "C"
#endif

#endif // LATHE_RUNTIME_ABI_KERNELABI_H
