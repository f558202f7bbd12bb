// A Transpose and its inverse on an edge; or one before a node and the inverse behind it, which then works on
// permuted axes.
#include <algorithm>
#include <array>
#include <numeric>

#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

ValueId transposed(Case& c, ValueId v, const Ints& perm) {
  return one(c, "Transpose", {v}, {{.name = "perm", .value = perm}});
}

// Any but the identity; of two axes at least.
Ints draw_perm(std::size_t rank, Rng& rng) {
  Ints perm = rng.permutation(rank);
  while (std::is_sorted(perm.begin(), perm.end())) perm = rng.permutation(rank);
  return perm;
}

Ints inverse(const Ints& perm, Choices& choices) {
  const auto rank = static_cast<std::int64_t>(perm.size());
  Ints back(perm.size());
  for (std::int64_t i = 0; i < rank; ++i)
    back[static_cast<std::size_t>(perm[static_cast<std::size_t>(i)])] = choices.bent_index(i, rank);
  return back;
}

// What a node calculates of its inputs if it calculates it of permuted ones: the axes of its output in terms
// of those of the input.
struct Carried {
  std::vector<std::size_t> slots;  // inputs to be permuted; lifted to the output's rank where they have less
  Ints perm;                       // of the inputs
  Ints out;                        // the permutation that the output has then
};

constexpr std::array<std::string_view, 12> kReductions = {
    "ReduceL1",  "ReduceL2",   "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceProd", "ReduceSum",    "ReduceSumSquare", "ArgMax",    "ArgMin"};

std::optional<Carried> around_elementwise(Case&, const Facts& f, const Node& n, Choices& choices) {
  Carried carried;
  const std::size_t rank = f.type(n.outputs[0]).rank();
  const bool unary = elementwise(f, n) == Elementwise::kUnary;
  for (std::size_t s = 0; s < (unary ? 1 : n.inputs.size()); ++s)
    if (f.known(n.inputs[s]) && f.type(n.inputs[s]).rank() > 0) carried.slots.push_back(s);
  if (rank < 2) return std::nullopt;
  carried.perm = carried.out = draw_perm(rank, choices.rng());
  return carried;
}

// Along one axis of all inputs, which the output has, too: Concat, Softmax and the like.
std::optional<Carried> around_axis(Case& c, const Facts& f, int node, std::int64_t fallback,
                                   Choices& choices) {
  Node& n = c.model.graph.nodes[static_cast<std::size_t>(node)];
  Carried carried;
  for (std::size_t s = 0; s < n.inputs.size(); ++s) carried.slots.push_back(s);
  const auto rank = static_cast<std::int64_t>(f.type(n.outputs[0]).rank());
  if (rank < 2) return std::nullopt;
  const std::int64_t axis = n.int_or("axis", fallback);
  carried.perm = carried.out = draw_perm(static_cast<std::size_t>(rank), choices.rng());
  n.set("axis", std::find(carried.perm.begin(), carried.perm.end(), axis < 0 ? axis + rank : axis) -
                    carried.perm.begin());
  return carried;
}

std::optional<Carried> around_reduction(Case& c, const Facts& f, int node, Choices& choices) {
  Graph& g = c.model.graph;
  const auto at = static_cast<std::size_t>(node);
  const bool arg = g.nodes[at].op_type.starts_with("Arg"), keep = g.nodes[at].int_or("keepdims", 1) != 0;
  const std::size_t rank = f.type(g.nodes[at].inputs[0]).rank();
  if (rank < 2) return std::nullopt;
  std::optional<Ints> axes = reduced_axes(c, f, g.nodes[at]);
  if (arg) {
    const std::int64_t axis = g.nodes[at].int_or("axis", 0);
    axes = Ints{axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis};
  }
  if (!axes || (!keep && axes->size() == rank)) return std::nullopt;
  Carried carried{.slots = {0}, .perm = draw_perm(rank, choices.rng()), .out = {}};
  Ints moved, rest;
  for (std::size_t i = 0; i < rank; ++i)
    if (std::binary_search(axes->begin(), axes->end(), carried.perm[i]))
      moved.push_back(static_cast<std::int64_t>(i));
    else
      rest.push_back(carried.perm[i]);
  // The axes that stay, renumbered.
  if (keep) {
    carried.out = carried.perm;
  } else {
    Ints sorted = rest;
    std::sort(sorted.begin(), sorted.end());
    for (std::int64_t a : rest)
      carried.out.push_back(std::lower_bound(sorted.begin(), sorted.end(), a) - sorted.begin());
  }
  const Schema* form = form_of(c.model, g.nodes[at]);
  const int slot = slot_of(*form, "axes");
  if (arg) {
    g.nodes[at].set("axis", moved.front());
  } else if (slot < 0) {
    g.nodes[at].set("axes", moved);
  } else {
    const ValueId leaf = constant(c, moved, choices);
    g.nodes[at].inputs.resize(static_cast<std::size_t>(slot) + 1, kNoValue);
    g.nodes[at].inputs[static_cast<std::size_t>(slot)] = leaf;
  }
  return carried;
}

