// Another element type: of all that hangs together, or of one node between Casts.
#include <algorithm>
#include <numeric>

#include "mutators/edit.h"

namespace mob::mutators {
namespace {

// Types that fusions written for float32 meet most.
constexpr DTypeSet kLikely = {DType::kDouble, DType::kFloat16, DType::kFloat, DType::kInt32, DType::kInt64};

std::optional<DType> draw_type(DTypeSet allowed, DType now, Rng& rng) {
  allowed = (allowed & (kNumbers | DTypeSet{DType::kBool, DType::kInt4, DType::kUint4})).without(now);
  const DTypeSet likely = allowed & kLikely;
  if (allowed.empty()) return std::nullopt;
  return rng.pick(!likely.empty() && rng.chance(0.8) ? likely.list() : allowed.list());
}

// Operators without an input of the type that they make, and the attribute that says it.
std::string_view type_attribute(const Node& n) {
  if (n.op_type == "Cast" || n.op_type == "BitCast") return "to";
  if (n.op_type == "EyeLike" || n.op_type.starts_with("Random") || n.op_type == "Bernoulli" ||
      n.op_type == "Multinomial")
    return "dtype";
  if (n.op_type.ends_with("Window") || n.op_type == "MelWeightMatrix") return "output_datatype";
  return {};
}

class Classes {
 public:
  explicit Classes(std::size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), 0); }
  int find(int x) {
    while (parent_[static_cast<std::size_t>(x)] != x) x = parent_[static_cast<std::size_t>(x)];
    return x;
  }
  void join(int a, int b) { parent_[static_cast<std::size_t>(find(a))] = find(b); }

 private:
  std::vector<int> parent_;
};

// Every value that must have the same type as one value gets another.
bool change_component(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  Classes classes(g.values.size());
  const auto each_slot = [&](const Node& n, auto&& visit) {
    const Schema* form = form_of(c.model, n);
    if (form == nullptr) return;
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      if (const Parameter* p = parameter(form->inputs, i); p != nullptr && n.inputs[i] != kNoValue)
        visit(n.inputs[i], *p);
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      if (const Parameter* p = parameter(form->outputs, i); p != nullptr && n.outputs[i] != kNoValue)
        visit(n.outputs[i], *p);
  };
  for (const Node& n : g.nodes) {
    std::vector<std::pair<std::string_view, ValueId>> first;
    each_slot(n, [&](ValueId v, const Parameter& p) {
      if (p.variadic && !p.homogeneous) return;
      const auto at =
          std::find_if(first.begin(), first.end(), [&](const auto& e) { return e.first == p.type; });
      if (at == first.end())
        first.emplace_back(p.type, v);
      else
        classes.join(v, at->second);
    });
  }
  std::vector<ValueId> values = f.computed();
  values.insert(values.end(), f.leaves().begin(), f.leaves().end());
  std::erase_if(values, [&](ValueId v) {
    return !f.known(v) || (!is_float(f.type(v).dtype) && !is_int(f.type(v).dtype));
  });
  // Floats are what most passes are about.
  std::vector<ValueId> floats;
  for (ValueId v : values)
    if (is_float(f.type(v).dtype)) floats.push_back(v);
  const auto picked = !floats.empty() && rng.chance(0.75) ? maybe_pick(floats, rng) : maybe_pick(values, rng);
  if (!picked) return false;
  const int component = classes.find(*picked);
  const auto inside = [&](ValueId v) { return v != kNoValue && classes.find(v) == component; };
  const DType from = f.type(*picked).dtype;
  DTypeSet allowed = kNumbers | kSmallInts | DTypeSet{DType::kBool};
  for (const Node& n : g.nodes)
    each_slot(n, [&](ValueId v, const Parameter& p) {
      if (inside(v)) allowed = allowed & p.types;
    });
  const auto to = draw_type(allowed, from, rng);
  if (!to) return false;
  for (Node& n : g.nodes) {
    if (n.outputs.empty() || !inside(n.outputs[0]) || n.op_type == "Constant") continue;
    if (const std::string_view word = type_attribute(n); !word.empty())
      n.set(word, static_cast<std::int64_t>(*to));
    if (n.op_type == "ConstantOfShape") {
      const Attribute* a = n.attribute("value");
      const Tensor t = a != nullptr ? std::get<Tensor>(a->value) : Tensor::of(DType::kFloat, {1}, {0});
      n.set("value", converted(t, *to));
    }
    if (n.op_type == "QuantizeLinear" && n.has("output_dtype"))
      n.set("output_dtype", static_cast<std::int64_t>(*to));
  }
  for (ValueId v : f.leaves())
    if (inside(v))
      if (const auto t = content(c, v); t && t->dtype() == from) set_content(c, v, converted(*t, *to));
  return true;
}

// One node calculates in another type: Cast before each input of one type constraint, and after the outputs.
bool cast_around(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  const auto index = rng.below(g.nodes.size());
  const Schema* form = form_of(c.model, g.nodes[index]);
  if (form == nullptr || form->inputs.empty() || g.nodes[index].inputs.empty()) return false;
  const std::string constraint = rng.pick(form->inputs).type;
  DTypeSet allowed = form->types(constraint);
  DType from = DType::kUndefined;
  std::vector<std::size_t> in, out;
  for (std::size_t i = 0; i < g.nodes[index].inputs.size(); ++i) {
    const ValueId v = g.nodes[index].inputs[i];
    if (const Parameter* p = parameter(form->inputs, i); p == nullptr || p->type != constraint || !f.known(v))
      continue;
    from = f.type(v).dtype;
    in.push_back(i);
  }
  for (std::size_t i = 0; i < g.nodes[index].outputs.size(); ++i)
    if (const Parameter* p = parameter(form->outputs, i);
        p != nullptr && p->type == constraint && g.nodes[index].outputs[i] != kNoValue)
      out.push_back(i);
  if (in.empty() || from == DType::kUndefined) return false;
  const auto to = draw_type(allowed, from, rng);
  if (!to) return false;
  for (std::size_t i : in) {
    const ValueId y = append(c, "Cast", {g.nodes[index].inputs[i]},
                             {{.name = "to", .value = static_cast<std::int64_t>(*to)}})
                          .front();
    g.nodes[index].inputs[i] = y;
  }
  for (std::size_t i : out) {
    const ValueId y = g.nodes[index].outputs[i];
    const ValueId inner = g.add_value();
    g.nodes[index].outputs[i] = inner;
    append(c, "Cast", {inner}, {{.name = "to", .value = static_cast<std::int64_t>(from)}});
    g.nodes.back().outputs = {y};
  }
  return true;
}

bool change(Case& c, const Facts& f, Rng& rng) {
  if (rng.chance(0.7)) return change_component(c, f, rng);
  return cast_around(c, f, rng);
}

}  // namespace

extern const Mutator change_type;
const Mutator change_type{.name = "change-type",
                          .aims_at = "fusions whose kernels exist for one type only, and chains of Casts",
                          .apply = recompute<change>};

}  // namespace mob::mutators
