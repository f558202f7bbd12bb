#include "fuzzer/triage/blame_nodes.h"

#include <algorithm>

#include "oracles/compare.h"

namespace mob {
namespace {

constexpr std::size_t kMostAlone = 200;  // values that are looked at one at a time

// One expected and one returned tensor against each other; nothing where that is within the bound.
std::optional<BadTensor> wrong(const std::string& value, const Expected& want, const Output& got) {
  Graph g;
  g.outputs = {g.add_value(value)};
  BadTensor bad{.value = value};
  bad.difference = oracles::structure_difference({want}, g, {got});
  if (!bad.difference.empty()) return bad;
  const oracles::Violations found = oracles::violations({want}, g, {got});
  if (!found.any()) return std::nullopt;
  bad.gap = found.worst;
  return bad;
}

class Look {
 public:
  Look(Judge& judge, const Case& c, const Finding& finding, const Configuration& bad, const Reference& known)
      : judge_(judge), c_(c), finding_(finding), bad_(bad), known_(known) {
    bad_.report_passes = false;
    // What the finding shows by: the run of the case's own inputs, or that at a further binding.
    const bool again = finding.binding > c.bindings.size();
    there_ = finding.binding == 0 || again ? &known_ : &known_.bindings[finding.binding - 1];
  }

  // What comes of it where some values are graph outputs besides.
  struct Seen {
    bool shows = false;            // one of the model's own outputs is wrong, or there are none
    std::vector<BadTensor> wrong;  // of all outputs, in no order
  };
  Seen with(const std::vector<ValueId>& exposed) {
    Case c;
    c.model = c_.model;
    c.inputs = c_.inputs;
    c.bindings = c_.bindings;
    Graph& g = c.model.graph;
    for (ValueId v : exposed) {
      // Without dimensions: what is declared must not help anybody.
      g[v].type = declared(there_->values.at(g[v].name).type);
      g[v].type->shape.reset();
      g.outputs.push_back(v);
    }
    const std::vector<Outcome> outcomes = judge_.run_apart(c, {{.level = 0}, bad_});
    Seen seen;
    const Outcome* got = run_of(outcomes[1]);
    if (got == nullptr || !got->ok()) {
      seen.shows = finding_.symptom == Symptom::kCrash || finding_.symptom == Symptom::kHang;
      return seen;
    }
    const Outcome* plain = run_of(outcomes[0]);
    const bool kernel = finding_.cls == FindingClass::kKernel;
    const std::size_t own = c_.model.graph.outputs.size();
    const auto look_at = [&](const std::vector<Output>& outputs) {
      for (std::size_t o = 0; o < std::min(outputs.size(), g.outputs.size()); ++o) {
        const std::string& name = g[g.outputs[o]].name;
        const auto want = there_->values.find(name);
        if (want == there_->values.end()) continue;
        auto bad = wrong(name, want->second, outputs[o]);
        if (!bad) continue;
        if (!kernel && plain != nullptr && plain->ok() && o < plain->outputs.size() &&
            wrong(name, want->second, plain->outputs[o]))
          continue;
        seen.shows = seen.shows || o < own;
        seen.wrong.push_back(std::move(*bad));
      }
      seen.shows = seen.shows || outputs.size() != g.outputs.size();
    };
    // Bit for bit the plain outputs, which are not repeated.
    look_at(got == &outcomes[1] ? outputs_of(outcomes, 1) : got->outputs);
    if (!got->second_run.empty()) look_at(got->second_run);
    if (finding_.symptom == Symptom::kCrash || finding_.symptom == Symptom::kHang) seen.shows = false;
    return seen;
  }

 private:
  const Outcome* run_of(const Outcome& o) const {
    if (finding_.binding == 0) return &o;
    return finding_.binding <= o.bindings.size() ? &o.bindings[finding_.binding - 1] : nullptr;
  }

  Judge& judge_;
  const Case& c_;
  const Finding& finding_;
  Configuration bad_;
  const Reference& known_;
  const Reference* there_;
};

}  // namespace

NodeBlame blame_nodes(Judge& judge, const Case& c, const Finding& finding, const Configuration& bad) {
  NodeBlame blame;
  const Graph& g = c.model.graph;
  blame.nested =
      std::any_of(g.nodes.begin(), g.nodes.end(), [](const Node& n) { return !n.bodies().empty(); });
  const Reference known = evaluate(c, {.arithmetic = {}, .keep_values = true});
  if (!known.available() || known.random || finding.binding > c.bindings.size() + 1 ||
      known.bindings.size() != c.bindings.size()) {
    blame.why = known.random ? "results are random" : "no reference: " + known.unavailable;
    return blame;
  }

  // Values in topological order, and who makes them.
  std::vector<ValueId> order, within;
  std::vector<const Node*> maker(g.values.size(), nullptr);
  for (int i : g.topological_order())
    for (ValueId v : g.nodes[static_cast<std::size_t>(i)].outputs) {
      if (v == kNoValue) continue;
      maker[static_cast<std::size_t>(v)] = &g.nodes[static_cast<std::size_t>(i)];
      order.push_back(v);
      const auto can_be_output = [&](const Reference& r) {
        const auto at = r.values.find(g[v].name);
        return at != r.values.end() && !at->second.elements;
      };
      if (!g.is_output(v) && can_be_output(known) &&
          std::all_of(known.bindings.begin(), known.bindings.end(), can_be_output))
        within.push_back(v);
    }
  // The first of what is wrong.
  const auto first_of = [&](std::vector<BadTensor> wrong) -> std::optional<BadTensor> {
    for (ValueId v : order)
      for (BadTensor& bad : wrong)
        if (bad.value == g[v].name) {
          const Node& n = *maker[static_cast<std::size_t>(v)];
          bad.op = (n.domain.empty() ? "" : n.domain + ".") + n.op_type;
          bad.node = !n.name.empty() ? n.name : g[n.outputs[0] == kNoValue ? v : n.outputs[0]].name;
          return std::move(bad);
        }
    return std::nullopt;
  };
  const bool fails = finding.symptom == Symptom::kCrash || finding.symptom == Symptom::kHang;

  Look look(judge, c, finding, bad, known);
  if (auto all = look.with(within); all.shows) {
    blame.first = first_of(std::move(all.wrong));
    if (!blame.first)
      blame.why = fails ? "no output comes that could be looked at" : "no tensor is outside its bound";
    return blame;
  }
  if (finding.symptom == Symptom::kHang) {  // each look may take until the deadline
    blame.why = "it does not hang where all values are exposed";
    return blame;
  }
  // Something in it hides the finding.
  const std::size_t from = within.size() > kMostAlone ? within.size() - kMostAlone : 0;
  std::vector<BadTensor> wrong;
  for (std::size_t i = from; i < within.size(); ++i) {
    auto alone = look.with({within[i]});
    if (!alone.shows)
      blame.hides.push_back(g[within[i]].name);
    else
      std::move(alone.wrong.begin(), alone.wrong.end(), std::back_inserter(wrong));
  }
  blame.first = first_of(std::move(wrong));
  if (blame.first && !blame.hides.empty()) {
    // What hides it may have been wrong first.
    const auto place = [&](const std::string& value) {
      return std::find_if(order.begin(), order.end(), [&](ValueId v) { return g[v].name == value; });
    };
    if (place(blame.hides.front()) < place(blame.first->value)) blame.first.reset();
  }
  if (!blame.first)
    blame.why = !blame.hides.empty() ? "exposing values before it hides it"
                : fails              ? "no output comes that could be looked at"
                                     : "it shows only where nothing is exposed, or not each time";
  return blame;
}

}  // namespace mob
