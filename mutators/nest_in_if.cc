// A part of the graph becomes a branch of If.
#include "mutators/nest.h"

namespace mob::mutators {
namespace {

constexpr double kSameBranch = 0.4;  // the other branch is a copy; else constants and values from around it

// What stands in the branch that is not taken.
void add_decoy(Body& body, const Facts& f, const Part& part, Rng& rng) {
  for (ValueId v : part.makes) {
    std::vector<ValueId> alike;
    for (ValueId r : part.reads)
      if (f.known(r) && f.type(r) == f.type(v)) alike.push_back(r);
    if (!alike.empty() && rng.chance(0.5))
      body.output(body.inner(rng.pick(alike)), f.type(v));
    else
      body.output(body.add_node("Constant", {}, {{.name = "value", .value = draw_tensor(f.type(v), rng)}}),
                  f.type(v));
  }
}

bool change(Case& c, const Facts& f, Rng& rng) {
  const auto part = draw_part(c, f, rng);
  if (!part || !carries(c, f, "If", part->makes)) return false;
  const auto fill = [&](Body& body, bool taken) {
    if (!taken && !rng.chance(kSameBranch)) return add_decoy(body, f, *part, rng);
    body.add(*part);
    for (ValueId v : part->makes) body.output_for(v);
  };
  replace_part(c, *part, append_if(c, f, part->makes.size(), rng, fill));
  return true;
}

}  // namespace

extern const Mutator nest_in_if;
const Mutator nest_in_if{.name = "nest-in-if",
                         .aims_at = "constant conditions, passes within branches, values read from around",
                         .family = MutatorFamily::kNest,
                         .apply = same_values<change>};

}  // namespace mob::mutators
