//===- KernelText.h - Kernels for tests of schedules ------------*- C++ -*-===//
#ifndef LATHE_TESTS_UNIT_COMPILER_KERNELTEXT_H
#define LATHE_TESTS_UNIT_COMPILER_KERNELTEXT_H

#include "compiler/Compiler.h"
#include "passes/lowering/Pipeline.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <memory>

namespace lathe {

/// A linear layer of 64 terms and as many columns on up to 512 tokens, of which
/// `few` runs on at most 16; its results are `heads`, of 48 columns; `cached`
/// is attention over a cache of f32, and `bytes` over a quantised one; and
/// `rows` is none of these. As a planned module holds them.
inline constexpr const char *kKernelText = R"mlir(
rt.symbol @tokens in [1, 512]
rt.symbol @pages in [1, 512] fixed_at_load
rt.symbol @slots in [1, 256] fixed_at_load
rt.symbol @slot_pages in [1, 16] fixed_at_load
module @kernels {
  func.func private @many(%x: tensor<?x64xf32, #lathe.dims<"tokens">>,
                          %w: tensor<64x64xf32, #lathe.packed<columns = 32, depth = 1>>)
      -> tensor<?x64xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
    %y = lathe.linear %x, %w : tensor<?x64xf32, #lathe.dims<"tokens">>,
        tensor<64x64xf32, #lathe.packed<columns = 32, depth = 1>> -> tensor<?x64xf32, #lathe.dims<"tokens">>
    return %y : tensor<?x64xf32, #lathe.dims<"tokens">>
  }
  func.func private @few(%x: tensor<?x64xf32, #lathe.dims<"tokens">>,
                         %w: tensor<64x64xf32, #lathe.packed<columns = 32, depth = 1>>)
      -> tensor<?x64xf32, #lathe.dims<"tokens">> attributes {lathe.kernel, lathe.row_limit = 16 : i64} {
    %y = lathe.linear %x, %w : tensor<?x64xf32, #lathe.dims<"tokens">>,
        tensor<64x64xf32, #lathe.packed<columns = 32, depth = 1>> -> tensor<?x64xf32, #lathe.dims<"tokens">>
    return %y : tensor<?x64xf32, #lathe.dims<"tokens">>
  }
  func.func private @heads(%x: tensor<?x64xf32, #lathe.dims<"tokens">>,
                           %w: tensor<96x64xf32, #lathe.packed<columns = 32, depth = 1>>,
                           %p: tensor<?xi32, #lathe.dims<"tokens">>, %t: tensor<64x48xf32>)
      -> tensor<?x2x48xf32, #lathe.dims<"tokens">> attributes {lathe.kernel, lathe.row_limit = 16 : i64} {
    %y = lathe.linear %x, %w : tensor<?x64xf32, #lathe.dims<"tokens">>,
        tensor<96x64xf32, #lathe.packed<columns = 32, depth = 1>> -> tensor<?x96xf32, #lathe.dims<"tokens">>
    %c0 = arith.constant 0 : index
    %n = tensor.dim %y, %c0 : tensor<?x96xf32, #lathe.dims<"tokens">>
    %h = tensor.expand_shape %y [[0], [1, 2]] output_shape [%n, 2, 48]
        : tensor<?x96xf32, #lathe.dims<"tokens">> into tensor<?x2x48xf32, #lathe.dims<"tokens">>
    %r = lathe.rope %h at %p, %t : tensor<?x2x48xf32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>, tensor<64x48xf32>
    return %r : tensor<?x2x48xf32, #lathe.dims<"tokens">>
  }
  func.func private @cached(
      %q: tensor<?x4x8xf32, #lathe.dims<"tokens">>, %k: tensor<?x2x8x32xf32, #lathe.dims<"pages">>,
      %v: tensor<?x2x32x8xf32, #lathe.dims<"pages">>,
      %p: tensor<?xi32, #lathe.dims<"tokens">>, %s: tensor<?xi32, #lathe.dims<"tokens">>,
      %t: tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>)
      -> tensor<?x4x8xf32, #lathe.dims<"tokens">>
      attributes {lathe.kernel, lathe.symbols = ["tokens", "pages", "slots", "slot_pages"]} {
    %y = lathe.cached_attention %q, %k, %v at %p, %s, %t scale 0.25 : tensor<?x4x8xf32, #lathe.dims<"tokens">>,
        tensor<?x2x8x32xf32, #lathe.dims<"pages">>,
        tensor<?x2x32x8xf32, #lathe.dims<"pages">>,
        tensor<?xi32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>,
        tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>
    return %y : tensor<?x4x8xf32, #lathe.dims<"tokens">>
  }
  func.func private @bytes(
      %q: tensor<?x4x8xf32, #lathe.dims<"tokens">>, %k: tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>,
      %v: tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>,
      %p: tensor<?xi32, #lathe.dims<"tokens">>, %s: tensor<?xi32, #lathe.dims<"tokens">>,
      %t: tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>)
      -> tensor<?x4x8xf32, #lathe.dims<"tokens">>
      attributes {lathe.kernel, lathe.symbols = ["tokens", "pages", "slots", "slot_pages"]} {
    %y = lathe.cached_attention %q, %k, %v at %p, %s, %t scale 0.25 : tensor<?x4x8xf32, #lathe.dims<"tokens">>,
        tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>,
        tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>,
        tensor<?xi32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>,
        tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>
    return %y : tensor<?x4x8xf32, #lathe.dims<"tokens">>
  }
  func.func private @rows(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
    %y = lathe.activation relu %x : tensor<4x8xf32>
    return %y : tensor<4x8xf32>
  }
}
)mlir";

/// The module of kKernelText, and its context.
struct KernelModule {
  KernelModule() {
    mlir::DialectRegistry registry;
    registerCompilerDialects(registry);
    registerKernelDialects(registry);
    context.appendDialectRegistry(registry);
    module = mlir::parseSourceString<mlir::ModuleOp>(kKernelText, &context);
  }

  mlir::ModuleOp kernels() {
    return module->lookupSymbol<mlir::ModuleOp>("kernels");
  }
  mlir::func::FuncOp kernel(llvm::StringRef name) {
    return kernels().lookupSymbol<mlir::func::FuncOp>(name);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace lathe

#endif // LATHE_TESTS_UNIT_COMPILER_KERNELTEXT_H
