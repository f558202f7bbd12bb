#include "mutators/edit.h"

#include <algorithm>
#include <cmath>

#include "fuzzer/generator/inputs.h"

namespace mob::mutators {
namespace {

// Of any tensor: a generated case that grows beyond this is a mutation gone wrong. A model that begins with
// more than a generator's is a real one, and may hold larger tensors.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 20;
constexpr std::int64_t kMaxElementsOfReal = std::int64_t{1} << 27;
constexpr std::int64_t kReal = std::int64_t{1} << 16;  // elements of inputs and initializers together

std::int64_t most_elements(const Model& model) {
  const Graph& g = model.graph;
  std::int64_t given = 0;
  for (ValueId v : g.initializers) given += g[v].initializer->count();
  for (ValueId v : g.inputs) {
    if (!g[v].type || !g[v].type->shape || g[v].initializer) continue;
    std::int64_t count = 1;
    for (const Dim& d : *g[v].type->shape)
      count = d.value < 0 || count > kReal ? count : count * std::min(d.value, kReal);
    given += count;
  }
  return given > kReal ? kMaxElementsOfReal : kMaxElements;
}

// What a Constant node holds, as a tensor.
Tensor constant_of(const Node& n) {
  for (const Attribute& a : n.attributes) {
    if (const auto* t = std::get_if<Tensor>(&a.value)) return *t;
    if (const auto* f = std::get_if<float>(&a.value)) return Tensor::scalar(DType::kFloat, *f);
    if (const auto* i = std::get_if<std::int64_t>(&a.value)) return Tensor::of_ints(DType::kInt64, {}, {*i});
    if (const auto* fs = std::get_if<std::vector<float>>(&a.value))
      return Tensor::of(DType::kFloat, {static_cast<std::int64_t>(fs->size())},
                        std::vector<double>(fs->begin(), fs->end()));
    if (const auto* is = std::get_if<std::vector<std::int64_t>>(&a.value)) return Tensor::ints(*is);
  }
  return {};
}

bool is_constant(const Node& n) {
  return n.op_type == "Constant" && n.domain.empty();
}

// What our reference lets pass, but onnx's checker or the kernels of a runtime do not, optimized or not.
bool unwelcome(const Node& n, int opset, const Schema& form, std::span<const Expected* const> inputs) {
  const auto rank = [&](std::size_t i) {
    return i < inputs.size() && inputs[i] != nullptr ? static_cast<int>(inputs[i]->type.rank()) : -1;
  };
  const auto starts = [&](std::string_view word) { return n.op_type.starts_with(word); };
  const bool window = n.op_type.ends_with("Pool") || starts("Conv") || n.op_type == "QLinearConv";
  if (n.op_type == "Dropout") {
    if (rank(1) > 0 || rank(2) > 0) return true;
    if (rank(1) == 0 && !(inputs[1]->value_at(0) >= 0 && inputs[1]->value_at(0) < 1)) return true;
  }
  if (n.op_type == "Unsqueeze" && rank(1) == 0) return true;
  if (n.op_type == "OneHot" && rank(0) == 0) return true;
  if (n.op_type == "TopK" && rank(1) >= 0 && inputs[1]->type.dims != Dims{1}) return true;
  if (n.op_type == "Flatten" && opset < 11 && n.int_or("axis", 1) < 0) return true;
  if (starts("Reduce") && rank(1) >= 0 && rank(1) != 1) return true;
  if (n.op_type == "Resize" && opset >= 11) {
    if (rank(2) >= 0 && rank(3) >= 0 && inputs[2]->count() > 0 && inputs[3]->count() > 0) return true;
    if (rank(3) >= 0 && inputs[3]->count() == 0) return true;
    if (n.string_or("mode", "nearest") == "cubic" && rank(0) != 2 && rank(0) != 4) return true;
    for (std::size_t i = 0; rank(2) >= 0 && i < inputs[2]->count(); ++i)
      if (!(inputs[2]->value_at(i) > 0)) return true;
    if (rank(2) >= 0 && inputs[2]->count() > 0 &&
        n.string_or("keep_aspect_ratio_policy", "stretch") != "stretch")
      return true;
    if (n.int_or("exclude_outside", 0) != 0 && n.string_or("mode", "nearest") != "cubic") return true;
  }
  if (n.op_type == "Range" && (rank(0) > 0 || rank(1) > 0 || rank(2) > 0)) return true;
  if ((n.op_type == "Clip" && (rank(1) > 0 || rank(2) > 0))) return true;
  if (n.op_type == "RMSNormalization" && rank(1) >= 0 && inputs[0]->type.dtype != inputs[1]->type.dtype)
    return true;
  if (n.op_type == "Pad" && rank(3) >= 0 && inputs[3]->type.dtype == DType::kInt32) return true;
  if (n.op_type == "BatchNormalization" && opset >= 14 &&
      (n.int_or("training_mode", 0) != 0 ? n.outputs.size() != 3 : n.outputs.size() > 1))
    return true;
  // The function that defines it holds float constants.
  if (n.op_type == "MeanVarianceNormalization" && opset > 13 && !n.has("axes")) return true;
  if (n.op_type == "MeanVarianceNormalization" && rank(0) >= 0 && inputs[0]->type.dtype != DType::kFloat)
    return true;
  // The shape inference of its first form takes them for sorted.
  if (n.op_type == "Squeeze" && opset < 11)
    if (const auto axes = n.ints_or("axes", {}); !std::is_sorted(axes.begin(), axes.end())) return true;
  if ((n.op_type == "Unsqueeze" || n.op_type == "Squeeze") && opset < 11)
    for (std::int64_t a : n.ints_or("axes", {}))
      if (a < 0) return true;
  if (starts("Cast") && n.has("saturate") &&
      !kFloat8s.has(rank(1) >= 0 ? inputs[1]->type.dtype : static_cast<DType>(n.int_or("to", 0))))
    return true;
  if (n.op_type == "QuantizeLinear" && rank(1) >= 0 && is_float(inputs[0]->type.dtype) &&
      inputs[0]->type.dtype != inputs[1]->type.dtype)
    return true;
  if (n.op_type == "DequantizeLinear" && rank(2) >= 0 && kFloat8s.has(inputs[2]->type.dtype))
    for (std::size_t i = 0; i < inputs[2]->count(); ++i)
      if (inputs[2]->value_at(i) != 0) return true;
  if (n.op_type == "Attention" && rank(0) >= 3) {
    const std::int64_t tokens = inputs[0]->type.dims.end()[-2];
    if (rank(3) == 0 || rank(3) == 1 || (rank(3) > 1 && inputs[3]->type.dims.end()[-2] != tokens))
      return true;
    if (rank(4) >= 0 && (n.outputs.size() < 3 || n.outputs[1] == kNoValue || n.outputs[2] == kNoValue))
      return true;
    if (rank(4) >= 0 && tokens == 1 && n.int_or("is_causal", 0) != 0) return true;
    if (rank(2) >= 0 && inputs[0]->type.dtype != inputs[2]->type.dtype) return true;
    if (n.has("left_window_size") || n.has("right_window_size")) return true;
  }
  if (n.op_type == "RotaryEmbedding" && rank(0) >= 3 && rank(1) == 2 &&
      inputs[1]->type.dims[0] < inputs[0]->type.dims.end()[-2])
    return true;
  if (n.op_type == "MaxUnpool" && rank(2) >= 0 && rank(2) != 1) return true;
  if ((n.op_type == "CumSum" || n.op_type == "CumProd") && rank(1) > 1) return true;
  if (n.op_type == "STFT" && !n.has("onesided")) return true;
  if (n.op_type == "MatMulInteger" && rank(2) >= 0 && inputs[2]->count() != 1) return true;
  if ((n.op_type == "LayerNormalization" || n.op_type == "RMSNormalization") && rank(0) > 0) {
    const Dims& dims = inputs[0]->type.dims;
    const std::int64_t axis = Inference::axis(n.int_or("axis", -1), rank(0));
    if (std::find(dims.begin() + axis, dims.end(), 0) != dims.end()) return true;
  }
  if (starts("QLinear") || n.op_type == "MatMulInteger" || n.op_type == "ConvInteger")
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (const Parameter* p = parameter(form.inputs, i);
          p != nullptr && rank(i) > 1 &&
          (p->name.find("scale") != std::string::npos || p->name.find("zero_point") != std::string::npos))
        return true;
  const int weight = n.op_type == "QLinearConv" ? 3 : 1;
  if (window && !n.op_type.ends_with("Pool") && rank(static_cast<std::size_t>(weight)) != rank(0))
    return true;
  if (window && rank(0) > 0) {
    const Dims& dims = inputs[0]->type.dims;
    if (std::any_of(dims.begin() + std::min<std::ptrdiff_t>(2, rank(0)), dims.end(),
                    [](auto d) { return d == 0; }))
      return true;
    const auto dilations = n.ints_or("dilations", {});
    if (n.string_or("auto_pad", "NOTSET").starts_with("SAME") &&
        std::any_of(dilations.begin(), dilations.end(), [](auto d) { return d != 1; }))
      return true;
  }
  if (n.op_type.ends_with("Pool") && n.has("kernel_shape")) {
    const auto kernel = n.ints_or("kernel_shape", {}), pads = n.ints_or("pads", {});
    for (std::size_t i = 0; i < pads.size() && !kernel.empty(); ++i)
      if (pads[i] >= kernel[i % kernel.size()]) return true;
    // In older forms, shape inference counts a window that starts in the right padding.
    const auto strides = n.ints_or("strides", {}), dilations = n.ints_or("dilations", {});
    const bool old_ceil = opset < 22 && n.int_or("ceil_mode", 0) != 0;
    for (std::size_t i = 0; old_ceil && i < kernel.size() && static_cast<int>(i) + 2 < rank(0); ++i) {
      const auto of = [](const std::vector<std::int64_t>& list, std::size_t at, std::int64_t fallback) {
        return at < list.size() ? list[at] : fallback;
      };
      const std::int64_t size = inputs[0]->type.dims[i + 2] + of(pads, i, 0), stride = of(strides, i, 1);
      const std::int64_t room =
          size + of(pads, i + kernel.size(), 0) - (kernel[i] - 1) * of(dilations, i, 1) - 1;
      if (stride > 0 && room > 0 && (room + stride - 1) / stride * stride >= size) return true;
    }
  }
  return false;
}

int producer_of(const Graph& g, ValueId v) {
  for (std::size_t i = 0; i < g.nodes.size(); ++i)
    if (std::find(g.nodes[i].outputs.begin(), g.nodes[i].outputs.end(), v) != g.nodes[i].outputs.end())
      return static_cast<int>(i);
  return -1;
}

}  // namespace

bool plain(const Case& c) {
  const Graph& g = c.model.graph;
  if (g.nodes.empty() || g.nodes.size() > kMaxNodes) return false;
  for (const Node& n : g.nodes) {
    const OpSpec* spec = find_op(n.op_type, n.domain);
    if (spec == nullptr || c.model.opset(n.domain) < spec->since) return false;
    for (const Attribute& a : n.attributes) {
      if (!a.reference.empty()) return false;
      if (std::holds_alternative<GraphPtr>(a.value) ||
          std::holds_alternative<std::vector<GraphPtr>>(a.value) ||
          std::holds_alternative<OpaqueAttribute>(a.value))
        return false;
      if (const auto* t = std::get_if<Tensor>(&a.value); t != nullptr && t->is_string()) return false;
      if (is_constant(n) && (a.name == "value_string" || a.name == "value_strings")) return false;
    }
  }
  for (const Value& v : g.values) {
    if (v.outer || !v.opaque_type.empty()) return false;
    if (v.initializer && v.initializer->is_string()) return false;
    if (v.type && v.type->dtype == DType::kString) return false;
  }
  for (ValueId v : g.inputs) {
    const auto given = c.inputs.find(g[v].name);
    if (given == c.inputs.end() ? g[v].initializer == nullptr : given->second.is_string()) return false;
  }
  return true;
}

bool names_type(std::string_view attribute) {
  return attribute == "to" || attribute == "dtype" || attribute == "output_dtype";
}

const Schema* form_of(const Model& model, const Node& node) {
  return schema(node.op_type, static_cast<int>(model.opset(node.domain)), node.domain);
}

const Parameter* parameter(const std::vector<Parameter>& list, std::size_t slot) {
  if (slot < list.size()) return &list[slot];
  return !list.empty() && list.back().variadic ? &list.back() : nullptr;
}

int slot_of(const Schema& form, std::string_view parameter_name) {
  for (std::size_t i = 0; i < form.inputs.size(); ++i)
    if (form.inputs[i].name == parameter_name) return static_cast<int>(i);
  return -1;
}

std::optional<NodeResult> try_node(const Model& model, const Node& node,
                                   std::span<const Expected* const> inputs, const Support* support) {
  const OpSpec* spec = find_op(node.op_type, node.domain);
  const auto opset = static_cast<int>(model.opset(node.domain));
  if (spec == nullptr || opset < spec->since) return std::nullopt;
  const Schema* form = schema(node.op_type, opset, node.domain);
  if (form == nullptr || form->deprecated) return std::nullopt;
  for (const Attribute& a : node.attributes)
    if (!form->has_attribute(a.name)) return std::nullopt;
  for (const AttributeSchema& a : form->attributes)
    if (a.required && !node.has(a.name)) return std::nullopt;
  if (node.outputs.size() < static_cast<std::size_t>(form->min_outputs)) return std::nullopt;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const Parameter* p = parameter(form->outputs, i);
    if (p == nullptr || (node.outputs[i] == kNoValue && !p->optional)) return std::nullopt;
  }
  if (!node.inputs.empty() && parameter(form->inputs, node.inputs.size() - 1) == nullptr) return std::nullopt;
  std::vector<DType> types;
  for (const Expected* x : inputs) types.push_back(x == nullptr ? DType::kUndefined : x->type.dtype);
  if (!form->takes(types)) return std::nullopt;
  if (support != nullptr && spec->draft != nullptr) {
    const DTypeSet taken = support->of(form->name, form->since);
    if (form->inputs.empty() || types.empty() ? taken.empty() : !taken.has(types.front()))
      return std::nullopt;
  }
  std::optional<NodeResult> result;
  try {
    if (unwelcome(node, opset, *form, inputs)) return std::nullopt;
    if (node.outputs.size() > 1) {  // an optional output that our operator does not make
      Inference inference(node, opset, inputs);
      spec->infer(inference);
      for (const ArrayType& t : inference.outputs())
        if (t.dtype == DType::kUndefined) return std::nullopt;
    }
    result = evaluate_node(*spec, node, opset, inputs, {}, most_elements(model));
  } catch (const InvalidNode&) {
    return std::nullopt;
  } catch (const Unsupported&) {
    return std::nullopt;
  } catch (const UserError&) {  // an attribute of the wrong kind, a shape that overflows
    return std::nullopt;
  }
  // An integer division by zero ends the process of a runtime.
  if (result->unspecified > 0 && (node.op_type == "Div" || node.op_type == "Mod")) return std::nullopt;
  std::vector<DType> made;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const DType t = result->outputs[i].type.dtype;
    made.push_back(t);
    if (node.outputs[i] != kNoValue && !parameter(form->outputs, i)->types.has(t)) return std::nullopt;
  }
  if (support != nullptr && support->refuses(Support::signature(spec->name, form->since, types, made), opset))
    return std::nullopt;
  return result;
}

