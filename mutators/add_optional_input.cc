// An optional input that was left out is given; a variadic operator gets one more.
#include <algorithm>

#include "fuzzer/generator/inputs.h"
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

// Types that a slot may have: bound by another slot of the same constraint, or any.
DTypeSet allowed(const Node& n, const Schema& form, const Parameter& p, const Facts& f) {
  for (std::size_t i = 0; i < n.inputs.size(); ++i)
    if (const Parameter* q = parameter(form.inputs, i);
        q != nullptr && q->type == p.type && f.known(n.inputs[i]))
      return p.types & f.type(n.inputs[i]).dtype;
  // A zero point says what QuantizeLinear makes: keep to what it makes now.
  for (std::size_t o = 0; o < n.outputs.size(); ++o)
    if (const Parameter* q = parameter(form.outputs, o);
        q != nullptr && q->type == p.type && f.known(n.outputs[o]))
      return p.types & f.type(n.outputs[o]).dtype;
  return p.types & (kNumbers | DTypeSet{DType::kBool});
}

// A shape: of another input, a vector of one of their sizes, a scalar.
Dims draw_shape(const Node& n, const Facts& f, Rng& rng) {
  std::vector<Dims> shapes = {{}, {1}};
  for (ValueId v : n.inputs) {
    if (!f.known(v)) continue;
    const Dims& dims = f.type(v).dims;
    if (v != n.inputs.front()) shapes.insert(shapes.end(), 2, dims);
    for (std::int64_t d : dims) shapes.push_back({d});
  }
  for (ValueId v : n.outputs)
    if (f.known(v) && !f.type(v).dims.empty()) shapes.push_back({f.type(v).dims.back()});
  return rng.pick(shapes);
}

bool change(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  std::vector<Use> places;
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const Schema* form = form_of(c.model, n);
    if (form == nullptr || n.inputs.empty()) continue;
    for (std::size_t s = 0; s < form->inputs.size(); ++s)
      if (form->inputs[s].optional && (s >= n.inputs.size() || n.inputs[s] == kNoValue))
        places.push_back({static_cast<int>(i), static_cast<int>(s)});
    if (form->inputs.back().variadic && form->inputs.back().homogeneous)
      places.push_back({static_cast<int>(i), static_cast<int>(n.inputs.size())});
  }
  for (int attempt = 0; attempt < 24; ++attempt) {
    const auto place = maybe_pick(places, rng);
    if (!place) return false;
    Node n = g.nodes[static_cast<std::size_t>(place->node)];
    const Schema& form = *form_of(c.model, n);
    const auto slot = static_cast<std::size_t>(place->slot);
    const Parameter& p = *parameter(form.inputs, slot);
    const DTypeSet types = allowed(n, form, p, f);
    if (types.empty() || std::any_of(n.inputs.begin(), n.inputs.end(),
                                     [&](ValueId v) { return v != kNoValue && !f.known(v); }))
      continue;
    const DType t = rng.pick(types.list());
    Tensor value;
    if (p.variadic) {
      value = draw_tensor({t, f.type(n.inputs.front()).dims}, rng);
    } else if (p.name == "axes" || p.name == "steps" || p.name == "axis") {
      const ValueId like = p.name == "steps" && n.inputs.size() > 1 ? n.inputs[1] : kNoValue;
      const std::int64_t count = f.known(like) ? f.type(like).count() : 1;
      const auto rank = static_cast<std::int64_t>(f.type(n.inputs.front()).rank());
      std::vector<std::int64_t> v(static_cast<std::size_t>(count), 1);
      if (p.name != "steps") v = {rank == 0 ? 0 : rng.range(-rank, rank - 1)};
      value = Tensor::of_ints(t, {static_cast<std::int64_t>(v.size())}, v);
    } else {
      value = draw_tensor({t, draw_shape(n, f, rng)}, rng, {.low = -1, .high = 2});
    }
    n.inputs.resize(std::max(n.inputs.size(), slot + 1), kNoValue);
    std::vector<const Expected*> inputs;
    for (ValueId v : n.inputs) inputs.push_back(f.value(v));
    const Expected fresh = exact(value);
    inputs[slot] = &fresh;
    if (!try_node(c.model, n, inputs)) continue;
    const ValueId leaf = add_leaf(c, std::move(value), draw_constness(rng));
    n.inputs[slot] = leaf;
    g.nodes[static_cast<std::size_t>(place->node)].inputs = n.inputs;
    return true;
  }
  return false;
}

}  // namespace

extern const Mutator add_optional_input;
const Mutator add_optional_input{.name = "add-optional-input",
                                 .aims_at = "fusions that lose a bias or zero point which is there already",
                                 .apply = recompute<change>};

}  // namespace mob::mutators
