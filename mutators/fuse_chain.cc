// Two of Reshape (and its kin), Transpose, Cast or Slice one behind the other become one.
#include "mutators/chains.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  ValueId x = kNoValue;                 // what the first of the two reads
  Dims shape = {};                      // Reshape
  std::vector<std::int64_t> perm = {};  // Transpose
  std::optional<Cut> cut = {};          // Slice
  Dims x_dims = {};
};

// Reshape and what else keeps the order of the elements: what it reads, if its shape is known beforehand.
ValueId viewed(const Rewriting& r, const Node& n) {
  const bool known = n.inputs.size() < 2 || r.int_list(n.inputs[1]);
  for (const char* op : {"Reshape", "Squeeze", "Unsqueeze", "Flatten"})
    if (n.op_type == op) return known ? n.inputs[0] : kNoValue;
  return kNoValue;
}
// The same of the node that makes a value.
ValueId viewed(const Rewriting& r, ValueId v) {
  for (const char* op : {"Reshape", "Squeeze", "Unsqueeze", "Flatten"})
    if (const auto n = r.maker(v, op)) return viewed(r, *n);
  return kNoValue;
}

std::optional<Site> views(const Rewriting& r, const Node& n) {
  const ValueId between = viewed(r, n);
  const ValueId x = between == kNoValue ? kNoValue : viewed(r, between);
  const ArrayType& y = r.type(n.outputs[0]);
  if (x == kNoValue || !r.fixed() || y.count() == 0) return std::nullopt;
  return Site{.old = n, .x = x, .shape = y.dims};
}

std::optional<Site> transposes(const Rewriting& r, const Node& n) {
  const auto first = r.maker(n.inputs[0], "Transpose");
  if (!first) return std::nullopt;
  const std::size_t rank = r.type(n.inputs[0]).rank();
  const auto inner = perm_of(*first, rank), outer = perm_of(n, rank);
  Site s{.old = n, .x = first->inputs[0]};
  for (std::int64_t a : outer) s.perm.push_back(inner[static_cast<std::size_t>(a)]);
  return s;
}

std::optional<Site> casts(const Rewriting& r, const Node& n) {
  const auto first = r.maker(n.inputs[0], "Cast");
  if (!first || !simple_cast(r, *first) || !simple_cast(r, n) ||
      !widens(r.type(first->inputs[0]).dtype, r.type(n.inputs[0]).dtype))
    return std::nullopt;
  return Site{.old = n, .x = first->inputs[0]};
}

std::optional<Site> slices(const Rewriting& r, const Node& n) {
  const auto first = r.maker(n.inputs[0], "Slice");
  const auto inner = first ? cut_of(r, *first) : std::nullopt, outer = cut_of(r, n);
  if (!inner || !outer || r.opset() < 10 || r.type(n.outputs[0]).count() == 0) return std::nullopt;
  return Site{
      .old = n, .x = first->inputs[0], .cut = both(*inner, *outer), .x_dims = r.type(first->inputs[0]).dims};
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type == "Transpose") return transposes(r, n);
  if (n.op_type == "Cast") return casts(r, n);
  if (n.op_type == "Slice") return slices(r, n);
  return views(r, n);
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  if (s.old.op_type == "Cast") return {r.op("Cast", {s.x}, s.old.attributes)};
  if (s.old.op_type == "Slice") return {write_cut(r, s.x, *s.cut, changed_axes(*s.cut, s.x_dims))};
  if (s.old.op_type != "Transpose") return {r.reshape(s.x, s.shape)};
  return {r.transpose(s.x, s.perm)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator fuse_chain;
const Mutator fuse_chain{.name = "fuse-chain",
                         .aims_at = "one Reshape, Transpose, Cast or Slice in place of two",
                         .family = MutatorFamily::kFuse,
                         .apply = kept<change>};

}  // namespace mob::mutators
