// MatMul of matrices, with what is added to it and with Transposes before it, becomes Gemm.
#include "mutators/permutation.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  ValueId a, b, c;
  bool trans_a, trans_b;
};

// The matrix that a transposed one was, if it is one.
bool untranspose(const Rewriting& r, ValueId& v) {
  const auto t = r.maker(v, "Transpose");
  if (!t || r.type(v).rank() != 2 || !is_swap(*t, 2)) return false;
  v = t->inputs[0];
  return true;
}

// Whether a term never widens the product: not at other sizes either.
bool narrow_term(const Rewriting& r, ValueId product, ValueId term) {
  return r.type(term).rank() <= 2 && (r.fixed() || r.number(term, 1) || r.type(product) == r.type(term));
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  Site s{.old = n, .a = kNoValue, .b = kNoValue, .c = kNoValue, .trans_a = false, .trans_b = false};
  std::optional<Node> product;
  if (n.op_type == "MatMul") {
    product = n;
  } else if (n.op_type == "Add") {
    for (std::size_t slot = 0; slot < 2 && !product; ++slot) {
      product = r.maker(n.inputs[slot], "MatMul");
      s.c = n.inputs[1 - slot];
    }
    if (product &&
        (r.type(product->outputs[0]) != r.type(n.outputs[0]) || !narrow_term(r, product->outputs[0], s.c)))
      return std::nullopt;
  }
  if (!product || r.type(product->inputs[0]).rank() != 2 || r.type(product->inputs[1]).rank() != 2 ||
      (s.c == kNoValue && r.opset() < 11))
    return std::nullopt;
  s.a = product->inputs[0];
  s.b = product->inputs[1];
  s.trans_a = untranspose(r, s.a);
  s.trans_b = untranspose(r, s.b);
  return s;
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  std::vector<ValueId> inputs = {s.a, s.b};
  if (s.c != kNoValue) inputs.push_back(s.c);
  std::vector<Attribute> attributes;
  if (s.trans_a) attributes.push_back(attribute("transA", std::int64_t{1}));
  if (s.trans_b) attributes.push_back(attribute("transB", std::int64_t{1}));
  return {r.op("Gemm", std::move(inputs), std::move(attributes))};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator fuse_gemm;
const Mutator fuse_gemm{.name = "fuse-gemm",
                        .aims_at = "Gemm where MatMul, Add and Transpose stood",
                        .family = MutatorFamily::kFuse,
                        .apply = kept<change>};

}  // namespace mob::mutators
