// A part of the graph becomes a model-local function, which is called in its place.
#include "fuzzer/graph/model_io.h"
#include "mutators/nest.h"

namespace mob::mutators {
namespace {

constexpr std::int64_t kFirstIrWithFunctions = 8;
constexpr double kReference = 0.4;  // one attribute of a node is given by the caller

bool change(Case& c, const Facts& f, Rng& rng) {
  const auto part = draw_part(c, f, rng);
  if (!part || part->reads.empty()) return false;
  Body body(c, f, "", "_fn");
  for (ValueId v : part->reads) body.input_for(v);
  body.add(*part);
  for (ValueId v : part->makes) body.output_for(v);

  std::vector<Attribute> given;
  Node& node = body.graph().nodes[rng.below(part->nodes.size())];
  if (!node.attributes.empty() && rng.chance(kReference)) {
    Attribute& a = node.attributes[rng.below(node.attributes.size())];
    given.push_back({.name = "given_" + a.name, .value = a.value});
    a.reference = given.back().name;
  }
  const std::string domain = "local";
  const std::string name = "Part" + std::to_string(rng.below(10));
  if (c.model.opsets.contains(domain)) return false;
  add_function(c.model, domain, name, *body.take(), given);
  c.model.opsets[domain] = 1;
  c.model.ir_version = std::max(c.model.ir_version, kFirstIrWithFunctions);
  replace_part(c, *part, append(c, name, part->reads, given, part->makes.size(), domain));
  return true;
}

}  // namespace

extern const Mutator outline_function;
const Mutator outline_function{.name = "outline-function",
                               .aims_at = "inlining of functions, and passes before and after it",
                               .family = MutatorFamily::kNest,
                               .apply = same_values<change>};

}  // namespace mob::mutators
