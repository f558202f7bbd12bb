// The transpose of a product of transposes is the product the other way round.
#include "mutators/permutation.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  ValueId a, b;
};

// What a Transpose that swaps the last two axes reads.
ValueId swapped(const Rewriting& r, ValueId v) {
  const auto t = r.maker(v, "Transpose");
  return t && is_swap(*t, r.type(v).rank()) ? t->inputs[0] : kNoValue;
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "Transpose") return std::nullopt;
  const auto product = r.maker(n.inputs[0], "MatMul");
  if (!product || !is_swap(n, r.type(n.inputs[0]).rank())) return std::nullopt;
  const ValueId a = swapped(r, product->inputs[0]), b = swapped(r, product->inputs[1]);
  if (a == kNoValue || b == kNoValue) return std::nullopt;
  return Site{n, b, a};
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  return {r.op("MatMul", {s.a, s.b})};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator fuse_transpose_matmul;
const Mutator fuse_transpose_matmul{.name = "fuse-transpose-matmul",
                                    .aims_at = "Transposes around MatMul that cancel each other",
                                    .family = MutatorFamily::kFuse,
                                    .apply = kept<change>};

}  // namespace mob::mutators
