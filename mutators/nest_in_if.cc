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
  const bool taken = rng.chance(0.5);
  std::vector<Attribute> branches;
  for (const bool then : {true, false}) {
    const std::string name = then ? "then_branch" : "else_branch";
    Body body(c, f, name, then ? "_then" : "_else");
    if (then == taken || rng.chance(kSameBranch)) {
      body.add(*part);
      for (ValueId v : part->makes) body.output_for(v);
    } else {
      add_decoy(body, f, *part, rng);
    }
    branches.push_back({.name = name, .value = body.take()});
  }
  const Tensor condition =
      Tensor::of_ints(DType::kBool, rng.chance(0.7) ? Dims{} : Dims{1}, {std::int64_t{taken}});
  const ValueId cond = add_leaf(c, condition, draw_constness(rng));
  replace_part(c, *part, append(c, "If", {cond}, std::move(branches), part->makes.size()));
  return true;
}

}  // namespace

extern const Mutator nest_in_if;
const Mutator nest_in_if{.name = "nest-in-if",
                         .aims_at = "constant conditions, passes within branches, values read from around",
                         .keeps_values = true,
                         .apply = same_values<change>};

}  // namespace mob::mutators
