//===- LatheOps.td - Operations of the lathe dialect -------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHEOPS_TD
#define LATHE_DIALECTS_LATHE_LATHEOPS_TD

include "dialects/lathe/LatheSymbolOps.td"
include "dialects/lathe/LatheWeightOps.td"
include "dialects/lathe/LatheRowOps.td"
include "dialects/lathe/LatheContractionOps.td"

#endif // LATHE_DIALECTS_LATHE_LATHEOPS_TD
