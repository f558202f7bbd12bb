// The report as text of at most 100 columns.
#pragma once

#include <string>

#include "fuzzer/report/report_data.h"

namespace mob {

std::string terminal_report(const ReportData& data);

// "12 bugs of 352 findings, 3 known, 1 dismissed; 4 findings not triaged".
std::string sums_line(const ReportData& data);

}  // namespace mob
