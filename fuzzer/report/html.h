// The report as one HTML file that asks nothing of any network.
#pragma once

#include <cstddef>
#include <string>

#include "fuzzer/report/report_data.h"

namespace mob {

struct HtmlOptions {
  // Bytes that pictures, tensors and scripts may take in the file, the best finding of each bug first.
  std::size_t details_budget = std::size_t{12} << 20;
};

// The whole file. `shown`, if given, becomes the number of findings with all their details.
std::string html_report(const ReportData& data, const HtmlOptions& options, std::size_t* shown = nullptr);

}  // namespace mob
