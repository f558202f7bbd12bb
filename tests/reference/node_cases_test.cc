// External truth for every operator: the ONNX backend node tests, of onnx 1.23.2 and of older wheels that
// still hold the older opset forms. An element holds when the published output lies within our bound.
//
//   MOBSTER_CASES='^test_gather' test_reference --gtest_filter='NodeCases*'   only these, each failure
//   printed
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <set>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/other_types.h"
#include "fuzzer/graph/schema.h"
#include "fuzzer/reference/control_flow.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

// The exceptions, each with its reason: lines "case-name<TAB>reason".
std::map<std::string, std::string> exceptions() {
  std::map<std::string, std::string> map;
  std::ifstream in(std::string(MOBSTER_SOURCE) + "/tests/reference/node_case_exceptions.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto tab = line.find('\t');
    EXPECT_NE(tab, std::string::npos) << "an exception without a reason: " << line;
    map[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return map;
}

// Whether every operator of the model is one of ours (functions are the library's, not ours to be tested).
bool covered(const Model& model) {
  return std::all_of(model.graph.nodes.begin(), model.graph.nodes.end(), [](const Node& n) {
    return find_op(n.op_type, n.domain) != nullptr || is_control_flow(n) || n.op_type == "SequenceMap";
  });
}

// A case holds tensors only: a graph input that is a sequence or an optional becomes the output of a node
// that makes it of tensors. Values keep their numbers.
void make_input(Case& c, ValueId v, const TensorList& list) {
  Graph& g = c.model.graph;
  std::erase(g.inputs, v);
  const Kind kind = kind_of(list.type);
  Node make{.name = "made_" + g[v].name, .op_type = "Optional", .outputs = {v}};
  if (list.empty) {
    make.set("type",
             type_attribute(kind == Kind::kOptional ? ArrayType{element_of(list.type), {}}
                                                    : other_type(Kind::kSequence, element_of(list.type))));
    g.nodes.insert(g.nodes.begin(), make);
    return;
  }
  std::vector<ValueId> parts;
  for (const Tensor& t : list.tensors) {
    parts.push_back(g.add_input(g.fresh_name(g[v].name + "_part"), t.type()));
    c.inputs[g[parts.back()].name] = t;
  }
  if (kind != Kind::kSequence) make.inputs = parts;
  if (kind == Kind::kOptionalSequence) make.inputs = {g.add_value(g[v].name + "_content")};
  Node sequence{.name = make.name + "_content", .op_type = "SequenceConstruct", .inputs = parts};
  sequence.outputs = kind == Kind::kSequence ? make.outputs : make.inputs;
  if (parts.empty()) {
    sequence.op_type = "SequenceEmpty";
    sequence.set("dtype", static_cast<std::int64_t>(element_of(list.type)));
  }
  if (kind != Kind::kSequence) g.nodes.insert(g.nodes.begin(), make);
  if (kind != Kind::kOptional) g.nodes.insert(g.nodes.begin(), sequence);
}

// Likewise, a graph output that is a sequence or an optional becomes its length (or whether it holds
// anything) and its elements.
void take_apart(Case& c, ValueId v, const TensorList& list, std::vector<Tensor>& published) {
  Graph& g = c.model.graph;
  const auto output = [&](ValueId y, Tensor t) {
    g[y].type = declared(t.type());
    g.add_output(y);
    published.push_back(std::move(t));
  };
  ValueId content = v;
  if (kind_of(list.type) != Kind::kSequence) {
    output(g.add_node("OptionalHasElement", {v}), Tensor::of_ints(DType::kBool, {}, {!list.empty}));
    if (list.empty) return;
    content = g.add_node("OptionalGetElement", {v});
  }
  if (kind_of(list.type) == Kind::kOptional) {
    output(content, list.tensors.at(0));
    return;
  }
  const auto n = static_cast<std::int64_t>(list.tensors.size());
  output(g.add_node("SequenceLength", {content}), Tensor::of_ints(DType::kInt64, {}, {n}));
  for (std::int64_t i = 0; i < n; ++i) {
    const ValueId at = g.add_initializer(g.fresh_name("at"), Tensor::of_ints(DType::kInt64, {}, {i}));
    output(g.add_node("SequenceAt", {content, at}), list.tensors[static_cast<std::size_t>(i)]);
  }
}

std::string mismatch(const Expected& want, const Tensor& got) {
  if (want.type != got.type()) return "type " + show(want.type) + ", published " + show(got.type());
  if (got.is_string()) return std::get<Strings>(want.data) == got.strings() ? "" : "strings differ";
  for (std::size_t i = 0; i < want.count(); ++i) {
    if (want.open_at(i)) continue;
    const double v = want.value_at(i), e = want.bound_at(i), g = got.real_at(static_cast<std::int64_t>(i));
    if (std::isnan(v) && std::isnan(g)) continue;
    if (v == g || std::fabs(v - g) <= e) continue;
    return "element " + std::to_string(i) + ": " + show_number(v) + " +- " + show_number(e) + ", published " +
           show_number(g);
  }
  return "";
}

// "" when the case holds, "-" when it has no verdict (not covered, not tensors), else what is wrong.
std::string judge(const fs::path& folder, std::set<std::string>& ops, double& open_share) {
  Case c;
  try {
    c.model = load_model(folder / "model.onnx");
  } catch (const UserError&) {
    return "-";
  }
  // Opsets below 9 and above the newest released one are outside what is promised.
  if (c.model.opset() < 9 || c.model.opset() > kNewestOpset || !covered(c.model)) return "-";
  for (const Node& n : c.model.graph.nodes) ops.insert(n.op_type);
  const fs::path data = folder / "test_data_set_0";
  std::vector<Tensor> published;
  try {
    Graph& g = c.model.graph;
    const std::vector<ValueId> inputs = g.inputs, outputs = g.outputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const fs::path file = data / ("input_" + std::to_string(i) + ".pb");
      if (!fs::exists(file)) continue;
      if (g[inputs[i]].type)
        c.inputs[g[inputs[i]].name] = load_tensor(file);
      else
        make_input(c, inputs[i], load_tensors(file, g[inputs[i]].opaque_type));
    }
    g.outputs.clear();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const fs::path file = data / ("output_" + std::to_string(i) + ".pb");
      if (g[outputs[i]].type) {
        g.add_output(outputs[i]);
        published.push_back(load_tensor(file));
      } else {
        take_apart(c, outputs[i], load_tensors(file, g[outputs[i]].opaque_type), published);
      }
    }
  } catch (const UserError&) {
    return "-";  // maps
  }
  const Reference r = evaluate(c);
  if (!r.available()) return r.unavailable;
  std::size_t open = 0, total = 0;
  for (std::size_t i = 0; i < published.size(); ++i) {
    const std::string why = mismatch(r.outputs[i], published[i]);
    if (!why.empty()) return "output " + std::to_string(i) + ": " + why;
    for (std::size_t j = 0; j < r.outputs[i].count(); ++j) open += r.outputs[i].open_at(j);
    total += r.outputs[i].count();
  }
  open_share = total == 0 || r.random ? 0 : static_cast<double>(open) / static_cast<double>(total);
  return "";
}

