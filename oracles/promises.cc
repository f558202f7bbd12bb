#include "oracles/promises.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "fuzzer/base/text.h"
#include "fuzzer/graph/weight_bytes.h"
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

const Tensor* initializer(const Graph& g, const std::string& name) {
  const ValueId v = g.find(name);
  return v == kNoValue ? nullptr : g[v].initializer.get();
}

double zero_share(const Tensor& t, std::int64_t& zeros) {
  for (std::int64_t i = 0; i < t.count(); ++i) zeros += t.real_at(i) == 0;
  return static_cast<double>(t.count());
}

// What a model breaks of one claim; empty where it keeps it.
struct Checker {
  const Model &parent_model, &mutant_model;
  const Graph &parent, &mutant;

  std::string operator()(const ZeroWhere& claim) const {
    const Tensor* t = initializer(mutant, claim.initializer);
    if (t == nullptr) return gone(claim.initializer);
    if (t->dims() != claim.mask.dims())
      return "mask and initializer '" + claim.initializer + "' differ in shape";
    const Tensor* before = initializer(parent, claim.initializer);
    for (std::int64_t i = 0; i < t->count(); ++i) {
      if (claim.mask.int_at(i) != 0) {
        if (t->real_at(i) != 0)
          return fmt::format("'{}' element {} is {}, not zero", claim.initializer, i,
                             show_number(t->real_at(i)));
      } else if (before != nullptr && before->type() == t->type() && before->real_at(i) != t->real_at(i) &&
                 !std::isnan(before->real_at(i))) {
        return fmt::format("'{}' element {} was kept, but is {} now", claim.initializer, i,
                           show_number(t->real_at(i)));
      }
    }
    return "";
  }
  std::string operator()(const Sparsity& claim) const {
    std::int64_t zeros = 0;
    double all = 0;
    for (const std::string& name : claim.initializers) {
      const Tensor* t = initializer(mutant, name);
      if (t == nullptr) return gone(name);
      all += zero_share(*t, zeros);
    }
    if (static_cast<double>(zeros) >= claim.share * all) return "";
    return fmt::format("{} of {} weights are zero, {} % were promised", zeros, all,
                       show_number(100 * claim.share));
  }
  std::string operator()(const ZerosInGroups& claim) const {
    const Tensor* t = initializer(mutant, claim.initializer);
    if (t == nullptr) return gone(claim.initializer);
    const auto axis = static_cast<std::size_t>(claim.axis);
    if (axis >= t->dims().size()) return fmt::format("'{}' has no axis {}", claim.initializer, claim.axis);
    std::int64_t inner = 1;
    for (std::size_t d = axis + 1; d < t->dims().size(); ++d) inner *= t->dims()[d];
    const std::int64_t length = t->dims()[axis];
    for (std::int64_t at = 0; at < t->count(); ++at) {
      const std::int64_t along = at / inner % length;
      if (along % claim.m != 0 || along + claim.m > length) continue;
      std::int64_t zeros = 0;
      for (std::int64_t k = 0; k < claim.m; ++k) zeros += t->real_at(at + k * inner) == 0;
      if (zeros < claim.n)
        return fmt::format("'{}' has {} zeros in {} neighbours from element {} on, not {}", claim.initializer,
                           zeros, claim.m, at, claim.n);
    }
    return "";
  }
  std::string operator()(const HasType& claim) const {
    const Tensor* t = initializer(mutant, claim.initializer);
    if (t == nullptr) return gone(claim.initializer);
    if (t->type() == claim.type) return "";
    return fmt::format("'{}' is {}, {} was promised", claim.initializer, show(t->type()), show(claim.type));
  }
  std::string operator()(const Distinct& claim) const {
    const Tensor* t = initializer(mutant, claim.initializer);
    if (t == nullptr) return gone(claim.initializer);
    std::set<double> values;
    for (std::int64_t i = 0; i < t->count(); ++i) values.insert(t->real_at(i));
    if (static_cast<std::int64_t>(values.size()) <= claim.most) return "";
    return fmt::format("'{}' holds {} values, at most {} were promised", claim.initializer, values.size(),
                       claim.most);
  }
  std::string operator()(const NodeCount& claim) const {
    const auto n = std::count_if(mutant.nodes.begin(), mutant.nodes.end(), [&](const Node& node) {
      return node.op_type == claim.op && node.domain == claim.domain;
    });
    if (claim.least <= n && n <= claim.most) return "";
    return fmt::format("{} nodes of {}, {} to {} were promised", n, claim.op, claim.least, claim.most);
  }
  std::string operator()(const Fewer& claim) const {
    const std::int64_t before = weight_bytes(parent), now = weight_bytes(mutant);
    if (static_cast<double>(now) <= claim.share * static_cast<double>(before)) return "";
    return fmt::format("weights take {} bytes after {}, at most {} % were promised", now, before,
                       show_number(100 * claim.share));
  }

