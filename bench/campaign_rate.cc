// What the campaign costs: cases per second against a bare loop that creates and runs the same sessions in
// the same kind of worker processes, at one and two jobs, in turn. Measured after a warm-up, in which most of
// what can be found is found and triaged.
//
//   bench/campaign_rate [--warm-up N] [--cases N] [--rounds R] [--system onnxruntime@V]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <thread>

#include "fuzzer/base/clock.h"
#include "fuzzer/campaign/campaign.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/probes/support.h"
#include "fuzzer/triage/judge.h"

namespace {

using namespace mob;

// Every `step`-th of the cases, from `first` on, two in flight.
void run_bare(const CampaignOptions& options, const std::vector<Drawn>& cases, std::size_t first,
              std::size_t step) {
  Worker worker(options.system, options.limits);
  const auto quick = level_configurations({0, 99}), thorough = thorough_configurations();
  std::size_t next = first, in_flight = 0;
  while (next < cases.size() || in_flight > 0) {
    while (next < cases.size() && worker.can_submit()) {
      worker.submit(cases[next].c, cases[next].thorough ? thorough : quick);
      next += step;
      ++in_flight;
    }
    (void)worker.next();
    --in_flight;
  }
}

// The cases that the campaign had, from index `from` on.
std::vector<Drawn> drawn_again(const CampaignOptions& options, std::uint64_t from) {
  Journal journal(options.out, Journal::Mode::kRead);
  std::vector<Drawn> cases;
  std::optional<std::uint64_t> epoch;
  Snapshot snapshot;
  for (std::uint64_t i = from; i < options.cases; ++i) {
    if (epoch != epoch_of(i)) {
      epoch = epoch_of(i);
      snapshot = journal.snapshot(snapshot_end(*epoch));
    }
    if (auto d = draw_case(options.seed, i, options.source, snapshot)) cases.push_back(std::move(*d));
  }
  return cases;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Cases per second of a campaign against the bare loop");
  std::uint64_t warm_up = 4000, count = 4000;
  int rounds = 3;
  std::string words = "onnxruntime";
  app.add_option("--warm-up", warm_up);
  app.add_option("--cases", count);
  app.add_option("--rounds", rounds);
  app.add_option("--system", words);
  CLI11_PARSE(app, argc, argv);
  const System system = with_limits(resolve_system(words));
  const Support support = probe_support(system);
  CampaignOptions options;
  options.system = system;
  options.limits.cpu_seconds = 5;  // as `mobster fuzz` has it
  options.source.generator.support = &support;
  options.source.generator.max_opset = system.max_opset;
  options.out = std::filesystem::temp_directory_path() / fmt::format("mobster-rate-{}", getpid());
  for (int jobs : {1, 2}) {
    std::filesystem::remove_all(options.out);
    options.jobs = jobs;
    options.resume = false;
    options.cases = warm_up;
    std::uint64_t groups = 0;
    const auto note = [&](const Status& s) { groups = s.groups.size(); };
    run_campaign(options, note);
    const std::uint64_t groups_before = groups;
    options.resume = true;
    std::vector<double> ratios, campaign_rates, bare_rates;
    for (int r = 0; r < rounds; ++r) {
      const std::uint64_t from = options.cases;
      options.cases += count;
      double t = seconds_now();
      run_campaign(options, note);
      const double campaign = seconds_now() - t;
      const std::vector<Drawn> cases = drawn_again(options, from);
      t = seconds_now();
      std::vector<std::thread> threads;
      threads.reserve(static_cast<std::size_t>(jobs));
      for (int j = 0; j < jobs; ++j)
        threads.emplace_back([&, j] {
          run_bare(options, cases, static_cast<std::size_t>(j), static_cast<std::size_t>(jobs));
        });
      for (std::thread& thread : threads) thread.join();
      const double bare = seconds_now() - t;
      campaign_rates.push_back(static_cast<double>(count) / campaign);
      bare_rates.push_back(static_cast<double>(cases.size()) / bare);
      ratios.push_back(campaign_rates.back() / bare_rates.back());
      fmt::print(
          "{} job{}, cases {} to {}: campaign {:.0f}/s, bare loop {:.0f}/s, ratio {:.2f}; {} groups, {} of "
          "them new\n",
          jobs, jobs == 1 ? "" : "s", from, options.cases, campaign_rates.back(), bare_rates.back(),
          ratios.back(), groups, groups - groups_before);
    }
    std::sort(ratios.begin(), ratios.end());
    fmt::print("{} job{}: median ratio {:.2f} ({:.2f} to {:.2f})\n", jobs, jobs == 1 ? "" : "s",
               ratios[ratios.size() / 2], ratios.front(), ratios.back());
  }
  std::filesystem::remove_all(options.out);
  return 0;
}
