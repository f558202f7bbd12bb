#include "fuzzer/base/machine.h"

namespace mob {

std::string_view isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0) return "avx512";
  if (__builtin_cpu_supports("avx2") != 0) return "avx2";
  if (__builtin_cpu_supports("avx") != 0) return "avx";
  return "sse2";
#elif defined(__aarch64__)
  return "neon";
#else
  return "other";
#endif
}

}  // namespace mob
