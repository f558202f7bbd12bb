#include "fuzzer/triage/guards.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "fuzzer/base/text.h"
#include "fuzzer/graph/schema.h"
#include "fuzzer/probes/applied_rules.h"
#include "fuzzer/triage/shrink/edits.h"
#include "fuzzer/triage/variant.h"
#include "mutators/edit.h"

namespace mob {
namespace {

constexpr std::int64_t kFewElements = 16;  // of a tensor whose elements are tried one by one

// The field's words for inputs that ONNX's schemas call by a letter.
std::string noun(const Model& model, const Node& n, std::size_t slot) {
  static const std::map<std::pair<std::string_view, std::size_t>, std::string_view> nouns = {
      {{"Pow", 0}, "base"},
      {{"Pow", 1}, "exponent"},
      {{"Conv", 1}, "weight"},
      {{"Conv", 2}, "bias"},
      {{"ConvTranspose", 1}, "weight"},
      {{"ConvTranspose", 2}, "bias"},
      {{"Gemm", 2}, "bias"},
      {{"Div", 1}, "divisor"},
      {{"LayerNormalization", 1}, "scale"},
      {{"LayerNormalization", 2}, "bias"},
      {{"DequantizeLinear", 1}, "scale"},
      {{"DequantizeLinear", 2}, "zero point"},
      {{"QuantizeLinear", 1}, "scale"},
      {{"QuantizeLinear", 2}, "zero point"}};
  if (const auto at = nouns.find({n.op_type, slot}); at != nouns.end()) return std::string(at->second);
  const Schema* form = schema(n.op_type, static_cast<int>(model.opset(n.domain)), n.domain);
  const Parameter* p = form != nullptr ? mutators::parameter(form->inputs, slot) : nullptr;
  if (p == nullptr) return fmt::format("input {}", slot);
  if (p->variadic) return fmt::format("input {} ({})", slot, p->name);
  return p->name.size() == 1 ? "input " + p->name : p->name;
}

std::string show_content(const Tensor& t) {
  const auto number = [&](std::int64_t i) { return show_number(t.real_at(i)); };
  if (t.count() == 0) return "empty";
  if (t.count() == 1) return number(0);
  bool uniform = true;
  for (std::int64_t i = 1; i < t.count(); ++i) uniform = uniform && t.real_at(i) == t.real_at(0);
  if (uniform) return "all " + number(0);
  std::vector<std::string> words;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(t.count(), 6); ++i) words.push_back(number(i));
  return "[" + join(words, ", ") + (t.count() > 6 ? ", ..." : "") + "]";
}

std::string show_attribute(const AttributeValue& v) {
  if (const auto* i = std::get_if<std::int64_t>(&v)) return std::to_string(*i);
  if (const auto* f = std::get_if<float>(&v)) return show_number(*f);
  if (const auto* s = std::get_if<std::string>(&v)) return *s;
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&v)) return show_dims(*list);
  if (const auto* list = std::get_if<std::vector<float>>(&v)) {
    std::vector<std::string> words;
    for (float f : *list) words.push_back(show_number(f));
    return "[" + join(words, ",") + "]";
  }
  return "another";
}

// The elements repeated or cut to these dimensions.
Tensor stretched(const Tensor& t, const Dims& dims) {
  const std::int64_t count = element_count(dims);
  if (is_float(t.dtype())) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(t.count() > 0 ? t.real_at(i % t.count()) : 1);
    return Tensor::of(t.dtype(), dims, values);
  }
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(t.count() > 0 ? t.int_at(i % t.count()) : 1);
  return Tensor::of_ints(t.dtype(), dims, values);
}

class Neighbourhood {
 public:
  Neighbourhood(const Case& c, Judge& judge, const GuardPlace* only)
      : facts_(inferred(c, judge)),
        c_(facts_.c),
        s_{c_, facts_.values},
        g_(c_.model.graph),
        tidy_(c),
        only_(only) {}

