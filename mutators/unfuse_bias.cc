// The bias of a Conv or ConvTranspose becomes an Add behind it.
#include <numeric>

#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  std::size_t rank;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if ((n.op_type != "Conv" && n.op_type != "ConvTranspose") || n.inputs.size() < 3 || n.inputs[2] == kNoValue)
    return std::nullopt;
  return Site{n, r.type(n.inputs[0]).rank()};
}

std::vector<ValueId> write(Rewriting& r, const Site& site) {
  const std::vector<ValueId> inputs(site.old.inputs.begin(), site.old.inputs.begin() + 2);
  const ValueId y = r.op(site.old.op_type, inputs, site.old.attributes);
  std::vector<std::int64_t> image(site.rank - 2);
  std::iota(image.begin(), image.end(), 1);
  const auto known = r.constant(site.old.inputs[2]);
  if (!known) return {r.op("Add", {y, r.squeeze("Unsqueeze", site.old.inputs[2], image)})};
  Dims dims(site.rank - 1, 1);
  dims.front() = known->count();
  return {r.op("Add", {y, r.leaf(repeated(*known, dims))})};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"Add", 1}});
}

}  // namespace

extern const Mutator unfuse_bias;
const Mutator unfuse_bias{.name = "unfuse-bias",
                          .aims_at = "Add behind convolutions, which takes the place of their bias",
                          .family = MutatorFamily::kUnfuse,
                          .apply = kept<change>};

}  // namespace mob::mutators
