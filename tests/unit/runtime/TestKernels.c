//===- TestKernels.c - Kernels of the runtime's own tests -----------------===//
//
// Freestanding: built into an ELF image as the compiler's are, see
// CMakeLists.txt.
//
//===----------------------------------------------------------------------===//

#include "runtime/abi/KernelAbi.h"

#define VOCABULARY 16
#define PAGE 4

/// y[t][c] = x[t][c] * w[c]: buffers x, w, y; a tile is a row of 4.
int scale(const LatheKernelArgs *args, void *scratch, long long begin,
          long long end) {
  const float *x = args->buffers[0], *w = args->buffers[1];
  float *y = args->buffers[2];
  float *row = scratch;
  for (long long t = begin; t < end; ++t) {
    for (int c = 0; c < 4; ++c)
      row[c] = x[t * 4 + c] * w[c];
    for (int c = 0; c < 4; ++c)
      y[t * 4 + c] = row[c];
  }
  return LATHE_KERNEL_OK;
}

/// The same, adding 1000: shows which variant ran.
int scale_wide(const LatheKernelArgs *args, void *scratch, long long begin,
               long long end) {
  scale(args, scratch, begin, end);
  float *y = args->buffers[2];
  for (long long i = begin * 4; i < end * 4; ++i)
    y[i] += 1000;
  return LATHE_KERNEL_OK;
}

/// y[t][0] = 1 where this worker sees the launch for the first time, all else
/// 0: buffers x, w, y; a tile is a row of 4.
int once(const LatheKernelArgs *args, void *scratch, long long begin,
         long long end) {
  float *y = args->buffers[2];
  long long *header = (long long *)((char *)scratch - LATHE_SCRATCH_HEADER);
  for (long long t = begin; t < end; ++t) {
    for (int c = 0; c < 4; ++c)
      y[t * 4 + c] = 0;
    y[t * 4] = header[0] != args->launch;
    header[0] = args->launch;
  }
  return LATHE_KERNEL_OK;
}

/// total[0] += the number of rows: buffers total; scalars tokens; one tile.
int count(const LatheKernelArgs *args, void *scratch, long long begin,
          long long end) {
  (void)scratch;
  for (long long i = begin; i < end; ++i)
    ((int *)args->buffers[0])[0] += (int)args->scalars[0];
  return LATHE_KERNEL_OK;
}

/// Fails with 7.
int fail(const LatheKernelArgs *args, void *scratch, long long begin,
         long long end) {
  (void)args, (void)scratch, (void)begin, (void)end;
  return 7;
}

static const int kSeven = 7, kEight = 8;
/// Pointers, so that the image has relative relocations.
static const int *const volatile kTable[] = {&kSeven, &kEight};

/// out[i] = 7 or 8 through the table.
int table(const LatheKernelArgs *args, void *scratch, long long begin,
          long long end) {
  (void)scratch;
  for (long long i = begin; i < end; ++i)
    ((int *)args->buffers[0])[i] = *kTable[i % 2];
  return LATHE_KERNEL_OK;
}

/// Puts tokens into a paged cache: buffers tokens, positions, sequences,
/// page_table, cache; scalars tokens, slot_pages; a tile is a token.
int append(const LatheKernelArgs *args, void *scratch, long long begin,
           long long end) {
  (void)scratch;
  const int *tokens = args->buffers[0], *positions = args->buffers[1];
  const int *slots = args->buffers[2], *pages = args->buffers[3];
  int *cache = args->buffers[4];
  for (long long t = begin; t < end; ++t) {
    int page = pages[slots[t] * args->scalars[1] + positions[t] / PAGE];
    cache[page * PAGE + positions[t] % PAGE] = tokens[t];
  }
  return LATHE_KERNEL_OK;
}

/// The id after the token of row r: the weighted sum over its sequence, mod V.
static int nextId(const LatheKernelArgs *args, long long r) {
  const int *positions = args->buffers[0], *slots = args->buffers[1];
  const int *rows = args->buffers[2], *pages = args->buffers[3];
  const int *cache = args->buffers[4];
  int t = rows[r], sum = 0;
  for (int p = 0; p <= positions[t]; ++p) {
    int page = pages[slots[t] * args->scalars[1] + p / PAGE];
    sum += cache[page * PAGE + p % PAGE] * (p % 3 + 1);
  }
  return sum % VOCABULARY;
}

/// logits[r][v]: largest at nextId. Buffers positions, sequences, rows,
/// page_table, cache, logits; scalars rows, slot_pages; a tile is a row.
int logits(const LatheKernelArgs *args, void *scratch, long long begin,
           long long end) {
  (void)scratch;
  for (long long r = begin; r < end; ++r) {
    int next = nextId(args, r);
    for (int v = 0; v < VOCABULARY; ++v)
      ((float *)args->buffers[5])[r * VOCABULARY + v] =
          (float)-((v - next) * (v - next));
  }
  return LATHE_KERNEL_OK;
}

/// next[r] = nextId; buffers and scalars as logits.
int greedy(const LatheKernelArgs *args, void *scratch, long long begin,
           long long end) {
  (void)scratch;
  for (long long r = begin; r < end; ++r)
    ((int *)args->buffers[5])[r] = nextId(args, r);
  return LATHE_KERNEL_OK;
}
