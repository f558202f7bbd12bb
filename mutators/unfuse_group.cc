// A grouped Conv becomes a Conv for each group, between Split and Concat.
#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  std::int64_t groups;
  std::int64_t in, out;  // channels of each group
};

constexpr std::int64_t kMostGroups = 16;

std::optional<Site> match(const Rewriting& r, const Node& n) {
  const std::int64_t groups = n.int_or("group", 1);
  if (n.op_type != "Conv" || groups < 2 || groups > kMostGroups) return std::nullopt;
  const Dims& w = r.type(n.inputs[1]).dims;
  return Site{n, groups, w[1], w[0] / groups};
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  const auto apart = [&](std::size_t slot, std::int64_t size, std::int64_t axis) {
    return r.split(s.old.inputs[slot], std::vector<std::int64_t>(static_cast<std::size_t>(s.groups), size),
                   axis);
  };
  const std::vector<ValueId> x = apart(0, s.in, 1), w = apart(1, s.out, 0);
  const bool biased = s.old.inputs.size() > 2 && s.old.inputs[2] != kNoValue;
  const std::vector<ValueId> b = biased ? apart(2, s.out, 0) : std::vector<ValueId>{};
  Node alone = s.old;
  alone.remove("group");
  std::vector<ValueId> parts;
  for (std::int64_t i = 0; i < s.groups; ++i) {
    const auto g = static_cast<std::size_t>(i),
               other = static_cast<std::size_t>(r.choices().bent_index(i, s.groups));
    std::vector<ValueId> inputs = {x[other], w[g]};
    if (biased) inputs.push_back(b[g]);
    parts.push_back(r.op("Conv", std::move(inputs), alone.attributes));
  }
  return {r.concat(std::move(parts), 1)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator unfuse_group;
const Mutator unfuse_group{.name = "unfuse-group",
                           .aims_at = "Convs side by side, as grouped convolutions are written out",
                           .family = MutatorFamily::kUnfuse,
                           .apply = kept<change>};

}  // namespace mob::mutators
