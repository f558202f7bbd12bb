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
#include "fuzzer/graph/schema.h"
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
  return std::all_of(model.graph.nodes.begin(), model.graph.nodes.end(),
                     [](const Node& n) { return find_op(n.op_type, n.domain) != nullptr; });
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
    for (std::size_t i = 0; i < c.model.graph.inputs.size(); ++i) {
      const fs::path file = data / ("input_" + std::to_string(i) + ".pb");
      if (fs::exists(file)) c.inputs[c.model.graph[c.model.graph.inputs[i]].name] = load_tensor(file);
    }
    for (std::size_t i = 0; i < c.model.graph.outputs.size(); ++i)
      published.push_back(load_tensor(data / ("output_" + std::to_string(i) + ".pb")));
  } catch (const UserError&) {
    return "-";  // sequences and optionals
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
