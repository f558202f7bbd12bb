// All that the page of one finding shows beyond its row: pictures, tensors, text, files.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "fuzzer/report/report_data.h"

namespace mob {

// One object for each of `findings`, read from their folders. What is not there or cannot be read is told in
// "notes". The pictures of all of them are laid out by one run of Graphviz.
std::vector<nlohmann::json> details_of(const ReportData& data, const std::vector<std::size_t>& findings);

}  // namespace mob
