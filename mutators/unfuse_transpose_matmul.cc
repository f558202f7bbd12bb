// A product of matrices as the transpose of the product of their transposes.
#include "mutators/permutation.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  std::size_t rank_a, rank_b, rank;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "MatMul") return std::nullopt;
  const std::size_t a = r.type(n.inputs[0]).rank(), b = r.type(n.inputs[1]).rank();
  if (a < 2 || b < 2) return std::nullopt;
  return Site{n, a, b, r.type(n.outputs[0]).rank()};
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  const ValueId b = r.transpose(s.old.inputs[1], swap_of(s.rank_b));
  const ValueId a = r.transpose(s.old.inputs[0], swap_of(s.rank_a));
  return {r.transpose(r.op("MatMul", {b, a}), swap_of(s.rank))};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"Transpose", 3}});
}

}  // namespace

extern const Mutator unfuse_transpose_matmul;
const Mutator unfuse_transpose_matmul{.name = "unfuse-transpose-matmul",
                                      .aims_at = "Transposes before and behind MatMul",
                                      .family = MutatorFamily::kUnfuse,
                                      .apply = kept<change>};

}  // namespace mob::mutators
