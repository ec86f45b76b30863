//===- RtOps.td - Operations of the rt dialect -------------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_RT_RTOPS_TD
#define LATHE_DIALECTS_RT_RTOPS_TD

include "dialects/rt/Rt.td"

#endif // LATHE_DIALECTS_RT_RTOPS_TD
