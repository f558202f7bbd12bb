// The pads of Conv, AveragePool and MaxPool become a Pad before them.
#include "mutators/padding.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  ArrayType x;
  double value;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.inputs.empty()) return std::nullopt;
  const ArrayType& x = r.type(n.inputs[0]);
  const auto value = own_padding(n, x.dtype);
  if (!value || x.rank() < 3) return std::nullopt;
  const auto pads = pads_of(n, x.rank());
  if (std::all_of(pads.begin(), pads.end(), [](auto p) { return p == 0; })) return std::nullopt;
  return Site{n, x, *value};
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  const auto own = pads_of(s.old, s.x.rank());
  const std::size_t axes = s.x.rank() - 2;
  std::vector<std::int64_t> pads(2 * s.x.rank(), 0);
  for (std::size_t i = 0; i < own.size(); ++i) pads[i + 2 * (i / axes + 1)] = own[i];
  std::vector<ValueId> inputs = s.old.inputs;
  inputs[0] = r.pad(inputs[0], pads, s.x.dtype, r.choices().faulty() ? 1 : s.value);
  return {r.op(s.old.op_type, std::move(inputs), with_pads(s.old, std::vector<std::int64_t>(own.size(), 0)))};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"Pad", 1}});
}

}  // namespace

extern const Mutator unfuse_pad;
const Mutator unfuse_pad{.name = "unfuse-pad",
                         .aims_at = "Pad before convolutions and pools",
                         .family = MutatorFamily::kUnfuse,
                         .apply = kept<change>};

}  // namespace mob::mutators
