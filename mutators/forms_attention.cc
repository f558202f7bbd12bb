// Attention by matrix products and a softmax: as many heads of keys as of queries, no cache.
#include <cmath>

#include "mutators/forms.h"

namespace mob::mutators {
namespace {

using In = std::span<const ValueId>;
using List = std::vector<std::int64_t>;

// Of the whole, everything but scale and heads has its default.
bool usual(const Sketch& s) {
  const Node& n = s.whole();
  if (n.int_or("is_causal", 0) != 0 || n.has("softmax_precision") || n.int_or("left_window_size", -1) >= 0 ||
      n.int_or("right_window_size", -1) >= 0)
    return false;
  // The scale that is meant where none is given is no float.
  if (s.x().dtype == DType::kDouble && !n.has("scale")) return false;
  return n.float_or("softcap", 0) == 0;
}

// softmax(scale q k^T + mask) v, of [batch, heads, tokens, channels]; k is transposed already.
ValueId attention(Sketch& s, ValueId q, ValueId k, ValueId v, ValueId mask, std::int64_t channels,
                  bool on_query) {
  const auto usual_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(channels)));
  const ValueId scale = s.attribute("scale", usual_scale);
  ValueId scores =
      on_query ? s.op("MatMul", {s.op("Mul", {q, scale}), k}) : s.op("Mul", {s.op("MatMul", {q, k}), scale});
  if (mask != kNoValue) scores = s.op("Add", {scores, mask});
  const ValueId weights = s.op("Softmax", {scores}, {attribute("axis", std::int64_t{-1})});
  return s.op("MatMul", {weights, v});
}

template <bool on_query>
ValueId by_head(Sketch& s, In in) {
  if (s.rank() != 4 || !usual(s) || s.x().dims[3] == 0) return kNoValue;
  const ValueId k = s.transpose(in[1], {0, 1, 3, 2});
  return attention(s, in[0], k, in[2], in.size() > 3 ? in[3] : kNoValue, s.x().dims[3], on_query);
}

// [batch, tokens, heads * channels]
template <bool on_query>
ValueId merged(Sketch& s, In in) {
  const std::int64_t heads = s.whole().int_or("q_num_heads", 0);
  if (s.rank() != 3 || !usual(s) || heads < 1 || s.whole().int_or("kv_num_heads", 0) != heads ||
      s.x().count() == 0 || s.x().dims[2] % heads != 0)
    return kNoValue;
  const auto apart = [&](ValueId x, const List& perm) {
    return s.transpose(s.reshape(x, {0, 0, heads, -1}), perm);
  };
  const ValueId y =
      attention(s, apart(in[0], {0, 2, 1, 3}), apart(in[1], {0, 2, 3, 1}), apart(in[2], {0, 2, 1, 3}),
                in.size() > 3 ? in[3] : kNoValue, s.x().dims[2] / heads, on_query);
  return s.reshape(s.transpose(y, {0, 2, 1, 3}), {0, 0, -1});
}
std::vector<std::vector<Attribute>> every_number_of_heads(const ArrayType& x) {
  std::vector<std::vector<Attribute>> list;
  if (x.rank() != 3) return list;
  for (std::int64_t heads = 1; heads <= x.dims[2]; ++heads)
    if (x.dims[2] % heads == 0)
      list.push_back({attribute("q_num_heads", heads), attribute("kv_num_heads", heads)});
  return list;
}

Form form(std::size_t inputs, ValueId (*spell)(Sketch&, In), bool three_axes) {
  return {.op = "Attention",
          .since = 23,
          .inputs = inputs,
          .free = {"scale"},
          .spell = spell,
          .variants = three_axes ? every_number_of_heads : nullptr};
}

const std::vector<Form> kForms = {
    form(3, by_head<false>, false), form(4, by_head<false>, false), form(3, by_head<true>, false),
    form(4, by_head<true>, false),  form(3, merged<false>, true),   form(4, merged<false>, true),
    form(3, merged<true>, true),    form(4, merged<true>, true),
};

}  // namespace

std::span<const Form> attention_forms() {
  return kForms;
}

}  // namespace mob::mutators