TEST(NodeCases, PublishedOutputsLieWithinTheBound) {
  const fs::path root = fs::path(MOBSTER_CACHE) / "testdata";
  if (!fs::exists(root / ".done")) GTEST_SKIP() << "no ONNX test data: run scripts/setup --tests";
  const char* filter = std::getenv("MOBSTER_CASES");
  const std::regex wanted(filter ? filter : ".");
  const auto known = exceptions();
  std::size_t judged = 0, held = 0, excused = 0, mostly_open = 0;
  std::set<std::string> ops, unexpected_success;
  std::vector<std::string> failures;
  for (const char* release : {"node-1.23.2", "node-1.20.1", "node-1.16.2", "node-1.13.1"}) {
    if (!fs::exists(root / release)) continue;
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(root / release)) folders.push_back(entry.path());
    std::sort(folders.begin(), folders.end());
    for (const fs::path& folder : folders) {
      const std::string name = folder.filename();
      if (!std::regex_search(name, wanted)) continue;
      double open_share = 0;
      const std::string why = judge(folder, ops, open_share);
      if (why == "-") continue;
      ++judged;
      if (why.empty()) {
        ++held;
        // A bound that says nothing holds for anything: it does not count as agreement.
        if (open_share > 0.5) {
          ++mostly_open;
          if (filter) std::cout << "  mostly open: " << release << "/" << name << "\n";
        }
        continue;
      }
      if (known.contains(name)) {
        ++excused;
        continue;
      }
      failures.push_back(std::string(release) + "/" + name + ": " + why);
    }
  }
  std::cout << held << " of " << judged << " node cases hold (" << ops.size() << " operators; " << excused
            << " listed exceptions; " << mostly_open << " mostly open)\n";
  for (const std::string& f : failures) std::cout << "  " << f << "\n";
  EXPECT_TRUE(failures.empty()) << failures.size() << " cases fail";
  if (filter == nullptr) {
    EXPECT_GE(held, 0.98 * static_cast<double>(judged));
    EXPECT_LE(mostly_open, 0.02 * static_cast<double>(judged));
  }
}

}  // namespace
}  // namespace mob