Facts::Facts(const Case& c, const Support* support) : c_(c) {
  const Graph& g = c.model.graph;
  values_.resize(g.values.size());
  uses_.resize(g.values.size());
  producers_ = g.producers();
  for (std::size_t n = 0; n < g.nodes.size(); ++n)
    for (std::size_t s = 0; s < g.nodes[n].inputs.size(); ++s)
      if (const ValueId v = g.nodes[n].inputs[s]; v != kNoValue)
        uses_[static_cast<std::size_t>(v)].push_back({static_cast<int>(n), static_cast<int>(s)});
  for (std::size_t o = 0; o < g.outputs.size(); ++o)
    uses_[static_cast<std::size_t>(g.outputs[o])].push_back({-1, static_cast<int>(o)});
  const auto know = [&](ValueId v, const Tensor& t) {
    values_[static_cast<std::size_t>(v)] = std::make_shared<const Expected>(exact(t));
    if (!uses(v).empty()) leaves_.push_back(v);
  };
  try {
    for (ValueId v : g.inputs)
      if (const auto given = c.inputs.find(g[v].name); given != c.inputs.end()) know(v, given->second);
    for (ValueId v : g.initializers)
      if (!known(v)) know(v, *g[v].initializer);
  } catch (const Unsupported&) {  // complex numbers
    valid_ = false;
  }
  order_ = g.topological_order();
  std::vector<const Expected*> inputs;
  for (int i : order_) {
    const Node& n = g.nodes[static_cast<std::size_t>(i)];
    inputs.clear();
    bool all = true;
    for (ValueId v : n.inputs) {
      inputs.push_back(value(v));
      all = all && (v == kNoValue || known(v));
    }
    std::optional<NodeResult> result = all ? try_node(c.model, n, inputs, support) : std::nullopt;
    valid_ = valid_ && result.has_value();
    unspecified_ += result && !result->random ? result->unspecified : 0;
    for (std::size_t o = 0; o < n.outputs.size(); ++o) {
      const ValueId v = n.outputs[o];
      if (v == kNoValue) continue;
      if (result)
        values_[static_cast<std::size_t>(v)] =
            std::make_shared<const Expected>(std::move(result->outputs[o]));
      if (!is_constant(n))
        computed_.push_back(v);
      else if (!uses(v).empty() && known(v))
        leaves_.push_back(v);
    }
  }
}

