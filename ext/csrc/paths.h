/* The paths that this compiler can build; each file defines one, and dispatch.c lists them. */
#ifndef MATCHER_PATHS_H
#define MATCHER_PATHS_H

#include "kernels.h"

extern const kernel_path serial_path;

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#define MATCHER_X86 1
extern const kernel_path avx2_path;
extern const kernel_path avx512_path;
#endif

#if defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define MATCHER_ARM 1
extern const kernel_path neon_path;
#endif

#endif
