// Sum, Mean, Max, Min and Concat of many values become chains of two.
#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  DType type;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  const bool mean = n.op_type == "Mean";
  const bool known = n.op_type == "Sum" || n.op_type == "Max" || n.op_type == "Min" || n.op_type == "Concat";
  if ((!known && !mean) || n.inputs.size() < (mean || n.op_type == "Sum" ? 2 : 3)) return std::nullopt;
  return Site{n, r.type(n.outputs[0]).dtype};
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  const bool mean = s.old.op_type == "Mean";
  const std::string op = mean || s.old.op_type == "Sum" ? "Add" : s.old.op_type;
  ValueId y = s.old.inputs[0];
  for (std::size_t i = 1; i < s.old.inputs.size(); ++i) y = r.op(op, {y, s.old.inputs[i]}, s.old.attributes);
  if (!mean) return {y};
  return {r.op("Div", {y, r.scalar(s.type, static_cast<double>(s.old.inputs.size()))})};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator unfuse_variadic;
const Mutator unfuse_variadic{.name = "unfuse-variadic",
                              .aims_at = "chains of Add, Max, Min and Concat that become one",
                              .family = MutatorFamily::kUnfuse,
                              .apply = kept<change>};

}  // namespace mob::mutators