bool reduces(const Node& n) {
  return std::find(kReductions.begin(), kReductions.end(), n.op_type) != kReductions.end();
}
bool along_axis(const Case& c, const Node& n) {
  return n.op_type == "Concat" ||
         (c.model.opset() >= 13 &&
          (n.op_type == "Softmax" || n.op_type == "LogSoftmax" || n.op_type == "Hardmax"));
}

// Whether the node can be carried over permuted axes, as far as types go.
bool fits(const Case& c, const Facts& f, const Node& n) {
  if (!n.domain.empty() || n.outputs.size() != 1 || n.inputs.empty()) return false;
  if (elementwise(f, n) == Elementwise::kNo && !reduces(n) && !along_axis(c, n)) return false;
  if (std::max(f.type(n.inputs[0]).rank(), f.type(n.outputs[0]).rank()) < 2) return false;
  if (reduces(n) && (n.op_type.starts_with("Arg") ? false : !reduced_axes(c, f, n))) return false;
  const auto moves = [&](ValueId v) {
    return v == kNoValue || (takes(c, "Transpose", {f.type(v).dtype}) &&
                             (takes(c, "Unsqueeze", {f.type(v).dtype}) ||
                              takes(c, "Unsqueeze", {f.type(v).dtype, DType::kInt64})));
  };
  return moves(n.outputs[0]) && std::all_of(n.inputs.begin(), n.inputs.end(), moves);
}

bool wrap(Case& c, const Facts& f, int node, Choices& choices) {
  Graph& g = c.model.graph;
  const auto at = static_cast<std::size_t>(node);
  const std::vector<ValueId> inputs = g.nodes[at].inputs;
  const std::optional<Carried> carried =
      reduces(g.nodes[at]) ? around_reduction(c, f, node, choices)
      : along_axis(c, g.nodes[at])
          ? around_axis(c, f, node, g.nodes[at].op_type == "Concat" ? 0 : -1, choices)
          : around_elementwise(c, f, g.nodes[at], choices);
  if (!carried) return false;
  for (std::size_t s : carried->slots) {
    ValueId v = inputs[s];
    Ints lift(carried->perm.size() - f.type(v).rank());
    std::iota(lift.begin(), lift.end(), 0);
    if (!lift.empty()) v = along_axes(c, "Unsqueeze", v, lift, choices);
    v = transposed(c, v, carried->perm);
    g.nodes[at].inputs[s] = v;
  }
  if (carried->out.size() >= 2)
    pass_output(c, node, 0, [&](ValueId v) { return transposed(c, v, inverse(carried->out, choices)); });
  return true;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const bool pair = choices.word("form", {"pair", "around"}) == "pair";
  const bool all_readers = choices.word("readers", {"all", "one"}) == "all";
  if (pair) {
    std::vector<ValueId> places = values_with_readers(c, f);
    std::erase_if(
        places, [&](ValueId v) { return f.type(v).rank() < 2 || !takes(c, "Transpose", {f.type(v).dtype}); });
    if (places.empty()) return std::nullopt;
    for (ValueId v : choices.places(with_room(c, std::move(places), 2)))
      put_behind(c, f, v, all_readers, choices, [&](ValueId x) {
        const Ints perm = draw_perm(f.type(v).rank(), choices.rng());
        return transposed(c, transposed(c, x, perm), inverse(perm, choices));
      });
    return Promise{};
  }
  std::vector<int> places;
  for (std::size_t n = 0; n < c.model.graph.nodes.size(); ++n)
    if (fits(c, f, c.model.graph.nodes[n])) places.push_back(static_cast<int>(n));
  bool any = false;
  if (!places.empty())
    for (int n : choices.places(with_room(c, std::move(places), 8))) any = wrap(c, f, n, choices) || any;
  return any ? std::optional(Promise{}) : std::nullopt;
}

}  // namespace

extern const Mutator wrap_in_transposes;
const Mutator wrap_in_transposes{
    .name = "wrap-in-transposes",
    .aims_at = "layout passes: a Transpose and its inverse on an edge or around a node (form, readers)",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
