// Words for those who can mend the bug: a script that shows it, and an issue in the form of the upstream
// tracker.
#pragma once

#include <map>
#include <string>

#include "fuzzer/report/report_data.h"

namespace mob {

// The files that a reproduction needs: model.onnx, test data, repro.py; by their path within the finding.
// Empty where they are larger than `limit` bytes in all.
std::map<std::string, std::string> repro_files(const ReportFinding& finding, std::size_t limit);

// A short Python script that runs the model at the level that is bad and without optimization. Empty where
// `files` are, and for what shows only after other inputs in the same session.
std::string short_script(const ReportFinding& finding, const std::map<std::string, std::string>& files);

// An issue in the form of the tracker of the finding's system; `title` its title alone.
std::string issue_title(const ReportFinding& finding);
std::string issue_text(const ReportFinding& finding, const std::string& script,
                       const std::string& model_text);

// Address of the form for a new issue; empty where none is known.
std::string tracker_of(const ReportFinding& finding);

}  // namespace mob
