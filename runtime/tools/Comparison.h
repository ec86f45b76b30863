//===- Comparison.h - A fast artifact against its slow twin ---------------===//
//
// Values keep their graph names in both builds. The twin runs first and every
// value that a launch touches is kept. Then each launch of the artifact gets
// the twin's values in place of its own operands, and what it writes is
// compared by name: so an error shows at the launch that makes it, not where it
// ends up.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_COMPARISON_H
#define LATHE_RUNTIME_TOOLS_COMPARISON_H

#include "runtime/include/lathe.h"
#include "runtime/tools/Console.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace lathe::tools {

class Comparison {
public:
  /// \param bound largest |difference| as a share of the value's largest
  ///   |element|.
  explicit Comparison(double bound) : bound(bound) {}

  /// Keeps the values of calls of \p twin.
  void record(lathe_context_t *twin);
  /// Compares the calls of \p context, one of \p model, with what was kept.
  void check(const lathe_model_t *model, lathe_context_t *context);

  /// Prints the first value past its bound, or how many were compared.
  /// CheckFailed, also where no value has a name in both.
  Exit report() const;

private:
  struct Value {
    lathe_dtype_t dtype;
    std::vector<std::byte> bytes;
  };
  static void onTwin(void *self, const lathe_launch_t *launch);
  static void onChecked(void *self, const lathe_launch_t *launch);
  void compare(const lathe_launch_t &launch, const lathe_tensor_t &tensor);

  double bound;
  std::set<const void *> weights; ///< Of the checked model; read-only.
  std::map<std::string, Value> values;
  size_t compared = 0;
  double worst = 0;
  std::string worstName;
  std::string firstBad;
};

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_COMPARISON_H
