// Expected against actual outputs, as numbers for a page.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "fuzzer/graph/tensor.h"

namespace mob {

// Actual values worth showing first.
inline constexpr std::size_t kWorst = 10;
// Cells of a heat map at most, in each direction; larger tensors show the worst of neighbours.
inline constexpr std::int64_t kMostCells = 64;

// One output: {"name", "expected", "actual" (types), "difference" (of type or shape, in words), "elements",
// "outside", "open", "rows", "columns", "cells", "worst": [{"at", "expected", "bound", "actual", "excess"}]}.
// A cell is log10 of the excess |actual - expected| / bound, -99 where they are equal, 99 where no number can
// say it, null where every element is open. `bound`: an infinite one marks an open element.
nlohmann::json compare_output(const std::string& name, const Tensor& expected, const Tensor& bound,
                              const Tensor& actual);

// All outputs of the data set that has actual ones: {"set": 0, "outputs": [...]}; null where none has.
// `names`: of the model's outputs. Throws UserError for a damaged file.
nlohmann::json compare_outputs(const std::filesystem::path& finding, const std::vector<std::string>& names);

}  // namespace mob