std::optional<Facts> facts_of(const Case& c) try {
  if (!plain(c)) return std::nullopt;
  Facts facts(c);
  if (!facts.valid()) return std::nullopt;
  return facts;
} catch (const UserError&) {  // a cycle, a size that overflows
  return std::nullopt;
}

bool Facts::depends(int n, int from) const {
  if (n == from) return true;
  const Graph& g = c_.model.graph;
  std::vector<bool> seen(g.nodes.size(), false);
  std::vector<int> open = {n};
  while (!open.empty()) {
    const int at_node = open.back();
    open.pop_back();
    for (ValueId v : g.nodes[static_cast<std::size_t>(at_node)].inputs) {
      const int p = v == kNoValue ? -1 : producer(v);
      if (p == from) return true;
      if (p < 0 || seen[static_cast<std::size_t>(p)]) continue;
      seen[static_cast<std::size_t>(p)] = true;
      open.push_back(p);
    }
  }
  return false;
}

std::optional<Tensor> content(const Case& c, ValueId v) {
  const Graph& g = c.model.graph;
  if (v == kNoValue) return std::nullopt;
  if (const auto given = c.inputs.find(g[v].name); given != c.inputs.end() && g.is_input(v))
    return given->second;
  if (g[v].initializer) return *g[v].initializer;
  const int p = producer_of(g, v);
  if (p < 0 || !is_constant(g.nodes[static_cast<std::size_t>(p)])) return std::nullopt;
  Tensor t = constant_of(g.nodes[static_cast<std::size_t>(p)]);
  if (t.dtype() == DType::kUndefined) return std::nullopt;
  return t;
}

