// Forms found in a model: what is spelled out becomes one operator.
#include <algorithm>
#include <array>
#include <tuple>

#include "mutators/forms.h"

namespace mob::mutators {
namespace {

// A form in a model of its own, whose first graph inputs stand for those of the whole.
struct Template {
  const Form* form = nullptr;
  Case c;
  std::size_t rank = 0;  // of the first input; constants of a higher one would raise it
  ValueId y = kNoValue;
  std::vector<int> producers;
  std::map<ValueId, std::string> captured;
  std::vector<Attribute> attributes;  // of the whole
};

constexpr std::array<std::string_view, 8> kCommutative = {"Add", "Mul", "Max", "Min",
                                                          "Sum", "And", "Or",  "Equal"};

// Attributes that mean the same when they are left out, of the operators in forms.
std::optional<std::int64_t> usual(std::string_view name) {
  if (name == "keepdims") return 1;
  if (name == "noop_with_empty_axes") return 0;
  return std::nullopt;
}

// What has been found out about the whole so far.
struct Binding {
  std::vector<ValueId> inputs;
  std::map<std::string, float> attributes;
};

class Finder {
 public:
  Finder(const Rewriting& r, const Template& t) : r_(r), t_(t) {}

  std::optional<Binding> at(ValueId root) const {
    Binding b{.inputs = std::vector<ValueId>(t_.form->inputs, kNoValue), .attributes = {}};
    if (!matches(t_.y, root, b)) return std::nullopt;
    return b;
  }

 private:
  bool matches(ValueId want, ValueId have, Binding& b) const {
    if (want == kNoValue || have == kNoValue) return want == have;
    const auto slot = static_cast<std::size_t>(want);
    if (slot < b.inputs.size()) {  // the first values are the inputs
      if (b.inputs[slot] == kNoValue) b.inputs[slot] = have;
      return b.inputs[slot] == have;
    }
    const Graph& g = t_.c.model.graph;
    if (g[want].initializer) return matches_constant(want, have, b);
    const Node& n = g.nodes[static_cast<std::size_t>(t_.producers[slot])];
    const std::optional<Node> m = r_.maker(have, n.op_type);
    return m && same_attributes(n, *m) && matches_inputs(n, *m, b);
  }

  bool matches_inputs(const Node& n, const Node& m, Binding& b) const {
    std::vector<ValueId> have = m.inputs;
    while (!have.empty() && have.back() == kNoValue) have.pop_back();
    if (have.size() != n.inputs.size()) return false;
    if (n.op_type.starts_with("Reduce") && n.inputs.size() == 2 && t_.c.model.graph[n.inputs[1]].initializer)
      return matches_reduction(n, m, b);
    const bool either_way = have.size() == 2 && std::find(kCommutative.begin(), kCommutative.end(),
                                                          n.op_type) != kCommutative.end();
    for (int way = 0; way < (either_way ? 2 : 1); ++way) {
      Binding attempt = b;
      bool all = true;
      for (std::size_t i = 0; all && i < have.size(); ++i) all = matches(n.inputs[i], have[i], attempt);
      if (all) {
        b = std::move(attempt);
        return true;
      }
      std::reverse(have.begin(), have.end());
    }
    return false;
  }

  // Axes count from either end.
  bool matches_reduction(const Node& n, const Node& m, Binding& b) const {
    const auto axes = r_.axes(m, r_.type(m.inputs[0]).rank());
    return axes && *axes == t_.c.model.graph[n.inputs[1]].initializer->ints_vector() &&
           matches(n.inputs[0], m.inputs[0], b);
  }

  bool matches_constant(ValueId want, ValueId have, Binding& b) const {
    const Tensor& t = *t_.c.model.graph[want].initializer;
    if (!is_float(t.dtype())) {
      const auto list = r_.int_list(have);
      return list && *list == t.ints_vector();
    }
    const std::optional<double> x = r_.number(have, t_.rank);
    if (!x) return false;
    const auto capture = t_.captured.find(want);
    if (capture == t_.captured.end()) return *x == t.real_at(0);
    const auto narrow = static_cast<float>(*x);
    if (static_cast<double>(narrow) != *x) return false;
    const auto& [bound, is_new] = b.attributes.emplace(capture->second, narrow);
    return bound->second == narrow;
  }

  bool same_attributes(const Node& n, const Node& m) const {
    std::set<std::string> names;
    for (const Node* node : {&n, &m})
      for (const Attribute& a : node->attributes) names.insert(a.name);
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      const Attribute *a = n.attribute(name), *b = m.attribute(name);
      if (name == "axes" && a != nullptr && b != nullptr)
        return r_.axes(m, r_.type(m.inputs[0]).rank()) == n.ints_or("axes", {});
      if (a != nullptr && b != nullptr) return same_value(a->value, b->value);
      const auto fallback = usual(name);
      return fallback && (a != nullptr ? n : m).int_or(name, 0) == *fallback;
    });
  }

