//===- Precompiled.cpp - Carries the headers that are compiled once -------===//
//
// Empty: its target's precompiled header is what the others reuse.
//
//===----------------------------------------------------------------------===//
