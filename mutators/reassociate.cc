// Sums and products in another grouping; factors that change places with a product of matrices; quotients as
// products.
#include <cmath>

#include "mutators/regroup.h"

namespace mob::mutators {
namespace {

// x + (y + z) and (x + y) + z, any of the three first; products likewise.
bool terms(Regroup& r) {
  const Node root = r.root();
  if ((root.op_type != "Add" && root.op_type != "Mul") || !regroups(r.type(root.outputs[0]).dtype))
    return false;
  for (std::size_t s : {0u, 1u}) {
    const Node* of = r.maker(root.inputs[s], root.op_type);
    if (of == nullptr) continue;
    const ValueId x = root.inputs[1 - s], y = of->inputs[0], z = of->inputs[1];
    const ValueId inner = r.node(root.op_type, {x, r.bent(y)});
    return r.commit(r.node(root.op_type, {inner, z}));
  }
  return false;
}

// (x - y) - z as x - (y + z).
bool differences(Regroup& r) {
  const Node root = r.root();
  if (root.op_type != "Sub" || !regroups(r.type(root.outputs[0]).dtype)) return false;
  const Node* of = r.maker(root.inputs[0], "Sub");
  if (of == nullptr) return false;
  const ValueId x = of->inputs[0], y = of->inputs[1], z = root.inputs[1];
  const ValueId both = r.node("Add", {r.bent(y), z});
  return r.commit(r.node("Sub", {x, both}));
}

// (A B) C as A (B C), and back; of matrices or stacks of them.
bool matrices(Regroup& r) {
  const Node root = r.root();
  if (root.op_type != "MatMul") return false;
  for (std::size_t s : {0u, 1u}) {
    const Node* of = r.maker(root.inputs[s], "MatMul");
    if (of == nullptr) continue;
    ValueId a = of->inputs[0], b = of->inputs[1], c = root.inputs[1];
    if (s == 1) {
      a = root.inputs[0];
      b = of->inputs[0];
      c = of->inputs[1];
    }
    for (ValueId v : {a, b, c})
      if (!r.known(v) || r.type(v).rank() < 2) return false;
    b = r.bent(b);
    const ValueId y = s == 0 ? r.node("MatMul", {a, r.node("MatMul", {b, c})})
                             : r.node("MatMul", {r.node("MatMul", {a, b}), c});
    return r.commit(y);
  }
  return false;
}

// Whether a value is one number, in every run: a constant, which adds no axis to a matrix.
bool scalar(const Regroup& r, ValueId v) {
  const std::optional<Tensor> t = r.constant_of(v);
  return t && t->count() == 1 && t->dims().size() <= 1;
}

// (x s) W as (x W) s, for MatMul and for Conv without a bias.
bool factor_behind(Regroup& r) {
  const Node root = r.root();
  if ((root.op_type != "MatMul" && root.op_type != "Conv") || root.inputs.size() != 2) return false;
  for (std::size_t s : {0u, 1u}) {
    const Node* of = r.maker(root.inputs[s], "Mul");
    if (of == nullptr) continue;
    for (std::size_t i : {0u, 1u}) {
      const ValueId factor = of->inputs[i], x = of->inputs[1 - i];
      if (!scalar(r, factor) || !r.known(x) || r.type(x).rank() < 1) continue;
      std::vector<ValueId> inputs = root.inputs;
      inputs[s] = x;
      const ValueId product = r.node(root.op_type, inputs, root.attributes);
      if (!r.known(product) || r.type(product).rank() < 1) return false;
      return r.commit(r.node("Mul", {product, r.bent(factor)}));
    }
  }
  return false;
}

// (x W) s as (x s) W.
bool factor_before(Regroup& r) {
  const Node root = r.root();
  if (root.op_type != "Mul") return false;
  for (std::size_t s : {0u, 1u}) {
    const Node* of = r.maker(root.inputs[s], "MatMul");
    if (of == nullptr || !scalar(r, root.inputs[1 - s])) continue;
    if (!r.known(of->inputs[0]) || r.type(of->inputs[0]).rank() < 1) return false;
    const ValueId x = of->inputs[0], w = of->inputs[1];
    return r.commit(r.node("MatMul", {r.node("Mul", {x, r.bent(root.inputs[1 - s])}), w}));
  }
  return false;
}

// x / k as x * (1 / k), of a constant k. Its reciprocal is rounded once, as the quotient was.
bool reciprocal(Regroup& r) {
  const Node root = r.root();
  if (root.op_type != "Div" || !kFloats.has(r.type(root.outputs[0]).dtype)) return false;
  const std::optional<Tensor> k = r.constant_of(root.inputs[1]);
  if (!k) return false;
  const FloatFormat& format = float_format(k->dtype());
  std::vector<double> inverse = k->reals();
  for (double& x : inverse) {
    x = 1 / x;
    if (!(std::fabs(x) >= format.min_normal && std::fabs(x) <= format.max_finite)) return false;
  }
  const ValueId factor = r.leaf(Tensor::of(k->dtype(), k->dims(), inverse));
  return r.commit(r.node("Mul", {root.inputs[0], r.bent(factor)}));
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return regroup(c, f, choices, {terms, differences, matrices, factor_behind, factor_before, reciprocal});
}

}  // namespace

extern const Mutator reassociate;
const Mutator reassociate{
    .name = "reassociate",
    .aims_at =
        "constants folded together, chains of products: a+(b+c), A(BC), (xs)W, x/k in another grouping",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