  static bool same_value(const AttributeValue& a, const AttributeValue& b) {
    return std::visit(
        [&]<class T>(const T& x) {
          if constexpr (std::is_same_v<T, Tensor> || std::is_same_v<T, std::vector<Tensor>>)
            return false;  // of no form
          else
            return std::holds_alternative<T>(b) && std::get<T>(b) == x;
        },
        a);
  }

  const Rewriting& r_;
  const Template& t_;
};

std::vector<Template> templates(const Form& form, const Rewriting& r, const ArrayType& x) {
  std::vector<Template> list;
  for (auto& attributes :
       form.variants != nullptr ? form.variants(x) : std::vector<std::vector<Attribute>>{{}}) {
    Template t{.form = &form,
               .c = {},
               .rank = x.rank(),
               .y = kNoValue,
               .producers = {},
               .captured = {},
               .attributes = attributes};
    t.c.model.opsets = r.parent().model.opsets;
    Graph& g = t.c.model.graph;
    std::vector<ValueId> in;
    for (std::size_t i = 0; i < form.inputs; ++i) in.push_back(g.add_input("in" + std::to_string(i), x));
    Node whole;
    whole.op_type = form.op;
    whole.attributes = std::move(attributes);
    whole.inputs = in;
    Sketch s(t.c, nullptr, x, whole, {form.free.begin(), form.free.end()});
    t.y = form.spell(s, in);
    if (t.y == kNoValue) continue;
    t.captured = s.captured();
    t.producers = g.producers();
    list.push_back(std::move(t));
  }
  return list;
}

struct Found {
  Node old;
  const Form* form;
  Binding binding;
  std::vector<Attribute> attributes;
};

// Templates made so far, by form and type of the first input.
class Templates {
 public:
  Templates(const Rewriting& r, std::span<const Form> forms) : r_(r), forms_(forms) {}

  // The form that the node is the last of. The first input has the rank and type of the node's output, but
  // where a reduction ends the form.
  std::vector<Found> at(const Node& n) {
    std::vector<Found> found;
    for (const Form& form : forms_) {
      if (r_.opset() < form.since || (!form.any_size && !r_.fixed())) continue;
      for (const ArrayType& x : first_inputs(n)) {
        if (!form.types.has(x.dtype)) continue;
        for (const Template& t : of(form, x)) {
          auto binding = Finder(r_, t).at(n.outputs.front());
          if (!binding || !sound(*binding, x)) continue;
          found.push_back({n, &form, std::move(*binding), t.attributes});
        }
      }
    }
    return found;
  }

 private:
  // What the first input could be: of the type of the output, or of the nearest reduction's input.
  std::vector<ArrayType> first_inputs(const Node& n) const {
    std::vector<ArrayType> list = {r_.type(n.outputs.front())};
    for (ValueId v = n.inputs.empty() ? kNoValue : n.inputs.front(); v != kNoValue && list.size() < 4;) {
      if (const ArrayType& t = r_.type(v); t != list.back() && t.dtype == list.front().dtype)
        list.push_back(t);
      const int p = r_.facts().producer(v);
      if (p < 0) break;
      const Node m = r_.node(static_cast<std::size_t>(p));
      v = m.inputs.empty() ? kNoValue : m.inputs.front();
    }
    return list;
  }

  bool sound(const Binding& b, const ArrayType& x) const {
    return !b.inputs.empty() && b.inputs.front() != kNoValue && r_.type(b.inputs.front()) == x &&
           std::all_of(b.inputs.begin(), b.inputs.end(), [](ValueId v) { return v != kNoValue; });
  }

  const std::vector<Template>& of(const Form& form, const ArrayType& x) {
    const auto key = std::tuple(&form, x.dtype, x.dims);
    const auto at = made_.find(key);
    return at != made_.end() ? at->second : made_[key] = templates(form, r_, x);
  }

  const Rewriting& r_;
  std::span<const Form> forms_;
  std::map<std::tuple<const Form*, DType, Dims>, std::vector<Template>> made_;
};

}  // namespace

std::optional<Promise> fuse_forms(Case& c, const Facts& f, Choices& choices, std::span<const Form> forms) {
  Rewriting r(c, f, choices);
  Templates all(r, forms);
  std::vector<std::vector<Found>> places;
  for (std::size_t i = 0; i < r.node_count(); ++i) {
    const Node n = r.node(i);
    if (!n.domain.empty() || n.outputs.size() != 1 || n.outputs.front() == kNoValue) continue;
    if (std::vector<Found> found = all.at(n); !found.empty()) places.push_back(std::move(found));
  }
  for (const std::vector<Found>& place : choices.places(std::move(places))) {
    const std::size_t first = choices.rng().below(place.size());
    for (std::size_t i = 0; i < place.size(); ++i) {
      const Found& found = place[(first + i) % place.size()];
      std::vector<Attribute> attributes = found.attributes;
      for (const auto& [name, value] : found.binding.attributes)
        attributes.push_back(attribute(name, static_cast<float>(choices.bent(value))));
      if (r.replace(found.old, {r.op(std::string(found.form->op), found.binding.inputs, attributes)})) break;
    }
  }
  return r.finish();
}

}  // namespace mob::mutators
