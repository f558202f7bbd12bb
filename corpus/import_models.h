// Plain models with their test data become regression cases.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "corpus/regression_corpus.h"

namespace mob {

// A model in ONNX test-data layout. A case.json beside it may say where it is known: "reference" and "title".
struct ModelToImport {
  std::filesystem::path folder;
  std::string reference, note;
};
// Those below the folders of a command line. Throws UserError: none there, a case.json that is damaged.
std::vector<ModelToImport> models_to_import(const std::vector<std::string>& words);

// Makes a finding of each model in the newest of `options.versions` in which it is bad, reduces it there, and
// adds it (add_cases), from `options.from` "/" its folder's name. Left out: what is bad in no version. Throws
// UserError.
std::vector<Added> import_models(const std::filesystem::path& corpus,
                                 const std::vector<ModelToImport>& models, const AddOptions& options);

}  // namespace mob