  std::string operator()(const ImportsOpset& claim) const {
    if (mutant_model.opset() == claim.version) return "";
    return fmt::format("the model is of opset {}, {} was promised", mutant_model.opset(), claim.version);
  }

  static std::string gone(const std::string& name) { return "there is no initializer '" + name + "'"; }
};

bool fits(const TensorType& now, const TensorType& before) {
  if (now.dtype != before.dtype) return false;
  if (!now.shape || !before.shape) return true;
  if (now.shape->size() != before.shape->size()) return false;
  for (std::size_t d = 0; d < now.shape->size(); ++d) {
    const Dim &a = (*now.shape)[d], &b = (*before.shape)[d];
    if (a.value >= 0 && b.value >= 0 && a.value != b.value) return false;
  }
  return true;
}

// A difference between the interfaces; inputs that the parent never reads may go.
std::string interface_difference(const Graph& parent, const Graph& mutant) {
  const std::vector<int> uses = parent.use_counts();
  const auto compare = [&](const std::vector<ValueId>& before, const std::vector<ValueId>& now,
                           std::string_view what, bool may_go) -> std::string {
    std::size_t at = 0;
    for (ValueId v : before) {
      const Value& wanted = parent[v];
      if (at < now.size() && mutant[now[at]].name == wanted.name) {
        const Value& have = mutant[now[at++]];
        if (wanted.type && have.type && !fits(*have.type, *wanted.type))
          return fmt::format("graph {} '{}' has another type than in the parent", what, wanted.name);
      } else if (!may_go || uses[static_cast<std::size_t>(v)] > 0) {
        return fmt::format("graph {} '{}' is gone or in another place", what, wanted.name);
      }
    }
    return "";
  };
  std::string difference = compare(parent.inputs, mutant.inputs, "input", true);
  return difference.empty() ? compare(parent.outputs, mutant.outputs, "output", false) : difference;
}

// Calls f(index in the twin, index in the mutant) for outputs of the same name.
template <class F>
void each_common_output(const Graph& twin, const Graph& mutant, F f) {
  for (std::size_t t = 0; t < twin.outputs.size(); ++t)
    for (std::size_t m = 0; m < mutant.outputs.size(); ++m)
      if (twin[twin.outputs[t]].name == mutant[mutant.outputs[m]].name) {
        f(t, m);
        break;
      }
}

// Compares one element: the twin's value and bound, the mutant's value and bound.
struct Comparison {
  Apart& result;
  Gap worst;
  bool only_special = true;

  void element(std::size_t i, double want, double bound, double got) {
    if (want == got || (std::isnan(want) && std::isnan(got))) return;
    const double difference = std::fabs(got - want);
    if (difference <= bound) return;
    const double excess = std::isnan(difference) || bound == 0 ? kInfinity<double> : difference / bound;
    if (worst.outside++ == 0 || excess > worst.excess) {
      worst.element = i;
      worst.expected = want;
      worst.bound = bound;
      worst.got = got;
      worst.excess = excess;
    }
    if (std::isfinite(want) && std::isfinite(got)) only_special = false;
  }
  void finish() {
    if (worst.outside == 0) return;
    if (!result.gap || worst.excess > result.gap->excess) result.gap = worst;
    result.special = only_special && (result.special || result.gap->outside == worst.outside);
  }
};

}  // namespace

std::vector<BrokenFact> broken_facts(const Case& parent, const Case& mutant, const Promise& promise) {
  std::vector<BrokenFact> broken;
  if (promise.same_interface)
    if (std::string d = interface_difference(parent.model.graph, mutant.model.graph); !d.empty())
      broken.push_back({.what = std::move(d)});
  if (promise.same_metadata && parent.model.residue != mutant.model.residue)
    broken.push_back({.what = "metadata or functions of the model are not those of its parent"});
  const Checker checker{parent.model, mutant.model, parent.model.graph, mutant.model.graph};
  for (const Claim& claim : promise.claims)
    if (std::string b = std::visit(checker, claim); !b.empty())
      broken.push_back(
          {std::holds_alternative<Fewer>(claim) ? Symptom::kNoGain : Symptom::kWrongStructure, std::move(b)});
  return broken;
}

