// Gemm becomes MatMul, with Transposes before it, and factors and a sum behind it.
#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  DType type;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "Gemm") return std::nullopt;
  const DType t = r.type(n.outputs[0]).dtype;
  // Of integers a factor might be a fraction.
  if (!is_float(t) && (n.float_or("alpha", 1) != 1 || n.float_or("beta", 1) != 1)) return std::nullopt;
  return Site{n, t};
}

ValueId times(Rewriting& r, ValueId x, double factor, DType t) {
  return factor == 1 ? x : r.op("Mul", {x, r.scalar(t, factor)});
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  const auto side = [&](std::size_t slot, const char* attribute) {
    const ValueId x = s.old.inputs[slot];
    return s.old.int_or(attribute, 0) == 0 ? x : r.transpose(x, {1, 0});
  };
  const ValueId a = side(0, "transA"), b = side(1, "transB");
  const ValueId y = times(r, r.op("MatMul", {a, b}), s.old.float_or("alpha", 1), s.type);
  if (s.old.inputs.size() < 3 || s.old.inputs[2] == kNoValue) return {y};
  return {r.op("Add", {y, times(r, s.old.inputs[2], s.old.float_or("beta", 1), s.type)})};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"Gemm", -1}, {"MatMul", 1}});
}

}  // namespace

extern const Mutator unfuse_gemm;
const Mutator unfuse_gemm{.name = "unfuse-gemm",
                          .aims_at = "MatMul, Add and Transpose that become Gemm",
                          .family = MutatorFamily::kUnfuse,
                          .apply = kept<change>};

}  // namespace mob::mutators
