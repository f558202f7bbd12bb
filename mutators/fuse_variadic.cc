// Chains of Add, Max, Min and Concat become one node of many inputs.
#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  std::vector<ValueId> parts;
};

constexpr std::size_t kMost = 16;

// Concatenations along one axis, or the same operator without an axis.
bool same_kind(const Rewriting& r, const Node& a, const Node& b) {
  if (a.op_type != "Concat") return true;
  const auto rank = static_cast<std::int64_t>(r.type(a.outputs[0]).rank());
  return Inference::axis(a.int_or("axis", 0), rank) == Inference::axis(b.int_or("axis", 0), rank);
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  const bool add = n.op_type == "Add";
  if (!add && n.op_type != "Sum" && n.op_type != "Max" && n.op_type != "Min" && n.op_type != "Concat")
    return std::nullopt;
  if (add && !is_float(r.type(n.outputs[0]).dtype)) return std::nullopt;
  Site s{n, {}};
  bool grown = false;
  for (ValueId v : n.inputs) {
    const auto inner = r.maker(v, n.op_type);
    if (!inner || !same_kind(r, n, *inner) || s.parts.size() + inner->inputs.size() > kMost) {
      s.parts.push_back(v);
      continue;
    }
    s.parts.insert(s.parts.end(), inner->inputs.begin(), inner->inputs.end());
    grown = true;
  }
  if (!grown) return std::nullopt;
  return s;
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  return {r.op(s.old.op_type == "Add" ? "Sum" : s.old.op_type, s.parts, s.old.attributes)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator fuse_variadic;
const Mutator fuse_variadic{.name = "fuse-variadic",
                            .aims_at = "Sum, Max, Min and Concat of many values",
                            .family = MutatorFamily::kFuse,
                            .apply = kept<change>};

}  // namespace mob::mutators
