// Unary elementwise functions and activations.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// Kernels approximate transcendental functions; 8 u covers what the runtimes document (MLAS, Eigen, SLEEF).
constexpr double kApproximation = 8;

void relu(Evaluation& ev) {
  if (ev.output().holds_ints())
    map_ints(ev, [](std::int64_t x) { return std::max<std::int64_t>(x, 0); });
  else
    map_reals(ev, [](auto x) { return monotone(x, [](auto v) { return v < 0 ? decltype(v)(0) : v; }); }, 0);
}

void exp(Evaluation& ev) {
  map_reals(ev, [](auto x) { return monotone(x, [](auto v) { return std::exp(v); }); }, kApproximation);
}

bool draft_any(Draft& d) {
  return draft_unary(d);
}

constexpr OpSpec specs[] = {
    {.name = "Relu", .since = 6, .draft = draft_any, .infer = infer_same_as_input, .evaluate = relu},
    {.name = "Exp", .since = 6, .draft = draft_any, .infer = infer_same_as_input, .evaluate = exp},
};

}  // namespace

namespace family {
extern constinit const Family unary = specs;
}

}  // namespace mob::ops
