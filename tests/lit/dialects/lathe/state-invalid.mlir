// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects a name for each dynamic size, got 'tensor<?x4xf32>'}}
lathe.state @state_c1 : tensor<?x4xf32>
