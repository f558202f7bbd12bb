// LabelEncoder (domain ai.onnx.ml, from its second form on): a table looked up element by element.
#include <algorithm>
#include <cmath>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// `keys`, `values` or `default`, as a tensor or as a list of one of three types; nothing where it is absent.
std::optional<Tensor> attribute_tensor(const Node& node, const std::string& stem, bool list) {
  const std::string s = list ? "s" : "";
  if (const Attribute* a = node.attribute(stem + "_tensor")) {
    const auto* t = std::get_if<Tensor>(&a->value);
    if (t == nullptr) throw InvalidNode(a->name + " is no tensor");
    return *t;
  }
  if (const Attribute* a = node.attribute(stem + "_string" + s)) {
    if (const auto* one = std::get_if<std::string>(&a->value)) return Tensor(Dims{}, std::vector{*one});
    const auto* many = std::get_if<std::vector<std::string>>(&a->value);
    if (many == nullptr) throw InvalidNode(a->name + " holds no strings");
    return Tensor({static_cast<std::int64_t>(many->size())}, *many);
  }
  if (node.has(stem + "_int64" + s)) {
    if (!list) return Tensor::of_ints(DType::kInt64, {}, {node.int_or(stem + "_int64", 0)});
    const auto v = node.ints_or(stem + "_int64s", {});
    return Tensor::of_ints(DType::kInt64, {static_cast<std::int64_t>(v.size())}, v);
  }
  if (node.has(stem + "_float" + s)) {
    if (!list) return Tensor::of(DType::kFloat, {}, {node.float_or(stem + "_float", 0)});
    const auto v = node.floats_or(stem + "_floats", {});
    return Tensor::of(DType::kFloat, {static_cast<std::int64_t>(v.size())}, v);
  }
  return std::nullopt;
}

struct Table {
  Expected keys, values, otherwise;
};

Table table_of(const Inference& inf) {
  const auto keys = attribute_tensor(inf.node(), "keys", true);
  const auto values = attribute_tensor(inf.node(), "values", true);
  if (!keys || !values) throw InvalidNode("LabelEncoder without keys or values");
  if (keys->type().count() != values->type().count()) throw InvalidNode("keys and values differ in number");
  if (keys->type().dtype != inf.type(0).dtype) throw InvalidNode("keys are not of the input's type");
  auto otherwise = attribute_tensor(inf.node(), "default", false);
  const DType t = values->type().dtype;
  if (!otherwise) {
    if (t == DType::kString)
      otherwise = Tensor(Dims{}, std::vector<std::string>{"_Unused"});
    else
      otherwise = is_float(t) ? Tensor::of(t, {}, {-0.0}) : Tensor::of_ints(t, {}, {-1});
  }
  if (otherwise->type().dtype != t) throw InvalidNode("the default is not of the values' type");
  return {exact(*keys), exact(*values), exact(*otherwise)};
}

// Whether element i of x is key k; `open` where that is undecided.
bool equal(const Expected& x, std::size_t i, const Expected& keys, std::size_t k, bool& open) {
  if (const auto* s = std::get_if<Strings>(&x.data)) return (*s)[i] == std::get<Strings>(keys.data)[k];
  if (x.holds_ints()) {
    open = open || x.ints().bound(i) != 0;
    return x.ints().v[i] == keys.ints().v[k];
  }
  const double a = x.value_at(i), b = keys.value_at(k);
  if (std::isnan(a) || std::isnan(b)) throw Unsupported("LabelEncoder of a NaN");
  open = open || x.bound_at(i) > 0;
  return a == b;
}

void infer(Inference& inf) {
  inf.set_output(0, {table_of(inf).values.type.dtype, inf.dims(0)});
}

void evaluate(Evaluation& ev) {
  const Table table = table_of(ev);
  const Expected& x = ev.input(0);
  for (std::size_t i = 0; i < table.keys.count(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      bool open = false;
      if (equal(table.keys, i, table.keys, j, open)) throw Unsupported("LabelEncoder with a key twice");
    }
  for (std::size_t i = 0; i < x.count(); ++i) {
    std::size_t k = 0;
    bool open = false;
    while (k < table.keys.count() && !equal(x, i, table.keys, k, open)) ++k;
    if (open && table.values.type.dtype == DType::kString)
      throw Unsupported("LabelEncoder of undecided elements");
    if (open)
      set_open(ev.output(), i);
    else if (k < table.keys.count())
      copy_element(table.values, k, ev.output(), i);
    else
      copy_element(table.otherwise, 0, ev.output(), i);
  }
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  static const std::vector<std::string> kWords = {"a", "b", "ab", "", "A", "0"};
  const std::int64_t n = rng.range(1, 5);
  const auto numbers = rng.permutation(6);
  const auto put = [&](const std::string& stem, DType t, std::int64_t count, bool list) {
    std::vector<std::string> words;
    std::vector<std::int64_t> ints;
    std::vector<float> floats;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t v = stem == "keys" ? numbers[static_cast<std::size_t>(i)] : rng.range(0, 5);
      words.push_back(kWords[static_cast<std::size_t>(v)]);
      ints.push_back(v);
      floats.push_back(static_cast<float>(v));
    }
    if (t == DType::kString)
      list ? d.attribute(stem + "_strings", words) : d.attribute(stem + "_string", words.front());
    else if (t == DType::kInt64)
      list ? d.attribute(stem + "_int64s", ints) : d.attribute(stem + "_int64", ints.front());
    else
      list ? d.attribute(stem + "_floats", floats) : d.attribute(stem + "_float", floats.front());
  };
  const DType from = rng.pick({DType::kInt64, DType::kString, DType::kFloat});
  const DType to = rng.pick({DType::kInt64, DType::kString, DType::kFloat});
  if (from == DType::kString) {
    Dims dims;
    for (std::int64_t rank = rng.range(1, 3); rank-- > 0;) dims.push_back(d.size());
    std::vector<std::string> words(static_cast<std::size_t>(element_count(dims)));
    for (auto& w : words) w = rng.pick(kWords);
    d.input(Tensor(std::move(dims), std::move(words)), Role::kData);
  } else {
    d.input({.types = from, .range = {.low = 0, .high = 6, .integral = true}});
  }
  put("keys", from, n, true);
  put("values", to, n, true);
  if (rng.chance(0.7)) put("default", to, 1, false);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "LabelEncoder",
     .domain = "ai.onnx.ml",
     .since = 2,
     .draft = draft,
     .infer = infer,
     .evaluate = evaluate},
};

}  // namespace

namespace family {
extern const Family label_encoder;
const Family label_encoder = specs;
}  // namespace family

}  // namespace mob::ops
