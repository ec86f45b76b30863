//===- AmxEmulator.cpp - Tile instructions where there are none -----------===//
//
// A library that, once loaded, lets x86-64 machines without AMX run the level
// x86-64-v4-amx: there the tile instructions are invalid, so the kernel of the
// system sends SIGILL, and the handler here does what they do and goes on
// behind them. Each thread has its tiles. What the manual calls an error ends
// the process with a message.
//
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume
// 2: LDTILECFG, TDPBF16PS, TDPBSUD, TILELOADD, TILERELEASE, TILESTORED,
// TILEZERO.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <atomic>
#include <cfloat>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/ucontext.h>
#include <unistd.h>

namespace {

constexpr size_t kTiles = 8, kMostRows = 16, kMostBytes = 64;

struct Tile {
  size_t rows = 0, bytes = 0;
  alignas(64) uint8_t data[kMostRows][kMostBytes];
};

struct Tiles {
  bool isConfigured = false;
  Tile tiles[kTiles];
};

thread_local Tiles state;
std::atomic<long> products = 0;

/// Ends the process: \p message is the rule that the code broke.
[[noreturn]] void fail(const char *message) {
  (void)!write(STDERR_FILENO, "AMX: ", 5);
  (void)!write(STDERR_FILENO, message, std::strlen(message));
  (void)!write(STDERR_FILENO, "\n", 1);
  _exit(70);
}

Tile &configured(size_t number) {
  Tile &tile = state.tiles[number & 7];
  if (!state.isConfigured || tile.rows == 0)
    fail("a tile without a shape");
  return tile;
}

void loadConfig(const uint8_t *config) {
  state = Tiles();
  if (config[0] != 1)
    fail("a configuration that is not of palette 1");
  for (size_t i = 1; i < 16; ++i)
    if (config[i] != 0)
      fail("a configuration with reserved bytes");
  state.isConfigured = true;
  for (size_t i = 0; i < kTiles; ++i) {
    Tile &tile = state.tiles[i];
    tile.rows = config[48 + i];
    tile.bytes = config[16 + 2 * i] | size_t(config[17 + 2 * i]) << 8;
    if (tile.rows > kMostRows || tile.bytes > kMostBytes ||
        (tile.rows == 0) != (tile.bytes == 0))
      fail("a configuration with a shape that there is not");
    std::memset(tile.data, 0, sizeof(tile.data));
  }
}

/// What a product needs of its three tiles, words of 4 bytes.
void checkProduct(const Tile &sums, const Tile &a, const Tile &b) {
  if (a.bytes % 4 != 0 || b.bytes % 4 != 0 || sums.bytes % 4 != 0)
    fail("a product of rows that are no whole words");
  if (sums.rows != a.rows || sums.bytes != b.bytes || a.bytes / 4 != b.rows)
    fail("a product of tiles whose shapes do not fit");
  products.fetch_add(1, std::memory_order_relaxed);
}

/// TDPBSUD: bytes with a sign by bytes without one.
void multiplyBytes(Tile &sums, const Tile &a, const Tile &b) {
  checkProduct(sums, a, b);
  for (size_t m = 0; m < sums.rows; ++m) {
    int32_t row[kMostBytes / 4] = {};
    std::memcpy(row, sums.data[m], sums.bytes);
    for (size_t k = 0; k < b.rows; ++k)
      for (size_t n = 0; n < sums.bytes / 4; ++n)
        for (size_t i = 0; i < 4; ++i)
          row[n] += static_cast<int8_t>(a.data[m][4 * k + i]) *
                    int32_t(b.data[k][4 * n + i]);
    std::memcpy(sums.data[m], row, sums.bytes);
  }
}

/// \p number, or a zero of its sign where it is denormal.
float flush(float number) {
  return std::fabs(number) < FLT_MIN ? std::copysign(0.0f, number) : number;
}

float widen(const uint8_t *bf16) {
  uint32_t bits = uint32_t(bf16[0]) << 16 | uint32_t(bf16[1]) << 24;
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return flush(number);
}

/// TDPBF16PS: the even and the odd terms are a chain of fma each, from 0; their
/// sum is added to what is there.
void multiplyPairs(Tile &sums, const Tile &a, const Tile &b) {
  checkProduct(sums, a, b);
  for (size_t m = 0; m < sums.rows; ++m)
    for (size_t n = 0; n < sums.bytes / 4; ++n) {
      float chains[2] = {};
      for (size_t k = 0; k < b.rows; ++k)
        for (size_t i = 0; i < 2; ++i)
          chains[i] =
              flush(std::fma(widen(&a.data[m][4 * k + 2 * i]),
                             widen(&b.data[k][4 * n + 2 * i]), chains[i]));
      float sum;
      std::memcpy(&sum, &sums.data[m][4 * n], sizeof(sum));
      sum = flush(flush(sum) + flush(chains[0] + chains[1]));
      std::memcpy(&sums.data[m][4 * n], &sum, sizeof(sum));
    }
}

/// An instruction with a VEX prefix of three bytes, and where its parts stand.
struct Instruction {
  const uint8_t *bytes;
  greg_t *registers;

