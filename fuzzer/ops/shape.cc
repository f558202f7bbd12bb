// Shape and Size.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// The axes that `start` and `end` (from opset 15 on) leave; beyond the rank they are clamped.
std::vector<std::int64_t> sizes(const Inference& inf) {
  const std::int64_t rank = inf.rank(0);
  const auto bound = [&](std::string_view name, std::int64_t otherwise) {
    const std::int64_t v = inf.node().int_or(name, otherwise);
    return std::clamp<std::int64_t>(v < 0 ? v + rank : v, 0, rank);
  };
  const std::int64_t start = bound("start", 0), end = bound("end", rank);
  const Dims& dims = inf.dims(0);
  if (start >= end) return {};
  return {dims.begin() + start, dims.begin() + end};
}

void infer_shape(Inference& inf) {
  inf.set_output(0, {DType::kInt64, {static_cast<std::int64_t>(sizes(inf).size())}});
}
void evaluate_shape(Evaluation& ev) {
  ev.out_ints().v = sizes(ev);
}

void infer_size(Inference& inf) {
  inf.input(0);
  inf.set_output(0, {DType::kInt64, {}});
}
void evaluate_size(Evaluation& ev) {
  ev.out_ints().v[0] = element_count(ev.dims(0));
}

bool draft_size(Draft& d) {
  d.input({.types = drawable(d, "T", kMovable), .max_rank = 5, .min_size = 0});
  return true;
}
bool draft_shape(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .max_rank = 5, .min_size = 0});
  const auto rank = static_cast<std::int64_t>(x.rank());
  if (!d.schema().has_attribute("start")) return true;
  if (d.rng().chance(0.4)) d.attribute("start", d.rng().range(-rank - 1, rank + 1));
  if (d.rng().chance(0.4)) d.attribute("end", d.rng().range(-rank - 1, rank + 2));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Shape", .draft = draft_shape, .infer = infer_shape, .evaluate = evaluate_shape},
    {.name = "Size", .draft = draft_size, .infer = infer_size, .evaluate = evaluate_size},
};

}  // namespace

namespace family {
extern constinit const Family shape = specs;
}

}  // namespace mob::ops
