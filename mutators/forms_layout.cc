// Movements of elements by Reshape and Transpose.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

using In = std::span<const ValueId>;
using List = std::vector<std::int64_t>;

std::optional<std::int64_t> block_size(const Sketch& s) {
  const std::int64_t b = s.whole().int_or("blocksize", 0);
  if (b < 1 || s.rank() != 4 || s.x().count() == 0) return std::nullopt;
  return b;
}

ValueId depth_to_space(Sketch& s, In in) {
  const auto b = block_size(s);
  if (!b || s.x().dims[1] % (*b * *b) != 0) return kNoValue;
  const Dims& d = s.x().dims;
  const std::int64_t depth = d[1] / (*b * *b);
  const bool by_column = s.whole().string_or("mode", "DCR") == "CRD";
  const ValueId parts = s.reshape(
      in[0], by_column ? Dims{d[0], depth, *b, *b, d[2], d[3]} : Dims{d[0], *b, *b, depth, d[2], d[3]});
  const ValueId woven = s.transpose(parts, by_column ? List{0, 1, 4, 2, 5, 3} : List{0, 3, 4, 1, 5, 2});
  return s.reshape(woven, {d[0], depth, d[2] * *b, d[3] * *b});
}
ValueId space_to_depth(Sketch& s, In in) {
  const auto b = block_size(s);
  if (!b || s.x().dims[2] % *b != 0 || s.x().dims[3] % *b != 0) return kNoValue;
  const Dims& d = s.x().dims;
  const ValueId parts = s.reshape(in[0], {d[0], d[1], d[2] / *b, *b, d[3] / *b, *b});
  return s.reshape(s.transpose(parts, {0, 3, 5, 1, 2, 4}), {d[0], d[1] * *b * *b, d[2] / *b, d[3] / *b});
}

constexpr std::int64_t kLargestBlock = 4;

std::vector<std::vector<Attribute>> depth_variants(const ArrayType& /*x*/) {
  std::vector<std::vector<Attribute>> list;
  for (std::int64_t b = 1; b <= kLargestBlock; ++b)
    for (const char* mode : {"DCR", "CRD"})
      list.push_back({attribute("blocksize", b), attribute("mode", std::string(mode))});
  return list;
}
std::vector<std::vector<Attribute>> space_variants(const ArrayType& /*x*/) {
  std::vector<std::vector<Attribute>> list;
  for (std::int64_t b = 1; b <= kLargestBlock; ++b) list.push_back({attribute("blocksize", b)});
  return list;
}

const std::vector<Form> kForms = {
    {.op = "DepthToSpace",
     .since = 11,
     .types = kAnyDType,
     .spell = depth_to_space,
     .variants = depth_variants},
    {.op = "SpaceToDepth", .types = kAnyDType, .spell = space_to_depth, .variants = space_variants},
};

}  // namespace

std::span<const Form> layout_forms() {
  return kForms;
}

}  // namespace mob::mutators
