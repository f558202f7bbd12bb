// What a replay saw, in the forms that CI systems read.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "corpus/replay.h"

namespace mob {

// What was judged against what: "onnxruntime@1.31.1", and the baseline's label or "".
struct ReplayOf {
  std::string system, baseline;
};

// JUnit XML, a test case for each: what fails (Replayed::fails) is a failure, what cannot be told is skipped.
// Well-formed whatever stands in messages: characters that XML has no place for are left out.
std::string junit_xml(const ReplayOf& of, const std::vector<RegressionCase>& cases,
                      const std::vector<Replayed>& replayed);

// SARIF 2.1.0, a result for each that is bad or was: newly broken is an error and new, still bad is a note
// and suppressed as known, newly fixed is absent; what cannot be told is open. Paths are as they were given.
nlohmann::ordered_json sarif(const ReplayOf& of, const std::vector<RegressionCase>& cases,
                             const std::vector<Replayed>& replayed);

}  // namespace mob
