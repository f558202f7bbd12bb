// Findings and regression cases of fake runtimes.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "corpus/finding_folder.h"
#include "corpus/regression_corpus.h"
#include "tests/fakes/case_of.h"
#include "tests/fakes/fake_system.h"
#include "tests/fakes/scratch.h"

namespace mob {

// A version of the fake, and how it behaves.
inline System fake_version(const std::string& version, const std::string& mode) {
  System s = fake_system(mode);
  s.version = version;
  return s;
}

// The fakes that swap operands fail on the first, those that are right on neither.
inline const char* const kSub = R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[3] w) => (float[2,3] y) { y = Sub (x, w) })";
inline const char* const kLongSub = R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[3] w) => (float[2,3] y) { a = Tanh (x) y = Sub (a, w) })";

// Writes a finding of a campaign on the fake that swaps operands, version 1.0.0.
inline std::filesystem::path write_fake_finding(const std::filesystem::path& folder, const std::string& name,
                                                const std::string& model, const std::string& signature) {
  const Case c = case_of(model);
  const Judged judged =
      Judge(fake_version("1.0.0", "swapped-operands"), {.configurations = thorough_configurations()})
          .judge(c);
  EXPECT_EQ(judged.verdict.kind, Verdict::Kind::kFinding);
  write_finding(folder, {.name = name,
                         .c = &c,
                         .judged = &judged,
                         .cause = {.bad = judged.configurations[1], .cures = {"FakePass"}},
                         .signature = signature,
                         .system = "fake",
                         .version = "1.0.0",
                         .seed = 3,
                         .index = 41});
  return folder / name;
}

}  // namespace mob
