// A Conv of single points becomes MatMul between Reshapes.
#include <algorithm>

#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  Dims x, y;
};

bool all_are(const std::vector<std::int64_t>& list, std::int64_t n) {
  return std::all_of(list.begin(), list.end(), [&](auto k) { return k == n; });
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "Conv" || !r.fixed() || n.int_or("group", 1) != 1) return std::nullopt;
  const Dims &x = r.type(n.inputs[0]).dims, &w = r.type(n.inputs[1]).dims;
  const Dims& y = r.type(n.outputs[0]).dims;
  const bool point = all_are({w.begin() + 2, w.end()}, 1) && all_are(n.ints_or("strides", {}), 1) &&
                     all_are(n.ints_or("pads", {}), 0);
  if (!point || element_count(x) == 0 || element_count(y) == 0) return std::nullopt;
  return Site{n, x, y};
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  const ValueId w = r.reshape(s.old.inputs[1], {s.y[1], s.x[1]});
  ValueId y = r.op("MatMul", {w, r.reshape(s.old.inputs[0], {s.x[0], s.x[1], -1})});
  if (s.old.inputs.size() > 2 && s.old.inputs[2] != kNoValue)
    y = r.op("Add", {y, r.reshape(s.old.inputs[2], {s.y[1], 1})});
  return {r.reshape(y, s.y)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"Conv", -1}, {"MatMul", 1}});
}

}  // namespace

extern const Mutator unfuse_conv;
const Mutator unfuse_conv{.name = "unfuse-conv",
                          .aims_at = "MatMul where a Conv of kernel 1 stood",
                          .family = MutatorFamily::kUnfuse,
                          .apply = kept<change>};

}  // namespace mob::mutators
