// The machine that mobster runs on, as far as optimizers depend on it.
#pragma once

#include <string_view>

namespace mob {

// The widest vector instructions that this machine has: "avx512", "avx2", "avx", "sse2", "neon", "other".
// Kernels, and layouts chosen for them (ONNX Runtime's NCHWc: blocks of 8 channels with AVX2, of 16 with
// AVX-512), depend on it, so that a finding may show on one machine and not on another.
std::string_view isa();

}  // namespace mob
