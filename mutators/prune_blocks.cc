// Whole blocks go: what a residual branch adds counts for nothing, or a layer is the identity.
#include "mutators/blocks.h"

namespace mob::mutators {
namespace {

// The parent with a zero for a factor in each branch.
std::shared_ptr<const Case> silenced(const Case& c, const Facts& f, const std::vector<Bypass>& blocks) {
  auto twin = std::make_shared<Case>(c);
  Graph& g = twin->model.graph;
  for (const Bypass& at : blocks) {
    if (at.branch < 0) continue;
    const ValueId branch =
        g.nodes[static_cast<std::size_t>(at.node)].inputs[static_cast<std::size_t>(at.branch)];
    const ValueId zero = g.add_initializer("", Tensor::scalar(f.type(branch).dtype, 0));
    set_use(*twin, {.node = at.node, .slot = at.branch}, append(*twin, "Mul", {branch, zero}).front());
  }
  return twin;
}

std::int64_t count(const Case& c, std::string_view op) {
  std::int64_t n = 0;
  for (const Node& node : c.model.graph.nodes) n += node.op_type == op && node.domain.empty();
  return n;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string what = choices.word("what", {"any", "residual", "identity"});
  std::vector<Bypass> places;
  if (what != "identity") places = residual_blocks(c, f);
  if (what != "residual") {
    const std::vector<Bypass> layers = identity_layers(c, f);
    places.insert(places.end(), layers.begin(), layers.end());
  }
  const Case before = c;
  const std::vector<Bypass> done = bypassed(c, choices.places(std::move(places)), choices.faulty());
  if (done.empty()) return std::nullopt;
  Promise promise;
  promise.twins.push_back({.name = "parent with silenced branches", .c = silenced(before, f, done)});
  promise.claims.emplace_back(Fewer{.share = 1});
  std::map<std::string, std::int64_t> gone;
  for (const Bypass& at : done) ++gone[before.model.graph.nodes[static_cast<std::size_t>(at.node)].op_type];
  for (const auto& [op, n] : gone)
    if (op != "Identity")  // some become one
      promise.claims.emplace_back(
          NodeCount{.op = op, .domain = "", .least = 0, .most = count(before, op) - n});
  return promise;
}

}  // namespace

extern const Mutator prune_blocks;
const Mutator prune_blocks{.name = "prune-blocks",
                           .aims_at = "residual blocks and layers that do nothing go (what)",
                           .family = MutatorFamily::kPrune,
                           .apply = kept<change>};

}  // namespace mob::mutators
