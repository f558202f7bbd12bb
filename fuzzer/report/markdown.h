// The report as Markdown, for issues and CI summaries.
#pragma once

#include <string>

#include "fuzzer/report/report_data.h"

namespace mob {

// Figures, the ledger and a table of bugs; of a single finding an issue in the form of the upstream tracker.
std::string markdown_report(const ReportData& data);

}  // namespace mob
