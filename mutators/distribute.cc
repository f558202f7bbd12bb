// Products over sums taken apart, and sums of products with a common factor put together.

#include "mutators/regroup.h"

namespace mob::mutators {
namespace {

// The sum or difference that makes a value, or null.
const Node* sum(const Regroup& r, ValueId v) {
  const Node* n = r.maker(v, "Add");
  return n != nullptr ? n : r.maker(v, "Sub");
}

// (a + b) * c, c * (a + b), (a + b) / c.
bool over_sum(Regroup& r) {
  const Node root = r.root();
  const bool product = root.op_type == "Mul", quotient = root.op_type == "Div";
  if ((!product && !quotient) || !regroups(r.type(root.outputs[0]).dtype)) return false;
  if (quotient && !is_float(r.type(root.outputs[0]).dtype)) return false;
  for (std::size_t s : {0u, 1u}) {
    const Node* of = sum(r, root.inputs[s]);
    if (of == nullptr || (quotient && s == 1)) continue;
    const Node terms = *of;
    const ValueId c = root.inputs[1 - s];
    const auto times = [&](ValueId x) {
      return r.node(root.op_type, s == 0 ? std::vector{x, c} : std::vector{c, x});
    };
    const ValueId first = times(terms.inputs[0]), second = times(r.bent(terms.inputs[1]));
    return r.commit(r.node(terms.op_type, {first, second}));
  }
  return false;
}

// (a + b) W, X (V + W): of terms of equal dimensions, so that both products have the sum's.
bool matrices_over_sum(Regroup& r) {
  const Node root = r.root();
  if (root.op_type != "MatMul" || !r.fixed()) return false;
  for (std::size_t s : {0u, 1u}) {
    const Node* of = sum(r, root.inputs[s]);
    if (of == nullptr || !r.known(of->inputs[0]) || !r.known(of->inputs[1]) ||
        r.type(of->inputs[0]) != r.type(of->inputs[1]))
      continue;
    const Node terms = *of;
    std::vector<ValueId> first = root.inputs, second = root.inputs;
    first[s] = terms.inputs[0];
    second[s] = r.bent(terms.inputs[1]);
    const ValueId a = r.node("MatMul", first), b = r.node("MatMul", second);
    return r.commit(r.node(terms.op_type, {a, b}));
  }
  return false;
}

// A sum or mean over axes of a + b.
bool reduction_over_sum(Regroup& r) {
  const Node root = r.root();
  if ((root.op_type != "ReduceSum" && root.op_type != "ReduceMean") || !r.fixed()) return false;
  const Node* of = sum(r, root.inputs[0]);
  if (of == nullptr || !kFloats.has(r.type(root.outputs[0]).dtype) || !r.known(of->inputs[0]) ||
      !r.known(of->inputs[1]) || r.type(of->inputs[0]) != r.type(of->inputs[1]))
    return false;
  const Node terms = *of;
  std::vector<ValueId> first = root.inputs, second = root.inputs;
  first[0] = terms.inputs[0];
  second[0] = r.bent(terms.inputs[1]);
  const ValueId a = r.node(root.op_type, first, root.attributes),
                b = r.node(root.op_type, second, root.attributes);
  return r.commit(r.node(terms.op_type, {a, b}));
}

// a * c + b * c.
bool common_factor(Regroup& r) {
  const Node root = r.root();
  if ((root.op_type != "Add" && root.op_type != "Sub") || !regroups(r.type(root.outputs[0]).dtype))
    return false;
  const Node *a = r.maker(root.inputs[0], "Mul"), *b = r.maker(root.inputs[1], "Mul");
  if (a == nullptr || b == nullptr) return false;
  for (std::size_t i : {0u, 1u})
    for (std::size_t j : {0u, 1u}) {
      if (a->inputs[i] != b->inputs[j]) continue;
      const ValueId factor = a->inputs[i], x = a->inputs[1 - i], y = b->inputs[1 - j];
      return r.commit(r.node("Mul", {r.node(root.op_type, {x, r.bent(y)}), factor}));
    }
  return false;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return regroup(c, f, choices, {over_sum, matrices_over_sum, reduction_over_sum, common_factor});
}

}  // namespace

extern const Mutator distribute;
const Mutator distribute{
    .name = "distribute",
    .aims_at = "fusions of scales and biases: (a+b)c as ac+bc and back, over MatMul and reductions, too",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
