// A comparison of two campaigns in words: for a terminal, for a page, for programs. The first campaign is A,
// the second B.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "fuzzer/campaign/compare.h"

namespace mob {

std::vector<std::string> comparison_lines(const Comparison& c);
// GitHub's Markdown, whatever stands in names and messages.
std::string comparison_markdown(const Comparison& c);
nlohmann::ordered_json comparison_json(const Comparison& c);

// What is known of a bug that one campaign alone has: "shows in onnxruntime@1.26.0, too: not found there",
// "does not show in ...: fixed by 1.31.1", "cannot tell in ...: why". Empty where the other's system was not
// asked.
std::string elsewhere_in_words(const Comparison& c, const ComparedBug& bug);

}  // namespace mob
