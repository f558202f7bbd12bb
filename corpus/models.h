// Finding and loading the models that a command line names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fuzzer/graph/case.h"

namespace mob {

// Files as they are; a folder in ONNX test-data layout (model.onnx with test_data_set_*) as one; any other
// folder is searched for both. Throws UserError for a path that is missing or a folder without models.
std::vector<std::filesystem::path> find_models(const std::vector<std::string>& words);

// A model with its inputs: those of test_data_set_0 beside it (and, as witness, its outputs), else drawn by
// `seed`. test_data_set_1, 2, ... are its further bindings. Throws UserError naming the file.
Case load_case(const std::filesystem::path& path, std::uint64_t seed);

}  // namespace mob
