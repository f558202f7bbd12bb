// Pad goes into the pads of the Conv, AveragePool or MaxPool behind it.
#include "mutators/padding.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  ValueId x;
  std::vector<std::int64_t> pads;  // begins and ends, of each axis of the image
};

// What Pad puts around the image; nothing where it does more, or less, than that.
std::optional<std::vector<std::int64_t>> image_pads(const Rewriting& r, const Node& pad, double wanted) {
  const std::size_t rank = r.type(pad.inputs[0]).rank();
  if (pad.string_or("mode", "constant") != "constant" || pad.inputs.size() > 3 || rank < 3)
    return std::nullopt;
  const bool given = pad.inputs.size() > 2 && pad.inputs[2] != kNoValue;
  const std::optional<double> value = given ? r.number(pad.inputs[2], 1) : pad.float_or("value", 0);
  const auto pads = pad.inputs.size() > 1 ? r.int_list(pad.inputs[1]) : pad.ints_or("pads", {});
  if (value != wanted || !pads || pads->size() != 2 * rank) return std::nullopt;
  std::vector<std::int64_t> image;
  for (std::size_t i = 0; i < pads->size(); ++i) {
    const std::int64_t n = (*pads)[i];
    if (i % rank < 2 ? n != 0 : n < 0) return std::nullopt;
    if (i % rank >= 2) image.push_back(n);
  }
  return image;
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.inputs.empty()) return std::nullopt;
  const auto pad = r.maker(n.inputs[0], "Pad");
  const auto wanted = pad ? own_padding(n, r.type(n.inputs[0]).dtype) : std::nullopt;
  if (!wanted) return std::nullopt;
  auto pads = image_pads(r, *pad, *wanted);
  if (!pads) return std::nullopt;
  const auto own = pads_of(n, r.type(n.inputs[0]).rank());
  for (std::size_t i = 0; i < own.size(); ++i) (*pads)[i] += own[i];
  return Site{n, pad->inputs[0], std::move(*pads)};
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  std::vector<ValueId> inputs = s.old.inputs;
  inputs[0] = s.x;
  return {r.op(s.old.op_type, std::move(inputs), with_pads(s.old, s.pads))};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator fuse_pad;
const Mutator fuse_pad{.name = "fuse-pad",
                       .aims_at = "Pad folded into convolutions and pools",
                       .family = MutatorFamily::kFuse,
                       .apply = kept<change>};

}  // namespace mob::mutators
