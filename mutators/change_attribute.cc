// Another legal value of an attribute; optional ones are added and dropped.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "mutators/edit.h"

namespace mob::mutators {
namespace {

// Attributes that are 0 or 1, absent or not.
constexpr std::array kSwitches = {"keepdims",
                                  "ceil_mode",
                                  "count_include_pad",
                                  "transA",
                                  "transB",
                                  "exclusive",
                                  "reverse",
                                  "allowzero",
                                  "noop_with_empty_axes",
                                  "largest",
                                  "sorted",
                                  "select_last_index",
                                  "antialias",
                                  "upper",
                                  "exclude_outside",
                                  "saturate",
                                  "storage_order",
                                  "linear_before_reset",
                                  "fmod",
                                  "normalize_variance",
                                  "across_channels",
                                  "input_forget",
                                  "layout",
                                  "use_approximation"};

struct Words {
  std::string_view op;  // or empty: of any operator
  std::string_view attribute;
  std::vector<std::string_view> values;
};
const std::vector<Words>& words() {
  static const std::vector<Words> list = {
      {"", "auto_pad", {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}},
      {"Pad", "mode", {"constant", "reflect", "edge", "wrap"}},
      {"Resize", "mode", {"nearest", "linear", "cubic"}},
      {"Upsample", "mode", {"nearest", "linear"}},
      {"DepthToSpace", "mode", {"DCR", "CRD"}},
      {"",
       "coordinate_transformation_mode",
       {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"}},
      {"", "nearest_mode", {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}},
      {"", "keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"}},
      {"", "reduction", {"none", "add", "mul", "max", "min"}},
      {"", "approximate", {"none", "tanh"}},
      {"", "direction", {"forward", "reverse"}},
      {"BitShift", "direction", {"LEFT", "RIGHT"}},
  };
  return list;
}

struct Reals {
  std::string_view attribute;
  std::vector<float> values;
};
const std::vector<Reals>& reals() {
  static const std::vector<Reals> list = {
      {"epsilon", {0.F, 1e-12F, 1e-7F, 1e-5F, 1e-3F, 0.1F, 1.F}},
      {"alpha", {0.F, 1.F, -1.F, 0.5F, 2.F, 0.01F, 0.2F, 1.702F, -0.5F}},
      {"beta", {0.F, 1.F, -1.F, 0.5F, 2.F, 0.75F}},
      {"gamma", {0.F, 1.F, -1.F, 0.5F, 1.0507F, 2.F}},
      {"lambd", {0.F, 0.5F, 1.F, -0.5F}},
      {"bias", {0.F, 0.5F, 1.F, 2.F}},
      {"momentum", {0.F, 0.9F, 1.F}},
      {"min", {-1.F, 0.F, 0.5F, 6.F, -3.4e38F}},
      {"max", {-1.F, 0.F, 0.5F, 1.F, 6.F, 3.4e38F}},
      {"value", {0.F, 1.F, -1.F, 0.5F}},
      {"ratio", {0.F, 0.5F, 0.1F}},
      {"cubic_coeff_a", {-0.75F, -0.5F}},
      {"extrapolation_value", {0.F, 1.F, -2.F}},
      {"k_value", {0.F}},
  };
  return list;
}

// Ints that are small and count something.
struct Numbers {
  std::string_view attribute;
  std::vector<std::int64_t> values;
};
const std::vector<Numbers>& numbers() {
  static const std::vector<Numbers> list = {{"group", {1, 2, 3, 4}},
                                            {"num_groups", {1, 2, 3, 4}},
                                            {"blocksize", {1, 2, 3}},
                                            {"block_size", {0, 1, 2, 4}},
                                            {"p", {1, 2, 3}},
                                            {"size", {1, 2, 3, 5}},
                                            {"k", {0, 1, -1, 2, -2}},
                                            {"num_outputs", {1, 2, 3}},
                                            {"batch_dims", {0, 1, 2}},
                                            {"stash_type", {1, 10, 11, 16}},
                                            {"start", {0, 1, -1, -2, 2}},
                                            {"end", {0, 1, -1, 2, 3}},
                                            {"detect_positive", {0, 1}},
                                            {"detect_negative", {0, 1}},
                                            {"training_mode", {0, 1}},
                                            {"time_axis", {0, 1}}};
  return list;
}

const DTypeSet kCastable = {DType::kFloat, DType::kDouble, DType::kFloat16, DType::kInt32,   DType::kInt64,
                            DType::kInt8,  DType::kUint8,  DType::kBool,    DType::kBFloat16};

std::int64_t rank(const Facts& f, const Node& n) {
  return !n.inputs.empty() && f.known(n.inputs[0]) ? static_cast<std::int64_t>(f.type(n.inputs[0]).rank())
                                                   : 0;
}

// A value for an attribute of this name; nothing where we know of none.
std::optional<AttributeValue> draw(const Node& n, const Facts& f, std::string_view name, Rng& rng) {
  const Attribute* now = n.attribute(name);
  if (std::find(kSwitches.begin(), kSwitches.end(), name) != kSwitches.end() &&
      (now == nullptr || std::holds_alternative<std::int64_t>(now->value))) {
    if (now == nullptr) return AttributeValue(static_cast<std::int64_t>(rng.below(2)));
    return AttributeValue(static_cast<std::int64_t>(std::get<std::int64_t>(now->value) == 0));
  }
  const bool recurrent = n.op_type == "LSTM" || n.op_type == "GRU" || n.op_type == "RNN";
  // A row of the operator's own comes before one for all.
  for (const bool own : {true, false})
    for (const Words& w : words())
      if (w.attribute == name && (own ? w.op == n.op_type : w.op.empty()) && !recurrent &&
          (now == nullptr || std::holds_alternative<std::string>(now->value)))
        return AttributeValue(std::string(rng.pick(w.values)));
  for (const Reals& r : reals())
    if (r.attribute == name && (now == nullptr || std::holds_alternative<float>(now->value)) && !recurrent)
      return AttributeValue(rng.pick(r.values));
  if (name == "group" && rng.chance(0.5) && n.inputs.size() > 1 && f.known(n.inputs[0]) && rank(f, n) > 1)
    return AttributeValue(f.type(n.inputs[0]).dims[1]);
  for (const Numbers& k : numbers())
    if (k.attribute == name && (now == nullptr || std::holds_alternative<std::int64_t>(now->value)))
      return AttributeValue(rng.pick(k.values));
  const std::int64_t r = rank(f, n);
  if (name == "perm" && r > 0) {
    if (now != nullptr && r > 1 && rng.chance(0.5)) {
      auto perm = std::get<std::vector<std::int64_t>>(now->value);
      if (perm.size() < 2) return std::nullopt;
      std::swap(perm[rng.below(perm.size())], perm[rng.below(perm.size())]);
      return AttributeValue(perm);
    }
    return AttributeValue(rng.permutation(static_cast<std::size_t>(r)));
  }
  if (names_type(name)) return AttributeValue(static_cast<std::int64_t>(rng.pick(kCastable.list())));
  const bool window =
      n.op_type.find("Pool") != std::string::npos || n.op_type.find("Conv") != std::string::npos;
  if (name == "strides" || name == "dilations" || name == "kernel_shape" || name == "pads" ||
      name == "output_padding") {
    std::vector<std::int64_t> v;
    if (now != nullptr) {
      if (const auto* list = std::get_if<std::vector<std::int64_t>>(&now->value)) v = *list;
    } else if (window && r > 2) {
      v.assign(static_cast<std::size_t>((r - 2) * (name == "pads" ? 2 : 1)),
               name == "pads" || name == "output_padding" ? 0 : 1);
    }
    if (v.empty()) return std::nullopt;
    const std::int64_t least = name == "pads" || name == "output_padding" ? 0 : 1;
    if (rng.chance(0.2)) {
      std::fill(v.begin(), v.end(), rng.range(least, 2));
    } else {
      std::int64_t& x = v[rng.below(v.size())];
      x = rng.chance(0.5) ? rng.range(least, 3) : std::max(least, x + rng.pick({-1, 1}));
    }
    return AttributeValue(v);
  }
  if (now == nullptr) return std::nullopt;
  // Lists that we know nothing of: one element moved (split, starts, ends, scales, ...).
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&now->value);
      list != nullptr && !list->empty()) {
    auto v = *list;
    std::int64_t& one = v[rng.below(v.size())];
    const std::int64_t by = rng.pick({-1, 1});
    one = std::abs(one / 2) >= std::numeric_limits<std::int64_t>::max() / 2
              ? 0
              : one + by;  // "to the end" may be huge
    if (v.size() > 1 && rng.chance(0.3)) std::swap(v.front(), v.back());
    return AttributeValue(v);
  }
  if (const auto* list = std::get_if<std::vector<float>>(&now->value); list != nullptr && !list->empty()) {
    auto v = *list;
    v[rng.below(v.size())] *= rng.pick({0.5F, 2.F, -1.F});
    return AttributeValue(v);
  }
  return std::nullopt;
}

bool change(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  struct Place {
    int node;
    std::string_view attribute;
    bool required;
  };
  std::vector<Place> there, absent;
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const Schema* form = form_of(c.model, n);
    if (form == nullptr || n.op_type == "Constant") continue;
    for (const AttributeSchema& a : form->attributes)
      if (a.name != "axis" && a.name != "axes" && a.name != "hidden_size")
        (n.has(a.name) ? there : absent).push_back({static_cast<int>(i), a.name, a.required});
  }
  for (int attempt = 0; attempt < 6; ++attempt) {
    const auto& from = absent.empty() || (!there.empty() && rng.chance(0.6)) ? there : absent;
    if (from.empty()) return false;
    const Place& p = rng.pick(from);
    Node& n = g.nodes[static_cast<std::size_t>(p.node)];
    if (n.has(p.attribute) && !p.required && rng.chance(0.25)) {
      n.remove(p.attribute);
      return true;
    }
    std::optional<AttributeValue> next = draw(n, f, p.attribute, rng);
    if (!next) continue;
    if (const Attribute* now = n.attribute(p.attribute)) {
      if (const auto* x = std::get_if<std::int64_t>(&now->value);
          x != nullptr && std::get_if<std::int64_t>(&*next) != nullptr && std::get<std::int64_t>(*next) == *x)
        continue;
      if (const auto* s = std::get_if<std::string>(&now->value);
          s != nullptr && std::get_if<std::string>(&*next) != nullptr && std::get<std::string>(*next) == *s)
        continue;
    }
    n.set(p.attribute, std::move(*next));
    // Explicit padding beside an automatic one is not valid.
    if (p.attribute == "auto_pad" && n.string_or("auto_pad", "NOTSET") != "NOTSET") n.remove("pads");
    if (p.attribute == "pads" && n.string_or("auto_pad", "NOTSET") != "NOTSET") n.remove("auto_pad");
    return true;
  }
  return false;
}

}  // namespace

extern const Mutator change_attribute;
const Mutator change_attribute{.name = "change-attribute",
                               .aims_at = "rewrites that take an attribute for its usual value",
                               .apply = recompute<change>};

}  // namespace mob::mutators
