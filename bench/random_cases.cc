// Random single-operator and two-operator cases on ONNX Runtime without optimization: is every element inside
// the reference's bound? This is how the reference itself is judged.
//
//   bench/random_cases [--cases N] [--seed S] [--system onnxruntime@V] [--only OPERATOR] [--keep DIR]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <deque>
#include <map>
#include <set>

#include "fuzzer/base/text.h"
#include "fuzzer/generator/sampler.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/probes/support.h"
#include "fuzzer/runtime/worker.h"
#include "oracles/compare.h"

namespace {

using namespace mob;

// Faults of ONNX Runtime's kernels, found by this program and read one by one; what is listed here is counted
// apart, anything else is news.
struct KnownFault {
  const char* what;
  bool (*meets)(const Case&, const Node&);
};
std::int64_t elements_of(const Case& c, ValueId v) {
  const Value& value = c.model.graph[v];
  std::int64_t n = 1;
  for (const Dim& d : *value.type->shape) n *= d.value;
  return n;
}
const KnownFault kKnownFaults[] = {
    {"Reduce* of a tensor with an empty dimension returns a wrong shape (1.15.1 to 1.31.1)",
     [](const Case& c, const Node& n) {
       return n.op_type.starts_with("Reduce") && elements_of(c, n.inputs[0]) == 0;
     }},
    {"ReduceLogSumExp of integers truncates its intermediates (1.15.1 to 1.31.1)",
     [](const Case& c, const Node& n) {
       return n.op_type == "ReduceLogSumExp" && is_int(c.model.graph[n.inputs[0]].type->dtype);
     }},
    {"Col2Im of three spatial axes passes over the dilations (1.31.1)",
     [](const Case& c, const Node& n) {
       const auto dilations = n.ints_or("dilations", {});
       return n.op_type == "Col2Im" && elements_of(c, n.inputs[1]) > 2 &&
              dilations != Dims(dilations.size(), 1);
     }},
    {"ReduceProd and ReduceSumSquare of integers saturate (1.31.1)",
     [](const Case& c, const Node& n) {
       return (n.op_type == "ReduceProd" || n.op_type == "ReduceSumSquare") &&
              is_int(c.model.graph[n.inputs[0]].type->dtype);
     }},
    {"Gather of strings copies the first one of each slice only (1.31.1)",
     [](const Case& c, const Node& n) {
       return n.op_type == "Gather" && c.model.graph[n.inputs[0]].type->dtype == DType::kString;
     }},
    {"Cast to float8e4m3fn or float8e5m2 without saturation is wrong right above their range (1.31.1)",
     [](const Case& c, const Node& n) {
       const DType to = c.model.graph[n.outputs[0]].type->dtype;
       return n.op_type.starts_with("Cast") && n.int_or("saturate", 1) == 0 &&
              (to == DType::kFloat8E4M3FN || to == DType::kFloat8E5M2);
     }},
    {"Cast of a negative zero of float8 to bool is true (1.31.1)",
     [](const Case& c, const Node& n) {
       return n.op_type.starts_with("Cast") && kFloat8s.has(c.model.graph[n.inputs[0]].type->dtype) &&
              c.model.graph[n.outputs[0]].type->dtype == DType::kBool;
     }},
    {"Attention of double is expanded into the function of onnx before 1.23, which aligns is_causal "
     "otherwise",
     [](const Case& c, const Node& n) {
       return n.op_type == "Attention" && n.int_or("is_causal", 0) != 0 && n.inputs.size() > 6 &&
              c.model.graph[n.inputs[0]].type->dtype == DType::kDouble;
     }},
    {"Attention with is_causal and a cache lets a single query see all new keys (1.31.1)",
     [](const Case& c, const Node& n) {
       if (n.op_type != "Attention" || n.int_or("is_causal", 0) == 0 || n.inputs.size() < 6) return false;
       const auto& q = *c.model.graph[n.inputs[0]].type->shape;
       return q[q.size() - 2].value == 1;
     }},
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Random small cases against the reference");
  std::uint64_t cases = 20000, seed = 1;
  std::string system_words = "onnxruntime", only, keep;
  bool require = false;
  app.add_option("--cases", cases);
  app.add_option("--seed", seed);
  app.add_option("--system", system_words);
  app.add_option("--only", only);
  app.add_option("--keep", keep, "write every case outside its bound there");
  app.add_flag("--require", require, "exit 1 where a difference has no listed explanation");
  CLI11_PARSE(app, argc, argv);

  const System system = with_limits(resolve_system(system_words));
  const Support support = probe_support(system);
  fmt::print("{}: {} supported (operator, type, opset form) triples\n", system.label(), support.triples());
  Worker worker(system);
  std::map<std::string, std::size_t> rejected, outside, unavailable, poor_by_op, explained;
  std::map<std::string, std::string> example;
  std::size_t ran = 0, drawn = 0, elements = 0, open = 0, vague = 0, invalid = 0;
  std::set<std::tuple<std::string, int, DType>> seen;
  struct Running {
    std::uint64_t index;
    std::unique_ptr<Case> c;
    Reference reference;
    std::string ops;
  };
  std::deque<Running> under_way;
  const auto finish = [&] {
    Running r = std::move(under_way.front());
    under_way.pop_front();
    const std::vector<Outcome> outcomes = worker.next();
    const Outcome& o = outcomes[0];
    if (!o.ok()) {
      ++rejected[r.ops];
      if (!example.contains("rejected " + r.ops)) example["rejected " + r.ops] = one_line(o.message, 160);
      if (o.died()) fmt::print("  died: case {} {}: {}\n", r.index, r.ops, o.message);
      return;
    }
    ++ran;
    const auto d = decidedness(r.reference.outputs);
    if (!r.reference.random) {
      elements += d.elements;
      open += d.open;
      vague += d.vague;
      if (d.open + d.vague > 0) poor_by_op[r.ops] += d.open + d.vague;
    }
    std::string why = oracles::structure_difference(r.reference.outputs, r.c->model.graph, o.outputs);
    if (why.empty()) {
      const auto v = oracles::violations(r.reference.outputs, r.c->model.graph, o.outputs);
      if (v.any())
        why = fmt::format("{}[{}] expected {} +- {} got {} ({}x, {} of {} outside){}", v.worst.output,
                          v.worst.element, show_number(v.worst.expected), show_number(v.worst.bound),
                          show_number(v.worst.got), show_number(v.worst.excess), v.worst.outside,
                          v.worst.elements, v.only_special ? " special values only" : "");
    }
    if (why.empty()) return;
    // Known limits of kernels, by values and meaning: counted apart.
    for (const auto& [what, weaker] :
         {std::pair<const char*, Arithmetic>{"float32 arithmetic in a double operator",
                                             {.double_as_float = true}},
          {"saturating 16-bit products (u8 x s8)", {.saturating_u8s8 = true}}}) {
      ReferenceOptions options;
      options.arithmetic = weaker;
      const Reference relaxed = evaluate(*r.c, options);
      if (relaxed.available() &&
          oracles::structure_difference(relaxed.outputs, r.c->model.graph, o.outputs).empty() &&
          !oracles::violations(relaxed.outputs, r.c->model.graph, o.outputs).any()) {
        ++explained[what];
        return;
      }
    }
    for (const KnownFault& fault : kKnownFaults)
      for (const Node& n : r.c->model.graph.nodes)
        if (fault.meets(*r.c, n)) {
          ++explained[fault.what];
          return;
        }
    ++outside[r.ops];
    if (!example.contains(r.ops))
      example[r.ops] = fmt::format(
          "case {} opset {} {}: {}", r.index, r.c->model.opset(),
          r.c->model.graph.inputs.empty() ? "" : show(*r.c->model.graph[r.c->model.graph.inputs[0]].type),
          why);
    if (!keep.empty())
      save_model(r.c->model, std::filesystem::path(keep) / fmt::format("{}-{}.onnx", r.index, r.ops));
  };
  for (std::uint64_t i = 0; ran + rejected.size() < cases && i < 20 * cases; ++i) {
    Rng rng(seed, i);
    SampleOptions options;
    options.nodes = rng.chance(0.5) ? 1 : 2;
    options.max_opset = system.max_opset;
    options.support = &support;
    if (!only.empty()) options.first = find_op(only);
    auto c = sample(rng, options);
    if (!c) continue;
    ++drawn;
    Running r{i, std::make_unique<Case>(std::move(*c)), {}, {}};
    std::vector<std::string> ops;
    for (const Node& n : r.c->model.graph.nodes) ops.push_back(n.op_type);
    const Graph& g = r.c->model.graph;
    const Node& first = g.nodes[0];
    const ValueId v = first.inputs.empty() ? first.outputs[0] : first.inputs[0];
    if (v != kNoValue)
      seen.emplace(
          first.op_type,
          schema(first.op_type, static_cast<int>(r.c->model.opset(first.domain)), first.domain)->since,
          g[v].type->dtype);
    r.ops = join(ops, "+");
    if (drawn % 10 == 0)
      if (const std::string why = check_model(r.c->model); !why.empty()) {
        ++invalid;
        fmt::print("  checker: case {} {}: {}\n", i, r.ops, one_line(why, 200));
      }
    r.reference = evaluate(*r.c);
    if (!r.reference.available()) {
      ++unavailable[r.ops];
      continue;
    }
    if (!worker.can_submit()) finish();
    worker.submit(*r.c, {{.level = 0}});
    under_way.push_back(std::move(r));
  }
  while (!under_way.empty()) finish();

  std::size_t n_rejected = 0, n_outside = 0;
  for (const auto& [ops, n] : rejected) n_rejected += n;
  for (const auto& [ops, n] : outside) n_outside += n;
  fmt::print("drawn {}, ran {}, rejected {}, invalid by the checker {} of {} looked at\n", drawn, ran,
             n_rejected, invalid, drawn / 10);
  fmt::print("triples seen as first operator: {}\n", seen.size());
  fmt::print("elements {}: open {:.2f} %, vague {:.2f} %\n", elements,
             100.0 * static_cast<double>(open) / static_cast<double>(elements),
             100.0 * static_cast<double>(vague) / static_cast<double>(elements));
  for (const auto& [what, n] : explained) fmt::print("explained: {} x {}\n", n, what);
  fmt::print("cases with an element outside its bound that nothing explains: {}\n", n_outside);
  for (const auto& [ops, n] : outside) fmt::print("  OUTSIDE {} x {}: {}\n", n, ops, example[ops]);
  for (const auto& [ops, n] : rejected)
    fmt::print("  rejected {} x {}: {}\n", n, ops, example["rejected " + ops]);
  for (const auto& [ops, n] : unavailable) fmt::print("  no reference {} x {}\n", n, ops);
  return require && n_outside > 0 ? 1 : 0;
}