std::vector<Twin> twins_of(const Promise& promise) {
  if (!promise.twins.empty()) return promise.twins;
  return {{.name = "parent"}};
}

Reference evaluate_twin(const Case& parent, const Twin& twin, const ReferenceOptions& options) {
  ReferenceOptions with_slack = options;
  with_slack.slack = twin.slack;
  return evaluate(twin.c ? *twin.c : parent, with_slack);
}

Apart apart(const Case& twin, const Reference& t, const Case& mutant, const Reference& m) {
  Apart result;
  each_common_output(twin.model.graph, mutant.model.graph, [&](std::size_t i, std::size_t j) {
    const Expected &want = t.outputs[i], &got = m.outputs[j];
    const std::string& name = twin.model.graph[twin.model.graph.outputs[i]].name;
    if (want.type != got.type) {
      result.structure =
          fmt::format("output '{}' is {}, the twin's is {}", name, show(got.type), show(want.type));
      return;
    }
    Comparison comparison{result, {.output = name, .elements = want.count()}};
    result.elements += want.count();
    if (const auto* strings = std::get_if<Strings>(&want.data)) {
      result.compared += strings->size();
      if (*strings != std::get<Strings>(got.data))
        result.structure = "strings of output '" + name + "' differ";
      return;
    }
    for (std::size_t k = 0; k < want.count(); ++k) {
      if (want.open_at(k) || got.open_at(k)) continue;
      ++result.compared;
      if (want.holds_ints() && want.ints().v[k] == got.ints().v[k]) continue;
      comparison.element(k, want.value_at(k), want.bound_at(k) + got.bound_at(k), got.value_at(k));
    }
    comparison.finish();
  });
  return result;
}

std::string broken_promise(const Case& parent, const Case& mutant, const Promise& promise, double* compared) {
  const std::vector<BrokenFact> facts = broken_facts(parent, mutant, promise);
  if (!facts.empty()) return facts.front().what;
  const Reference m = evaluate(mutant);
  if (!m.available()) return "the mutant has no reference: " + m.unavailable;
  for (const Twin& twin : twins_of(promise)) {
    const Case& c = twin.c ? *twin.c : parent;
    const Reference t = evaluate_twin(parent, twin);
    if (!t.available()) return "the " + twin.name + " has no reference: " + t.unavailable;
    if (t.random || m.random) continue;
    const Apart a = apart(c, t, mutant, m);
    if (compared != nullptr)
      *compared = a.elements == 0 ? 1 : static_cast<double>(a.compared) / static_cast<double>(a.elements);
    if (!a.structure.empty()) return twin.name + ": " + a.structure;
    if (a.gap && !a.special) return twin.name + ": " + describe(*a.gap);
  }
  return "";
}

Apart apart(const Case& twin, const Reference& t, const std::vector<Output>& twin_outputs, const Case& mutant,
            const Reference& m, const std::vector<Output>& mutant_outputs) {
  Apart result;
  each_common_output(twin.model.graph, mutant.model.graph, [&](std::size_t i, std::size_t j) {
    if (i >= twin_outputs.size() || j >= mutant_outputs.size()) return;
    const Output &a = twin_outputs[i], &b = mutant_outputs[j];
    const std::string& name = a.name;
    if (a.is_tensor != b.is_tensor || (a.is_tensor && a.tensor.type() != b.tensor.type())) {
      result.structure = fmt::format("output '{}' has another type than the twin's", name);
      return;
    }
    if (!a.is_tensor || a.tensor.is_string() || t.outputs[i].type != a.tensor.type() ||
        m.outputs[j].type != b.tensor.type())
      return;
    const Expected &x = t.outputs[i], &y = m.outputs[j];
    Comparison comparison{result, {.output = name, .elements = x.count()}};
    result.elements += x.count();
    for (std::size_t k = 0; k < x.count(); ++k) {
      if (x.open_at(k) || y.open_at(k)) continue;
      ++result.compared;
      const auto at = static_cast<std::int64_t>(k);
      const double read = x.type.dtype == DType::kDouble ? 0x1p-52 * std::fabs(x.value_at(k)) : 0;
      comparison.element(k, a.tensor.real_at(at),
                         x.bound_at(k) + y.bound_at(k) + read + std::fabs(x.value_at(k) - y.value_at(k)),
                         b.tensor.real_at(at));
    }
    comparison.finish();
  });
  return result;
}

}  // namespace mob::oracles
