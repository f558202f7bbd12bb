// A value in other dimensions, and back in its own: on an edge, or around an elementwise node.
#include <algorithm>

#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

// Another factorisation of as many elements, of which there are some.
Dims refactored(Dims dims, Rng& rng) {
  for (int step = 0; step < 2; ++step) {
    const auto rank = dims.size();
    const std::uint64_t way = rng.below(4);
    if (way == 0 && rank >= 2) {  // two neighbours become one
      const auto d = rng.below(rank - 1);
      dims[d] *= dims[d + 1];
      dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(d) + 1);
    } else if (way == 1 && rank >= 1 && rank < 6) {  // one becomes two
      const auto d = rng.below(rank);
      std::int64_t divisor = 2;
      while (divisor < dims[d] && dims[d] % divisor != 0) ++divisor;
      if (dims[d] < 2) divisor = 1;
      const std::int64_t rest = dims[d] / divisor;
      dims[d] = divisor;
      dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(d) + 1, rest);
    } else if (way == 2 && rank < 6) {
      dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(rng.below(rank + 1)), 1);
    } else {
      std::reverse(dims.begin(), dims.end());
    }
  }
  return dims;
}

// To known dimensions without a zero. Now and then one of them is left to be inferred.
ValueId reshaped(Case& c, ValueId v, Dims dims, Choices& choices) {
  if (!dims.empty() && choices.rng().chance(0.3)) dims[choices.rng().below(dims.size())] = -1;
  return one(c, "Reshape", {v, constant(c, dims, choices)});
}

// The dimensions to come back to; a fault turns them around.
Dims own(const ArrayType& t, Choices& choices) {
  Dims dims(t.dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i)
    dims[i] = t.dims[static_cast<std::size_t>(
        choices.bent_index(static_cast<std::int64_t>(i), static_cast<std::int64_t>(dims.size())))];
  return dims;
}

struct Fits {
  bool reshape, flatten, squeeze;
};
Fits fits(const Case& c, DType t) {
  const bool by_input = c.model.opset() >= 13;
  const auto moves = [&](std::string_view op) {
    return by_input ? takes(c, op, {t, DType::kInt64}) : takes(c, op, {t});
  };
  return {.reshape = takes(c, "Reshape", {t, DType::kInt64}),
          .flatten = takes(c, "Flatten", {t}),
          .squeeze = moves("Unsqueeze") && moves("Squeeze")};
}

// Whatever the sizes are: flat, and back to the shape that the value has at run time.
ValueId flat_and_back(Case& c, ValueId v, Choices& choices) {
  const ValueId flat = one(c, "Reshape", {v, constant(c, {choices.faulty() ? 1 : -1}, choices)});
  return one(c, "Reshape", {flat, one(c, "Shape", {v})}, {{.name = "allowzero", .value = std::int64_t{1}}});
}

ValueId there_and_back(Case& c, ValueId v, const ArrayType& t, Choices& choices) {
  Rng& rng = choices.rng();
  const Fits fit = fits(c, t.dtype);
  const auto rank = static_cast<std::int64_t>(t.rank());
  const bool open = !fixed_sizes(c), runtime = fit.reshape && c.model.opset() >= 14;
  if (runtime && rng.chance(open ? 0.5 : 0.1)) return flat_and_back(c, v, choices);
  if (fit.reshape && !open && t.count() > 0 && rng.chance(0.7)) {
    const ValueId other =
        fit.flatten && rng.chance(0.3)
            ? one(c, "Flatten", {v}, {{.name = "axis", .value = rank == 0 ? 0 : rng.range(0, rank)}})
            : reshaped(c, v, refactored(t.dims, rng), choices);
    return reshaped(c, other, own(t, choices), choices);
  }
  if (!fit.squeeze) return runtime ? flat_and_back(c, v, choices) : kNoValue;
  const std::int64_t axis = rng.range(0, rank);
  return along_axes(c, "Squeeze", along_axes(c, "Unsqueeze", v, {axis}, choices),
                    {axis + choices.bent_index(0, 2)}, choices);
}

bool has_way(const Case& c, const ArrayType& t) {
  const Fits fit = fits(c, t.dtype);
  return fit.squeeze || (fit.reshape && c.model.opset() >= 14);
}