  std::vector<Neighbour> all() {
    for (const Node& n : g_.nodes)
      if (n.op_type != "Constant" || !n.inputs.empty()) attributes(n);
    for (const shrink::Leaf& leaf : shrink::leaves(s_)) {
      const auto [node, slot] = reader(leaf.v);
      if (node == nullptr) continue;
      values(leaf, *node, slot);
      shapes(leaf, *node, slot);
      constness(leaf, *node, slot);
    }
    sizes();
    types();
    for (const Node& n : g_.nodes) edges(n);
    return std::move(list_);
  }

 private:
  using Change = std::function<bool(Case&)>;
  bool asked(const GuardPlace& place) const { return only_ == nullptr || *only_ == place; }
  // "the exponent of Pow", "is 2", "3"
  void add(GuardPlace place, std::string key, const std::string& what, std::string change,
           const std::string& here, const Change& edit) {
    if (!asked(place)) return;
    Case c = c_;
    if (!edit(c) || !tidy_(c)) return;
    std::string words = what + " " + change + (here.empty() ? "" : " (here " + here + ")");
    list_.push_back({std::move(c), std::move(place), std::move(key), std::move(change), std::move(words)});
  }

  // "Add", or "Add (y)" where there are several.
  std::string called(const Node& n) const {
    const auto same = std::count_if(g_.nodes.begin(), g_.nodes.end(), [&](const Node& m) {
      return m.op_type == n.op_type && m.domain == n.domain;
    });
    return same > 1 ? n.op_type + " (" + g_[shrink::handle(n)].name + ")" : n.op_type;
  }
  std::pair<const Node*, std::size_t> reader(ValueId v) const {
    for (const Node& n : g_.nodes)
      for (std::size_t slot = 0; slot < n.inputs.size(); ++slot)
        if (n.inputs[slot] == v) return {&n, slot};
    return {nullptr, 0};
  }

  // --- attributes