  bool isVex() const {
    return bytes[0] == 0xc4 && (bytes[1] & 0x1f) == 2 && (bytes[2] & 0x84) == 0;
  }
  /// 0 none, 1 66, 2 F3, 3 F2.
  unsigned prefix() const { return bytes[2] & 3; }
  unsigned opcode() const { return bytes[3]; }
  unsigned third() const { return ~(bytes[2] >> 3) & 15; }
  unsigned mode() const { return bytes[4] >> 6; }
  unsigned reg() const { return bytes[4] >> 3 & 7; }
  unsigned rm() const { return bytes[4] & 7; }

  uint64_t value(unsigned number) const {
    static constexpr int kPlaces[16] = {
        REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
        REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return static_cast<uint64_t>(registers[kPlaces[number]]);
  }

  /// Where an operand in memory begins, the distance of its rows in bytes, and
  /// the length of the instruction.
  struct Memory {
    uint8_t *base;
    int64_t stride;
    size_t length;
  };
  Memory memory() const {
    // Prefix, opcode, ModRM; the upper bits of registers stand inverted.
    size_t length = 5;
    unsigned high = bytes[1] & 0x20 ? 0 : 8,
             highIndex = bytes[1] & 0x40 ? 0 : 8;
    uint64_t base = 0, stride = 0;
    bool hasBase = true;
    if (rm() == 4) {
      unsigned sib = bytes[length++];
      unsigned index = (sib >> 3 & 7) + highIndex;
      if (index != 4)
        stride = value(index) << (sib >> 6);
      hasBase = mode() != 0 || (sib & 7) != 5;
      if (hasBase)
        base = value((sib & 7) + high);
    } else if (mode() == 0 && rm() == 5) {
      fail("an address relative to the instruction");
    } else {
      base = value(rm() + high);
    }
    if (mode() == 1) {
      base += static_cast<int8_t>(bytes[length]);
      length += 1;
    } else if (mode() == 2 || !hasBase) {
      int32_t distance;
      std::memcpy(&distance, bytes + length, sizeof(distance));
      base += distance;
      length += 4;
    }
    return {reinterpret_cast<uint8_t *>(base), static_cast<int64_t>(stride),
            length};
  }
};

/// Does what \p instruction does; the length of it, or 0 where it is none of
/// the tiles'.
size_t run(const Instruction &instruction) {
  if (!instruction.isVex())
    return 0;
  bool isOfRegisters = instruction.mode() == 3;
  switch (instruction.opcode() << 4 | instruction.prefix()) {
  case 0x490: // LDTILECFG, TILERELEASE
    if (isOfRegisters) {
      state = Tiles();
      return 5;
    }
    loadConfig(instruction.memory().base);
    return instruction.memory().length;
  case 0x493: { // TILEZERO
    Tile &tile = configured(instruction.reg());
    std::memset(tile.data, 0, sizeof(tile.data));
    return 5;
  }
  case 0x4b3: { // TILELOADD
    Tile &tile = configured(instruction.reg());
    Instruction::Memory memory = instruction.memory();
    std::memset(tile.data, 0, sizeof(tile.data));
    for (size_t row = 0; row < tile.rows; ++row)
      std::memcpy(tile.data[row], memory.base + int64_t(row) * memory.stride,
                  tile.bytes);
    return memory.length;
  }
  case 0x4b2: { // TILESTORED
    const Tile &tile = configured(instruction.reg());
    Instruction::Memory memory = instruction.memory();
    for (size_t row = 0; row < tile.rows; ++row)
      std::memcpy(memory.base + int64_t(row) * memory.stride, tile.data[row],
                  tile.bytes);
    return memory.length;
  }
  case 0x5e2: // TDPBSUD
    multiplyBytes(configured(instruction.reg()), configured(instruction.rm()),
                  configured(instruction.third()));
    return 5;
  case 0x5c2: // TDPBF16PS
    multiplyPairs(configured(instruction.reg()), configured(instruction.rm()),
                  configured(instruction.third()));
    return 5;
  default:
    return 0;
  }
}

void onInvalidInstruction(int, siginfo_t *, void *context) {
  greg_t *registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  const uint8_t *bytes = reinterpret_cast<const uint8_t *>(registers[REG_RIP]);
  size_t length = run({bytes, registers});
  if (length == 0)
    fail("an invalid instruction that is none of the tiles'");
  registers[REG_RIP] += static_cast<greg_t>(length);
}

[[gnu::constructor]] void install() {
  struct sigaction action = {};
  action.sa_sigaction = onInvalidInstruction;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, nullptr);
}

} // namespace

/// The linker puts this in the place of pthread_sigmask: workers block all
/// signals, and a blocked SIGILL would end the process.
extern "C" int __real_pthread_sigmask(int how, const sigset_t *set,
                                      sigset_t *before);
extern "C" int __wrap_pthread_sigmask(int how, const sigset_t *set,
                                      sigset_t *before) {
  sigset_t others = *set;
  if (how != SIG_UNBLOCK)
    sigdelset(&others, SIGILL);
  return __real_pthread_sigmask(how, &others, before);
}

/// Products of tiles since the library was loaded.
extern "C" [[gnu::visibility("default")]] long amx_products() {
  return products;
}

/// Whether the calling thread's tiles have shapes.
extern "C" [[gnu::visibility("default")]] int amx_is_configured() {
  return state.isConfigured;
}