// Which inputs of an elementwise node must follow its output into other dimensions.
std::vector<std::size_t> followers(const Facts& f, const Node& n) {
  std::vector<std::size_t> slots;
  const std::size_t count = elementwise(f, n) == Elementwise::kUnary ? 1 : n.inputs.size();
  for (std::size_t s = 0; s < count; ++s)
    if (f.type(n.inputs[s]).rank() > 0) slots.push_back(s);
  return slots;
}

// An axis of size 1 more, at the same place counted from the right, for each that reaches there.
void with_another_axis(Case& c, const Facts& f, int node, Choices& choices) {
  Graph& g = c.model.graph;
  const auto at = static_cast<std::size_t>(node);
  const auto rank = static_cast<std::int64_t>(f.type(g.nodes[at].outputs[0]).rank());
  const std::int64_t axis = choices.rng().range(0, rank);
  for (std::size_t s : followers(f, g.nodes[at])) {
    const ValueId v = g.nodes[at].inputs[s];
    const std::int64_t place = axis - (rank - static_cast<std::int64_t>(f.type(v).rank()));
    if (place < 0) continue;
    const ValueId y = along_axes(c, "Unsqueeze", v, {place}, choices);
    g.nodes[at].inputs[s] = y;
  }
  pass_output(c, node, 0, [&](ValueId v) {
    return along_axes(c, "Squeeze", v, {axis + choices.bent_index(0, 2)}, choices);
  });
}

void wrap(Case& c, const Facts& f, int node, Choices& choices) {
  Graph& g = c.model.graph;
  const auto at = static_cast<std::size_t>(node);
  const std::vector<std::size_t> slots = followers(f, g.nodes[at]);
  const ArrayType& t = f.type(g.nodes[at].outputs[0]);
  const bool alike = std::all_of(slots.begin(), slots.end(),
                                 [&](std::size_t s) { return f.type(g.nodes[at].inputs[s]).dims == t.dims; });
  if (!fixed_sizes(c) || !alike || t.count() == 0 || choices.rng().chance(0.2))
    return with_another_axis(c, f, node, choices);
  const Dims other = refactored(t.dims, choices.rng());
  for (std::size_t s : slots) {
    const ValueId y = reshaped(c, g.nodes[at].inputs[s], other, choices);
    g.nodes[at].inputs[s] = y;
  }
  pass_output(c, node, 0, [&](ValueId v) {
    const ValueId dims = constant(c, own(t, choices), choices);
    return one(c, "Reshape", {v, dims});
  });
}

bool wrappable(const Case& c, const Facts& f, const Node& n) {
  if (elementwise(f, n) == Elementwise::kNo || f.type(n.outputs[0]).rank() == 0) return false;
  const auto moves = [&](ValueId v) {
    const Fits fit = v == kNoValue ? Fits{true, true, true} : fits(c, f.type(v).dtype);
    return fit.squeeze && fit.reshape;
  };
  return moves(n.outputs[0]) && std::all_of(n.inputs.begin(), n.inputs.end(), moves);
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const bool pair = choices.word("form", {"pair", "around"}) == "pair";
  const bool all_readers = choices.word("readers", {"all", "one"}) == "all";
  if (pair) {
    std::vector<ValueId> places = values_with_readers(c, f);
    std::erase_if(places, [&](ValueId v) { return !has_way(c, f.type(v)); });
    if (places.empty()) return std::nullopt;
    for (ValueId v : choices.places(with_room(c, std::move(places), 5)))
      put_behind(c, f, v, all_readers, choices,
                 [&](ValueId x) { return there_and_back(c, x, f.type(v), choices); });
    return Promise{};
  }
  std::vector<int> places;
  for (std::size_t n = 0; n < c.model.graph.nodes.size(); ++n)
    if (wrappable(c, f, c.model.graph.nodes[n])) places.push_back(static_cast<int>(n));
  if (places.empty()) return std::nullopt;
  for (int n : choices.places(with_room(c, std::move(places), 8))) wrap(c, f, n, choices);
  return Promise{};
}

}  // namespace

extern const Mutator wrap_in_reshapes;
const Mutator wrap_in_reshapes{
    .name = "wrap-in-reshapes",
    .aims_at = "reshape elimination: other dimensions and back, on an edge or around a node (form, readers)",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
