//===- Timing.cpp - Where the time of a compilation goes ------------------===//

#include "compiler/Timing.h"

#include "llvm/Support/Format.h"

#include <ctime>

using namespace lathe;

TimingTable::TimingTable()
    : start(static_cast<double>(std::clock()) / CLOCKS_PER_SEC) {}

void TimingTable::addStep(std::string name, double seconds, std::string note) {
  rows.push_back({std::move(name), seconds, std::move(note), false});
}

void TimingTable::addPart(std::string name, double seconds, std::string note) {
  rows.push_back({std::move(name), seconds, std::move(note), true});
}

void TimingTable::print(llvm::raw_ostream &stream) const {
  double total = start + watch.seconds(), rest = watch.seconds();
  auto printStep = [&](const std::string &name, double seconds,
                       const std::string &note) {
    stream << llvm::format("%9.3f %6.1f%%  ", seconds, 100 * seconds / total)
           << name << (note.empty() ? "" : ": ") << note << "\n";
  };
  stream << "  seconds   share  step\n";
  printStep("start", start, "");
  for (const Row &row : rows) {
    if (row.isPart) {
      stream << llvm::format("%9.3f           ", row.seconds) << row.name
             << (row.note.empty() ? "" : ": ") << row.note << "\n";
      continue;
    }
    printStep(row.name, row.seconds, row.note);
    rest -= row.seconds;
  }
  printStep("rest", std::max(rest, 0.0), "");
  printStep("total", total, "");
}

std::string lathe::bytesAndRate(uint64_t bytes, double seconds) {
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::format("%.1f MB, %.2f GB/s", bytes / 1e6,
                      seconds > 0 ? bytes / 1e9 / seconds : 0.0);
  return text;
}
