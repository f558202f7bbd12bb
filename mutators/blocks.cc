#include "mutators/blocks.h"

#include <algorithm>

#include "mutators/certain.h"

namespace mob::mutators {
namespace {

const Node& node_at(const Case& c, int n) {
  return c.model.graph.nodes[static_cast<std::size_t>(n)];
}

// Whether what is computed for `v` reads `x`.
bool comes_of(const Case& c, const Facts& f, ValueId v, ValueId x) {
  std::vector<ValueId> open = {v};
  std::vector<bool> seen(c.model.graph.values.size(), false);
  while (!open.empty()) {
    const ValueId at = open.back();
    open.pop_back();
    if (at == x) return true;
    if (at == kNoValue || seen[static_cast<std::size_t>(at)] || f.producer(at) < 0) continue;
    seen[static_cast<std::size_t>(at)] = true;
    const Node& n = node_at(c, f.producer(at));
    open.insert(open.end(), n.inputs.begin(), n.inputs.end());
  }
  return false;
}

bool block(const Case& c, const Facts& f, ValueId x, ValueId branch, ValueId sum) {
  return kFloats.has(f.type(x).dtype) && f.type(x) == f.type(sum) && f.type(branch) == f.type(sum) &&
         f.uses(branch).size() == 1 && !content(c, branch) && comes_of(c, f, branch, x) &&
         all_finite(*f.value(branch));  // zero times infinity is no zero
}

// A constant that no user can replace, of this number only.
bool filled(const Case& c, ValueId v, double x) {
  const std::optional<Tensor> t = fixed_content(c, v);
  if (!t || t->count() == 0) return false;
  for (std::int64_t i = 0; i < t->count(); ++i)
    if ((is_float(t->dtype()) ? t->real_at(i) : static_cast<double>(t->int_at(i))) != x) return false;
  return true;
}

bool copies(const Case& c, const Facts& f, const Node& n) {
  const std::string& op = n.op_type;
  if (op == "Identity") return true;
  if (op == "Dropout") return n.inputs.size() < 3 && n.outputs.size() == 1;
  if (op == "Concat" || op == "Sum" || op == "Max" || op == "Min" || op == "Mean")
    return n.inputs.size() == 1;
  if (op == "Cast") return f.type(n.inputs[0]) == f.type(n.outputs[0]);
  if (op == "Transpose") {
    const auto perm = n.ints_or("perm", {});
    return !perm.empty() && std::is_sorted(perm.begin(), perm.end());
  }
  if (op == "Reshape" || op == "Flatten" || op == "Expand" || op == "Tile")
    return fixed_sizes(c) && f.type(n.inputs[0]) == f.type(n.outputs[0]);
  return false;
}

// The slot of the input that an operation with a neutral constant returns, or -1.
int kept_beside_neutral(const Case& c, const Facts& f, const Node& n) {
  const bool swaps = n.op_type == "Add" || n.op_type == "Mul";
  const bool sum = n.op_type == "Add" || n.op_type == "Sub";
  if (!sum && n.op_type != "Mul" && n.op_type != "Div" && n.op_type != "Pow") return -1;
  for (const int slot : {0, 1}) {
    if (slot == 1 && !swaps) break;
    const ValueId x = n.inputs[static_cast<std::size_t>(slot)];
    const ValueId other = n.inputs[static_cast<std::size_t>(1 - slot)];
    const bool same = f.type(x) == f.type(n.outputs[0]) && (fixed_sizes(c) || f.type(other).count() == 1);
    if (same && f.type(other).rank() <= f.type(x).rank() && filled(c, other, sum ? 0 : 1)) return slot;
  }
  return -1;
}

// The node's output is read no more, or the node is an Identity.
void bypass(Case& c, const Bypass& at, bool wrong) {
  Graph& g = c.model.graph;
  const auto n = static_cast<std::size_t>(at.node);
  const ValueId y = g.nodes[n].outputs[0];
  ValueId x = g.nodes[n].inputs[static_cast<std::size_t>(at.slot)];
  if (wrong)
    x = at.branch >= 0 ? g.nodes[n].inputs[static_cast<std::size_t>(at.branch)]
                       : append(c, "Neg", {x}).front();
  if (g.is_output(y)) {  // its name stays
    g.nodes[n].op_type = "Identity";
    g.nodes[n].inputs = {x};
    g.nodes[n].attributes.clear();
  } else {
    g.redirect_uses(y, x);
  }
}

bool all_inputs_read(const Case& before, const Case& after) {
  const Graph &g = before.model.graph, &h = after.model.graph;
  const std::vector<int> was = g.use_counts(), is = h.use_counts();
  return std::all_of(g.inputs.begin(), g.inputs.end(), [&](ValueId v) {
    return was[static_cast<std::size_t>(v)] == 0 || is[static_cast<std::size_t>(v)] > 0;
  });
}

Case with_bypasses(const Case& c, const std::vector<Bypass>& places, bool wrong) {
  Case draft = c;
  std::vector<ValueId> ends;
  for (const Bypass& at : places) {
    const Node& n = node_at(c, at.node);
    ends.insert(ends.end(), n.outputs.begin(), n.outputs.end());
    ends.insert(ends.end(), n.inputs.begin(), n.inputs.end());
    bypass(draft, at, wrong);
  }
  for (ValueId v : ends)
    if (v != kNoValue) remove_dead(draft, v);
  return draft;
}

}  // namespace

std::vector<Bypass> residual_blocks(const Case& c, const Facts& f) {
  std::vector<Bypass> list;
  if (!fixed_sizes(c)) return list;
  for (int i = 0; i < static_cast<int>(c.model.graph.nodes.size()); ++i) {
    const Node& n = node_at(c, i);
    if (!n.domain.empty() || (n.op_type != "Add" && n.op_type != "Sub")) continue;
    if (block(c, f, n.inputs[0], n.inputs[1], n.outputs[0]))
      list.push_back({.node = i, .slot = 0, .branch = 1});
    else if (n.op_type == "Add" && block(c, f, n.inputs[1], n.inputs[0], n.outputs[0]))
      list.push_back({.node = i, .slot = 1, .branch = 0});
  }
  return list;
}

std::vector<Bypass> identity_layers(const Case& c, const Facts& f) {
  std::vector<Bypass> list;
  const Graph& g = c.model.graph;
  for (int i = 0; i < static_cast<int>(g.nodes.size()); ++i) {
    const Node& n = node_at(c, i);
    if (!n.domain.empty() || (n.op_type == "Identity" && g.is_output(n.outputs[0]))) continue;
    if (copies(c, f, n))
      list.push_back({.node = i, .slot = 0});
    else if (const int slot = kept_beside_neutral(c, f, n); slot >= 0)
      list.push_back({.node = i, .slot = slot});
  }
  return list;
}

std::vector<Bypass> bypassed(Case& c, const std::vector<Bypass>& places, bool wrong) {
  std::vector<Bypass> done;
  for (const Bypass& at : places) {
    done.push_back(at);
    if (!all_inputs_read(c, with_bypasses(c, done, false))) done.pop_back();
  }
  if (!done.empty()) c = with_bypasses(c, done, wrong);
  return done;
}

}  // namespace mob::mutators