std::optional<Tensor> fixed_content(const Case& c, ValueId v) {
  if (v == kNoValue || c.model.graph.is_input(v)) return std::nullopt;
  return content(c, v);
}

void set_content(Case& c, ValueId v, Tensor t) {
  Graph& g = c.model.graph;
  g[v].type = declared(t.type());
  bool leaf = false;
  if (const auto given = c.inputs.find(g[v].name); given != c.inputs.end() && g.is_input(v)) {
    given->second = t;
    leaf = true;
  }
  if (g[v].initializer) {
    g[v].initializer = std::make_shared<const Tensor>(std::move(t));
    return;
  }
  if (leaf) return;
  const int p = producer_of(g, v);
  MOB_CHECK(p >= 0 && is_constant(g.nodes[static_cast<std::size_t>(p)]), g[v].name);
  g.nodes[static_cast<std::size_t>(p)].attributes = {{.name = "value", .value = std::move(t)}};
}

Constness constness(const Case& c, ValueId v) {
  const Graph& g = c.model.graph;
  if (g[v].initializer) return g.is_input(v) ? Constness::kOverridable : Constness::kInitializer;
  return g.is_input(v) ? Constness::kInput : Constness::kConstantNode;
}

ValueId add_leaf(Case& c, Tensor t, Constness how) {
  Graph& g = c.model.graph;
  switch (how) {
    case Constness::kInput: {
      const std::string name = g.fresh_name("m_x");
      const ValueId v = g.add_input(name, t.type());
      for (Inputs& b : c.bindings) b[name] = t;
      c.inputs[name] = std::move(t);
      return v;
    }
    case Constness::kConstantNode: {
      const ArrayType type = t.type();
      const ValueId v = append(c, "Constant", {}, {{.name = "value", .value = std::move(t)}}).front();
      g[v].type = declared(type);
      return v;
    }
    case Constness::kInitializer:
    case Constness::kOverridable:
    case Constness::kComputed:
      break;
  }
  const ValueId v = g.add_initializer(g.fresh_name("m_w"), std::move(t));
  if (how == Constness::kOverridable) g.inputs.push_back(v);
  return how == Constness::kComputed ? append(c, "Identity", {v}).front() : v;
}