  void attributes(const Node& n) {
    const Schema* form = schema(n.op_type, static_cast<int>(c_.model.opset(n.domain)), n.domain);
    for (const Attribute& a : n.attributes) {
      const std::string here = show_attribute(a.value);
      attribute(n, a.name, "its default", here, [name = a.name](Node& m) { m.remove(name); });
      for (AttributeValue& other : others(n, a)) {
        const std::string now = show_attribute(other);
        if (now == here) continue;
        attribute(n, a.name, now, here,
                  [name = a.name, other = std::move(other)](Node& m) { m.set(name, other); });
      }
    }
    if (form == nullptr) return;
    for (const AttributeSchema& a : form->attributes) {
      if (n.has(a.name)) continue;
      // Flags, and axes where there is one.
      static const std::set<std::string_view> flags = {
          "keepdims", "allowzero", "ceil_mode",       "transA",
          "transB",   "axis",      "exclude_outside", "noop_with_empty_axes"};
      if (!flags.contains(a.name)) continue;
      for (std::int64_t v : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}})
        attribute(n, a.name, std::to_string(v), "default", [name = a.name, v](Node& m) { m.set(name, v); });
    }
  }
  void attribute(const Node& n, const std::string& name, const std::string& now, const std::string& here,
                 const std::function<void(Node&)>& change) {
    add({GuardKind::kAttribute, shrink::handle(n), name}, n.op_type + " " + name, name + " of " + called(n),
        "is " + now, here, [&](Case& c) {
          Graph& g = c.model.graph;
          const int at = shrink::producer(g, shrink::handle(n));
          change(g.nodes[static_cast<std::size_t>(at)]);
          return true;
        });
  }
  static std::vector<AttributeValue> others(const Node& n, const Attribute& a) {
    std::vector<AttributeValue> list;
    if (const auto* i = std::get_if<std::int64_t>(&a.value)) {
      for (std::int64_t v :
           {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, *i - 1, *i + 1})
        list.emplace_back(v);
    } else if (const auto* f = std::get_if<float>(&a.value)) {
      for (float v : {1.0F, 0.0F, -*f, 1e-5F}) list.emplace_back(v);
    } else if (const auto* v = std::get_if<std::vector<std::int64_t>>(&a.value)) {
      std::vector<std::int64_t> reversed(v->rbegin(), v->rend());
      list.emplace_back(reversed);
      if (a.name == "perm") {
        std::vector<std::int64_t> identity(v->size());
        for (std::size_t k = 0; k < v->size(); ++k) identity[k] = static_cast<std::int64_t>(k);
        list.emplace_back(identity);
        std::vector<std::int64_t> last = identity;
        if (last.size() > 1) std::swap(last[last.size() - 1], last[last.size() - 2]);
        list.emplace_back(last);
        return list;
      }
      for (std::int64_t x : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}}) {
        list.emplace_back(std::vector<std::int64_t>(v->size(), x));
        for (std::size_t k = 0; k < v->size() && v->size() > 1; ++k) {
          std::vector<std::int64_t> one = *v;
          one[k] = x;
          list.emplace_back(std::move(one));
        }
      }
    } else if (std::holds_alternative<std::string>(a.value)) {
      static const std::map<std::string_view, std::vector<std::string>> words = {
          {"mode", {"nearest", "linear", "cubic", "constant", "reflect", "edge"}},
          {"auto_pad", {"NOTSET", "VALID", "SAME_UPPER"}},
          {"approximate", {"none", "tanh"}},
          {"direction", {"forward", "reverse", "bidirectional"}},
          {"coordinate_transformation_mode",
           {"asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"}},
          {"nearest_mode", {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"}},
          {"keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"}}};
      if (const auto at = words.find(a.name); at != words.end())
        for (const std::string& w : at->second) list.emplace_back(w);
    }
    (void)n;
    return list;
  }

  // --- leaves

  std::string input_of(const Node& n, std::size_t slot) const {
    return fmt::format("the {} of {}", noun(c_.model, n, slot), called(n));
  }
  std::string input_key(const Node& n, std::size_t slot) const {
    return n.op_type + " " + noun(c_.model, n, slot);
  }
  static std::string at_input(std::size_t slot) { return "input " + std::to_string(slot); }

  void values(const shrink::Leaf& leaf, const Node& n, std::size_t slot) {
    const Tensor& t = leaf.content;
    const GuardPlace place{GuardKind::kValue, shrink::handle(n), at_input(slot)};
    // An optimizer sees constants; other data only hide what it does to them.
    static const std::set<std::string_view> commutes = {"Add", "Mul"};
    const bool data = slot == 0 ? !commutes.contains(n.op_type)
                                : t.count() > 1 && mutators::constness(c_, leaf.v) == Constness::kInput;
    if (t.count() == 0 || !asked(place) || data) return;
    std::vector<Tensor> others;
    const auto filled = [&](double x) {
      others.push_back(
          Tensor::of(t.dtype(), t.dims(), std::vector<double>(static_cast<std::size_t>(t.count()), x)));
    };
    const double first = t.real_at(0);
    for (double x : {1.0, 2.0, first}) filled(x);
    // A factor of 0 would hide whatever went wrong before.
    static const std::set<std::string_view> takes_zero = {"Add", "Sub", "Pad", "Clip", "Max", "Min"};
    if (!is_float(t.dtype()) || takes_zero.contains(n.op_type)) filled(0);
    if (t.count() == 1)
      for (double x : {-first, -1.0, 0.5, first + 1, first - 1, 128.0}) filled(x);
    std::vector<double> elements = t.reals();
    std::vector<double> absolute = elements, counting = elements;
    for (double& x : absolute) x = std::fabs(x);
    for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<double>(i + 1);
    for (const auto& list : {absolute, counting}) others.push_back(Tensor::of(t.dtype(), t.dims(), list));
    if (t.count() > 1 && t.count() <= kFewElements && t.dtype() == DType::kInt64)
      for (std::size_t i = 0; i < elements.size(); ++i)
        for (double x : {-1.0, 0.0, 1.0, elements[i] + 1}) {
          std::vector<double> one = elements;
          one[i] = x;
          others.push_back(Tensor::of(t.dtype(), t.dims(), one));
        }
    std::vector<Tensor> seen = {t};
    for (const Tensor& other : others) {
      if (std::any_of(seen.begin(), seen.end(), [&](const Tensor& s) { return s.identical(other); }))
        continue;
      seen.push_back(other);
      add(place, input_key(n, slot), input_of(n, slot), "is " + show_content(other), show_content(t),
          [&](Case& c) { return shrink::change_leaf(c, leaf.v, [&](const Tensor&) { return other; }); });
    }
  }

  // That a parameter should be a scalar, or constant, is one thing; that it is too small is another.
  static std::string change_of(const Dims& from, const Dims& to) {
    return element_count(from) < element_count(to) ? " larger" : "";
  }

  void shapes(const shrink::Leaf& leaf, const Node& n, std::size_t slot) {
    const Tensor& t = leaf.content;
    const bool data = mutators::constness(c_, leaf.v) == Constness::kInput && slot == 0;
    const GuardPlace place{data ? GuardKind::kData : GuardKind::kShape, shrink::handle(n), at_input(slot)};
    if (!asked(place)) return;
    std::vector<Dims> others;
    const Dims& dims = t.dims();
    if (t.count() == 1) others.insert(others.end(), {Dims{}, Dims{1}, Dims{1, 1}});
    for (ValueId v : n.inputs) {
      const Tensor* other = v == leaf.v ? nullptr : s_.value(v);
      if (other == nullptr || other->dims().empty()) continue;
      others.push_back(other->dims());
      others.push_back({other->dims().back()});
      if (other->dims().size() > 1) others.push_back({other->dims()[1]});
      for (std::size_t d = 0; d < dims.size() && dims.size() == other->dims().size(); ++d) {
        Dims one = dims;
        one[d] = other->dims()[d];
        others.push_back(one);
      }
    }
    if (!dims.empty()) {
      Dims more = dims;
      more.insert(more.begin(), 1);
      others.push_back(more);
      if (dims[0] == 1) others.emplace_back(dims.begin() + 1, dims.end());
      for (std::size_t d = 0; d < dims.size(); ++d)
        for (std::int64_t size : {std::int64_t{1}, dims[d] + 1}) {
          Dims one = dims;
          one[d] = size;
          others.push_back(one);
        }
    }
    std::set<Dims> seen = {dims};
    for (const Dims& other : others) {
      if (!seen.insert(other).second || element_count(other) > 4096) continue;
      add(place, input_key(n, slot) + change_of(dims, other), input_of(n, slot),
          "has shape " + show_dims(other), show_dims(dims), [&](Case& c) {
            return shrink::change_leaf(c, leaf.v, [&](const Tensor& held) { return stretched(held, other); });
          });
    }
  }

  void constness(const shrink::Leaf& leaf, const Node& n, std::size_t slot) {
    const Constness how = mutators::constness(c_, leaf.v);
    const auto add_as = [&](const char* now, const char* here, const Change& change) {
      add({GuardKind::kConstness, shrink::handle(n), at_input(slot)}, input_key(n, slot), input_of(n, slot),
          "is " + std::string(now), here, change);
    };
    const auto replaced = [&](Constness to) {
      return [&, to](Case& c) {
        const ValueId now = mutators::add_leaf(c, leaf.content, to);
        c.model.graph.redirect_uses(leaf.v, now);
        for (Inputs& b : c.bindings)
          if (to == Constness::kInput) b[c.model.graph[now].name] = leaf.content;
        return true;
      };
    };
    if (how == Constness::kInput)
      add_as("an initializer", "a graph input", replaced(Constness::kInitializer));
    else
      add_as("a graph input",
             how == Constness::kOverridable ? "a default that can be overridden" : "constant",
             replaced(Constness::kInput));
    if (how == Constness::kOverridable)
      add_as("an initializer", "a default that can be overridden", replaced(Constness::kInitializer));
  }

  // --- of the whole model

  void sizes() {
    std::set<std::int64_t> sizes;
    std::vector<ValueId> ids;
    for (const shrink::Leaf& leaf : shrink::leaves(s_)) {
      if (leaf.content.dtype() == DType::kInt64) continue;
      ids.push_back(leaf.v);
      for (std::int64_t d : leaf.content.dims()) sizes.insert(d);
    }
    for (std::int64_t from : sizes)
      for (std::int64_t to : {from + 1, std::int64_t{1}, std::int64_t{2}, std::int64_t{8}}) {
        if (to == from) continue;
        add({GuardKind::kData, kNoValue, "size"}, "size", fmt::format("sizes of {}", from),
            fmt::format("are {}", to), "", [&](Case& c) {
              bool any = false;
              for (ValueId v : ids)
                any = shrink::change_leaf(c, v,
                                          [&](const Tensor& t) -> std::optional<Tensor> {
                                            Dims dims = t.dims();
                                            std::replace(dims.begin(), dims.end(), from, to);
                                            if (dims == t.dims() || element_count(dims) > 4096)
                                              return std::nullopt;
                                            return stretched(t, dims);
                                          }) ||
                      any;
              return any;
            });
      }
  }

  void types() {
    std::set<DType> present;
    for (const shrink::Leaf& leaf : shrink::leaves(s_)) present.insert(leaf.content.dtype());
    static constexpr DType kOthers[] = {DType::kFloat, DType::kDouble, DType::kFloat16, DType::kInt64,
                                        DType::kInt32, DType::kUint8,  DType::kInt8};
    for (DType from : present)
      for (DType to : kOthers) {
        if (to == from || is_float(from) != is_float(to)) continue;
        add({GuardKind::kType, kNoValue, std::string(name(from))}, std::string(name(from)),
            fmt::format("{} tensors", name(from)), fmt::format("are {}", name(to)), "", [&](Case& c) {
              bool any = false;
              for (const shrink::Leaf& leaf : shrink::leaves(s_))
                if (leaf.content.dtype() == from)
                  any = shrink::change_leaf(c, leaf.v,
                                            [&](const Tensor& t) { return mutators::converted(t, to); }) ||
                        any;
              for (Node& n : c.model.graph.nodes)
                for (Attribute& a : n.attributes)
                  if (auto* i = std::get_if<std::int64_t>(&a.value);
                      i != nullptr && (a.name == "to" || a.name == "dtype" || a.name == "output_dtype") &&
                      static_cast<DType>(*i) == from)
                    *i = static_cast<std::int64_t>(to);
              return any;
            });
      }
  }

  // --- edges

  void edges(const Node& n) {
    for (std::size_t o = 0; o < n.outputs.size(); ++o) {
      const ValueId v = n.outputs[o];
      const Tensor* held = s_.value(v);
      if (v == kNoValue || held == nullptr || n.op_type == "Constant") continue;
      if (!g_.is_output(v))
        add({GuardKind::kEdge, shrink::handle(n), "output " + std::to_string(o)}, n.op_type + " output",
            "the output of " + called(n), "is a graph output, too", "", [&](Case& c) {
              c.model.graph[v].type = s_.type_of(v);
              c.model.graph.outputs.push_back(v);
              return true;
            });
    }
    if (n.inputs.size() == 2 && n.inputs[0] != kNoValue && n.inputs[1] != kNoValue &&
        n.inputs[0] != n.inputs[1])
      add({GuardKind::kEdge, shrink::handle(n), "operands"}, n.op_type + " operands",
          "the operands of " + called(n), "are swapped", "", [&](Case& c) {
            Node& m =
                c.model.graph
                    .nodes[static_cast<std::size_t>(shrink::producer(c.model.graph, shrink::handle(n)))];
            std::swap(m.inputs[0], m.inputs[1]);
            return true;
          });
    for (std::size_t slot = 0; slot < n.inputs.size(); ++slot) {
      const ValueId v = n.inputs[slot];
      const Tensor* held = s_.value(v);
      if (v == kNoValue || held == nullptr || shrink::uses(g_, v) < 2 || held->is_string()) continue;
      add({GuardKind::kEdge, shrink::handle(n), at_input(slot)}, input_key(n, slot), input_of(n, slot),
          "is a tensor of its own", g_[v].name + " is read elsewhere, too", [&](Case& c) {
            const ValueId own = mutators::add_leaf(c, *held, Constness::kInput);
            for (std::size_t b = 0; b < c.bindings.size(); ++b) {
              const auto there = s_.values[b + 1].find(g_[v].name);
              if (there == s_.values[b + 1].end()) return false;
              c.bindings[b][c.model.graph[own].name] = there->second;
            }
            Graph& g = c.model.graph;
            g.nodes[static_cast<std::size_t>(shrink::producer(g, shrink::handle(n)))].inputs[slot] = own;
            return true;
          });
    }
  }

  const Inferred facts_;
  const Case& c_;
  const Subject s_;
  const Graph& g_;
  const Tidy tidy_;
  const GuardPlace* only_;
  std::vector<Neighbour> list_;
};

