// What the benches that look at cases one by one share: a system, a generator for it, and what is kept.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "fuzzer/base/text.h"
#include "fuzzer/campaign/lane.h"
#include "fuzzer/generator/generator.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/probes/support.h"
#include "fuzzer/triage/judge.h"
#include "fuzzer/triage/lock.h"

namespace mob {

struct Workbench {
  // `keep_in`: a folder for the cases that are worth a look, or empty.
  Workbench(const std::string& system_words, std::filesystem::path keep_in)
      : system(with_limits(resolve_system(system_words))),
        support(probe_support(system)),
        worker(system),
        judge(system, {.configurations = level_configurations({0, 1, 2, 99})}),
        keep(std::move(keep_in)) {
    options.support = &support;
    options.max_opset = system.max_opset;
    options.policy.special = 0;
  }

  void save(const std::string& name, const Case& c, const std::string& why) const {
    if (keep.empty()) return;
    save_case(c, keep / name);
    std::ofstream(keep / name / "model.onnxtxt") << "// " << why << "\n// " << join(c.lineage, ", ") << "\n"
                                                 << to_text(c.model) << "\n";
  }

  // Judges a case and counts what is found by its message; the first few of each are kept.
  void count_findings(const std::string& id, const Case& c, std::map<std::string, int>& findings) {
    const Judged j = judge.judge(c);
    if (j.verdict.finding) {
      const Finding& f = *j.verdict.finding;
      const std::string what =
          fmt::format("{} {}: {}", name(f.cls), name(f.symptom), one_line(template_of(f.message), 140));
      if (findings[what]++ < 3) save(id + "-" + std::string(name(f.cls)), c, f.message);
    } else if (j.verdict.kind == Verdict::Kind::kSkip) {
      ++findings["skipped: " + one_line(template_of(j.verdict.reason), 100)];
    }
  }

  System system;
  Support support;
  GeneratorOptions options;
  Worker worker;
  Judge judge;
  std::filesystem::path keep;
};

}  // namespace mob
