// What judging costs: cases per second and core against a bare loop that creates and runs the identical
// sessions in the same kind of worker process. Both are pinned to one core, parent and worker together, and
// run in turn, so that the ratio holds on a noisy machine.
//
//   bench/judge_cost [--cases N] [--rounds R] [--nodes 5] [--system onnxruntime@V]
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>

#include "fuzzer/base/clock.h"
#include "fuzzer/base/text.h"
#include "fuzzer/generator/sampler.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/probes/support.h"
#include "fuzzer/triage/judge.h"

namespace {

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mob;
  CLI::App app("Judged cases per second against the bare loop");
  std::size_t wanted = 1000;
  int rounds = 5, nodes = 5;
  std::string words = "onnxruntime";
  app.add_option("--cases", wanted);
  app.add_option("--rounds", rounds);
  app.add_option("--nodes", nodes);
  app.add_option("--system", words);
  CLI11_PARSE(app, argc, argv);
  const System system = with_limits(resolve_system(words));
  const Support support = probe_support(system);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof one, &one);  // workers inherit it

  std::vector<Case> cases;
  for (std::uint64_t i = 0; cases.size() < wanted; ++i) {
    Rng rng(3, i);
    SampleOptions options;
    options.nodes = nodes;
    options.max_opset = system.max_opset;
    options.support = &support;
    options.random = false;
    if (auto c = sample(rng, options)) cases.push_back(std::move(*c));
  }
  for (const std::vector<int>& levels : {std::vector<int>{99}, std::vector<int>{0, 1, 2, 99}}) {
    const std::vector<Configuration> configurations = level_configurations(levels);
    JudgeOptions options;
    options.configurations = configurations;
    Judge judge(system, options);
    Worker bare(system);
    std::vector<double> ratios, judged_rates, bare_rates;
    std::size_t findings = 0;
    for (int r = 0; r <= rounds; ++r) {
      double t = seconds_now();
      for (std::size_t i = 0, done = 0; done < cases.size();) {
        while (i < cases.size() && bare.can_submit()) bare.submit(cases[i++], configurations);
        (void)bare.next();
        ++done;
      }
      const double bare_time = seconds_now() - t;
      t = seconds_now();
      findings = 0;
      for (std::size_t i = 0, done = 0; done < cases.size();) {
        while (i < cases.size() && judge.can_start()) judge.start(cases[i++]);
        findings += judge.finish().verdict.kind == Verdict::Kind::kFinding;
        ++done;
      }
      const double judge_time = seconds_now() - t;
      if (r == 0) continue;  // warm-up
      const auto n = static_cast<double>(cases.size());
      ratios.push_back(bare_time / judge_time);
      judged_rates.push_back(n / judge_time);
      bare_rates.push_back(n / bare_time);
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    fmt::print(
        "{} nodes, level 0 and {}: judged {:.0f}/s, bare loop {:.0f}/s on one core, ratio {:.2f} ({:.2f} to "
        "{:.2f}); "
        "{} findings in {} cases; peak memory: parent {}, worker {}\n",
        nodes, levels.size() == 1 ? "99 (ALL)" : "1, 2, 99", median(judged_rates), median(bare_rates),
        median(ratios), *std::min_element(ratios.begin(), ratios.end()),
        *std::max_element(ratios.begin(), ratios.end()), findings, cases.size(),
        show_bytes(static_cast<double>(usage.ru_maxrss) * 1024),
        show_bytes(static_cast<double>(judge.worker().peak_memory())));
  }
  return 0;
}
