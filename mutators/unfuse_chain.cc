// One Reshape (or its kin), Transpose, Cast or Slice becomes two, one behind the other.
#include "mutators/chains.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  ArrayType x, y;
  std::optional<Cut> cut = {};
};

bool is_view(const Node& n) {
  return n.op_type == "Reshape" || n.op_type == "Squeeze" || n.op_type == "Unsqueeze" ||
         n.op_type == "Flatten";
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.inputs.empty()) return std::nullopt;
  Site s{.old = n, .x = r.type(n.inputs[0]), .y = r.type(n.outputs[0])};
  if (n.op_type == "Transpose") return s.x.rank() >= 2 ? std::optional(s) : std::nullopt;
  if (n.op_type == "Cast") return simple_cast(r, n) ? std::optional(s) : std::nullopt;
  if (s.y.count() == 0 || !r.fixed()) return std::nullopt;
  if (is_view(n)) {
    // A shape that is only known when the model runs must still be read.
    const bool known = n.inputs.size() < 2 || r.int_list(n.inputs[1]);
    return known ? std::optional(s) : std::nullopt;
  }
  if (n.op_type != "Slice" || r.opset() < 10) return std::nullopt;
  s.cut = cut_of(r, n);
  return s.cut && changed_axes(*s.cut, s.x.dims).size() >= 2 ? std::optional(s) : std::nullopt;
}

ValueId two_transposes(Rewriting& r, const Site& s) {
  const std::size_t rank = s.x.rank();
  const auto whole = perm_of(s.old, rank), first = r.choices().rng().permutation(rank);
  // first[second[i]] = whole[i]
  std::vector<std::int64_t> second;
  second.reserve(whole.size());
  for (std::int64_t a : whole) second.push_back(std::find(first.begin(), first.end(), a) - first.begin());
  return r.transpose(r.transpose(s.old.inputs[0], first), second);
}

ValueId two_casts(Rewriting& r, const Site& s) {
  std::vector<DType> wider;
  for (DType t : kNumbers.list())
    if (t != s.x.dtype && widens(s.x.dtype, t)) wider.push_back(t);
  if (wider.empty()) return kNoValue;
  return r.cast(r.cast(s.old.inputs[0], r.choices().rng().pick(wider)), s.y.dtype);
}

ValueId two_slices(Rewriting& r, const Site& s) {
  std::vector<std::size_t> axes = changed_axes(*s.cut, s.x.dims);
  const std::size_t last = axes.back();
  axes.pop_back();
  return write_cut(r, write_cut(r, s.old.inputs[0], *s.cut, axes), *s.cut, {last});
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  if (s.old.op_type == "Transpose") return {two_transposes(r, s)};
  if (s.old.op_type == "Cast") return {two_casts(r, s)};
  if (s.old.op_type == "Slice") return {two_slices(r, s)};
  return {r.reshape(r.reshape(s.old.inputs[0], {-1}), s.y.dims)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator unfuse_chain;
const Mutator unfuse_chain{.name = "unfuse-chain",
                           .aims_at = "chains of Reshape, Transpose, Cast and Slice, which merge",
                           .family = MutatorFamily::kUnfuse,
                           .apply = kept<change>};

}  // namespace mob::mutators
