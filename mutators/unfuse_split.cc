// Split becomes a Slice for each part.
#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  std::int64_t axis;
  std::vector<std::int64_t> bounds;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "Split" || !r.fixed()) return std::nullopt;
  const auto axis =
      Inference::axis(n.int_or("axis", 0), static_cast<std::int64_t>(r.type(n.inputs[0]).rank()));
  Site s{n, axis, {0}};
  for (ValueId v : n.outputs) {
    if (v == kNoValue) return std::nullopt;
    s.bounds.push_back(s.bounds.back() + r.type(v).dims[static_cast<std::size_t>(axis)]);
  }
  return s;
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  std::vector<ValueId> made;
  for (std::size_t i = 0; i < s.old.outputs.size(); ++i)
    made.push_back(r.slice(s.old.inputs[0], {s.bounds[i]}, {s.bounds[i + 1]}, {s.axis}));
  return made;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"Split", -1}});
}

}  // namespace

extern const Mutator unfuse_split;
const Mutator unfuse_split{.name = "unfuse-split",
                           .aims_at = "Slices side by side",
                           .family = MutatorFamily::kUnfuse,
                           .apply = kept<change>};

}  // namespace mob::mutators