Constness draw_constness(Rng& rng) {
  static const Policy policy;
  return static_cast<Constness>(rng.weighted(policy.parameter_constness));
}

void set_use(Case& c, const Use& use, ValueId v) {
  Graph& g = c.model.graph;
  if (use.node < 0)
    g.outputs[static_cast<std::size_t>(use.slot)] = v;
  else
    g.nodes[static_cast<std::size_t>(use.node)].inputs[static_cast<std::size_t>(use.slot)] = v;
}

ValueId maybe_split(Case& c, const Facts& f, ValueId leaf, Rng& rng) {
  if (f.uses(leaf).size() < 2 || rng.chance(0.5)) return leaf;
  const std::optional<Tensor> t = content(c, leaf);
  const Use use = rng.pick(f.uses(leaf));
  if (!t || use.node < 0) return leaf;
  const ValueId copy = add_leaf(c, *t, constness(c, leaf));
  set_use(c, use, copy);
  return copy;
}

Tensor stretched(const Tensor& t, const Dims& dims, Rng& rng) {
  if (t.count() > 0) return repeated(t, dims);
  const ArrayType type{t.dtype(), dims};
  if (type.count() > kMaxElements) throw UserError("a tensor becomes too large");
  return draw_tensor(type, rng);
}

Tensor repeated(const Tensor& t, const Dims& dims) {
  const ArrayType type{t.dtype(), dims};
  const std::int64_t n = type.count(), have = t.count();
  if (n > kMaxElements) throw UserError("a tensor becomes too large");
  const int width = bits(t.dtype());
  if (width >= 8) {
    const auto bytes = static_cast<std::size_t>(width / 8);
    const std::string_view raw = t.raw();
    std::string out;
    out.reserve(static_cast<std::size_t>(n) * bytes);
    for (std::int64_t i = 0; i < n; ++i)
      out.append(raw.substr(static_cast<std::size_t>(i % have) * bytes, bytes));
    return Tensor(type, std::move(out));
  }
  if (is_float(t.dtype())) {
    const std::vector<double> from = t.reals();
    std::vector<double> to;
    for (std::int64_t i = 0; i < n; ++i) to.push_back(from[static_cast<std::size_t>(i % have)]);
    return Tensor::of(t.dtype(), dims, to);
  }
  const std::vector<std::int64_t> from = t.ints_vector();
  std::vector<std::int64_t> to;
  for (std::int64_t i = 0; i < n; ++i) to.push_back(from[static_cast<std::size_t>(i % have)]);
  return Tensor::of_ints(t.dtype(), dims, to);
}

