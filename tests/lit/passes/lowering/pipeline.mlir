// RUN: lathe-opt --lathe-kernel-pipeline='level=x86-64-v3 opt=3' %s | FileCheck %s
// RUN: lathe-opt --lathe-kernel-pipeline='level=x86-64-v3 opt=0' %s | FileCheck %s

// Fast or slow, nothing but the llvm dialect is left, and a kernel calls nobody.
// CHECK-LABEL: llvm.func {{.*}}@k(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) -> i32
// CHECK-NOT: {{(arith|scf|cf|vector|func|math|memref|tensor)\.}}
// CHECK-NOT: llvm.call
// CHECK: llvm.return
func.func @k(%x: tensor<?x7xf32, #lathe.dims<"tokens">>, %w: tensor<9x7xf32, #lathe.packed<columns = 32, depth = 1>>)
    -> tensor<?x9xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x7xf32, #lathe.dims<"tokens">>,
      tensor<9x7xf32, #lathe.packed<columns = 32, depth = 1>> -> tensor<?x9xf32, #lathe.dims<"tokens">>
  %z = lathe.activation gelu %y : tensor<?x9xf32, #lathe.dims<"tokens">>
  return %z : tensor<?x9xf32, #lathe.dims<"tokens">>
}
