//===- RunImage.c - Calls a kernel of an image under an emulator ----------===//
//
// A freestanding aarch64 program: qemu-user runs it without any library of that
// architecture. RunImage IMAGE reads a call from standard input, and writes the
// buffers to standard output as the kernel left them. The call is, in 64-bit
// numbers: the kernel's place in the image, how many buffers, how many scalars,
// bytes of scratch, first tile, last tile, the bytes of each buffer (a multiple
// of 64), the scalars; then the buffers.
//
// The image is mapped as one piece: the linker gives each byte of it the same
// place in memory as in the file. An emulator keeps no instruction cache to
// flush, and the inputs are the test's own, so nothing is checked here.
//
//===----------------------------------------------------------------------===//

#include "runtime/abi/KernelAbi.h"

enum { kRead = 63, kWrite = 64, kOpenAt = 56, kExit = 93, kMap = 222 };

static long call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}

static char *map(long bytes) {
  // Anonymous, private; readable, writable and executable.
  return (char *)call(kMap, 0, bytes, 7, 0x22, -1, 0);
}

static long readAll(long file, char *to, long bytes) {
  long done = 0;
  while (done < bytes) {
    long n = call(kRead, file, (long)(to + done), bytes - done, 0, 0, 0);
    if (n <= 0)
      break;
    done += n;
  }
  return done;
}

__attribute__((used)) static long runCall(const char *path) {
  enum { kImageBytes = 64 << 20 };
  char *image = map(kImageBytes);
  readAll(call(kOpenAt, -100, (long)path, 0, 0, 0, 0), image, kImageBytes);

  long long header[6];
  readAll(0, (char *)header, sizeof(header));
  long long *sizes = (long long *)map(4096);
  long long *scalars = sizes + header[1];
  readAll(0, (char *)sizes, (header[1] + header[2]) * 8);
  void **buffers = (void **)map(4096);
  for (long i = 0; i < header[1]; ++i) {
    // 64 bytes more are the ABI's promise to kernels.
    buffers[i] = map(sizes[i] + 64);
    readAll(0, buffers[i], sizes[i]);
  }
  LatheKernelArgs args = {LATHE_KERNEL_ABI_VERSION, buffers, scalars, 1};
  LatheKernel kernel = (LatheKernel)(image + header[0]);
  char *scratch = map(LATHE_SCRATCH_HEADER + header[3] + 64);
  int code =
      kernel(&args, scratch + LATHE_SCRATCH_HEADER, header[4], header[5]);
  for (long i = 0; i < header[1]; ++i)
    for (long done = 0; done < sizes[i];)
      done +=
          call(kWrite, 1, (long)buffers[i] + done, sizes[i] - done, 0, 0, 0);
  return code;
}

__attribute__((naked)) void _start(void) {
  // The arguments stand on the stack: their number, the program, the image.
  __asm__("ldr x0, [sp, #16]\n"
          "bl runCall\n"
          "mov x8, #93\n"
          "svc 0");
}