Tensor converted(const Tensor& t, DType to) {
  if (!is_float(t.dtype()) && !is_float(to)) {
    std::vector<std::int64_t> values = t.ints_vector();
    if (to == DType::kBool)
      for (auto& v : values) v = v != 0;
    return Tensor::of_ints(to, t.dims(), values);
  }
  std::vector<double> values(static_cast<std::size_t>(t.count()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = is_float(t.dtype()) ? t.real_at(static_cast<std::int64_t>(i))
                                    : static_cast<double>(t.int_at(static_cast<std::int64_t>(i)));
  if (is_float(to)) return Tensor::of(to, t.dims(), values);
  std::vector<std::int64_t> whole;
  for (double v : values) {
    if (!std::isfinite(v)) v = 0;
    v = std::clamp(v, -9e15, 9e15);
    whole.push_back(std::clamp<std::int64_t>(std::llround(v), int_min(to), int_max(to)));
  }
  return Tensor::of_ints(to, t.dims(), whole);
}

std::vector<ValueId> append(Case& c, std::string op, std::vector<ValueId> inputs,
                            std::vector<Attribute> attributes, std::size_t outputs, std::string domain) {
  Graph& g = c.model.graph;
  g.add_node(std::move(op), std::move(inputs), std::move(attributes), outputs, std::move(domain));
  // Names of nodes are unique as long as none was ever removed.
  const auto taken = [&](const std::string& name) {
    return std::any_of(g.nodes.begin(), g.nodes.end() - 1, [&](const Node& n) { return n.name == name; });
  };
  for (std::size_t i = g.nodes.size(); taken(g.nodes.back().name); ++i)
    g.nodes.back().name = "m" + std::to_string(i);
  return g.nodes.back().outputs;
}

ValueId append_along(Case& c, std::string op, ValueId v, std::int64_t axis, Rng& rng) {
  const std::vector<std::int64_t> axes = {axis};
  if (c.model.opset() < 13) return append(c, std::move(op), {v}, {{.name = "axes", .value = axes}}).front();
  const ValueId given = add_leaf(c, Tensor::ints(axes), draw_constness(rng));
  return append(c, std::move(op), {v, given}).front();
}

void expose(Case& c, ValueId v) {
  if (!c.model.graph.is_output(v)) c.model.graph.add_output(v);
}

void remove_dead(Case& c, ValueId v) {
  Graph& g = c.model.graph;
  std::vector<ValueId> open = {v};
  while (!open.empty()) {
    const ValueId at = open.back();
    open.pop_back();
    const int p = producer_of(g, at);
    if (p < 0) continue;
    const std::vector<int> uses = g.use_counts();
    const Node& n = g.nodes[static_cast<std::size_t>(p)];
    if (std::any_of(n.outputs.begin(), n.outputs.end(),
                    [&](ValueId o) { return o != kNoValue && uses[static_cast<std::size_t>(o)] > 0; }))
      continue;
    for (ValueId i : n.inputs)
      if (i != kNoValue) open.push_back(i);
    g.nodes.erase(g.nodes.begin() + p);
  }
}

void orphaned(Case& c, ValueId v, Rng& rng) {
  Graph& g = c.model.graph;
  if (v == kNoValue || g.use_counts()[static_cast<std::size_t>(v)] > 0) return;
  const int p = producer_of(g, v);
  if (p < 0 || is_constant(g.nodes[static_cast<std::size_t>(p)])) return;
  // Now and then what nothing reads stays behind.
  if (rng.chance(0.6))
    expose(c, v);
  else if (rng.chance(0.8))
    remove_dead(c, v);
}

std::optional<Promise> recompute(Case& c, Choices& choices, Recomputed change) {
  try {
    std::optional<Case> before;
    std::optional<Facts> own;
    if (choices.facts() == nullptr) {
      if (!plain(c)) return std::nullopt;
      own.emplace(before.emplace(c));
    }
    if (!change(c, own ? *own : *choices.facts(), choices.rng())) return std::nullopt;
    return Promise{.kind = Promise::Kind::kRecompute};
  } catch (const UserError&) {  // a cycle, a size that overflows
    return std::nullopt;
  }
}

std::optional<Promise> kept(Case& c, Choices& choices, Kept change) {
  std::optional<Promise> promise;
  if (const Facts* known = choices.facts()) {
    if (known->valid()) promise = change(c, *known, choices);
  } else {
    const Case before = c;
    if (const std::optional<Facts> facts = facts_of(before)) promise = change(c, *facts, choices);
  }
  if (promise) promise->kind = Promise::Kind::kSameValues;
  return promise;
}

}  // namespace mob::mutators
