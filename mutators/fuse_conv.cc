// A constant matrix times a batch of matrices becomes a Conv of kernel 1.
#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  Tensor weight;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "MatMul") return std::nullopt;
  const ArrayType& x = r.type(n.inputs[1]);
  const auto weight = r.constant(n.inputs[0]);
  if (!weight || weight->dims().size() != 2 || weight->count() == 0 || x.rank() != 3 || !is_float(x.dtype) ||
      x.dims[2] == 0)
    return std::nullopt;
  return Site{n, *weight};
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  const Dims& d = s.weight.dims();
  return {r.op("Conv", {s.old.inputs[1], r.leaf(repeated(s.weight, {d[0], d[1], 1}))})};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"Conv", 1}, {"MatMul", -1}});
}

}  // namespace

extern const Mutator fuse_conv;
const Mutator fuse_conv{.name = "fuse-conv",
                        .aims_at = "Conv where MatMul stood",
                        .family = MutatorFamily::kFuse,
                        .apply = kept<change>};

}  // namespace mob::mutators