// Whether the guilty optimizer changes the neighbour, too.
bool fires(Trials& trials, const Case& c) {
  if (trials.lock().cure.empty()) return false;
  const System& system = trials.judge().system();
  const std::string& cure = trials.lock().cure.front();
  const auto known = std::find_if(system.optimizers.begin(), system.optimizers.end(),
                                  [&](const Optimizer& o) { return o.name == cure; });
  if (known == system.optimizers.end() || !known->rule) return trials.fires(c, cure);
  const int bundles[] = {known->level};
  const auto run = [&](const auto&... given) { return trials.judge().run_apart(given...); };
  const std::vector<std::string> applied = applied_rules(system, c, bundles, run);
  return std::find(applied.begin(), applied.end(), cure) != applied.end();
}

}  // namespace

std::string_view name(GuardKind k) {
  static constexpr std::string_view kNames[] = {"attribute", "value", "shape", "type",
                                                "constness", "edge",  "data"};
  return kNames[static_cast<std::size_t>(k)];
}

std::vector<Neighbour> neighbours(const Case& c, Judge& judge, const GuardPlace* only) {
  return Neighbourhood(c, judge, only).all();
}

std::vector<FoundGuard> find_guards(Trials& trials, const Case& c) {
  std::vector<Neighbour> all = neighbours(c, trials.judge());
  std::vector<Case> variants;
  variants.reserve(all.size());
  for (Neighbour& n : all) variants.push_back(std::move(n.c));
  const std::vector<Shown> shown = trials.run(variants);
  std::vector<FoundGuard> guards;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (shown[i] != Shown::kRight) continue;
    const auto same = std::find_if(guards.begin(), guards.end(),
                                   [&](const FoundGuard& g) { return g.place == all[i].place; });
    if (same != guards.end() && same->fires) continue;
    FoundGuard guard{all[i].place, all[i].key, all[i].change, "passes when " + all[i].words,
                     fires(trials, variants[i])};
    if (same == guards.end())
      guards.push_back(std::move(guard));
    else if (guard.fires)
      *same = std::move(guard);
  }
  // Among equals in an order that does not hang on where a node stands.
  const auto rank = [](const FoundGuard& g) {
    return std::tuple(!g.fires, g.place.kind, g.key.size(), g.key);
  };
  std::stable_sort(guards.begin(), guards.end(),
                   [&](const FoundGuard& a, const FoundGuard& b) { return rank(a) < rank(b); });
  return guards;
}

const FoundGuard* telling(const std::vector<FoundGuard>& guards) {
  for (const FoundGuard& g : guards)
    if (g.fires || g.place.kind < GuardKind::kConstness) return &g;
  return nullptr;
}

bool guard_holds(Trials& trials, const Case& c, const FoundGuard& guard) {
  std::vector<Neighbour> there = neighbours(c, trials.judge(), &guard.place);
  // The edit that cured before does so again, as a rule.
  std::stable_partition(there.begin(), there.end(),
                        [&](const Neighbour& n) { return n.change == guard.change; });
  return std::any_of(there.begin(), there.end(), [&](const Neighbour& n) {
    return trials.run({&n.c, 1}).front() == Shown::kRight;
  });
}

}  // namespace mob
