// A Slice of neighbours becomes a part of a Split.
#include <algorithm>

#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  std::int64_t axis;
  std::vector<std::int64_t> sizes;
  std::size_t part;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "Slice" || !r.fixed() || r.opset() < 10 || n.inputs.size() < 4) return std::nullopt;
  const ArrayType &x = r.type(n.inputs[0]), &y = r.type(n.outputs[0]);
  const auto starts = r.int_list(n.inputs[1]), axes = r.int_list(n.inputs[3]);
  const bool strides = n.inputs.size() > 4 && n.inputs[4] != kNoValue;
  const auto steps = strides ? r.int_list(n.inputs[4]) : std::vector<std::int64_t>{1};
  if (!starts || !axes || !steps || axes->size() != 1 || steps->front() != 1 || y.count() == 0)
    return std::nullopt;
  const std::int64_t axis = Inference::axis(axes->front(), static_cast<std::int64_t>(x.rank()));
  const auto at = static_cast<std::size_t>(axis);
  const std::int64_t all = x.dims[at], size = y.dims[at];
  const std::int64_t start = std::max<std::int64_t>(starts->front() + (starts->front() < 0 ? all : 0), 0);
  Site s{n, axis, {}, start > 0 ? 1U : 0U};
  for (std::int64_t part : {start, size, all - start - size})
    if (part > 0) s.sizes.push_back(part);
  if (s.sizes.size() < 2) return std::nullopt;
  return s;
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  return {r.split(s.old.inputs[0], s.sizes, s.axis)[s.part]};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"Split", 1}, {"Slice", -1}});
}

}  // namespace

extern const Mutator fuse_slice;
const Mutator fuse_slice{.name = "fuse-slice",
                         .aims_at = "Split where Slice stood",
                         .family = MutatorFamily::kFuse,
                         .apply = kept<change>};

}  // namespace mob::mutators
