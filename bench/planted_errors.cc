// Can the reference's bound see a relative error of 1e-3 that one operator of a chain makes? And how wide is
// it?
//
//   bench/planted_errors [--chains N] [--seed S]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "fuzzer/generator/sampler.h"
#include "fuzzer/graph/model_io.h"
#include "oracles/compare.h"

int main(int argc, char** argv) {
  using namespace mob;
  CLI::App app("Planted relative errors in chains of operators");
  std::uint64_t chains = 300, seed = 1;
  double relative = 1e-3;
  app.add_option("--chains", chains, "per length");
  app.add_option("--seed", seed);
  app.add_option("--relative", relative);
  CLI11_PARSE(app, argc, argv);
  for (int length : {5, 20, 50}) {
    std::size_t made = 0, found = 0, visible = 0;
    std::vector<double> widths;
    for (std::uint64_t i = 0; made < chains && i < 50 * chains; ++i) {
      Rng rng(seed + static_cast<std::uint64_t>(length), i);
      SampleOptions options;
      options.nodes = length;
      options.opset = 23;
      options.keep_scale = true;
      options.random = false;
      options.support = nullptr;
      options.first_type = DType::kFloat;
      const auto c = sample(rng, options);
      if (!c) continue;
      const Reference right = evaluate(*c);
      if (!right.available()) continue;
      ReferenceOptions wrong;
      wrong.plant_node = static_cast<int>(rng.below(static_cast<std::uint64_t>(length)));
      wrong.plant_relative = relative;
      const Reference faulty = evaluate(*c, wrong);
      if (!faulty.available()) continue;  // the error changed a shape or an index: another model
      ++made;
      std::vector<Output> got;
      for (std::size_t o = 0; o < faulty.outputs.size(); ++o)
        got.push_back({c->model.graph[c->model.graph.outputs[o]].name, rounded(faulty.outputs[o]), true});
      found += oracles::violations(right.outputs, c->model.graph, got).any();
      // Some operators take an error out again (a maximum, a saturated function): then the outputs are right
      // and there is nothing to be found.
      bool reaches = false;
      for (std::size_t o = 0; o < right.outputs.size(); ++o)
        for (std::size_t j = 0; j < right.outputs[o].count(); ++j) {
          const double a = right.outputs[o].value_at(j), b = faulty.outputs[o].value_at(j);
          reaches = reaches || std::fabs(a - b) > 0x1p-24 * std::fabs(a);
        }
      visible += reaches;
      widths.push_back(median_relative_bound(right.outputs));
    }
    std::sort(widths.begin(), widths.end());
    fmt::print(
        "chains of {:2}: {} made, planted {} found in {} ({:.1f} %; it reaches an output in {}), median "
        "bound {:.2g} "
        "of the tensor's scale\n",
        length, made, relative, found,
        100.0 * static_cast<double>(found) / static_cast<double>(std::max<std::size_t>(made, 1)), visible,
        widths.empty() ? 0 : widths[widths.size() / 2]);
  }
  return 0;
}
