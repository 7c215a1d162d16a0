/* Which paths were built, and which of them CPU and operating system support. */
#include "paths.h"

#ifdef MATCHER_ARM
#include <sys/auxv.h>
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1 << 20)
#endif
#endif

static const kernel_path *const PATHS[] = {
#ifdef MATCHER_X86
    &avx512_path,
    &avx2_path,
#endif
#ifdef MATCHER_ARM
    &neon_path,
#endif
    &serial_path,
};

const kernel_path *path_at(int place)
{
    return place >= 0 && place < (int)(sizeof PATHS / sizeof PATHS[0]) ? PATHS[place] : NULL;
}

int path_runs(const kernel_path *path)
{
#ifdef MATCHER_X86
    /* These builtins ask the CPU and whether the system saves the wide registers (XGETBV). */
    __builtin_cpu_init();
    if (path == &avx512_path)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vnni");
    if (path == &avx2_path)
        return __builtin_cpu_supports("avx2") != 0;
#endif
#ifdef MATCHER_ARM
    if (path == &neon_path)
        return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#endif
    return path == &serial_path;
}
