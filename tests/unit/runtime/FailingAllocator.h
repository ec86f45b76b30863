//===- FailingAllocator.h - Memory that runs out on demand ------*- C++ -*-===//
//
// Linked into a program of its own, it replaces operator new, mmap and, where
// no sanitizer needs them, malloc and pthread_create of the whole process.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_TESTS_UNIT_RUNTIME_FAILINGALLOCATOR_H
#define LATHE_TESTS_UNIT_RUNTIME_FAILINGALLOCATOR_H

namespace lathe::testing {

/// Lets the \p first allocation from here on, counted from 1, fail, and with
/// \p forEver all after it.
void failAllocations(long first, bool forEver);

/// Lets none fail any more; true if one did.
bool stopFailing();

/// Blocks of operator new that were not deleted.
long liveBlocks();

} // namespace lathe::testing

#endif // LATHE_TESTS_UNIT_RUNTIME_FAILINGALLOCATOR_H
