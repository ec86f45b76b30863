//===- LatheVerifiers.cpp - What ODS cannot say of the lathe ops ----------===//

#include "dialects/lathe/Lathe.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace lathe;
